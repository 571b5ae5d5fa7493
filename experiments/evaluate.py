r"""Test the encoder of a run on any data, ranking by cosine and Euclidean distance.

    python -m experiments.evaluate --workdir=runs/street --test=market1501:/data/Market-1501
    python -m experiments.evaluate --weights=osnet.onnx --backbone=osnet_x0_25 \
        --test=market1501:/data/Market-1501

Without --test it is the run's own test data.
"""

import json

from absl import flags

from reid_jax import evaluate, parallel
from reid_jax.app import command, loaded, outputs, sources
from reid_jax.data import copies, records
from reid_jax.data.check import check_test, summary, survey

_TEST = flags.DEFINE_string("test", None, "KIND:PATH of the test data; without it, the run's own")
_FLIP = flags.DEFINE_boolean("flip", False, "add the embedding of the mirrored picture")
_METRIC = flags.DEFINE_enum(
    "metric",
    None,
    ["cosine", "euclidean"],
    "the distance; without it, that of the run, and cosine with --weights",
)
_SAME_CAMERA = flags.DEFINE_boolean(
    "same_camera", None, "count matches within one camera as well; without it, as the run"
)
_SKIP_BROKEN = flags.DEFINE_boolean("skip_broken", False, "leave out pictures that cannot be read")
_OUT = flags.DEFINE_string("out", None, "a new .json file for the figures, in [0, 1]")


def main() -> None:
    """Embed, rank, and print the figures."""
    out = outputs.new(_OUT.value, ".json") if _OUT.value else None
    on = _TEST.value or "its own test data"
    command.say(f"evaluate: {loaded.named()} on {on}")
    config, model, variables = loaded.encoder()
    source = _TEST.value or config.get("test") or config.get("target") or config.get("data")
    if not source:
        raise ValueError("--weights needs --test=KIND:PATH")
    test = records.where(sources.opened(source, shared=True), "query", "gallery")
    if _SKIP_BROKEN.value:
        test = sources.without_broken(test, "test")
    same_camera = (
        config.get("same_camera", False) if _SAME_CAMERA.value is None else _SAME_CAMERA.value
    )
    metric = _METRIC.value or config["rank_by"]
    print(summary(survey(test), same_camera=same_camera))
    for line in copies.told(None, test, same_camera=same_camera):
        print(f"  {line}")
    check_test(test, same_camera=same_camera)
    figures = dict(
        evaluate.run(
            parallel.build_embed(model, flip=bool(_FLIP.value)),
            parallel.replicate(variables),
            test,
            input=model.input,
            metric=metric,
            same_camera=same_camera,
            workers=command.workers(),
        )
    )
    print(f"by {metric} distance")
    for name, value in figures.items():
        print(f"{name:14} {value:.0f}" if name == "queries" else f"{name:14} {100 * value:.2f}")
    if out:
        out.write_text(json.dumps(figures) + "\n")


if __name__ == "__main__":
    command.plain(main)

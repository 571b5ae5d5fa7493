r"""Test the encoder of a run on any data, ranking by cosine and Euclidean distance.

    python -m experiments.evaluate --workdir=runs/street --test=market1501:/data/Market-1501
    python -m experiments.evaluate --encoder=exported --test=market1501:/data/Market-1501
    python -m experiments.evaluate --weights=osnet.onnx --backbone=osnet_x0_25 \
        --test=market1501:/data/Market-1501

Without --test it is the run's own test data. --encoder is an exported one, a folder or, on a model
hub, hf://owner/name@revision; without --workdir, --encoder and --weights it is street, which comes
with the library. `--rerank` prints the figures after re-ranking beside the plain ones.
`--fmr=0.001` finds the cosine that so many pairs of different persons reach, and what it costs, and
keeps it in the run's folder (operating.json). With `--frames=PACKED`, pictures of videos, it is
estimated without labels as well, and how far off that is.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags

from reid_jax import evaluate, parallel
from reid_jax.app import command, loaded, outputs, paths, progress, sources
from reid_jax.app.embedding import embed_rows
from reid_jax.app.results import record
from reid_jax.data import copies, records
from reid_jax.data.check import check_test, summary, survey
from reid_jax.encoders import Opened
from reid_jax.retrieval import operating, point, tally
from reid_jax.types import Records

RERANKED = evaluate.RERANKED

_TEST = flags.DEFINE_string("test", None, "KIND:PATH of the test data; without it, the run's own")
_FLIP = flags.DEFINE_boolean("flip", False, "add the embedding of the mirrored picture")
_METRIC = flags.DEFINE_enum(
    "metric",
    None,
    ["cosine", "euclidean"],
    "the distance; without it, that of the encoder, and cosine with --weights",
)
_SAME_CAMERA = flags.DEFINE_boolean(
    "same_camera", None, "count matches within one camera as well; without it, as the run"
)
_SKIP_BROKEN = flags.DEFINE_boolean("skip_broken", False, "leave out pictures that cannot be read")
_RERANK = flags.DEFINE_boolean(
    "rerank", False, "rank by k-reciprocal neighbours as well, beside the plain figures"
)
_FMR = flags.DEFINE_float(
    "fmr", None, "find the threshold of the cosine at this false match rate, as 0.001"
)
_FRAMES = flags.DEFINE_string(
    "frames",
    None,
    "with --fmr: KIND:PATH of pictures of videos, for the threshold without labels as well",
)
_OUT = flags.DEFINE_string(
    "out",
    None,
    "a new .json file for the figures, in [0, 1], their spread and where they come from; beside it "
    "an .npz of what was measured of each query. `reid-jax compare` reads them",
)


def main() -> None:
    """Embed, rank, and print the figures."""
    if _FMR.value is not None and not 0 < _FMR.value < 1:
        raise ValueError(f"--fmr={_FMR.value:g} is a rate; choose between 0 and 1, as 0.001")
    if _FRAMES.value and _FMR.value is None:
        raise ValueError("--frames is for a threshold; name its false match rate with --fmr=0.001")
    out, began = _out(), time.monotonic()
    on = _TEST.value or "its own test data"
    command.say(f"evaluate: {loaded.named(usual=True)} on {on}")
    encoder = loaded.encoder(usual=True)
    config, model, variables = encoder.config, encoder.model, encoder.variables
    source = _TEST.value or sources.tested_on(config)
    if not source:
        raise ValueError("name the test with --test=KIND:PATH; only a run has its own")
    test = records.where(sources.opened(source, shared=True), "query", "gallery")
    if _SKIP_BROKEN.value:
        test = sources.without_broken(test, "test")
    same_camera = (
        config.get("same_camera", False) if _SAME_CAMERA.value is None else _SAME_CAMERA.value
    )
    metric = _METRIC.value or config.get("rank_by", "cosine")
    print(summary(survey(test), same_camera=same_camera))
    for line in copies.told(None, test, same_camera=same_camera):
        print(f"  {line}")
    check_test(test, same_camera=same_camera)
    embed = parallel.build_embed(model, flip=bool(_FLIP.value))
    placed = parallel.replicate(variables)

    def embedded(of: Records) -> np.ndarray:
        return embed_rows(embed, model, of, placed, np.arange(len(of.person)))

    embedding = embedded(test)
    ways: dict[str, Any] = {"metric": metric, "same_camera": same_camera}
    with progress.doing("ranking"):
        ranked = evaluate.rank_records(embedding, test, **ways)
        again = bool(_RERANK.value)
        figures = dict(evaluate.measured(embedding, test, reranked=again, ranked=ranked, **ways))
    print(f"by {metric} distance")
    show(figures)
    if _FMR.value is not None:
        known = evaluate.curves(embedding, test, same_camera=same_camera)
        found = point.labelled(known, _FMR.value)
        figures |= told(found, known, embedded)
        if loaded.of_run() and not jax.process_index():
            command.say(f"kept: {point.save(command.workdir(), found, variables)}")
    if out:
        about = _about(encoder)
        about["test"] = record.test_of(test, paths.source(source), flip=bool(_FLIP.value), **ways)
        about["seconds"] = round(time.monotonic() - began, 1)
        record.write(out, figures, ranked, test, about)


def _out() -> Path | None:
    """The file of --out, with room for the one beside it."""
    if not _OUT.value:
        return None
    out = outputs.new(_OUT.value, ".json")
    outputs.new(str(out.with_suffix(".npz")), flag="--out, beside which this would be")
    return out


def _about(encoder: Opened) -> dict[str, Any]:
    """What is to be said of the encoder."""
    if not loaded.of_run():
        return record.encoder_about(encoder.config, encoder.fingerprint)
    workdir = Path(command.workdir())
    kept = json.loads((workdir / "config.json").read_text())
    return record.run_about(kept, workdir, encoder.fingerprint)


def show(figures: dict[str, float]) -> None:
    """Print the figures, those after re-ranking in a column of their own."""
    for name, value in figures.items():
        if not name.startswith(RERANKED):
            after = figures.get(RERANKED + name)
            beside = "" if after is None or name == "queries" else f"  re-ranked {100 * after:.2f}"
            print(
                f"{name:14} "
                + (f"{value:.0f}" if name == "queries" else f"{100 * value:.2f}")
                + beside
            )


def told(
    found: point.Point, known: operating.Curves, embedded: Callable[[Records], np.ndarray]
) -> dict[str, float]:
    """Print an operating point, and the estimate without labels beside it; returns the figures."""
    print(
        f"threshold      {_bounded(found)}, at a false match rate of {found.fmr:g} of "
        f"{found.other:,} pairs\n"
        f"  reached by   {100 * found.tpr:.2f}% of the pairs of one person, "
        f"{100 * found.tpr_low:.2f} to {100 * found.tpr_high:.2f} (95%), of {found.same:,}\n"
        f"EER            {100 * found.eer:.2f}"
    )
    for rate, share in found.identified.items():
        print(
            f"identified     {100 * share:.2f} at {100 * float(rate):g}% of strangers taken for one"
        )
    names = ("fmr", "threshold", "low", "high", "tpr", "tpr_low", "tpr_high", "eer")
    figures = {f"operating_{name}": float(getattr(found, name)) for name in names}
    figures |= {f"operating_identified_{rate}": share for rate, share in found.identified.items()}
    if _FRAMES.value:
        films = sources.opened(_FRAMES.value, shared=True)
        films = films._replace(split=np.full(len(films.person), "train"))
        guess = evaluate.operating_point(embedded(films), films, found.fmr)
        real = known.fmr[np.searchsorted(tally.EDGES, guess.threshold)]
        print(
            f"without labels {_bounded(guess)}, from {guess.other:,} pairs in frames: "
            f"{guess.threshold - found.threshold:+.4f} off, a false match rate of {real:.2g}"
        )
        figures |= {"unlabelled_threshold": guess.threshold, "unlabelled_fmr": float(real)}
    return figures


def _bounded(one: point.Point) -> str:
    return f"{one.threshold:.4f} cosine, {one.low:.4f} to {one.high:.4f} (95%)"


if __name__ == "__main__":
    command.plain(main)

"""Write the encoder of a run as files that other programs run, and prove that they agree with it.

python -m experiments.export --workdir=runs/street --out=runs/street-encoder
python -m experiments.export --workdir=runs/street --out=small --forms=onnx,fp16,int8
python -m experiments.export --weights=osnet.onnx --backbone=osnet_x0_25 --out=osnet-encoder

The folder's README.md says what each file is. Smaller forms are measured on the run's test data,
beside the one in float32.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from reid_jax import card, encoders, evaluate, export, forms, lean
from reid_jax.app import command, kinds, loaded, outputs, sources
from reid_jax.data import batch as batching
from reid_jax.data import records
from reid_jax.options import expanded
from reid_jax.retrieval import point
from reid_jax.types import Input, Model, Records, Variables

_OUT = flags.DEFINE_string("out", None, "the new folder to write", required=True)
_FORMS = flags.DEFINE_string(
    "forms",
    None,
    "ONNX files to write, by comma: onnx, fp16, int8; none: none; without it, onnx if it is "
    "installed and can be",
)
_TEST = flags.DEFINE_string(
    "test",
    None,
    "KIND:PATH of data that smaller forms are measured on, and whose training part gives the "
    "ranges of int8; none: no data; without it, the run's own",
)
_LICENCE = flags.DEFINE_string("licence", None, "of the weights, for the model card")
_HALF = flags.DEFINE_boolean(
    "half", False, "only the weights, in half precision, and the card, as the library's own"
)
_NOTES = flags.DEFINE_string("notes", None, "with --half: a text file that the card ends with")


def main() -> None:
    """Export, reload and compare."""
    out, names = outputs.new(_OUT.value), _names()
    command.say(f"export: {loaded.named()} into {out}")
    encoder = loaded.encoder()
    config, model, variables = encoder.config, encoder.model, encoder.variables
    if encoder.hash:
        raise ValueError(f"{loaded.named()} holds a program of another library; export it there")
    if _HALF.value:
        _half(out, model, variables, config)
        return
    kept = None if loaded.weights() else point.load(_folder(), variables)
    data = _data(config) if {"fp16", "int8"}.intersection(names or ()) else None
    worst = export.write(
        out,
        model,
        variables,
        config=config,
        point=kept,
        form=names,
        seen=None if data is None else _seen(data, model.input),
        measure=None if data is None else _measure(data, model.input, config),
        told=_told(),
    )
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    command.say(
        f"{out}: {size:.1f} MB; weights and program, reloaded, agree with it to {worst:.0e} "
        f"({config.get('dtype', 'float32')}: at most {export.apart(config):.0e})"
    )
    for name, figures in json.loads((out / "encoder.json").read_text())["forms"].items():
        command.say(f"{name}: {card.told(figures)}")


def _folder() -> str | Path:
    """Of the run, or of the exported encoder."""
    there = loaded.exported()
    return command.workdir() if there is None else there[0]


def _half(out: Path, model: Model, variables: Variables, config: dict[str, Any]) -> None:
    """Write weights in half precision, and the card."""
    if _FORMS.value:
        raise ValueError("--half writes no ONNX file; leave --forms out")
    kept = {name: config[name] for name in encoders.OPTIONS if name in config}
    about = export.described(model, {**kept, "weights": "", "data": config.get("data", "")})
    about["fingerprint"] = point.fingerprint(lean.rounded(variables))
    told, notes = _told(), _notes()
    if config.get("weights", "") in (encoders.NONE, "") and loaded.of_run():
        told = {"weights it began with": "random numbers", **told}
    lean.write(out, variables, about, lambda made: card.text(made, about, told, notes))
    size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    command.say(f"{out}: {size:.1f} MB; `reid_jax.load` and --encoder=FOLDER take it")


def _notes() -> str:
    """The text of --notes."""
    return Path(expanded(_NOTES.value)).read_text() if _NOTES.value else ""


def _names() -> list[str] | None:
    if _FORMS.value is None:
        return None
    words = [word.strip() for word in _FORMS.value.split(",") if word.strip()]
    return [] if words == ["none"] else forms.chosen(words)


def _data(config: Mapping[str, Any]) -> Records | None:
    """The data that smaller forms are made with and measured on."""
    source = _TEST.value or sources.tested_on(config)
    return None if not source or source == "none" else kinds.open_source(source)


def _seen(data: Records, input: Input) -> np.ndarray | None:
    """Pictures of the training part, uint8 [n h w 3]."""
    rows = np.flatnonzero(data.split == "train")
    if not len(rows):
        return None
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), forms.SEEN)).astype(int)]
    parts = batching.pictures(data, rows, input=input, batch=len(rows), share=(0, 1), workers=0)
    return next(iter(parts))


def _measure(
    data: Records, input: Input, config: Mapping[str, Any]
) -> Callable[[Any], dict[str, float]] | None:
    """Figures of a form on the test part; None where there is none."""
    test = records.where(data, "query", "gallery")
    if not {"query", "gallery"} <= set(test.split.tolist()):
        return None

    def measure(run: Callable[[np.ndarray], np.ndarray]) -> dict[str, float]:
        figures = dict(
            evaluate.run(
                lambda _, image: run(image),
                {},
                test,
                input=input,
                same_camera=config.get("same_camera", False),
                workers=command.workers(),
            )
        )
        return {"mAP": figures["mAP"], "rank-1": figures["rank1"]}

    return measure


def _told() -> dict[str, str]:
    """What the model card says beside the configuration: the licence and the run's figures."""
    told = {"licence": _LICENCE.value} if _LICENCE.value else {}
    log = Path(loaded.named()) / "metrics.jsonl"  # of a run
    lines = log.read_text().splitlines() if log.is_file() else []
    tests = [line for line in map(json.loads, lines) if line.get("kind") == "test"]
    if tests:
        figures = [(name, tests[-1].get(name)) for name in ("mAP", "rank1")]
        told["its last test in training"] = ", ".join(
            f"{name} {100 * value:.1f}" for name, value in figures if value is not None
        )
    return told


if __name__ == "__main__":
    command.plain(main)

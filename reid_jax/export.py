"""A trained encoder as files that other programs run: weights (orbax), a program (jax.export), and what goes in.

encoder.json    size, channels, pixel range and resizing of the input, width of the embedding, the configuration
weights/        an orbax checkpoint of the encoder's variables
program.bin     jax.export: uint8 [b h w 3] -> f32 [b d], b symbolic; the weights are inside
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.export
import numpy as np

from reid_jax import checkpoint
from reid_jax.types import Input, Model, Variables

RESIZE = {
    "area": "averaging along an axis that shrinks, bicubic along one that grows (OpenCV's INTER_AREA, INTER_CUBIC)",
    "bilinear": "as Pillow's BILINEAR does (antialiased)",
    "bicubic": "as Pillow's BICUBIC does (antialiased)",
}
PLATFORMS = ("cpu", "cuda", "tpu")


def write(folder: str | Path, model: Model, variables: Variables, *, config: dict) -> float:
    """Write an encoder, reload both forms, and compare them with the model.

    Args: folder, new; variables of the encoder, on the host; config, kept beside it.
    Returns: the largest difference of an embedding, relative to its largest component.
    Raises: FileExistsError where the folder exists; ValueError where a reloaded form differs by more than 1e-5 (nothing
    is left behind then).
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; choose another --out")
    unfinished = folder.with_name(folder.name + f".unfinished-{os.getpid()}")
    unfinished.mkdir(parents=True)
    try:
        checkpoint.save_tree(unfinished / "weights", variables)
        (unfinished / "program.bin").write_bytes(program(model, variables))
        about = {
            "input": {
                "type": "uint8",
                "shape": ["batch", *model.input.size, 3],
                "channels": "RGB",
                "range": [0, 255],
                "resize": model.input.resize,
            },
            "normalisation": model.input._asdict(),
            "preprocessing": f"resize to the shape, {RESIZE[model.input.resize]}, the aspect not kept; the program normalises",
            "output": {"type": "float32", "shape": ["batch", model.width], "compare": config.get("rank_by", "cosine")},
            "config": config,
        }
        (unfinished / "encoder.json").write_text(json.dumps(about, indent=2) + "\n")
        worst = compare(unfinished, model, variables)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return worst


def program(model: Model, variables: Variables) -> bytes:
    """The encoder as a serialised program with a symbolic batch."""
    (batch,) = jax.export.symbolic_shape("batch")
    image = jax.ShapeDtypeStruct((batch, *model.input.size, 3), np.uint8)
    encode = jax.jit(lambda image: model.apply(variables, image, False)[0].embedding)
    return bytes(jax.export.export(encode, platforms=PLATFORMS)(image).serialize())


def load(folder: str | Path) -> tuple[Callable[[np.ndarray], np.ndarray], dict[str, Any]]:
    """The program of an exported encoder as a function uint8 [b h w 3] -> f32 [b d], and encoder.json."""
    folder = Path(folder)
    if not (folder / "encoder.json").is_file():
        raise FileNotFoundError(f"{folder} holds no exported encoder (encoder.json); experiments.export writes one")
    run = jax.jit(jax.export.deserialize(bytearray((folder / "program.bin").read_bytes())).call)
    return lambda image: np.asarray(run(image)), json.loads((folder / "encoder.json").read_text())


def weights(folder: str | Path, model: Model) -> Variables:
    """The variables of an exported encoder, which `model` is. Raises: FileNotFoundError where there are none."""
    path = Path(folder) / "weights"
    if not path.is_dir():
        raise FileNotFoundError(f"{folder} holds no exported weights; experiments.export writes them")
    return checkpoint.restore_tree(path, checkpoint.empty(model))


def taken(about: dict[str, Any]) -> Input:
    """What an exported encoder takes, from its encoder.json; one that does not tell how to resize is of "area"."""
    return Input(**{name: tuple(of) if isinstance(of, list) else of for name, of in about["normalisation"].items()})


def compare(folder: Path, model: Model, variables: Variables) -> float:
    """The largest relative difference between the model and its reloaded weights and program, on random pictures.

    Raises: ValueError above 1e-5.
    """
    image = np.random.default_rng(0).integers(0, 256, (3, *model.input.size, 3), np.uint8)
    direct = jax.jit(lambda variables: model.apply(variables, image, False)[0].embedding)
    expected = np.asarray(direct(variables), np.float64)
    forms = {
        "weights": direct(checkpoint.restore_tree(folder / "weights", variables)),
        "program": load(folder)[0](image),
    }
    worst = 0.0
    for name, form in forms.items():
        difference = float(np.abs(np.asarray(form, np.float64) - expected).max() / np.abs(expected).max())
        if not difference <= 1e-5:
            raise ValueError(f"the reloaded {name} differ from the model by {difference:.1e}; nothing was exported")
        worst = max(worst, difference)
    return worst

"""A trained encoder as files that other programs run: weights, a program, and what goes in.

encoder.json         size, channels, pixel range and resizing of the input, width of the
                     embedding, the configuration, a hash of the weights, how far each ONNX file is
                     from the model
weights/             an orbax checkpoint of the encoder's variables
weights.safetensors  the same arrays under torch's names
operating.json       where the encoder has one, its threshold (`retrieval.point`)
program.bin          jax.export: uint8 [b h w 3] -> f32 [b d], b symbolic; the weights are inside
encoder.onnx         ONNX: uint8 [b h w 3] -> f32 [b d], rows of length one (`forms`)
encoder.fp16.onnx, encoder.int8.onnx
                     smaller ones, where they are asked for
README.md            the model card; example.py runs encoder.onnx
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.export
import numpy as np
from safetensors.numpy import save

from reid_jax import card, checkpoint, forms, lean
from reid_jax.files import bound, jsons, sums
from reid_jax.models import pretrained
from reid_jax.retrieval import point as points
from reid_jax.retrieval.point import Point
from reid_jax.types import Input, Model, Variables
from reid_jax.whole import whole

ENCODER, PROGRAM = "encoder.json", "program.bin"
RESIZE = {
    "area": "averaging along an axis that shrinks, bicubic along one that grows "
    "(OpenCV's INTER_AREA, INTER_CUBIC)",
    "bilinear": "as Pillow's BILINEAR does (antialiased)",
    "bicubic": "as Pillow's BICUBIC does (antialiased)",
}
PLATFORMS = ("cpu", "cuda", "tpu")
# how far a reloaded form may be from the model, by what that computes in: programs of one encoder
# round in another order, and bfloat16 keeps 8 bits
APART = {"float32": 1e-5, "bfloat16": 4 * 2.0**-8}


def write(
    folder: str | Path,
    model: Model,
    variables: Variables,
    *,
    config: dict,
    point: Point | None = None,
    form: Sequence[str] | None = None,
    seen: np.ndarray | None = None,
    measure: forms.Measure | None = None,
    told: Mapping[str, Any] | None = None,
) -> float:
    """Write an encoder, reload all forms, and compare them with the model.

    Args:
        folder: new.
        model: the encoder.
        variables: the encoder's, on the host.
        config: kept beside it; its `dtype`, float32 without one, says what `APART` allows.
        point: of the encoder, kept beside it.
        form: which ONNX files to write, names in `forms.FORMS`; None: "onnx" if it is installed
            and can be.
        seen: as `forms.write` takes it.
        measure: as `forms.write` takes it.
        told: lines of the model card by name, e.g. the licence.

    Returns:
        The largest difference of an embedding, relative to its largest component, of the weights
        and the program; encoder.json says those of the ONNX files.

    Raises:
        FileExistsError: the folder exists.
        ValueError: a reloaded form differs by more than it may; nothing is left behind then; and
            as `forms.write`.
        ImportError: as `forms.write`.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; choose another folder")
    form = None if form is None else forms.chosen(form)
    with whole(folder) as unfinished:
        unfinished.mkdir()
        checkpoint.save_tree(unfinished / "weights", variables)
        if arrays := pretrained.torch_arrays(variables):
            (unfinished / "weights.safetensors").write_bytes(save(arrays))
        (unfinished / "program.bin").write_bytes(program(model, variables))
        about = {**described(model, config), "fingerprint": points.fingerprint(variables)}
        (unfinished / "encoder.json").write_text(json.dumps(about, indent=2) + "\n")
        if point is not None:
            points.save(unfinished, point, variables)
        worst = compare(unfinished, model, variables, apart=apart(config))
        least = max(forms.APART, apart(config))
        about["forms"] = forms.write(
            unfinished, model, variables, form, apart=least, seen=seen, measure=measure
        )
        (unfinished / "encoder.json").write_text(json.dumps(about, indent=2) + "\n")
        card.write(unfinished, about, told or {})
        _seal(unfinished, about)
    return worst


def described(model: Model, config: Mapping[str, Any]) -> dict[str, Any]:
    """What encoder.json says of an encoder."""
    return {
        "input": {
            "type": "uint8",
            "shape": ["batch", *model.input.size, 3],
            "channels": "RGB",
            "range": [0, 255],
            "resize": model.input.resize,
        },
        "normalisation": model.input._asdict(),
        "preprocessing": f"resize to the shape, {RESIZE[model.input.resize]}, the aspect not "
        "kept; the program normalises",
        "output": {
            "type": "float32",
            "shape": ["batch", model.width],
            "compare": config.get("rank_by", "cosine"),
            "rows": "as they are in program.bin, of length one in ONNX files",
        },
        "config": config,
    }


def apart(config: Mapping[str, Any]) -> float:
    """How far a reloaded form of an encoder of this configuration may be from it."""
    return APART[config.get("dtype", "float32")]


def program(model: Model, variables: Variables) -> bytes:
    """The encoder as a serialised program with a symbolic batch."""
    (batch,) = jax.export.symbolic_shape("batch")
    image = jax.ShapeDtypeStruct((batch, *model.input.size, 3), np.uint8)
    encode = jax.jit(lambda image: model.apply(variables, image, False)[0].embedding)
    return bytes(jax.export.export(encode, platforms=PLATFORMS)(image).serialize())


def load(folder: str | Path) -> tuple[Callable[[np.ndarray], np.ndarray], dict[str, Any]]:
    """Load the program of an exported encoder.

    Returns:
        A function uint8 [b h w 3] -> f32 [b d], and what encoder.json says.

    Raises:
        FileNotFoundError: the folder holds no exported encoder.
    """
    run = jax.jit(called(folder))
    return lambda image: np.asarray(run(image)), about(folder)


def called(folder: str | Path) -> Callable[..., Any]:
    """The program of an exported encoder as a function of JAX.

    A program is code, for the devices of JAX: it can compute for ever. One that would call back
    into this process is refused.

    Raises:
        FileNotFoundError: the folder holds no exported encoder, or not its program.
        ValueError: the program is damaged, or calls back.
    """
    path = Path(folder) / PROGRAM
    sums.check_files(Path(folder), PROGRAM, about(folder).get("files"))
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {PROGRAM}; `reid-jax export` writes it")
    try:
        found = jax.export.deserialize(bytearray(path.read_bytes()))
        if b"callback" in found.mlir_module_serialized:
            raise ValueError("it would call a function of this process")
        return found.call
    except Exception as error:  # a broken file can make it raise anything
        raise ValueError(
            f"{path} cannot be read, cut short or no program: {bound.reason(error)}"
        ) from error


def _seal(folder: Path, about: dict[str, Any]) -> None:
    """Add what the files are to what encoder.json says, the last that is written."""
    kept = {**about, "files": sums.of_files(folder)}
    del kept["files"][ENCODER]
    (folder / ENCODER).write_text(json.dumps(kept, indent=2) + "\n")


def about(folder: str | Path) -> dict[str, Any]:
    """What encoder.json says of an exported encoder.

    Raises:
        FileNotFoundError: the folder holds none.
    """
    path = Path(folder) / ENCODER
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no exported encoder (encoder.json); `reid-jax export` writes one"
        )
    kept = jsons.read(path, "of an exported encoder", "export it again")
    if not isinstance(kept.get("config"), dict):
        raise ValueError(f"{path} has no configuration; export it again")
    return kept


def use(folder: str | Path) -> tuple[Input, int]:
    """The pictures that an exported encoder takes, and the width of its embedding.

    Raises:
        FileNotFoundError: the folder holds none.
        ValueError: encoder.json does not say it.
    """
    kept = about(folder)
    try:
        input, width = checkpoint.input_of(kept["normalisation"]), kept["output"]["shape"][1]
        sides, colours = input.size, (*input.mean, *input.std)
        if not all(type(one) is int and 0 < one < 1 << 20 for one in (*sides, width)):
            raise ValueError
        if len(sides) != 2 or len(colours) != 6 or not all(map(math.isfinite, colours)):
            raise ValueError
    except (KeyError, TypeError, ValueError, LookupError, OverflowError):
        raise ValueError(
            f"{Path(folder) / ENCODER} does not say how its encoder is used (normalisation, "
            "output); export it again"
        ) from None
    return input, width


def fingerprint(folder: str | Path) -> str:
    """The hash of an exported encoder's weights, whatever runs it: `point.fingerprint` of them.

    Raises:
        FileNotFoundError: the folder holds no exported encoder.
    """
    kept = about(folder).get("fingerprint")
    return kept or points.fingerprint(checkpoint.restore_tree(Path(folder) / "weights", None))


def weights(folder: str | Path, model: Model) -> Variables:
    """Read the variables of an exported encoder, of the architecture of `model`.

    Raises:
        FileNotFoundError: the folder holds none.
    """
    if lean.holds(folder):
        sums.check_files(Path(folder), lean.FILE, about(folder).get("files"))
        return lean.read(folder, checkpoint.empty(model))
    path = Path(folder) / "weights"
    if not path.is_dir():
        raise FileNotFoundError(
            f"{folder} holds no exported weights; `reid-jax export` writes them"
        )
    sums.check_files(Path(folder), path.name, about(folder).get("files"))
    return checkpoint.restore_tree(path, checkpoint.empty(model))


def compare(folder: Path, model: Model, variables: Variables, *, apart: float = 1e-5) -> float:
    """Compare the model with its reloaded weights and program on random pictures.

    Args:
        folder: of the exported encoder.
        model: the encoder.
        variables: the encoder's, on the host.
        apart: how far they may be apart.

    Returns:
        The largest difference of an embedding, relative to its largest component.

    Raises:
        ValueError: it is above `apart`.
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
        difference = float(
            np.abs(np.asarray(form, np.float64) - expected).max() / np.abs(expected).max()
        )
        if not difference <= apart:
            raise ValueError(
                f"the reloaded {name} differ from the model by {difference:.1e}, and may by "
                f"{apart:.0e}; nothing is exported"
            )
        worst = max(worst, difference)
    return worst

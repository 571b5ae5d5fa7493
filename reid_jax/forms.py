"""The ONNX files of an exported encoder: written, opened again, and compared with the model.

Each takes uint8 [batch h w 3], any batch, RGB, and gives f32 [batch d], rows of length one: what
`reid_jax.load(folder)(pictures)` gives. The normalisation of the pixels is inside.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from reid_jax import distance, synthetic
from reid_jax.data import augment, records
from reid_jax.graph import file, half, int8, lean, session, trace
from reid_jax.graph.nodes import Untranslated
from reid_jax.options import choose
from reid_jax.types import Input, Model, Variables

FORMS = {"onnx": "encoder.onnx", "fp16": "encoder.fp16.onnx", "int8": "encoder.int8.onnx"}
APART = 1e-4  # of float32: the largest difference, of the largest component of an embedding
ALIKE = {"fp16": 0.999, "int8": 0.9}  # of the smaller: the least cosine of two of one picture
SEEN = 64  # pictures that the ranges of int8 are taken from

Measure = Callable[[session.Run], Mapping[str, float]]


def chosen(forms: Sequence[str]) -> list[str]:
    """The forms without repetition; the others are made of "onnx", which is always one of them.

    Raises:
        ValueError: there is no such form.
        ImportError: onnx or onnxruntime is not installed.
    """
    for form in forms:
        choose("a form", form, FORMS)
    if forms:
        file.needed()
    return [form for form in FORMS if form in forms or (forms and form == "onnx")]


def write(
    folder: Path,
    model: Model,
    variables: Variables,
    forms: Sequence[str] | None,
    *,
    apart: float = APART,
    seen: np.ndarray | None = None,
    measure: Measure | None = None,
) -> dict[str, dict[str, Any]]:
    """Write the forms of an encoder into a folder.

    Args:
        folder: that exists.
        model: the encoder.
        variables: the encoder's, on the host.
        forms: names in FORMS; None: "onnx" if it is installed and can be.
        apart: how far the one in float32 may be from the model, see APART.
        seen: uint8 [n h w 3], pictures of the size that it takes, for the ranges of int8; people of
            the synthetic street by default.
        measure: gives figures of a form, e.g. its mAP.

    Returns:
        What is told of each file, by its name: `differs` of the one in float32, the least `cosine`
        to the model of the others, and the figures. Where none could be, `{"onnx": {"left_out":
        why}}`.

    Raises:
        ValueError: there is no such form; or the model has no translation; or a file differs from
            the model by more than it may.
        ImportError: onnx or onnxruntime is not installed.
    """
    try:
        names = chosen(["onnx"] if forms is None else forms)
        graph = encoded(model, variables) if names else None
    except (ImportError, Untranslated) as error:
        if forms is None:
            return {"onnx": {"left_out": str(error)}}
        raise
    told: dict[str, dict[str, Any]] = {}
    if graph is None:
        return told
    pictures = street(model.input, 5)
    expected = np.asarray(jax.jit(partial(_rows, model))(variables, pictures))
    for name in names:
        path = folder / FORMS[name]
        if name == "onnx":
            path.write_bytes(file.written(graph))
        elif name == "int8":
            seen = street(model.input, SEEN) if seen is None else seen
            int8.quantised(folder / FORMS["onnx"], path, seen)
        else:
            half.halved(graph)
            path.write_bytes(file.written(graph))
        run = session.opened(path)
        told[path.name] = compared(name, run, pictures, expected, apart=apart)
        if measure is not None:
            told[path.name] |= measure(run)
    return told


def encoded(model: Model, variables: Variables) -> Any:
    """The encoder as a lean graph.

    Raises:
        Untranslated: it computes something that ONNX has not.
    """
    # on a device, so that a cast to bfloat16 is seen, not done
    placed = jax.device_put(variables)
    graph = trace.traced(partial(_rows, model, placed), model.input.size)
    lean.made(graph)
    return graph


def compared(
    name: str, run: session.Run, pictures: np.ndarray, expected: np.ndarray, *, apart: float = APART
) -> dict[str, float]:
    """Compare a form with the model, all pictures at once and one by one.

    Args:
        name: of the form.
        run: of `session.opened`.
        pictures: uint8 [n h w 3].
        expected: f32 [n d], what the model gives, rows of length one.
        apart: how far a form in float32 may be from it.

    Returns:
        {"differs": ...} of the one in float32, {"cosine": ...} of another.

    Raises:
        ValueError: it is farther from the model than it may be.
    """
    singly = [run(pictures[i : i + 1]) for i in range(len(pictures))]
    rows = np.concatenate([run(pictures), *singly])
    twice = np.concatenate([expected, expected]).astype(np.float64)
    if name in ALIKE:
        cosine = float(np.sum(rows * twice, axis=1).min())
        if not cosine >= ALIKE[name]:
            raise ValueError(
                f"{FORMS[name]} is no longer the model: the cosine of two embeddings of one "
                f"picture is {cosine:.3f}, and at least {ALIKE[name]} is needed; leave {name} out"
            )
        return {"cosine": cosine}
    differs = float(np.abs(rows - twice).max() / np.abs(twice).max())
    if not differs <= apart:
        raise ValueError(
            f"the reloaded {FORMS[name]} differs from the model by {differs:.1e}, and may by "
            f"{apart:.0e}; nothing is exported"
        )
    return {"differs": differs}


def street(input: Input, count: int) -> np.ndarray:
    """Pictures of people of the synthetic street as an encoder takes them: uint8 [count h w 3]."""
    people = synthetic.labelled(persons=count, cameras=2, per_camera=1)
    rows = np.linspace(0, len(people.person) - 1, count).astype(int)
    return np.stack(list(_resized(people, rows, input)))


def _resized(data: Any, rows: np.ndarray, input: Input) -> Iterator[np.ndarray]:
    for row in rows.tolist():
        yield augment.resize(records.read(data, row), input.size, input.resize)


def _rows(model: Model, variables: Variables, image: Any) -> Any:
    """Embeddings of length one."""
    return distance.normalise(model.apply(variables, image, False)[0].embedding)

"""Person detectors as ONNX files: what NanoDet and YOLOX answer, as boxes.

Both look at every cell of grids of 8, 16, 32 (and 64) pixels. Their layouts, as the official exports write them:

- nanodet (up to 0.4), 3 grids: class probabilities [1 cells classes] and distances [1 cells 4 * bins] of each grid, or all
  of them joined; a distance is the mean of a distribution over bins, from the middle of the cell; the picture is fitted
  whole, in the middle.
- nanodet plus, 4 grids, joined: [1 cells classes + 4 * bins]; distances from the cell's corner; the picture is stretched.
- yolox: [1 cells 5 + classes]: middle, logarithm of the size, how surely an object, of which class; the picture is fitted
  whole, at the upper left.

COCO's first class is the person.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float

from reid_jax.video import boxes
from reid_jax.video.boxes import Boxes

CLASSES, BINS = 80, (8, 11)  # COCO's; of a distance, in the published NanoDets
MEAN, DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)  # NanoDet's, blue green red
LAYOUTS = ("nanodet", "yolox")


class Cells(NamedTuple):
    """The cells of all grids, in the order of the outputs: corner f32[n 2] (x, y) and stride f32[n], in pixels."""

    corner: np.ndarray
    stride: np.ndarray


def detector(
    path: str | Path, *, layout: str = "", score: float = 0.5, overlap: float = 0.4
) -> Callable[[np.ndarray], Boxes]:
    """A function picture (uint8 [h w 3] RGB) -> the Boxes of persons, best first, in the picture's pixels.

    Args: layout, of LAYOUTS, by default what the outputs look like; score, at least; overlap, see `boxes.suppress`.
    Raises: FileNotFoundError; ImportError without onnxruntime; ValueError for a file that is no such network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    run, size = _session(path)
    shapes = [answer.shape for answer in run(np.zeros((1, 3, *size), np.float32))]
    layout, cells = recognise(shapes, size, layout, str(path))
    nano, stretch = layout == "nanodet", layout == "nanodet" and cells.stride.max() > 32

    def detect(picture: np.ndarray) -> Boxes:
        canvas, place, scale = fit(picture, size, stretch=stretch, middle=nano, fill=0 if nano else 114)
        pixels = canvas.astype(np.float32)
        if nano:
            pixels = (pixels - np.float32(MEAN)) / np.float32(DEVIATION)
        answers = [answer[0] for answer in run(pixels.transpose(2, 0, 1)[None])]
        if nano:
            box, surely = nanodet(*_joined(answers), cells, from_corner=stretch)
        else:
            box, surely = yolox(answers[0], cells)
        box = (box - np.tile(place, 2)) / np.tile(scale, 2)
        likely = np.flatnonzero(surely >= score)
        kept = likely[boxes.suppress(box[likely], surely[likely], overlap)]
        return boxes.make(box[kept], surely[kept])

    return detect


def nanodet(
    probability: Float[np.ndarray, "n c"], distance: Float[np.ndarray, "n 4*b"], cells: Cells, *, from_corner: bool
) -> tuple[Float[np.ndarray, "n 4"], Float[np.ndarray, "n"]]:
    """(boxes in the network's pixels, scores): to each side, stride * sum_i i softmax(distance)_i from the cell's point."""
    distance = distance.reshape(len(distance), 4, -1)
    weight = np.exp(distance - distance.max(2, keepdims=True))
    bins = np.arange(weight.shape[2], dtype=np.float32)
    away = (weight / weight.sum(2, keepdims=True)) @ bins * cells.stride[:, None]
    point = cells.corner + (0 if from_corner else cells.stride[:, None] / 2)
    return np.concatenate([point - away[:, :2], point + away[:, 2:]], 1), probability[:, 0]


def yolox(answer: Float[np.ndarray, "n 5+c"], cells: Cells) -> tuple[Float[np.ndarray, "n 4"], Float[np.ndarray, "n"]]:
    """(boxes in the network's pixels, scores): the score is the product of object and class."""
    stride = cells.stride[:, None]
    middle = answer[:, :2] * stride + cells.corner
    half = np.exp(np.minimum(answer[:, 2:4], 20)) * stride / 2
    return np.concatenate([middle - half, middle + half], 1), answer[:, 4] * answer[:, 5]


def grid(size: tuple[int, int], strides: tuple[int, ...]) -> Cells:
    """The cells of an input of size (height, width), row by row, grid after grid."""
    corner, stride = [], []
    for step in strides:
        down, across = (-(-side // step) for side in size)
        y, x = np.mgrid[:down, :across].reshape(2, -1) * step
        corner.append(np.stack([x, y], 1))
        stride.append(np.full(len(x), step))
    return Cells(np.concatenate(corner).astype(np.float32), np.concatenate(stride).astype(np.float32))


def fit(
    picture: np.ndarray, size: tuple[int, int], *, stretch: bool, middle: bool, fill: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(uint8 [height width 3] BGR, where the picture lies in it f32[2] (x, y), its scale f32[2]); proportions kept unless
    `stretch`.
    """
    sides = np.array(picture.shape[1::-1], np.float32)
    scale = np.array(size[::-1], np.float32) / sides
    scale = scale if stretch else np.full(2, scale.min())
    within = np.clip((sides * scale).astype(int), 1, size[::-1])
    place = (np.array(size[::-1]) - within) // 2 if middle else np.zeros(2, int)
    canvas = np.full((*size, 3), fill, np.uint8)
    left, top = place
    small = cv2.resize(picture, tuple(within.tolist()), interpolation=cv2.INTER_LINEAR)
    canvas[top : top + within[1], left : left + within[0]] = small[:, :, ::-1]
    return canvas, place.astype(np.float32), within / sides


def recognise(shapes: list[tuple], size: tuple[int, int], layout: str, path: str) -> tuple[str, Cells]:
    """(layout, its cells) from the shapes of the outputs; ValueError where they are those of neither network."""
    for strides in ((8, 16, 32), (8, 16, 32, 64)):
        cells = grid(size, strides)
        counts = [int(np.sum(cells.stride == step)) for step in strides]
        rows = [shape[1] if len(shape) == 3 and shape[0] == 1 else 0 for shape in shapes]
        if layout in ("", "nanodet") and rows == counts * 2:
            return "nanodet", cells
        if rows == [sum(counts)]:
            width = shapes[0][2]
            guess = "yolox" if width == 5 + CLASSES else "nanodet" if width - CLASSES in [4 * n for n in BINS] else ""
            if not (layout or guess):
                raise ValueError(
                    f"{path} answers with {width} numbers a cell, not the {5 + CLASSES} of a YOLOX or the "
                    f"{CLASSES + 4 * BINS[0]} of a NanoDet of COCO; say which it is: yolox:{path} or nanodet:{path}"
                )
            return layout or guess, cells
    raise ValueError(
        f"{path} answers with {' '.join(str(list(shape)) for shape in shapes)} to a picture of {size[0]} x {size[1]}, "
        f"which is not what {'a ' + layout if layout else 'a NanoDet or a YOLOX'} answers"
    )


def _joined(answers: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(probabilities, distances) of all cells; the grids' probabilities come first where they are apart."""
    if len(answers) == 1:
        width = answers[0].shape[1]
        classes = CLASSES if width > CLASSES else width - 4 * BINS[0]
        return answers[0][:, :classes], answers[0][:, classes:]
    half = len(answers) // 2
    return np.concatenate(answers[:half]), np.concatenate(answers[half:])


def _session(path: Path) -> tuple[Callable[[np.ndarray], list[np.ndarray]], tuple[int, int]]:
    """(pixels -> outputs, (height, width)), on one core: the videos are spread over the cores, not the layers."""
    try:
        import onnxruntime
    except ImportError as missing:
        raise ImportError(f"running {path} needs onnxruntime: pip install 'reid_jax[video]'") from missing
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime has no class of its own for a broken file
        raise ValueError(f"{path} cannot be read as an ONNX network ({str(error)[:200]})") from None
    taken = session.get_inputs()
    shape = taken[0].shape
    if len(taken) != 1 or len(shape) != 4 or shape[1] != 3 or not all(isinstance(side, int) for side in shape[2:]):
        told = ", ".join(str(one.shape) for one in taken)
        raise ValueError(f"{path} takes {told}, not one picture [1, 3, height, width] of a fixed size")
    return lambda pixels: session.run(None, {taken[0].name: pixels}), tuple(shape[2:])

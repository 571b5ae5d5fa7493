"""Person detectors in ONNX files: the outputs of NanoDet and YOLOX as boxes.

Both predict for every cell of grids of 8, 16, 32 (and 64) pixels. The outputs of the official
exports, and their inputs, are:

- nanodet (up to 0.4), 3 grids: class probabilities [1 cells classes] and distances
  [1 cells 4 * bins] of each grid, or those of all grids joined. A distance is the mean of a
  distribution over bins, from the middle of the cell. The picture keeps its proportions and is
  centred.
- nanodet plus, 4 grids, joined: [1 cells classes + 4 * bins]. Distances are from the cell's corner.
  The picture is stretched.
- yolox: [1 cells 5 + classes], which are the box's middle, the logarithm of its size, the
  probability of an object, and that of each class. The picture keeps its proportions and is at the
  upper left.

The person is the first class of COCO.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float

from reid_jax.video import boxes
from reid_jax.video.boxes import Boxes

CLASSES = 80  # of COCO
BINS = (8, 11)  # of a distance, in the published NanoDets
MEAN, DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)  # of NanoDet, blue green red
LAYOUTS = ("nanodet", "yolox")


class Cells(NamedTuple):
    """The n cells of all grids, in the order of the outputs.

    Attributes:
        corner: f32[n 2], x and y of the upper left corner, in pixels.
        stride: f32[n], the side, in pixels.
    """

    corner: np.ndarray
    stride: np.ndarray


def detector(
    path: str | Path, *, layout: str = "", score: float = 0.5, overlap: float = 0.4
) -> Callable[[np.ndarray], Boxes]:
    """The detector of persons of an ONNX file.

    Args:
        path: the file.
        layout: one of LAYOUTS; by default it follows from the shapes of the outputs.
        score: least score of a box.
        overlap: see `boxes.suppress`.

    Returns:
        A function from a picture, uint8 [h w 3] RGB, to its Boxes, best first, in the picture's
        pixels.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: without onnxruntime.
        ValueError: the file is no such network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    run, size = _session(path)
    shapes = [answer.shape for answer in run(np.zeros((1, 3, *size), np.float32))]
    layout, cells = recognise(shapes, size, layout, str(path))
    nano = layout == "nanodet"
    stretch = nano and bool(cells.stride.max() > 32)
    mean, deviation = np.array(MEAN, np.float32), np.array(DEVIATION, np.float32)

    def detect(picture: np.ndarray) -> Boxes:
        canvas, place, scale = fit(
            picture, size, stretch=stretch, middle=nano, fill=0 if nano else 114
        )
        pixels = canvas.astype(np.float32)
        if nano:
            pixels = (pixels - mean) / deviation
        answers = [answer[0] for answer in run(pixels.transpose(2, 0, 1)[None])]
        if nano:
            box, certainty = nanodet(*_joined(answers), cells, from_corner=stretch)
        else:
            box, certainty = yolox(answers[0], cells)
        box = (box - np.tile(place, 2)) / np.tile(scale, 2)
        likely = np.flatnonzero(certainty >= score)
        kept = likely[boxes.suppress(box[likely], certainty[likely], overlap)]
        return boxes.make(box[kept], certainty[kept])

    return detect


def nanodet(
    probability: Float[np.ndarray, "n c"],
    distance: Float[np.ndarray, "n 4*b"],
    cells: Cells,
    *,
    from_corner: bool,
) -> tuple[Float[np.ndarray, "n 4"], Float[np.ndarray, "n"]]:
    """The boxes and scores from the outputs of a NanoDet.

    The distance of each side from the cell's point is stride * sum_i i softmax(distance)_i.

    Args:
        probability: f32[n c], of each class.
        distance: f32[n 4*b], logits of the bins for left, top, right, bottom.
        cells: the n cells.
        from_corner: the cell's point is its upper left corner, otherwise its middle.

    Returns:
        (f32[n 4] left, top, right, bottom in the network's pixels, f32[n] scores).
    """
    distance = distance.reshape(len(distance), 4, -1)
    weight = np.exp(distance - distance.max(2, keepdims=True))
    bins = np.arange(weight.shape[2], dtype=np.float32)
    away = (weight / weight.sum(2, keepdims=True)) @ bins * cells.stride[:, None]
    point = cells.corner + (0 if from_corner else cells.stride[:, None] / 2)
    return np.concatenate([point - away[:, :2], point + away[:, 2:]], 1), probability[:, 0]


def yolox(
    answer: Float[np.ndarray, "n 5+c"], cells: Cells
) -> tuple[Float[np.ndarray, "n 4"], Float[np.ndarray, "n"]]:
    """The boxes and scores from the output of a YOLOX.

    Args:
        answer: f32[n 5+c], the output; the score is the product of object and person.
        cells: the n cells.

    Returns:
        (f32[n 4] left, top, right, bottom in the network's pixels, f32[n] scores).
    """
    stride = cells.stride[:, None]
    middle = answer[:, :2] * stride + cells.corner
    half = np.exp(np.minimum(answer[:, 2:4], 20)) * stride / 2
    return np.concatenate([middle - half, middle + half], 1), answer[:, 4] * answer[:, 5]


def grid(size: tuple[int, int], strides: tuple[int, ...]) -> Cells:
    """The cells of an input of `size` (height, width), row by row, one grid after the other."""
    corner, stride = [], []
    for step in strides:
        down, across = (-(-side // step) for side in size)
        y, x = np.mgrid[:down, :across].reshape(2, -1) * step
        corner.append(np.stack([x, y], 1))
        stride.append(np.full(len(x), step))
    return Cells(
        np.concatenate(corner).astype(np.float32), np.concatenate(stride).astype(np.float32)
    )


def fit(
    picture: np.ndarray, size: tuple[int, int], *, stretch: bool, middle: bool, fill: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The picture resized to the input of a network.

    Args:
        picture: uint8 [h w 3] RGB.
        size: (height, width) of the input.
        stretch: fill the input; otherwise the proportions are kept.
        middle: centre the picture; otherwise it is at the upper left.
        fill: value of the pixels around the picture.

    Returns:
        (uint8 [height width 3] BGR, f32[2] the x and y of the picture in it, f32[2] its scale).
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


def recognise(
    shapes: list[tuple], size: tuple[int, int], layout: str, path: str
) -> tuple[str, Cells]:
    """The layout of a network and its cells, from the shapes of its outputs.

    Args:
        shapes: of the outputs.
        size: (height, width) of the input.
        layout: one of LAYOUTS, or "" where it is not known.
        path: of the file, for messages.

    Raises:
        ValueError: the shapes are those of neither network, or do not show of which.
    """
    for strides in ((8, 16, 32), (8, 16, 32, 64)):
        cells = grid(size, strides)
        counts = [int(np.sum(cells.stride == step)) for step in strides]
        rows = [shape[1] if len(shape) == 3 and shape[0] == 1 else 0 for shape in shapes]
        if layout in ("", "nanodet") and rows == counts * 2:
            return "nanodet", cells
        if rows == [sum(counts)]:
            width = shapes[0][2]
            guess = "yolox" if width == 5 + CLASSES else ""
            if width - CLASSES in [4 * n for n in BINS]:
                guess = "nanodet"
            if not (layout or guess):
                raise ValueError(
                    f"{path} answers with {width} numbers a cell, not the {5 + CLASSES} of a YOLOX "
                    f"or the {CLASSES + 4 * BINS[0]} of a NanoDet of COCO; say which it is: "
                    f"yolox:{path} or nanodet:{path}"
                )
            return layout or guess, cells
    raise ValueError(
        f"{path} answers with {' '.join(str(list(shape)) for shape in shapes)} to a picture of "
        f"{size[0]} x {size[1]}, which is not what "
        f"{'a ' + layout if layout else 'a NanoDet or a YOLOX'} answers"
    )


def _joined(answers: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(probabilities, distances) of all cells of a NanoDet.

    Outputs for each grid are all probabilities first, then all distances.
    """
    if len(answers) == 1:
        width = answers[0].shape[1]
        classes = CLASSES if width > CLASSES else width - 4 * BINS[0]
        return answers[0][:, :classes], answers[0][:, classes:]
    half = len(answers) // 2
    return np.concatenate(answers[:half]), np.concatenate(answers[half:])


def _session(path: Path) -> tuple[Callable[[np.ndarray], list[np.ndarray]], tuple[int, int]]:
    """(a function pixels -> outputs, (height, width) of the input).

    It uses one core, since each core works on a video of its own.
    """
    try:
        import onnxruntime
    except ImportError as missing:
        raise ImportError(
            f"running {path} needs onnxruntime: pip install 'reid_jax[video]'"
        ) from missing
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # noqa: BLE001 - onnxruntime has no error class for it
        raise ValueError(f"{path} cannot be read as an ONNX network ({str(error)[:200]})") from None
    input = session.get_inputs()
    shape = input[0].shape
    if (
        len(input) != 1
        or len(shape) != 4
        or shape[1] != 3
        or not all(isinstance(side, int) for side in shape[2:])
    ):
        inputs = ", ".join(str(one.shape) for one in input)
        raise ValueError(
            f"{path} takes {inputs}, not one picture [1, 3, height, width] of a fixed size"
        )
    return lambda pixels: session.run(None, {input[0].name: pixels}), tuple(shape[2:])

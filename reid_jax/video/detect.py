"""KIND:PATH -> a detector: a function of a view's name, which gives a function (picture, number) -> Boxes."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from reid_jax.video import boxes, network
from reid_jax.video.boxes import Boxes

Detect = Callable[[np.ndarray, int], Boxes]  # (uint8 [h w 3] RGB, the frame's number) -> Boxes
HEIGHT = 720  # pixels
KINDS = ("hog", "onnx", *network.LAYOUTS, "mot")


@cache
def detector(text: str, *, score: float = 0.5, overlap: float = 0.4) -> Callable[[str], Detect]:
    """What `text` names; opened once in each process.

    - `hog`: OpenCV's own people detector; needs no file, and is slow.
    - `onnx:FILE`: a NanoDet or a YOLOX; `nanodet:FILE`, `yolox:FILE` where the outputs do not tell.
    - `mot:FOLDER`: boxes in MOT format, FOLDER/NAME.txt for a video called NAME.

    Args: score, at least, of a network's boxes; overlap (IoU) above which the worse of two is left out, of a network's and
        hog's.
    Raises: ValueError for another kind, or an OpenCV without hog; FileNotFoundError; ImportError without onnxruntime.
    """
    kind, _, path = text.partition(":")
    if kind not in KINDS or (kind == "hog") != (not path):
        raise ValueError(f"the detector {text!r} is not known; it is hog, mot:FOLDER, or onnx:, nanodet: or yolox:FILE")
    if kind == "mot":
        if not Path(path).is_dir():
            raise FileNotFoundError(f"there is no folder {path} with the boxes of the videos")
        return lambda name: _given(Path(path) / f"{name}.txt")
    if kind == "hog":
        found = hog(overlap=overlap)
    else:
        layout = "" if kind == "onnx" else kind
        found = network.detector(path, layout=layout, score=score, overlap=overlap)
    return lambda name: lambda picture, number: found(picture)


def hog(*, overlap: float = 0.4) -> Callable[[np.ndarray], Boxes]:
    """OpenCV's linear classifier of gradients, as it comes; its windows, which have a margin, drawn in by that.

    They are 128 pixels high at least, so frames lower than HEIGHT are enlarged to it.

    Raises: ValueError where the installed OpenCV has none.
    """
    if not hasattr(cv2, "HOGDescriptor"):
        raise ValueError(
            f"this OpenCV ({cv2.__version__}) has no people detector of its own (opencv-contrib-python-headless, in the "
            "place of opencv-python-headless, has); name a network or boxes: --detector=onnx:FILE or --detector=mot:FOLDER"
        )
    finder = cv2.HOGDescriptor()
    finder.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def detect(picture: np.ndarray) -> Boxes:
        scale = max(1.0, HEIGHT / len(picture))
        picture = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), None, fx=scale, fy=scale)
        if picture.shape[1] < 64:  # narrower than a window
            return boxes.make([], [])
        window, score = finder.detectMultiScale(picture, winStride=(8, 8), scale=1.05)
        x, y, w, h = np.asarray(window, np.float32).reshape(-1, 4).T / scale
        box = np.stack([x + 0.1 * w, y + 0.07 * h, x + 0.9 * w, y + 0.87 * h], 1)
        score = np.asarray(score, np.float32).reshape(-1)
        kept = boxes.suppress(box, score, overlap)
        return boxes.make(box[kept], score[kept])

    return detect


def _given(path: Path) -> Detect:
    found, none = boxes.read_mot(path), boxes.make([], [])
    return lambda picture, number: found.get(number, none)

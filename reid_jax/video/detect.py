"""Detectors of persons by name: hog, a network in a file, or boxes given in files."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from reid_jax.video import boxes, network
from reid_jax.video.boxes import Boxes

Detect = Callable[[np.ndarray, int], Boxes]  # (uint8 [h w 3] RGB, frame number) -> Boxes
HEIGHT = 720  # pixels; lower frames are enlarged for hog
KINDS = ("hog", "onnx", *network.LAYOUTS, "mot")


@cache
def detector(text: str, *, score: float = 0.5, overlap: float = 0.4) -> Callable[[str], Detect]:
    """The detector that `text` names: a view's name -> a function (picture, number) -> Boxes.

    - `hog`: OpenCV's own people detector; it needs no file, and is slow.
    - `onnx:FILE`: a NanoDet or a YOLOX; `nanodet:FILE` or `yolox:FILE` where the shapes of the
      outputs do not show which.
    - `mot:FOLDER`: boxes in MOT format, FOLDER/NAME.txt for a video called NAME.

    Each process opens a detector once.

    Args:
        text: as above.
        score: least score of a network's box.
        overlap: IoU above which the worse of two boxes is dropped; for networks and hog.

    Returns:
        A function of the view's name, which returns the detector for the frames of that view.

    Raises:
        ValueError: the kind is unknown, or this OpenCV has no hog.
        FileNotFoundError: the file or folder is missing.
        ImportError: a network without onnxruntime.
    """
    kind, _, path = text.partition(":")
    if kind not in KINDS or (kind == "hog") != (not path):
        raise ValueError(
            f"the detector {text!r} is not known; it is hog, mot:FOLDER, "
            "or onnx:, nanodet: or yolox:FILE"
        )
    if kind == "mot":
        if not Path(path).is_dir():
            raise FileNotFoundError(f"there is no folder {path} with the boxes of the videos")
        return lambda name: _given(Path(path) / f"{name}.txt")
    if kind == "hog":
        detect = hog(overlap=overlap)
    else:
        layout = "" if kind == "onnx" else kind
        detect = network.detector(path, layout=layout, score=score, overlap=overlap)
    return lambda name: lambda picture, number: detect(picture)


def hog(*, overlap: float = 0.4) -> Callable[[np.ndarray], Boxes]:
    """OpenCV's people detector, a linear classifier of gradient histograms, with its defaults.

    Its windows have a margin around the person, which is removed. They are at least 128 pixels
    high, so frames lower than HEIGHT are enlarged to it.

    Raises:
        ValueError: the installed OpenCV has no such detector.
    """
    if not hasattr(cv2, "HOGDescriptor"):
        raise ValueError(
            f"this OpenCV ({cv2.__version__}) has no people detector of its own "
            "(opencv-contrib-python-headless, in the place of opencv-python-headless, has); "
            "name a network or boxes as the detector: onnx:FILE or mot:FOLDER"
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
    given, none = boxes.read_mot(path), boxes.make([], [])
    return lambda picture, number: given.get(number, none)

"""Twins of a picture, which show the same person and which an encoder may see in another way."""

from collections.abc import Callable

import cv2
import numpy as np

Change = Callable[[np.ndarray], np.ndarray]


def bgr(picture: np.ndarray) -> np.ndarray:
    """Red and blue exchanged, uint8 [h w 3]."""
    return picture[..., ::-1]


def grey(picture: np.ndarray) -> np.ndarray:
    """Without colours, three equal channels."""
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)


def mirrored(picture: np.ndarray) -> np.ndarray:
    """Left and right exchanged."""
    return picture[:, ::-1]


def shifted(picture: np.ndarray) -> np.ndarray:
    """One pixel to the right; the first column stands twice."""
    return np.concatenate([picture[:, :1], picture[:, :-1]], 1)


def half(picture: np.ndarray) -> np.ndarray:
    """Averaged to half its size, and enlarged to its size."""
    height, width = picture.shape[:2]
    small = (max(1, width // 2), max(1, height // 2))
    shrunk = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC)


def jpeg(picture: np.ndarray) -> np.ndarray:
    """As a JPEG of quality 50."""
    encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))[..., ::-1]


TWINS: dict[str, Change] = {
    "BGR": bgr,
    "grey": grey,
    "mirrored": mirrored,
    "one pixel to the right": shifted,
    "half the size": half,
    "JPEG of quality 50": jpeg,
}

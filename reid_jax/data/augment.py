"""One picture -> one view: zoom, resize, flip, pad and crop, jitter, blur, grayscale, solarise, erase; uint8 in, uint8 out."""

from typing import NamedTuple

import cv2
import numpy as np
import PIL.ImageFile  # noqa: F401, which Image would import itself when threads resize, and threads import nothing
from PIL import Image

from reid_jax.types import Input


class Augment(NamedTuple):
    """What a view may undergo. Probabilities in [0, 1]; the defaults change nothing.

    pad:   pixels of black added on each side before a random crop back to size (the official codes pad with 0 before
           they normalise).
    erase: random erasing (Zhong et al., AAAI 2020): a rectangle whose share of the picture is uniform in `area` and whose
           aspect in 0.3 to 1/0.3, filled with `fill` (RGB in [0, 255], see `pixels`). The defaults are those of MMT's and
           SpCL's code; Theory's has 0.02 to 0.2.
    blur:  Gaussian, sigma uniform in [0.1, 2.0] pixels.
    gray:  grayscale with three equal channels.
    zoom:  if above 0, a random rectangle of at least this share of the picture instead of the whole: its area uniform up
           to all of it, tried ten times, and the whole where none fits. Its height over its width is uniform in `aspect`
           (open-reid's and Theory's crop: 0.64 and 2 to 3), or that of the picture times 3/4 to 4/3, log-uniform
           (Inception's crop).
    solarise: values from 128 on turned round.
    jitter: brightness and contrast by a factor in 1 -+ 0.4, saturation in 1 -+ 0.2, hue by up to 0.1 of a turn, in this
           order; the strengths are those of MoCo v3 (Chen et al., ICCV 2021), which draws the order as well.
    """

    flip: float = 0.0
    pad: int = 0
    erase: float = 0.0
    blur: float = 0.0
    gray: float = 0.0
    jitter: float = 0.0
    zoom: float = 0.0
    aspect: tuple[float, float] | None = None
    solarise: float = 0.0
    area: tuple[float, float] = (0.02, 0.4)
    fill: tuple[int, int, int] = (152, 142, 127)


def pixels(normalised: tuple[float, float, float], taken: Input) -> tuple[int, int, int]:
    """The colour, RGB in [0, 255], of which an encoder's normalisation makes these values (in its own order of channels).

    Official codes erase after normalising, and views are pixels before it: the (0.485, 0.456, 0.406) that MMT's fills in are
    (152, 142, 127) with ImageNet's constants, and (0, 0, 0) are the mean colour.
    """
    values = (255 * (one * std + mean) for one, mean, std in zip(normalised, taken.mean, taken.std, strict=True))
    colour = tuple(round(min(max(value, 0.0), 255.0)) for value in values)
    return colour[::-1] if taken.channels == "BGR" else colour


PILLOW = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
RESIZES = ("area", *PILLOW)


def resize(image: np.ndarray, size: tuple[int, int], kind: str = "area") -> np.ndarray:
    """uint8 [h w 3] -> uint8 [*size 3], antialiased.

    kind: "area" averages an axis that shrinks, and is bicubic along one that grows (OpenCV); "bilinear" and "bicubic" are
    Pillow's, which the official codes use (torchvision's Resize: 2 and 3), to the bit. Pillow 13 begins with the axis that
          shrinks more, those before with the width: a level or so of difference where the two shrink by different factors.
          They cost more: of 128x64 JPEGs one core makes 6,400 pictures of 256x128 a second by "area", decoding included, 2,200
          by "bilinear" and 1,600 by "bicubic".
    Raises: ValueError for another kind.
    """
    if kind not in RESIZES:
        raise ValueError(f"there is no way {kind!r} to resize; choose one of {', '.join(RESIZES)}")
    if image.shape[:2] == tuple(size):
        return image
    if kind in PILLOW:
        return np.array(Image.fromarray(image).resize((size[1], size[0]), PILLOW[kind]))
    height, width = image.shape[:2]
    if height > size[0] or width > size[1]:
        shrunk = (min(width, size[1]), min(height, size[0]))
        image = cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA)
    if image.shape[:2] != tuple(size):
        image = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return image


def view(image: np.ndarray, taken: Input, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """One augmented view, uint8 [*taken.size 3]. Which numbers `rng` is asked for depends on `augment` alone, not on luck."""
    out = resize(_zoom(image, augment, rng) if augment.zoom else image, taken.size, taken.resize)
    if augment.flip:
        out = out[:, ::-1] if rng.random() < augment.flip else out
    if augment.pad:
        out = _crop(out, augment.pad, rng)
    if augment.jitter:
        chance, factors = rng.random(), rng.uniform(-1, 1, 4).tolist()
        out = _jitter(out, *factors) if chance < augment.jitter else out
    if augment.blur:
        chance, sigma = rng.random(), rng.uniform(0.1, 2.0)
        out = cv2.GaussianBlur(np.ascontiguousarray(out), (0, 0), sigma) if chance < augment.blur else out
    if augment.gray and rng.random() < augment.gray:
        out = np.repeat(cv2.cvtColor(np.ascontiguousarray(out), cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
    if augment.solarise and rng.random() < augment.solarise:
        out = np.where(out < 128, out, 255 - out)
    if augment.erase:
        out = _erase(out, augment, rng)
    return np.ascontiguousarray(out)


def _zoom(image: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    height, width = image.shape[:2]
    area = height * width * rng.uniform(augment.zoom, 1, 10)
    low, high = augment.aspect or (-1, 1)
    aspect = rng.uniform(low, high, 10)
    aspect = aspect if augment.aspect else height / width * (4 / 3) ** -aspect
    place = rng.random(2)
    tall, wide = (np.round(np.sqrt(of)).astype(int) for of in (area * aspect, area / aspect))
    fits = np.flatnonzero((tall <= height) & (wide <= width) & (tall > 0) & (wide > 0))
    if not len(fits):
        return image
    h, w = tall[fits[0]], wide[fits[0]]
    top, left = int(place[0] * (height - h + 1)), int(place[1] * (width - w + 1))
    return image[top : top + h, left : left + w]


def _jitter(image: np.ndarray, brightness: float, contrast: float, saturation: float, hue: float) -> np.ndarray:
    """Colours changed by strengths in [-1, 1]."""
    pixels = image.astype(np.float32) * ((1 + 0.4 * brightness) / 255)
    pixels = np.clip(pixels, 0, 1)
    mean = float(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).mean())
    pixels = np.clip(mean + (1 + 0.4 * contrast) * (pixels - mean), 0, 1)
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)  # hue in degrees
    hsv[..., 0] = (hsv[..., 0] + 36 * hue) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * (1 + 0.2 * saturation), 0, 1)
    return np.round(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)).astype(np.uint8)


def _crop(image: np.ndarray, pad: int, rng: np.random.Generator) -> np.ndarray:
    height, width = image.shape[:2]
    top, left = rng.integers(0, 2 * pad + 1, 2)
    padded = np.zeros((height + 2 * pad, width + 2 * pad, 3), np.uint8)
    padded[pad : pad + height, pad : pad + width] = image
    return padded[top : top + height, left : left + width]


def _erase(image: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """A rectangle that does not fit is drawn again, ten times at the most (the official code: a hundred)."""
    height, width = image.shape[:2]
    chance, area, aspect = rng.random(), rng.uniform(*augment.area, 10), rng.uniform(0.3, 1 / 0.3, 10)
    place = rng.random(2)
    if chance >= augment.erase:
        return image
    tall = np.round(np.sqrt(height * width * area * aspect)).astype(int)
    wide = np.round(np.sqrt(height * width * area / aspect)).astype(int)
    fits = np.flatnonzero((tall < height) & (wide < width) & (tall > 0) & (wide > 0))
    if not len(fits):
        return image
    h, w = tall[fits[0]], wide[fits[0]]
    top, left = int(place[0] * (height - h + 1)), int(place[1] * (width - w + 1))
    out = image.copy()
    out[top : top + h, left : left + w] = augment.fill
    return out

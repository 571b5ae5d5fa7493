"""The augmentation of a picture: one random view of it, uint8 to uint8.

The steps, in this order: zoom, resize, flip, pad and crop, jitter, blur, grayscale, solarise,
erase.
"""

from typing import NamedTuple

import cv2
import numpy as np
import PIL.ImageFile  # noqa: F401  (Image imports it late, in the threads that resize: a deadlock)
from PIL import Image

from reid_jax.types import Input


class Augment(NamedTuple):
    """Options of the augmentation. The defaults change nothing.

    Attributes:
        flip: probability of a horizontal flip.
        pad: pixels of black added on each side before a random crop back to the size. (The
            official codes pad with 0 before they normalise.)
        erase: probability of random erasing (Zhong et al., AAAI 2020): a rectangle is filled with
            `fill`. Its area is a share of the picture's, uniform in `area`; its height over its
            width is uniform in [0.3, 1/0.3].
        blur: probability of a Gaussian blur, sigma uniform in [0.1, 2.0] pixels.
        gray: probability of grayscale, with three equal channels.
        jitter: probability of a change of colours, in this order: brightness and contrast by a
            factor in 1 -+ 0.4, saturation by one in 1 -+ 0.2, hue by up to 0.1 of a turn. The
            strengths are those of MoCo v3 (Chen et al., ICCV 2021), which also draws the order.
        zoom: if above 0, a random rectangle of the picture replaces the whole. Its area is a
            share of the picture's, uniform in [zoom, 1]. Ten rectangles are drawn, the first that
            fits is taken, and the whole picture where none fits.
        aspect: height over width of the zoom's rectangle, uniform in this range (the crop of
            open-reid and Theory: zoom 0.64, aspect 2 to 3). None: the picture's own times a
            factor in 3/4 to 4/3, log-uniform (Inception's crop).
        solarise: probability that values of 128 and above are inverted, v -> 255 - v.
        area: range of the erased share. The default is that of MMT's and SpCL's code; Theory's
            code has (0.02, 0.2).
        fill: colour of the erased rectangle, RGB in [0, 255], see `pixels`. The default is that
            of MMT's and SpCL's code.

    Example:
        >>> import numpy as np, reid_jax
        >>> from reid_jax.data import augment
        >>> picture, input = np.zeros((90, 40, 3), np.uint8), reid_jax.build(size="64x32").input
        >>> how = reid_jax.Augment(flip=0.5, pad=5, erase=0.3)
        >>> augment.view(picture, input, how, np.random.default_rng(0)).shape
        (64, 32, 3)
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


def pixels(normalised: tuple[float, float, float], input: Input) -> tuple[int, int, int]:
    """Compute the colour that an encoder's normalisation maps to the given values.

    The official codes erase after the normalisation, `view` before it. MMT's code fills in
    (0.485, 0.456, 0.406), which is (152, 142, 127) in pixels with ImageNet's constants; (0, 0, 0)
    is the mean colour.

    Args:
        normalised: three values after the normalisation, in the encoder's order of channels.
        input: the encoder's input; mean, std and order of channels are used.

    Returns:
        RGB, rounded and clipped to [0, 255].
    """
    values = (
        255 * (one * std + mean)
        for one, mean, std in zip(normalised, input.mean, input.std, strict=True)
    )
    first, second, third = (round(min(max(value, 0.0), 255.0)) for value in values)
    return (third, second, first) if input.channels == "BGR" else (first, second, third)


PILLOW = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
RESIZES = ("area", *PILLOW)


def resize(image: np.ndarray, size: tuple[int, int], kind: str = "area") -> np.ndarray:
    """Resize a picture, antialiased.

    "area" is OpenCV's: it averages along an axis that shrinks and is bicubic along one that
    grows. "bilinear" and "bicubic" are Pillow's, bit for bit; the official codes use them
    (torchvision's Resize: 2 and 3). Pillow 13 begins with the axis that shrinks more, earlier
    versions with the width: values differ by about one level where the two axes shrink by
    different factors.

    Speed of one core, from 128x64 JPEGs to 256x128, decoding included: 6,400 pictures a second
    with "area", 2,200 with "bilinear", 1,600 with "bicubic".

    Args:
        image: uint8 [h w 3].
        size: (height, width) in pixels.
        kind: one of `RESIZES`.

    Returns:
        uint8 [*size 3]; `image` itself if it has this size already.

    Raises:
        ValueError: another kind.
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


def view(image: np.ndarray, input: Input, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """Compute one augmented view of a picture.

    How many numbers are drawn from `rng` depends on `augment` alone, not on their values.

    Args:
        image: uint8 [h w 3], RGB.
        input: the encoder's input; size and resize are used.
        augment: the options.
        rng: the generator of all random numbers.

    Returns:
        uint8 [*input.size 3], RGB.
    """
    out = resize(_zoom(image, augment, rng) if augment.zoom else image, input.size, input.resize)
    if augment.flip:
        out = out[:, ::-1] if rng.random() < augment.flip else out
    if augment.pad:
        out = _crop(out, augment.pad, rng)
    if augment.jitter:
        chance, factors = rng.random(), rng.uniform(-1, 1, 4).tolist()
        out = _jitter(out, *factors) if chance < augment.jitter else out
    if augment.blur:
        chance, sigma = rng.random(), rng.uniform(0.1, 2.0)
        out = (
            cv2.GaussianBlur(np.ascontiguousarray(out), (0, 0), sigma)
            if chance < augment.blur
            else out
        )
    if augment.gray and rng.random() < augment.gray:
        out = np.repeat(
            cv2.cvtColor(np.ascontiguousarray(out), cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2
        )
    if augment.solarise and rng.random() < augment.solarise:
        out = np.where(out < 128, out, 255 - out)
    if augment.erase:
        out = _erase(out, augment, rng)
    return np.ascontiguousarray(out)


def _zoom(image: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """Cut out the first of ten random rectangles that fits, see `Augment.zoom`."""
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


def _jitter(
    image: np.ndarray, brightness: float, contrast: float, saturation: float, hue: float
) -> np.ndarray:
    """Change the colours by strengths in [-1, 1], see `Augment.jitter`."""
    pixels = image.astype(np.float32) * ((1 + 0.4 * brightness) / 255)
    pixels = np.clip(pixels, 0, 1)
    mean = float(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).mean())
    pixels = np.clip(mean + (1 + 0.4 * contrast) * (pixels - mean), 0, 1)
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)  # hue in degrees
    hsv[..., 0] = (hsv[..., 0] + 36 * hue) % 360
    hsv[..., 1] = np.clip(hsv[..., 1] * (1 + 0.2 * saturation), 0, 1)
    return np.round(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)).astype(np.uint8)


def _crop(image: np.ndarray, pad: int, rng: np.random.Generator) -> np.ndarray:
    """Pad with black and crop back to the size at a random position."""
    height, width = image.shape[:2]
    top, left = rng.integers(0, 2 * pad + 1, 2)
    padded = np.zeros((height + 2 * pad, width + 2 * pad, 3), np.uint8)
    padded[pad : pad + height, pad : pad + width] = image
    return padded[top : top + height, left : left + width]


def _erase(image: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """Fill the first of ten random rectangles that fits (of a hundred in the official code)."""
    height, width = image.shape[:2]
    chance, area = rng.random(), rng.uniform(*augment.area, 10)
    aspect = rng.uniform(0.3, 1 / 0.3, 10)
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

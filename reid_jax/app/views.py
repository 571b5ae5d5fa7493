"""The options of augmentation, and the view of a picture that they make."""

import dataclasses
import math
from typing import Any

from reid_jax.data.augment import Augment, pixels
from reid_jax.options import choose, option
from reid_jax.types import Input

# What random erasing fills in, in normalised values; nothing is darker than black.
FILLS = {
    "imagenet": (0.485, 0.456, 0.406),
    "cifar": (0.4914, 0.4822, 0.4465),
    "mean": (0.0, 0.0, 0.0),
    "black": (-math.inf,) * 3,
}


@dataclasses.dataclass
class Views:
    """How training pictures are augmented, beside mirroring half of them."""

    zoom: float = option(
        0.0,
        "least share of the picture that a random crop takes before resizing; 0: no such crop",
        least=0,
        most=1,
    )
    zoom_aspect: str = option(
        "", "height over width of that crop, least and greatest by comma; empty: 3/4 to 4/3 times"
    )
    pad: int = option(0, "pixels of padding before a random crop", least=0, most=1024)
    jitter: float = option(
        0.0, "probability of changing brightness, contrast, saturation, hue", least=0, most=1
    )
    blur: float = option(0.0, "probability of blurring", least=0, most=1)
    gray: float = option(0.0, "probability of turning gray", least=0, most=1)
    erase: float = option(0.0, "probability of random erasing", least=0, most=1)
    erase_area: str = option("0.02,0.4", "erased share of the picture, least and greatest by comma")
    erase_fill: str = option(
        "imagenet",
        "what erasing fills in after normalising: imagenet (0.485, 0.456, 0.406: MMT, SpCL, Bag of "
        "Tricks), cifar (0.4914, 0.4822, 0.4465: Theory), mean (0: the mean colour), "
        "black (LUPerson)",
    )


def view(config: Any, input: Input) -> Augment:
    """The view that a configuration with the fields of `Views` asks for, for an encoder's input."""
    return Augment(
        flip=0.5,
        zoom=config.zoom,
        aspect=_two("zoom_aspect", config.zoom_aspect, math.inf) if config.zoom_aspect else None,
        pad=config.pad,
        jitter=config.jitter,
        blur=config.blur,
        gray=config.gray,
        erase=config.erase,
        area=_two("erase_area", config.erase_area, 1.0),
        fill=pixels(choose("--config.erase_fill", config.erase_fill, FILLS), input),
    )


def _two(name: str, text: str, most: float) -> tuple[float, float]:
    """Two numbers above 0 and below `most`, the second not less than the first."""
    try:
        least, greatest = (float(one) for one in text.split(","))
    except ValueError:
        least, greatest = 0.0, 0.0
    if not 0 < least <= greatest < most:
        bound = f" and below {most:g}" if most < math.inf else ""
        raise ValueError(
            f"--config.{name} is {text!r}; expected two numbers by comma, least first, above 0"
            f"{bound}"
        )
    return least, greatest

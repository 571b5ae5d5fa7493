"""The options of augmentation, which every experiment has, and the views that they make."""

import dataclasses
from typing import Any

from experiments.choices import choose
from reid_jax.data.augment import Augment, pixels
from reid_jax.types import Input

# what random erasing puts in, in the values that normalising gives: nothing is darker than black
FILLS = {
    "imagenet": (0.485, 0.456, 0.406),
    "cifar": (0.4914, 0.4822, 0.4465),
    "mean": (0.0, 0.0, 0.0),
    "black": (float("-inf"),) * 3,
}


@dataclasses.dataclass
class Views:
    """What is done to a training picture beside turning half of them round; probabilities unless said, 0: never."""

    zoom: float = 0.0  # least share of the picture that a random rectangle takes instead of the whole
    zoom_aspect: str = ""  # its height over its width, by comma: 2,3; empty: the picture's own, times 3/4 to 4/3
    pad: int = 0  # pixels, before a random crop
    jitter: float = 0.0  # of brightness, contrast, saturation and hue
    blur: float = 0.0
    gray: float = 0.0
    erase: float = 0.0  # random erasing
    erase_area: str = "0.02,0.4"  # its least and its greatest share of the picture, by comma
    # what it puts in: imagenet and cifar, means that codes put in after normalising (0.485, 0.456, 0.406: MMT, SpCL, Bag of
    # Tricks; 0.4914, 0.4822, 0.4465: Theory); mean (the mean colour, 0 after normalising); black (LUPerson)
    erase_fill: str = "imagenet"


NAMES = tuple(field.name for field in dataclasses.fields(Views))


def view(config: Any, taken: Input) -> Augment:
    """The view that a configuration asks for, of pictures for an encoder that takes `taken`."""
    return Augment(
        flip=0.5,
        zoom=config.zoom,
        aspect=_two("zoom_aspect", config.zoom_aspect, float("inf")) if config.zoom_aspect else None,
        pad=config.pad,
        jitter=config.jitter,
        blur=config.blur,
        gray=config.gray,
        erase=config.erase,
        area=_two("erase_area", config.erase_area, 1.0),
        fill=pixels(choose("--config.erase_fill", config.erase_fill, FILLS), taken),
    )


def _two(name: str, text: str, most: float) -> tuple[float, float]:
    """Two numbers above 0 and below `most`, the second not less than the first."""
    try:
        least, greatest = (float(one) for one in text.split(","))
    except ValueError:
        least, greatest = 0.0, 0.0
    if not 0 < least <= greatest < most:
        bound = f" and below {most:g}" if most < float("inf") else ""
        raise ValueError(f"--config.{name} is {text!r}; expected two numbers by comma, least first, above 0{bound}")
    return least, greatest

"""Pictures of users -> pixels, within bounds; a line says what is wrong with one."""

import io
import warnings

import numpy as np
from PIL import Image

from reid_jax.data.decode import BROKEN, FORMATS, decode

BYTES = 20_000_000  # of a picture's file, at most
PIXELS = 40_000_000  # of a picture, at most; 120 MB while it is read
SIDE = 20_000  # pixels of a side, at most
LEAST = 16  # pixels of a side, at least
CONTENT = 1.0  # standard deviation of the pixels, at least; a grey area has 0
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # they are refused


def pixels(data: bytes) -> np.ndarray:
    """Decode a picture of a person.

    Args:
        data: a file of a picture; its size is looked at before its pixels are.

    Returns:
        uint8 [h w 3], RGB.

    Raises:
        ValueError: it is empty, no picture, broken, too large, too small or without content.
    """
    if not data:
        raise ValueError("the picture is empty: its file has no bytes")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as head:
            width, height = head.size
    except Image.DecompressionBombError:
        raise ValueError(
            f"the picture has more than {PIXELS // 1_000_000} million pixels; cut the person out"
        ) from None
    except BROKEN:
        width = height = LEAST  # and decode says why
    if width * height > PIXELS or max(width, height) > SIDE:
        raise ValueError(
            f"the picture is {width:,} x {height:,} pixels; at most {PIXELS // 1_000_000} million "
            "are read: cut the person out of it"
        )
    if min(width, height) < LEAST:
        raise ValueError(
            f"the picture is {width} x {height} pixels; a person needs {LEAST} x {LEAST} or more"
        )
    try:
        found = decode(data)
    except ValueError as error:
        raise ValueError(f"the picture cannot be read: {error}") from None
    if float(found[:: max(1, height // 64), :: max(1, width // 64)].std((0, 1)).max()) < CONTENT:
        raise ValueError("the picture has no content: all its pixels are alike")
    return found

"""Encoded pictures, as users have them -> pixels: the one way in which this project reads them.

Whatever the file, the result is uint8 [h w 3], RGB, as a viewer shows it:

    orientation: that of EXIF is obeyed.
    transparency: the picture is laid on mid grey, (alpha * colour + (255 - alpha) * 128) / 255.
    grey of 16 or 12 bits: scaled from its range, 255 * value / 65535 or / 4095.
    palettes, CMYK, one bit, grey: Pillow's conversion to RGB.
    floats and 32-bit integers: refused, since their range is not known.
    several frames: the first.

Most jpegs are decoded by simplejpeg and most pngs by OpenCV, which are quicker; all else by Pillow.
"""

import importlib.util
import io
import zlib
from pathlib import Path

import cv2
import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from PIL import (
    BmpImagePlugin,  # noqa: F401  (Image would import these late, in the threads that decode)
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
    features,
)

GREY = 128  # behind what is transparent
PIXELS = 178_956_970  # of a picture, at most; Pillow's own limit
LARGE = f"more than {PIXELS:,} pixels; make it smaller"
FORMATS = ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP"]
ENDINGS = [".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"]
NEEDS = {}  # ending -> what would read such files, where they cannot be read here
if features.check("avif"):
    from PIL import AvifImagePlugin  # noqa: F401

    FORMATS.append("AVIF")
    ENDINGS.append(".avif")
else:
    NEEDS[".avif"] = "a Pillow with AVIF"
if importlib.util.find_spec("pillow_heif"):
    import pillow_heif

    pillow_heif.register_heif_opener()
    FORMATS.append("HEIF")
    ENDINGS += [".heic", ".heif"]
else:
    NEEDS |= dict.fromkeys((".heic", ".heif"), "pip install 'reid_jax[heic]'")
Image.preinit()

ORIENTATION, BITS = 0x0112, 0x0102  # tags of TIFF and EXIF
DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")  # modes of grey above 8 bits
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# what Pillow's readers raise where a file is broken
BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, TypeError, AttributeError, LookupError),
    *(ArithmeticError, RuntimeError, Image.DecompressionBombError),
)


def decode(data: bytes) -> np.ndarray:
    """Decode a picture.

    Args:
        data: a file of one of `FORMATS`.

    Returns:
        uint8 [h w 3], RGB; see the head of this file.

    Raises:
        ValueError: the data are empty, broken, truncated, too large or not a picture; a short
            reason.
    """
    if not data:
        raise ValueError("empty file")
    if data[:2] == b"\xff\xd8":
        orientation, pixels = _head(data)
        _bounded(pixels)
        try:
            return upright(simplejpeg.decode_jpeg(data, colorspace="RGB"), orientation)
        except ValueError as error:  # Pillow decodes CMYK and other rare kinds
            if "premature end" in str(error).lower() or b"\xff\xd9" not in data[-64:]:
                raise ValueError("truncated JPEG") from None
    elif _is_plain_png(data):
        _bounded(int.from_bytes(data[16:20], "big") * int.from_bytes(data[20:24], "big"))
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if image is not None:
            return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise ValueError(_foreign(data)) from None
    except BROKEN as error:
        large = isinstance(error, Image.DecompressionBombError)
        raise ValueError(LARGE if large else f"{_foreign(data)}: {_reason(error)}") from None
    with picture:
        return of_pillow(picture)


def check_head(source: str | bytes) -> None:
    """Look at the head of a picture, a file's path or its bytes; its pixels are not decoded.

    Raises:
        ValueError: it is empty, too large or not a picture that can be read; a short reason.
        OSError: the file cannot be opened.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as file:
        if not (first := file.read(64)):
            raise ValueError("empty file")
        file.seek(0)
        try:
            with Image.open(file, formats=FORMATS) as picture:
                pixels = picture.width * picture.height
        except UnidentifiedImageError:
            raise ValueError(_foreign(first)) from None
        except BROKEN as error:
            large = isinstance(error, Image.DecompressionBombError)
            raise ValueError(LARGE if large else f"{_foreign(first)}: {_reason(error)}") from None
    _bounded(pixels)


def of_pillow(picture: Image.Image) -> np.ndarray:
    """The pixels of a picture of Pillow, uint8 [h w 3], RGB, by the rules of `decode`.

    Raises:
        ValueError: it is broken or too large, or its mode has no known range.
    """
    try:
        _bounded(picture.width * picture.height)
        picture.load()
        return upright(_rgb(picture), _orientation(picture.info.get("exif") or b""))
    except BROKEN as error:
        raise ValueError(_reason(error)) from None


def laid(pixels: np.ndarray) -> np.ndarray:
    """Lay a picture uint8 [h w 4], its last channel the opacity, on mid grey: uint8 [h w 3]."""
    colour, alpha = pixels[:, :, :3], pixels[:, :, 3:].astype(np.uint32)
    if (alpha == 255).all():
        return np.ascontiguousarray(colour)
    return ((alpha * colour + (255 - alpha) * GREY + 127) // 255).astype(np.uint8)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture [h w c] as EXIF's orientation, 1 to 8, says."""
    if orientation == 1:
        return pixels
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    down = -1 if orientation in (3, 4, 7, 8) else 1
    right = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(pixels[::down, ::right])


def _rgb(picture: Image.Image) -> np.ndarray:
    if picture.mode in DEEP:
        return _scaled(picture)
    if picture.mode == "F":
        raise ValueError("a picture of mode F has no range; convert it to L or RGB")
    if picture.has_transparency_data:
        return laid(np.asarray(picture.convert("RGBA")))
    return np.array(picture.convert("RGB"))


def _scaled(picture: Image.Image) -> np.ndarray:
    """Grey of more than 8 bits."""
    bits = 16
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        bits = int(picture.tag_v2.get(BITS, (16,))[0])
    most = (1 << min(bits, 16)) - 1
    value = np.asarray(picture).astype(np.int64)
    if value.min() < 0 or value.max() > most:
        raise ValueError("grey of 32 bits has no known range; convert it to 8 or 16 bits")
    grey = ((510 * value + most) // (2 * most)).astype(np.uint8)
    grey[value == picture.info.get("transparency", -1)] = GREY
    return np.repeat(grey[:, :, None], 3, axis=2)


def _head(jpeg: bytes) -> tuple[int, int]:
    """(EXIF's orientation, number of pixels) of a JPEG; 0 pixels where it does not say."""
    at, orientation = 2, 1
    while at + 9 < len(jpeg) and jpeg[at] == 0xFF:
        marker, length = jpeg[at + 1], jpeg[at + 2] << 8 | jpeg[at + 3]
        if marker == 0xFF:  # a byte that fills
            at += 1
            continue
        if marker == 0xE1 and jpeg[at + 4 : at + 10] == b"Exif\0\0":
            orientation = _orientation(jpeg[at + 4 : at + 2 + length])
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # the frame's header
            height, width = jpeg[at + 5 : at + 7], jpeg[at + 7 : at + 9]
            return orientation, int.from_bytes(height, "big") * int.from_bytes(width, "big")
        elif marker == 0xDA:  # the pixels begin
            break
        at += 2 + length
    return orientation, 0


def _orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, that a block of EXIF states; 1 where it states none."""
    exif = exif.removeprefix(b"Exif\0\0")
    if exif[:2] not in (b"II", b"MM"):
        return 1

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], "little" if exif[:1] == b"I" else "big")

    first = number(4, 4)
    last = min(first + 2 + 12 * number(first, 2), len(exif) - 11)
    for at in range(first + 2, last, 12):
        if number(at, 2) == ORIENTATION:
            value = number(at + 8, 4 if number(at + 2, 2) == 4 else 2)
            return value if 1 <= value <= 8 else 1
    return 1


def _is_plain_png(data: bytes) -> bool:
    """Whether it is unbroken, of 8 bits, grey or RGB, and neither turned nor transparent."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[24:26] not in (b"\x08\x00", b"\x08\x02"):
        return False
    at, view = 8, memoryview(data)
    while at + 12 <= len(data):  # a chunk: length, kind, content, sum
        kind, end = data[at + 4 : at + 8], at + 8 + int.from_bytes(data[at : at + 4], "big")
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return False  # OpenCV would print lines of its own
        if kind in (b"eXIf", b"tRNS", b"IEND"):
            return kind == b"IEND"
        at = end + 4
    return False


def _bounded(pixels: int) -> None:
    if pixels > PIXELS:
        raise ValueError(LARGE)


def _reason(error: BaseException) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return LARGE
    text = " ".join(str(error).split()) or type(error).__name__
    return "truncated" if "truncated" in text.lower() else text


def _foreign(data: bytes) -> str:
    """Why Pillow does not open a file that one of its readers knows, or none."""
    if data[4:8] == b"ftyp":
        kind = ".heic" if data[8:12] in HEIC else ".avif" if data[8:11] == b"avi" else ""
        if kind in NEEDS:
            return f"a {kind} picture needs {NEEDS[kind]}"
    if data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        return "truncated"
    known = {b"II*\0": "TIFF", b"MM\0*": "TIFF", b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG"}
    known |= {b"GIF8": "GIF", b"RIFF": "WebP"}
    name = next((name for head, name in known.items() if data.startswith(head)), None)
    return f"a {name} that is broken or of a rare kind" if name else "not a picture"

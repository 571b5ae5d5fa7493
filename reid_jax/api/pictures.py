"""Pictures in any form -> the pixels that an encoder takes, decoded by threads."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from PIL import Image

from reid_jax.data import augment, folders
from reid_jax.data.decode import ENDINGS, decode, laid, of_pillow
from reid_jax.types import Images, Input, Records

Picture = str | os.PathLike | bytes | np.ndarray | Image.Image | Records
Made = TypeVar("Made")
THREADS = min(8, os.cpu_count() or 1)
FORMS = (
    "a path, the bytes of an encoded picture, an array uint8 [h w 3] (RGB), [h w 4] or [h w], a "
    "PIL image, Records, or several of these"
)


class Item(NamedTuple):
    """One picture: its place among all that were given, and a path, bytes, pixels or a `_Row`."""

    number: int
    source: Any

    @property
    def name(self) -> str:
        """How an error names it."""
        path = f" ({self.source})" if isinstance(self.source, str) else ""
        return f"picture {self.number}{path}"


class _Row(NamedTuple):
    images: Images
    row: int


def items(pictures: Picture | Iterable[Picture]) -> Iterator[Item]:
    """Name one picture after the other, as they are asked for; no file is read.

    Args:
        pictures: one picture, a folder (searched to the bottom, in the order of the names),
            Records, an array of pictures [n h w 3], or an iterable of any of these.

    Yields:
        Items, numbered from 0.

    Raises:
        TypeError: something is none of these.
        FileNotFoundError: there is nothing at a path.
        ValueError: a folder holds no picture.
    """
    single = _is_picture(pictures) or not isinstance(pictures, Iterable)
    several: Any = [pictures] if single else pictures
    number = 0
    for picture in several:
        for source in _sources(picture, number):
            yield Item(number, source)
            number += 1


def _is_picture(thing: Any) -> bool:
    if isinstance(thing, np.ndarray | jax.Array):
        return thing.ndim < 4
    kinds = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, Records)
    return isinstance(thing, kinds)


def _sources(picture: Any, number: int) -> Iterator[Any]:
    """What one thing that was given holds: a folder and Records hold many pictures."""
    if isinstance(picture, str | os.PathLike):
        path = Path(picture).expanduser()
        if path.suffix.lower() in ENDINGS:  # a million files are not looked for twice
            yield str(path)
        elif path.is_dir():
            yield from np.asarray(folders.pictures(path).image).tolist()
        elif path.exists():
            yield str(path)
        else:
            raise FileNotFoundError(f"picture {number}: there is no file or folder {path}")
    elif isinstance(picture, Records):
        yield from (_Row(picture.image, row) for row in range(len(picture.person)))
    elif isinstance(picture, jax.Array):
        yield np.asarray(picture)
    elif _is_picture(picture):
        yield picture
    else:
        raise TypeError(f"picture {number} is a {type(picture).__name__}; give {FORMS}")


def resized(things: Iterable[Item], input: Input, *, ahead: int) -> Iterator[np.ndarray]:
    """Read, decode and resize pictures in threads, in order, as training and evaluation do.

    Args:
        things: of `items`.
        input: what the encoder takes.
        ahead: as of `each`.

    Yields:
        uint8 [*input.size 3], RGB.

    Raises:
        FileNotFoundError, ValueError: as `each`.
    """
    return each(things, lambda picture: fitted(picture, input), ahead=ahead)


def fitted(picture: np.ndarray, input: Input) -> np.ndarray:
    """A picture uint8 [h w 3] as an encoder takes it, uint8 [*input.size 3]."""
    return augment.resize(picture, input.size, input.resize)


def each(
    things: Iterable[Item], made: Callable[[np.ndarray], Made], *, ahead: int
) -> Iterator[Made]:
    """Read and decode pictures, and make something of each, in threads, in order.

    Args:
        things: of `items`.
        made: what is made of the pixels, uint8 [h w 3], RGB.
        ahead: at most so many are taken from `things` before the first of them is yielded.

    Yields:
        What `made` returns.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a picture, which is named, cannot be read, or an array is no picture.
    """
    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(THREADS, "reid_jax-decode") as pool:
        try:
            for thing in things:
                waiting.append(pool.submit(_made, _kept(thing), made))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def _kept(item: Item) -> Item:
    """Copy what its owner may change, or close, before a thread reads it."""
    if isinstance(item.source, np.ndarray):
        return item._replace(source=_rgb(item.source, item.name).copy())
    if isinstance(item.source, Image.Image):
        try:
            return item._replace(source=of_pillow(item.source))
        except ValueError as error:
            raise ValueError(f"{item.name} cannot be read ({error})") from None
    return item


def _made(item: Item, made: Callable[[np.ndarray], Made]) -> Made:
    source = item.source
    if isinstance(source, _Row):
        source = source.images[source.row]
        item = item._replace(source=source)
    try:
        if isinstance(source, str):
            source = Path(source).read_bytes()
        pixels = source if isinstance(source, np.ndarray) else decode(bytes(source))
    except FileNotFoundError:
        raise FileNotFoundError(f"picture {item.number}: there is no file {item.source}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{item.name} cannot be read ({error})") from None
    return made(_rgb(pixels, item.name))


def _rgb(pixels: np.ndarray, name: str) -> np.ndarray:
    """Three channels; gray is repeated, what is transparent laid on mid grey."""
    shape = f"{pixels.dtype} {list(pixels.shape)}"
    if pixels.dtype != np.uint8:
        raise ValueError(
            f"{name} is {shape}; give uint8, values from 0 to 255: values in [0, 1] are "
            "(255 * picture).round().astype('uint8')"
        )
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4):
        raise ValueError(f"{name} is {shape}; give [h w 3] (RGB), [h w 4] or gray [h w]")
    if not pixels.size:
        raise ValueError(f"{name} is {shape}: it has no pixel")
    if pixels.shape[2] == 4:
        return laid(pixels)
    return pixels if pixels.shape[2] == 3 else pixels[:, :, [0, 0, 0]]

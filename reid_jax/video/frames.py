"""The frames of a video file, or of a folder of pictures, by number.

The frames of a file are counted from 1, as in MOT files; those of a folder have the numbers that
their names are.
"""

import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from reid_jax.data.decode import ENDINGS, decode

VIDEOS = (
    ".avi",
    ".flv",
    ".m2ts",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".mts",
    ".ts",
    ".webm",
    ".wmv",
)

os.environ.setdefault(
    "OPENCV_FFMPEG_LOGLEVEL", "-8"
)  # quiet: a broken video is reported once, here


def frames(
    path: str | Path, wanted: Iterable[int] | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """(number, picture uint8 [h w 3] RGB) of the wanted frames that exist, in order.

    Args:
        path: a video, or a folder of pictures.
        wanted: increasing numbers; None means all frames.

    Raises:
        ValueError: the file is no video, or a picture of the folder cannot be read; the message
            names the file.
    """
    return (_pictures if Path(path).is_dir() else _film)(Path(path), wanted)


def numbers(path: str | Path) -> np.ndarray:
    """The numbers of the frames that can be read, i32[n], increasing; a video is read through."""
    path = Path(path)
    if path.is_dir():
        return np.array(sorted(_named(path)), np.int32)
    film = _open(path)
    try:
        count = next(count for count in itertools.count() if not film.grab())
        return 1 + np.arange(count, dtype=np.int32)
    finally:
        film.release()


def claims(path: str | Path) -> tuple[int, float]:
    """(frames, frames per second) as the file's header states them, which may be wrong.

    For a folder: the number of its pictures, and 0.
    """
    path = Path(path)
    if path.is_dir():
        return len(_named(path)), 0.0
    film = _open(path)
    try:
        return max(0, int(film.get(cv2.CAP_PROP_FRAME_COUNT))), float(film.get(cv2.CAP_PROP_FPS))
    finally:
        film.release()


def _open(path: Path) -> cv2.VideoCapture:
    """Open a video with one thread, since each core works on a video of its own."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    film = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    cv2.utils.logging.setLogLevel(level)
    if not film.isOpened():
        empty = path.is_file() and not path.stat().st_size
        raise ValueError(f"{path} is {'empty' if empty else 'no video that OpenCV can open'}")
    return film


def _film(path: Path, wanted: Iterable[int] | None) -> Iterator[tuple[int, np.ndarray]]:
    film, at = _open(path), 0
    try:
        for number in itertools.count(1) if wanted is None else wanted:
            while at < number:
                if not film.grab():
                    return
                at += 1
            whole, picture = film.retrieve()
            if not whole:
                return
            yield int(number), cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    finally:
        film.release()


def _pictures(folder: Path, wanted: Iterable[int] | None) -> Iterator[tuple[int, np.ndarray]]:
    named = _named(folder)
    for number in sorted(named) if wanted is None else wanted:
        if number not in named:
            continue
        try:
            yield int(number), decode(named[number].read_bytes())
        except ValueError as error:
            raise ValueError(f"the frame {named[number]} cannot be read ({error})") from None


def _named(folder: Path) -> dict[int, Path]:
    """The pictures of a folder by number."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS]
    strange = [path.name for path in files if not path.stem.isdecimal()]
    if strange or not files:
        what = f"the picture {strange[0]}" if strange else "no picture"
        raise ValueError(
            f"{folder} holds {what}; a folder of frames holds pictures named by number, "
            "as 000001.jpg"
        )
    named = {int(path.stem): path for path in files}
    if len(named) < len(files):
        raise ValueError(f"{folder} has two pictures of one number")
    return named

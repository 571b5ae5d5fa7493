"""Files and folders -> sources: videos by one camera, and views of one place by several at once."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from reid_jax.video.frames import PICTURES, VIDEOS


class View(NamedTuple):
    """path: of a video, or of a folder of frames; name: what a file of its boxes is called, without ".txt"."""

    path: str
    name: str


class Source(NamedTuple):
    """What is cut in one go. views: one, or several synchronised ones; size: bytes; key: no other source has it."""

    views: tuple[View, ...]
    size: int
    key: str


def videos(paths: Sequence[str]) -> list[Source]:
    """The videos among files and below folders, each once, in the order of the paths and of the names below them.

    Two videos of one name in different folders are two: a video below a folder has the name of its path from there.

    Raises: FileNotFoundError for a path that is not there; ValueError where a folder holds no video.
    """
    found: dict[Path, View] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
        files = [path]
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if _is_video(file))
            if not files:
                raise ValueError(f"there is no video below {path}; a video's name ends in {', '.join(VIDEOS)}")
        for file in files:
            name = file.relative_to(path).with_suffix("").as_posix() if path.is_dir() else file.stem
            found.setdefault(file.resolve(), View(str(file), name))
    return [_source([view]) for view in found.values()]


def rig(text: str) -> Source:
    """Synchronised views: `ONE,OTHER[,...]`, or a folder that holds them; each a video or a folder of frames.

    Raises: FileNotFoundError for a path that is not there; ValueError for fewer than two views.
    """
    paths = [Path(path) for path in text.split(",")] if not Path(text).is_dir() else sorted(Path(text).iterdir())
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
    if Path(text).is_dir():
        paths = [path for path in paths if _is_video(path) or (path.is_dir() and any(_pictures(path)))]
    if len({path.resolve() for path in paths}) < 2:
        raise ValueError(
            f"{text!r} names {len(paths)} view(s), and synchronised ones are two or more: FILE,FILE, or a folder that "
            "holds a video or a folder of frames for each"
        )
    return _source([View(str(path), path.stem) for path in paths])


def _source(views: list[View]) -> Source:
    """The key tells places and sizes, so that a file that was replaced is another source."""
    told, size = [], 0
    for path in (Path(view.path) for view in views):
        files = list(_pictures(path)) if path.is_dir() else [path]
        here = sum(file.stat().st_size for file in files)
        told.append(f"{path.resolve()} {len(files)} {here}")
        size += here
    name = re.sub(r"[^A-Za-z0-9]+", "-", views[0].name)[-40:].strip("-")
    return Source(tuple(views), size, f"{name}-{hashlib.sha256(chr(10).join(told).encode()).hexdigest()[:16]}")


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS and not path.name.startswith(".") and path.is_file()


def _pictures(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURES)

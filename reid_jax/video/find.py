"""Sources from files and folders: videos of one camera, and synchronised views of one place."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from reid_jax.data.decode import ENDINGS
from reid_jax.data.left import Left
from reid_jax.options import listed
from reid_jax.video.frames import VIDEOS


class View(NamedTuple):
    """One camera's frames.

    Attributes:
        path: of a video, or of a folder of frames.
        name: of the file of its boxes, without ".txt".
    """

    path: str
    name: str


class Source(NamedTuple):
    """The views that are cut together.

    Attributes:
        views: one, or several synchronised ones.
        size: bytes of all files.
        key: unique name of the source, for its folder.
    """

    views: tuple[View, ...]
    size: int
    key: str


def videos(paths: Sequence[str]) -> list[Source]:
    """The videos among files and below folders, each once.

    They have the order of `paths` and, below a folder, of the names. A video below a folder is
    named by its path from there, so that two videos of one name in different folders differ.

    Raises:
        FileNotFoundError: a path does not exist.
        ValueError: a folder contains no video.
    """
    views: dict[Path, View] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
        files = [path]
        if path.is_dir():
            files, left = [], Left()
            for file in sorted(path.rglob("*")):
                if _is_video(file):
                    files.append(file)
                elif file.is_file():
                    left.add(file.name)
            if not files:
                raise ValueError(
                    f"there is no video below {path}; a video's name ends in {', '.join(VIDEOS)}"
                    f"{left.told('; ')}"
                )
        for file in files:
            name = file.relative_to(path).with_suffix("").as_posix() if path.is_dir() else file.stem
            views.setdefault(file.resolve(), View(str(file), name))
    return [_source([view]) for view in views.values()]


def rig(text: str) -> Source:
    """Synchronised views: `ONE,OTHER[,...]`, or a folder that contains them.

    Each view is a video or a folder of frames. A name that is there with its commas is one path.

    Raises:
        FileNotFoundError: a path does not exist.
        ValueError: there are fewer than two views.
    """
    paths = [Path(path) for path in listed([text])]
    folder = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
    paths = sorted(folder.iterdir()) if folder else paths
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
    if folder:
        paths = [
            path for path in paths if _is_video(path) or (path.is_dir() and any(_pictures(path)))
        ]
    if len({path.resolve() for path in paths}) < 2:
        raise ValueError(
            f"{text!r} names {len(paths)} view(s), and synchronised ones are two or more: "
            "FILE,FILE, or a folder that holds a video or a folder of frames for each"
        )
    return _source([View(str(path), path.stem) for path in paths])


def _source(views: list[View]) -> Source:
    """The source of some views; a file that is replaced by one of another size changes the key."""
    lines, size = [], 0
    for path in (Path(view.path) for view in views):
        files = list(_pictures(path)) if path.is_dir() else [path]
        if path.is_dir():
            _left(path).warn(path)
        length = sum(file.stat().st_size for file in files)
        lines.append(f"{path.resolve()} {len(files)} {length}")
        size += length
    name = re.sub(r"[^A-Za-z0-9]+", "-", views[0].name)[-40:].strip("-")
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return Source(tuple(views), size, f"{name}-{digest}")


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS and not path.name.startswith(".") and path.is_file()


def _pictures(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS)


def _left(folder: Path) -> Left:
    """What a folder of frames holds beside them."""
    left = Left()
    for path in folder.iterdir():
        if path.is_file() and path.suffix.lower() not in ENDINGS:
            left.add(path.name)
    return left

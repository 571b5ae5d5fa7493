"""What a gallery's folder says of itself, beside its tables.

gallery.json     the format's version, the encoder: its hash, its name, the width of an embedding
operating.json   the encoder's threshold, where it has one (`retrieval.point`)
state.json       the next row's number, the index, and what a writer that died may have left undone
writer.lock      who writes
feedback.jsonl   what people said of answers (`feedback`), and feedback.lock
watched.jsonl    which videos are in it (`watched`), and watch.lock
rows.lance, thumbnails.lance
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from reid_jax.gallery.index import Index
from reid_jax.whole import whole

VERSION = 1
ABOUT, STATE, LOCK = "gallery.json", "state.json", "writer.lock"


class About(NamedTuple):
    """What a gallery is of, for good.

    Attributes:
        encoder: the hash of the encoder's weights, `retrieval.point.fingerprint`.
        width: numbers of an embedding.
        name: what a person calls the encoder, e.g. its backbone.
        version: of the format.
    """

    encoder: str
    width: int
    name: str = ""
    version: int = VERSION


class State(NamedTuple):
    """What changes.

    Attributes:
        next: the number of the next row.
        indexed: how the index is asked; None: there is none.
        undone: None, or a writer is at work or died: files that deleted rows lie in, by table.
    """

    next: int = 0
    indexed: Index | None = None
    undone: dict[str, list[int]] | None = None


def about(folder: Path) -> About:
    """Read what a gallery is of.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it is no gallery, or of another version.
    """
    if not folder.exists():
        raise FileNotFoundError(
            f"there is no gallery {folder}; `reid-jax gallery --gallery={folder} --add=PICTURES "
            "--encoder=FOLDER` makes one"
        )
    try:
        kept = json.loads((folder / ABOUT).read_text())
        version, kept = kept["version"], {name: kept[name] for name in About._fields}
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(f"{folder} is no gallery: it has no {ABOUT} of one") from None
    if version != VERSION:
        raise ValueError(
            f"{folder} is a gallery of version {version}, and this reid_jax reads {VERSION}: "
            "use the one that made it, or add the pictures to a new gallery"
        )
    return About(**kept)


def write_about(folder: Path, kept: About) -> None:
    """Write it."""
    _write(folder / ABOUT, kept._asdict())


def state(folder: Path) -> State:
    """Read what changes; where the file is lost or broken, what a writer that died leaves."""
    try:
        kept = json.loads((folder / STATE).read_text())
        indexed = Index(**kept["indexed"]) if kept["indexed"] else None
        return State(int(kept["next"]), indexed, kept["undone"])
    except (OSError, ValueError, KeyError, TypeError):
        return State(undone={})


def write_state(folder: Path, kept: State) -> None:
    """Write it, whole or not at all."""
    indexed = kept.indexed._asdict() if kept.indexed else None
    _write(folder / STATE, {**kept._asdict(), "indexed": indexed})


def _write(path: Path, kept: dict[str, Any]) -> None:
    with whole(path) as unfinished:
        unfinished.write_text(json.dumps(kept, indent=1) + "\n")

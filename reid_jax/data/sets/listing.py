"""Finding and listing what an archive holds; errors say what is missing and what is there."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from reid_jax.data import records
from reid_jax.data.folders import is_picture
from reid_jax.data.sets.known import kind_of, kind_of_names
from reid_jax.types import Records

SHOWN = 8  # names in an error


class Row(NamedTuple):
    """A picture of an archive; the fields are those of `Records`."""

    file: str
    person: int
    camera: int
    split: str = "train"
    group: int = -1
    frame: int = -1


def made(rows: Sequence[Row]) -> Records:
    """Records of these rows."""
    file, person, camera, split, group, frame = zip(*rows, strict=True)
    return records.make(list(file), person, camera, group=group, split=list(split), frame=frame)


def root(folder: str | Path, name: str, needed: Sequence[str], inside: Sequence[str] = ()) -> Path:
    """Find the folder that holds the parts of an archive.

    Args:
        folder: that the user names.
        name: of the data set, for errors.
        needed: files or folders that it has.
        inside: folders below `folder` that it may be instead, as the archive unpacks.

    Returns:
        The first that has all of them.

    Raises:
        FileNotFoundError: there is no such folder, or a part is missing; the error names the part,
            what is there instead, and another kind of data that this looks like.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder}; name the one that holds {', '.join(needed)} ({name})"
        )
    places = [folder, *(folder / one for one in inside if (folder / one).is_dir())]
    lacks = {place: [one for one in needed if not (place / one).exists()] for place in places}
    best = min(places, key=lambda place: len(lacks[place]))
    if not lacks[best]:
        return best
    missing = ", ".join(f"{one}/" if "." not in one else one for one in lacks[best])
    partial = "; half of an archive?" if len(lacks[best]) < len(needed) else ""
    other = kind_of(best)
    hint = f"; this looks like {other}:{best}" if other and not partial else ""
    raise FileNotFoundError(
        f"{best} has no {missing} ({name}{partial}); it holds {held(best)}{hint}"
    )


def below(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of these folders below `folder` that is there."""
    return next((folder / one for one in names if (folder / one).is_dir()), None)


def held(folder: Path) -> str:
    """The first names of a folder."""
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "") or "nothing"


def pictures(folder: Path) -> list[str]:
    """The paths of the pictures of a folder, by name, without those of its sub-folders.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it has no picture.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    names = [name for name in os.listdir(folder) if is_picture(name)]
    if not names:
        raise ValueError(f"{folder} holds no picture; it holds {held(folder)}")
    return [os.path.join(folder, name) for name in sorted(names)]


def matched(
    files: Iterable[str], form: re.Pattern[str], kind: str, name: str, example: str
) -> list[tuple[str, re.Match[str]]]:
    """The files with what their names match.

    Args:
        files: paths.
        form: of a name.
        kind: of data, KIND of KIND:PATH.
        name: of the data set.
        example: a name that has the form.

    Returns:
        (file, match) of each.

    Raises:
        ValueError: a name has another form; it says which data set has it, if one is known.
    """
    found: list[tuple[str, re.Match[str]]] = []
    for file in files:
        base = os.path.basename(file)
        match = form.match(base)
        other = "" if match and found else kind_of_names([base])
        if not match or other not in ("", kind):
            hint = f"; {other} names them so: {other}:FOLDER" if other not in ("", kind) else ""
            raise ValueError(
                f"{file} is not named as {name} names its pictures, e.g. {example}{hint}"
            )
        found.append((file, match))
    return found

"""What people said of answers as a labelled data set: a folder that `csv:` reads."""

import csv
from pathlib import Path
from typing import NamedTuple

from reid_jax.data.decode import ENDINGS
from reid_jax.gallery import feedback
from reid_jax.gallery.feedback import Said
from reid_jax.gallery.store import Store
from reid_jax.gallery.where import where
from reid_jax.whole import whole

FILE = "labels.csv"
Query = int | bytes


class Told(NamedTuple):
    """What was written: pictures and persons; and persons left out since words contradict."""

    pictures: int
    persons: int
    contradicted: int


def write(store: Store, folder: Path, *, originals: bool = True) -> Told:
    """Write a new folder of labels: labels.csv and the pictures that it names.

    A person is what "the same" joins, two pictures or more; a picture that is only "not the same"
    as one of those is a person of its own. Two persons whom nobody compared may be one in truth.
    Where "not the same" is said of two pictures that "the same" joins, that person is left out.

    Args:
        store: of the gallery.
        folder: new.
        originals: take the file that a row was made of, where its name is that of one; else its
            thumbnail.

    Raises:
        ValueError: nothing was said that gives a label.
        OSError: the disk is full.
    """
    said = feedback.read(store.folder)
    persons, contradicted = _persons(said)
    if not persons:
        raise ValueError(
            f"{store.folder} has no labels yet: nobody said of two pictures that they show the "
            "same person" + (", or only what contradicts itself" if contradicted else "")
        )
    numbers = [one for person in persons for one in person if isinstance(one, int)]
    known = {row["row"]: row for row in store.rows(where(rows=numbers))} if numbers else {}
    small = store.thumbnails(numbers) if numbers else {}
    lines: list[tuple[str, int, str, str]] = []
    with whole(folder) as unfinished:
        (unfinished / "pictures").mkdir(parents=True)
        for person, members in enumerate(persons, 1):
            for one in members:
                row = known.get(one, {}) if isinstance(one, int) else {}
                made = _picture(one, row, small, originals)
                if made is None:
                    continue
                ending, content = made
                name = f"pictures/{feedback.name(one)}{ending}"
                (unfinished / name).write_bytes(content)
                lines.append((name, person, row.get("camera") or "", "train"))
        if not lines:
            raise ValueError(f"{store.folder} has none of the pictures that labels are of")
        with (unfinished / FILE).open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(("path", "person", "camera", "split"))
            out.writerows(lines)
    return Told(len(lines), len({line[1] for line in lines}), contradicted)


def _persons(said: list[Said]) -> tuple[list[list[Query]], int]:
    """(persons as lists of pictures, persons that are left out)."""
    above: dict[Query, Query] = {}

    def root(one: Query) -> Query:
        while above.setdefault(one, one) != one:
            one = above[one]
        return one

    for one in said:
        first, second = root(one.query), root(one.row)
        if one.same:
            above[second] = first
    members: dict[Query, list[Query]] = {}
    for picture in above:
        members.setdefault(root(picture), []).append(picture)
    apart = [(root(one.query), root(one.row)) for one in said if not one.same]
    broken = {first for first, second in apart if first == second}
    whole_ones = {key for key, own in members.items() if len(own) > 1} - broken
    beside = {
        one for pair in apart if whole_ones & {*pair} for one in pair if len(members[one]) == 1
    }
    kept = [own for key, own in members.items() if key in whole_ones | beside]
    return kept, len(broken)


def _picture(
    one: Query, row: dict, small: dict[int, bytes], originals: bool
) -> tuple[str, bytes] | None:
    """(ending, content) of a picture's file; None where nothing is kept of it."""
    if isinstance(one, bytes):
        return ".jpg", one
    path = Path(row.get("name") or "")
    if originals and path.suffix.lower() in ENDINGS and path.is_absolute() and path.is_file():
        return path.suffix.lower(), path.read_bytes()
    return (".jpg", small[one]) if one in small else None

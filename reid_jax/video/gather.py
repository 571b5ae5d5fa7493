"""Joining the parts of `cut` into one packed data set, with a manifest of its sources."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource

from reid_jax.data import packed, records
from reid_jax.files import jsons, npz
from reid_jax.types import Records
from reid_jax.video.cut import ABOUT, COLUMNS, CROPS, ROWS, How
from reid_jax.video.find import Source

MANIFEST, BOXES = "manifest.json", "boxes.npz"


class Parts:
    """The encoded crops of several parts in sequence, as one `Images`.

    One file is open at a time, so that they should be read in order.
    """

    def __init__(self, files: Sequence[str], counts: Sequence[int]):
        self.files, self.ends = list(files), np.cumsum(counts)
        self.opened: tuple[int, ArrayRecordDataSource] | None = None

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getitem__(self, row: int) -> bytes:
        row = range(len(self))[int(row)]
        part = int(np.searchsorted(self.ends, row, side="right"))
        if self.opened is None or self.opened[0] != part:
            self.opened = (part, ArrayRecordDataSource(self.files[part]))
        return self.opened[1][row - int(self.ends[part - 1] if part else 0)]

    def take(self, rows: np.ndarray) -> records.Chosen:
        """The given rows, in order."""
        return records.Chosen(self, rows)


def gather(
    sources: Sequence[Source],
    parts: str | Path,
    out: str | Path,
    how: How,
    *,
    watch: Callable[[int, int], None] = lambda *_: None,
    beside: Callable[[Records, Path], None] = lambda *_: None,
) -> dict:
    """Join the parts of `sources`, in their order, into the packed data set `out`.

    A source with all its views and shots is one group, since people of one shot may appear in the
    next; each view is a camera of its own. In the records, shot is the number of the shot in the
    source's list in MANIFEST (from 0), frame the frame number, domain 1, split "train", and person
    that of the boxes, or -1.

    MANIFEST states the group of each source, -1 where it has no crop. BOXES contains for each row
    the numbers of its source, view and shot in MANIFEST, and its frame, box (x, y, w, h) and score.
    The same parts give the same bytes.

    Args:
        sources: sources that are cut.
        parts: folder of the parts.
        out: the new folder.
        how: the options of the cutting, for MANIFEST.
        watch: see `packed.pack`.
        beside: called with the records and the unfinished folder, to add files to it.

    Returns:
        The contents of MANIFEST.

    Raises:
        ValueError: no source has a crop; the message states the reasons.
        FileNotFoundError: a part is missing.
        FileExistsError: `out` exists.
    """
    folders = [Path(parts) / source.key for source in sources]
    then = "remove its folder to cut it again"
    about = [jsons.read(one / ABOUT, "what a part says of itself", then) for one in folders]
    rows, columns = _columns(folders, about)
    counts = _counts(about)
    manifest = {"made": asdict(how), "counts": counts, "sources": about}
    if not len(rows["source"]):
        reasons = [one["broken"] for one in about if "broken" in one]
        raise ValueError(
            f"there is no crop: {counts_text(counts)}{'; '.join(['', *reasons[:5]])}. "
            "Fewer people a frame, or a lower score, may be asked for"
        )
    having = [
        (str(folder / CROPS), one["crops"])
        for folder, one in zip(folders, about, strict=True)
        if one["crops"]
    ]
    images = Parts([file for file, _ in having], [count for _, count in having])
    place = {name: rows[name] for name in ("frame", "shot")}
    crops = records.make(images, **columns, **place, domain=1)

    def add(folder: Path) -> None:
        boxes = {name: column for name, column in rows.items() if name != "person"}
        np.savez(folder / BOXES, allow_pickle=False, **boxes)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        beside(crops, folder)

    out = Path(out)
    for stale in out.parent.glob(f"{out.name}.unfinished-*"):
        shutil.rmtree(stale)
    packed.pack(crops, out, name="footage", watch=watch, beside=add)
    return manifest


def counts_text(counts: dict[str, int]) -> str:
    """The counts of a manifest as a sentence."""
    return (
        f"{counts['sources']:,} sources, {counts['broken']:,} broken, "
        f"{counts['empty']:,} with too few people or none; "
        f"{counts['kept']:,} of {counts['shots']:,} shots kept, {counts['crops']:,} crops"
    )


def _counts(about: list[dict]) -> dict[str, int]:
    shots = [shot for one in about for shot in one["shots"]]
    return {
        "sources": len(about),
        "broken": sum("broken" in one for one in about),
        "cut": sum("cut" in view for one in about for view in one["views"]),
        "empty": sum("broken" not in one and not one["crops"] for one in about),
        "shots": len(shots),
        "kept": sum(shot["kept"] for shot in shots),
        "crops": sum(one["crops"] for one in about),
    }


def _columns(
    folders: list[Path], about: list[dict]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(columns of BOXES, columns of the records) of all rows; adds the group to each source.

    Persons of different sources get different numbers.
    """
    parts, groups, cameras, persons = [], 0, 0, 0
    for number, (folder, source) in enumerate(zip(folders, about, strict=True)):
        count = source["crops"]
        source["group"] = groups if count else -1
        if not count:
            continue
        part = npz.read(folder / ROWS, "the rows of a part", "remove its folder to cut it again")
        part["source"] = np.full(count, number, np.int32)
        part["group"] = np.full(count, groups, np.int32)
        part["camera"] = cameras + part["view"]
        groups, cameras = groups + 1, cameras + len(source["views"])
        known = part["person"] > 0
        part["person"] = np.where(known, part["person"] + persons, -1)
        persons = max(persons, int(part["person"].max()))
        parts.append(part)
    empty = {name: np.zeros((0, *shape), np.int32) for name, shape in COLUMNS.items()}
    for name in ("source", "group", "camera", "score"):
        empty[name] = np.zeros(0, np.int32)
    parts = parts or [empty]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns = {name: whole.pop(name) for name in ("person", "camera", "group")}
    return whole, columns

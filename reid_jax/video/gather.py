"""The parts that `cut` left -> one packed data set, with a manifest of where its crops come from."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from array_record.python.array_record_data_source import ArrayRecordDataSource

from reid_jax.data import packed, records
from reid_jax.types import Records
from reid_jax.video.cut import ABOUT, COLUMNS, CROPS, ROWS, How
from reid_jax.video.find import Source

MANIFEST, BOXES = "manifest.json", "boxes.npz"


class Parts:
    """The crops of several parts one after the other, encoded; one file is open at a time, for reading in order."""

    def __init__(self, files: Sequence[str], counts: Sequence[int]):
        self.files, self.ends = list(files), np.cumsum(counts)
        self.opened = (-1, None)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getitem__(self, row: int) -> bytes:
        row = range(len(self))[int(row)]
        part = int(np.searchsorted(self.ends, row, side="right"))
        if self.opened[0] != part:
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
    """Join the parts of `sources`, in their order, into the packed data set `out`; returns what its MANIFEST holds.

    A source is a group, all its views and shots, with a camera of its own for each view: people of one shot may be in the
    next. shot is its number among the source's in MANIFEST (from 0), frame the frame's; domain 1, split "train", person
    where the boxes tell, else -1. MANIFEST tells each source's group, -1 where it has no crop. BOXES holds, for each row,
    the number of its source, view and shot in MANIFEST, its frame, box (x, y, w, h) and score. The same parts give the
    same bytes.

    Args: watch, see packed.pack; beside, called with the records and the folder before the folder gets its name, to add
        files.
    Raises: ValueError, with the reasons, where no source has a crop; FileNotFoundError where a part is lacking;
        FileExistsError where `out` exists.
    """
    about = [json.loads((Path(parts) / source.key / ABOUT).read_text()) for source in sources]
    rows, columns = _columns([Path(parts) / source.key for source in sources], about)
    manifest = {"made": asdict(how), "counts": _counts(about), "sources": about}
    if not len(rows["source"]):
        reasons = [told["broken"] for told in about if "broken" in told]
        raise ValueError(
            f"there is no crop: {told_counts(manifest['counts'])}{'; '.join(['', *reasons[:5]])}. Fewer people a frame, "
            "or a lower score, may be asked for"
        )
    having = [(source, told["crops"]) for source, told in zip(sources, about, strict=True) if told["crops"]]
    files = [str(Path(parts) / source.key / CROPS) for source, _ in having]
    images, place = Parts(files, [count for _, count in having]), {name: rows[name] for name in ("frame", "shot")}
    found = records.make(images, **columns, **place, domain=1)

    def add(folder: Path) -> None:
        np.savez(folder / BOXES, **{name: column for name, column in rows.items() if name != "person"})
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        beside(found, folder)

    out = Path(out)
    for stale in out.parent.glob(f"{out.name}.unfinished-*"):
        shutil.rmtree(stale)
    packed.pack(found, out, name="footage", watch=watch, beside=add)
    return manifest


def told_counts(counts: dict[str, int]) -> str:
    """A manifest's counts in words."""
    return (
        f"{counts['sources']:,} sources, {counts['broken']:,} broken, {counts['empty']:,} with too few people or none; "
        f"{counts['kept']:,} of {counts['shots']:,} shots kept, {counts['crops']:,} crops"
    )


def _counts(about: list[dict]) -> dict[str, int]:
    shots = [shot for told in about for shot in told["shots"]]
    return {
        "sources": len(about),
        "broken": sum("broken" in told for told in about),
        "cut": sum("cut" in view for told in about for view in told["views"]),
        "empty": sum("broken" not in told and not told["crops"] for told in about),
        "shots": len(shots),
        "kept": sum(shot["kept"] for shot in shots),
        "crops": sum(told["crops"] for told in about),
    }


def _columns(folders: list[Path], about: list[dict]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(every row's place and box, its person, camera and group); adds to each source its group."""
    parts, groups, cameras, persons = [], 0, 0, 0
    for number, (folder, told) in enumerate(zip(folders, about, strict=True)):
        told["group"] = groups if told["crops"] else -1
        if told["crops"]:
            with np.load(folder / ROWS) as held:
                part = {name: held[name] for name in held.files}
            part["source"] = np.full(told["crops"], number, np.int32)
            part["group"], part["camera"] = np.full(told["crops"], groups, np.int32), cameras + part["view"]
            groups, cameras = groups + 1, cameras + len(told["views"])
            known = part["person"] > 0
            part["person"] = np.where(known, part["person"] + persons, -1)
            persons = max(persons, int(part["person"].max()))
            parts.append(part)
    empty = {name: np.zeros((0, *shape), np.int32) for name, shape in COLUMNS.items()}
    parts = parts or [{**empty, **dict.fromkeys(("source", "group", "camera", "score"), np.zeros(0, np.int32))}]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns = {name: whole.pop(name) for name in ("person", "camera", "group")}
    return whole, columns

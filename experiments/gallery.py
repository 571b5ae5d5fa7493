r"""Keep people seen by cameras over weeks in a folder, for `reid-jax search`.

    python -m experiments.gallery --gallery=people --add=/my/crops --encoder=exported \
        --camera=gate --time=2026-05-01T08:30Z
    python -m experiments.gallery --gallery=people --add=packed:/data/footage
    python -m experiments.gallery --gallery=people --add=crops.parquet
    python -m experiments.gallery --gallery=people --remove --cameras=gate --until=2026-04-01
    python -m experiments.gallery --gallery=people --merge=other
    python -m experiments.gallery --gallery=people --labels=corrected
    python -m experiments.gallery --gallery=people

The last one tells what there is. The first --add makes the gallery, which is of one --encoder from
then on (a run's folder or an exported one) and remembers where it lies. Pictures are added by
thousands, and those that are there already are passed over, so that the same command goes on
where it was stopped. What `reid-jax embed` wrote is added without its pictures, so that there are
no thumbnails. What is removed is gone from the disk when the command ends. --labels makes a data
set of what users of `reid-jax serve` said of their answers.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from reid_jax import encoders
from reid_jax.api.gallery import encoder_of, open_gallery
from reid_jax.app import (
    command,
    embedded,
    filters,
    keys,
    outputs,
    paths,
    pictures,
    progress,
    sources,
)
from reid_jax.data import records
from reid_jax.gallery import labels, moment
from reid_jax.gallery.store import Store, make
from reid_jax.options import expanded
from reid_jax.types import Records

_ADD = flags.DEFINE_string(
    "add", None, "pictures: a folder, a .csv or KIND:PATH; or a file of `reid-jax embed`"
)
_ENCODER = flags.DEFINE_string(
    "encoder",
    None,
    "with --add: the folder of a run or of an export, or hf://owner/name@revision; without it "
    "street, the library's own",
)
_CAMERA = flags.DEFINE_string("camera", None, "with --add: the camera of all pictures")
_TIME = flags.DEFINE_string(
    "time", None, "with --add: when it was, as 2026-05-01T08:30Z; of films, when they began (UTC)"
)
_FPS = flags.DEFINE_float(
    "fps", None, "with --time: frames a second of films, where the data do not say", 0.001
)
_SKIP_BROKEN = flags.DEFINE_boolean("skip_broken", False, "leave out pictures that cannot be read")
_REMOVE = flags.DEFINE_boolean("remove", False, "remove what --cameras and so on name")
_ROWS = flags.DEFINE_list("rows", None, "with --remove: only rows of these numbers")
_LABELS = flags.DEFINE_string(
    "labels", None, "a new folder: what users of `reid-jax serve` said, as a set that csv: reads"
)
_MERGE = flags.DEFINE_string("merge", None, "another gallery of the same encoder, to be added")
PIECE = 4096  # pictures of a commit


def main() -> None:
    """Add, remove, merge or tell."""
    asked = [bool(one.value) for one in (_ADD, _REMOVE, _MERGE, _LABELS)]
    if sum(asked) > 1:
        raise ValueError(
            "--add, --remove, --merge and --labels are done one at a time; name one of them"
        )
    if not _REMOVE.value and (filters.given() or _ROWS.value):
        raise ValueError("--cameras, --since and so on name what --remove removes; add --remove")
    folder = filters.folder()
    if _ADD.value:
        _add(folder, _ADD.value)
    elif _REMOVE.value:
        which = filters.chosen(**({} if _ROWS.value is None else {"rows": _numbers()}))
        count = Store(folder, say=command.say).remove(which)
        command.say(f"{count:,} rows are removed, and their bytes are gone from {folder}")
    elif _MERGE.value:
        count = Store(folder, say=command.say).merge(Store(expanded(_MERGE.value)))
        command.say(f"{count:,} rows of {_MERGE.value} are added to {folder}")
    elif _LABELS.value:
        out = outputs.new(_LABELS.value, flag="--labels")
        told = labels.write(Store(folder), out)
        left = f"; {told.contradicted} left out, of whom words contradict" * bool(told.contradicted)
        command.say(f"{told.pictures:,} pictures of {told.persons:,} persons{left}")
        command.say(f"csv:{out}/{labels.FILE}")
        return
    _tell(Store(folder))


def _add(folder: Path, text: str) -> None:
    moment.micro(_TIME.value or 0, "--time")
    if text.endswith((".npz", ".parquet")):
        _add_embeddings(folder, text)
        return
    command.say(f"gallery: the pictures of {text} into {folder}")
    data, names = pictures.opened(text)
    known = keys.known(text, data)
    full = _full_names(text, data, names)
    encoder = encoder_of(folder, _ENCODER.value, command.say)
    gallery = open_gallery(folder, expanded(encoder), create=True, say=command.say)
    rows = _new(gallery.store, full)
    if len(rows) < len(full):
        command.say(f"{len(full) - len(rows):,} of {len(full):,} pictures are there already")
    if _SKIP_BROKEN.value:
        fine = records.readable(records.take(data, rows))
        sources.say_broken(records.take(data, rows), fine, "given")
        rows = rows[fine]
    known["name"] = full
    with progress.doing("adding pictures") as watch:
        for start in range(0, len(rows), PIECE):
            some = rows[start : start + PIECE]
            gallery.add(records.take(data, some), **_columns(known, some), maintain=False)
            watch(start + len(some), len(rows))
        gallery.store.maintain()
    command.say(f"{len(rows):,} pictures are added")


def _add_embeddings(folder: Path, text: str) -> None:
    """Add a file of `reid-jax embed`."""
    path = Path(expanded(text))
    file = embedded.read(path)
    if file.encoder is None:
        raise ValueError(f"{path} does not say which encoder it is of; embed the pictures again")
    command.say(f"gallery: the embeddings of {path} into {folder}")
    if not (folder.is_dir() and any(folder.iterdir())):
        name = encoders.found(_ENCODER.value)[1] if _ENCODER.value else ""
        make(folder, file.encoder, file.embedding.shape[1], name=name)
    store = Store(folder, encoder=file.encoder, say=command.say)
    full = [f"{os.path.abspath(path)}#{name}" for name in file.name]
    rows = _new(store, full)
    known = _columns({**file.keys, "name": full}, rows)
    store.add(file.embedding[rows], **known, encoder=file.encoder)
    command.say(f"{len(rows):,} embeddings are added")


def _new(store: Store, names: list[str]) -> np.ndarray:
    """The places i64[k] of names that no row of the gallery has yet."""
    there = {row["name"] for row in store.rows(columns=["name"])}
    return np.array([place for place, name in enumerate(names) if name not in there], np.int64)


def _columns(known: dict[str, list[Any]], rows: np.ndarray) -> dict[str, Any]:
    """The columns of some rows, with what the flags say of all."""
    names = ("camera", "track", "person", "video", "frame", "box", "name", "time")
    found: dict[str, Any] = {
        name: [known[name][row] for row in rows.tolist()] for name in names if name in known
    }
    found["person"] = [one or None for one in found.get("person", [None] * len(rows))]  # 0: nobody
    if _CAMERA.value is not None:
        found["camera"] = _CAMERA.value
    if _TIME.value:
        rates = known.get("rate")
        rate = [(rates[row] if rates else None) or _FPS.value for row in rows.tolist()]
        found["time"] = list(_moments(found.get("frame") or [None] * len(rows), rate))
    return found


def _moments(frames: list[int | None], rates: list[float | None]) -> Iterator[float]:
    """Seconds since 1970 of frames of films that began at --time."""
    begun = moment.micro(_TIME.value) / 1e6
    for frame, rate in zip(frames, rates, strict=True):
        yield begun if frame is None or rate is None else begun + frame / rate


def _full_names(text: str, data: Records, names: list[str]) -> list[str]:
    """A name for each picture that no other has: its path, or that of what holds it and the row."""
    if pictures.are_files(data):
        return [os.path.abspath(str(path)) for path in np.asarray(data.image).tolist()]
    holder = paths.source(pictures.recognised(text))
    return [f"{holder}#{name}" for name in names]


def _numbers() -> list[int]:
    try:
        return [int(one) for one in _ROWS.value or []]
    except ValueError:
        raise ValueError(f"--rows={','.join(_ROWS.value or [])} are no numbers of rows") from None


def _tell(store: Store) -> None:
    """Print what there is."""
    told = store.info()
    cameras = ", ".join(f"{name}: {n:,}" for name, n in sorted(told["cameras"].items(), key=str))
    index = told["index"]
    lines = {
        "rows": f"{told['rows']:,}, {told['thumbnails']:,} thumbnails",
        "cameras": cameras or "not known",
        "time": f"{told['since']} to {told['until']}" if told["since"] else "not known",
        "encoder": f"{told['encoder']}, {told['width']} numbers; {told['name'] or 'of no name'}",
        "threshold": "none" if told["threshold"] is None else f"{told['threshold']:.4f} cosine",
        "index": "none, every row is looked at"
        if index is None
        else f"finds {100 * index['recall']:.1f}% of the ten nearest; {told['lacks'] or 0:,} rows "
        "are not in it",
        "disk": f"{told['bytes'] / 1e6:,.1f} MB",
    }
    for name, value in lines.items():
        command.say(f"{name:10} {value}")


if __name__ == "__main__":
    command.plain(main)

r"""Embeddings -> pseudo labels: data for a training, and a sheet of the largest labels.

    python -m experiments.cluster --embeddings=crops.npz --pictures=/my/crops --out=labels.csv

The embeddings are what experiments.embed wrote of the same --pictures. The labels come from DBSCAN
on the k-reciprocal Jaccard distance. What is known of a picture's camera, video and frame is kept;
one without a label is written without a person, so a training leaves it out. Then

    python -m experiments.ide --workdir=runs/mine --config.data=csv:labels.csv \
        --config.test=synthetic:harbour

A CSV names files. Of a packed folder, such as the crops of videos, the labels are another one:

    python -m experiments.cluster --embeddings=footage.npz --pictures=/data/footage --out=labelled
    python -m experiments.ide --workdir=runs/mine --config.data=packed:labelled \
        --config.test=synthetic:harbour
"""

import csv
import os
from pathlib import Path

import numpy as np
from absl import flags

from reid_jax.app import canvas, command, embedded, outputs, pictures, progress, sheets
from reid_jax.clustering import approximate, refine, report
from reid_jax.data import packed, records
from reid_jax.options import expanded
from reid_jax.types import Records
from reid_jax.whole import whole

_EMBEDDINGS = flags.DEFINE_string("embeddings", None, "the file of `reid-jax embed`", required=True)
_PICTURES = flags.DEFINE_string(
    "pictures", None, "the pictures that were embedded, as they were named there", required=True
)
_OUT = flags.DEFINE_string(
    "out",
    None,
    "the .csv to write, a sheet, .png, beside it; or a new folder, for a packed data set",
    required=True,
)
_EPS = flags.DEFINE_float(
    "eps", 0.6, "radius of DBSCAN, above 0 and below 1; less keeps people apart"
)
_SAMPLES = flags.DEFINE_integer(
    "min_samples", 4, "pictures within eps that make a core, itself counted", lower_bound=1
)
_K1 = flags.DEFINE_integer(
    "k1", 30, "neighbours of the k-reciprocal Jaccard distance", lower_bound=1
)
_K2 = flags.DEFINE_integer("k2", 6, "neighbours that it averages over", lower_bound=1)
_LEAST = flags.DEFINE_integer("least", 2, "pictures of a label, at least", lower_bound=1)
_EXACT = flags.DEFINE_integer(
    "exact_up_to",
    200_000,
    "pictures up to which neighbours are exact; above, nearly",
    lower_bound=0,
)


def main() -> None:
    """Label and write, whole or not at all."""
    out = outputs.new(_OUT.value, ".csv", "")
    if out.suffix:
        outputs.new(str(out.with_suffix(".png")), flag="--out, whose sheet this would be")
    if not 0 < _EPS.value < 1:
        raise ValueError(
            f"--eps is {_EPS.value}; the Jaccard distance runs from 0 to 1, choose between"
        )
    folder = Path(expanded(_PICTURES.value))
    if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
        raise ValueError(
            f"--out={out} lies in {folder}, where its sheet would be taken for a person; choose a "
            "place outside"
        )
    command.say(f"cluster: the embeddings {_EMBEDDINGS.value} into labels, {out}")
    names, embedding, *_ = embedded.read(Path(expanded(_EMBEDDINGS.value)))
    data = _data(names)
    if out.suffix and not pictures.are_files(data):
        raise ValueError(
            f"--out={out}: a CSV names files, and the pictures of {_PICTURES.value} are none; "
            "--out=FOLDER writes a packed data set"
        )
    with progress.doing("finding persons"):
        labels, figures = approximate.cluster(
            embedding,
            eps=_EPS.value,
            min_samples=_SAMPLES.value,
            k1=_K1.value,
            k2=_K2.value,
            how=approximate.Search(above=_EXACT.value),
        )
    labels = refine.refine(labels, least=_LEAST.value, most=None)
    for name, figure in {**figures, **report.describe(labels)}.items():
        command.say(f"{name:18} {figure:,.6g}")
    data = data._replace(person=np.where(labels >= 0, labels + 1, -1).astype(np.int32))
    if out.suffix:
        _write(out, data)
        _draw(out.with_suffix(".png"), data)
    else:
        split = np.full_like(data.split, "train")
        made = data._replace(split=split, domain=np.zeros_like(data.domain))
        packed.pack(made, out, beside=lambda folder: _draw(folder / "labels.png", made))
    command.say(f"{out}: {len(names):,} pictures")


def _data(names: list[str]) -> Records:
    """The pictures of these names."""
    data, below = pictures.opened(_PICTURES.value)
    place = {name: row for row, name in enumerate(below)}
    if missing := sorted(set(names) - set(place)):
        raise ValueError(
            f"{len(missing)} embedded pictures are not below {_PICTURES.value}, the first: "
            f"{missing[0]}"
        )
    return records.take(data, np.array([place[name] for name in names]))


def _write(out: Path, data: Records) -> None:
    """Write a CSV with the columns that are known."""
    names = ("group", "frame", "shot")
    known = [name for name in names if (getattr(data, name) >= 0).any()]
    columns = [data.person - 1, data.camera, *(getattr(data, name) for name in known)]
    with whole(out) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "person", "camera", *known, "split"])
        for row, numbers in enumerate(zip(*columns, strict=True)):
            path = os.path.relpath(str(data.image[row]), out.parent)
            writer.writerow([path, *("" if one < 0 else one for one in numbers), "train"])


def _draw(path: Path, data: Records) -> None:
    """Draw some pictures of each of the largest labels, a label in each row."""
    counts = np.bincount(data.person[data.person >= 1])
    largest = np.flatnonzero(counts)[np.argsort(-counts[counts > 0], kind="stable")][:16]
    if len(largest):
        part = records.take(data, np.isin(data.person, largest))
        title = f"The {len(largest)} largest of {np.count_nonzero(counts):,} pseudo labels of "
        title += str(_PICTURES.value)
        sheet = sheets.data_sheet(part, 0, title, persons=16, kind="label", first=0)
        canvas.save(path, canvas.drawn(sheet))
        command.say(f"{path.name}: the {len(largest)} largest labels, a row each")


if __name__ == "__main__":
    command.plain(main)

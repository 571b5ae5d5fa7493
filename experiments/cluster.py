r"""Embeddings -> pseudo labels: a CSV for a training, and a sheet of the largest labels.

    python -m experiments.cluster --embeddings=crops.npz --pictures=/my/crops --out=labels.csv

The embeddings are what experiments.embed wrote, of the pictures below that folder. The labels come
from DBSCAN on the k-reciprocal Jaccard distance; a picture without a label is written without a
person, so a training leaves it out. Then

    python -m experiments.ide --workdir=runs/mine --config.data=csv:labels.csv \
        --config.test=synthetic:harbour
"""

import csv
import os
import zipfile
from pathlib import Path

import numpy as np
from absl import flags

from reid_jax.app import canvas, command, sheets
from reid_jax.clustering import approximate, refine, report
from reid_jax.data import records
from reid_jax.data.folders import pictures
from reid_jax.whole import whole

_EMBEDDINGS = flags.DEFINE_string(
    "embeddings", None, "the .npz of experiments.embed", required=True
)
_PICTURES = flags.DEFINE_string(
    "pictures", None, "the folder whose pictures were embedded", required=True
)
_OUT = flags.DEFINE_string(
    "out", None, "the .csv to write; a sheet, .png, goes beside it", required=True
)
_EPS = flags.DEFINE_float(
    "eps", 0.6, "radius of DBSCAN, above 0 and below 1; less keeps people apart"
)
_SAMPLES = flags.DEFINE_integer(
    "min_samples", 4, "pictures within eps that make a core, itself counted"
)
_K1 = flags.DEFINE_integer("k1", 30, "neighbours of the k-reciprocal Jaccard distance")
_K2 = flags.DEFINE_integer("k2", 6, "neighbours that it averages over")
_LEAST = flags.DEFINE_integer("least", 2, "pictures of a label, at least")
_EXACT = flags.DEFINE_integer(
    "exact_up_to", 200_000, "pictures up to which neighbours are exact; above, nearly"
)


def main() -> None:
    """Label and write, whole or not at all."""
    out, folder = Path(_OUT.value), Path(_PICTURES.value)
    if out.exists():
        raise FileExistsError(f"{out} exists already; choose another --out")
    if out.suffix != ".csv":
        raise ValueError(f"--out is a .csv, not {out}")
    if not 0 < _EPS.value < 1:
        raise ValueError(
            f"--eps is {_EPS.value}; the Jaccard distance runs from 0 to 1, choose between"
        )
    names, embedding = _read(Path(_EMBEDDINGS.value))
    below = {os.path.relpath(str(image), folder) for image in np.asarray(pictures(folder).image)}
    if missing := sorted(set(names) - below):
        raise ValueError(
            f"{len(missing)} embedded pictures are not below {folder}, the first: {missing[0]}"
        )
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
    files = [str(folder / name) for name in names]
    _write(out, [os.path.relpath(file, out.parent) for file in files], labels)
    command.say(f"{out}: {len(names):,} pictures")
    if labels.max() >= 0:
        _draw(out.with_suffix(".png"), folder, files, labels)


def _read(path: Path) -> tuple[list[str], np.ndarray]:
    """Names and embeddings."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; experiments.embed writes it")
    try:
        with np.load(path) as held:
            names, embedding = held["name"].tolist(), held["embedding"]
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no file of experiments.embed: {error}") from None
    if len(names) != len(embedding) or not names:
        raise ValueError(f"{path} holds {len(names)} names and {len(embedding)} embeddings")
    return names, embedding


def _write(out: Path, paths: list[str], labels: np.ndarray) -> None:
    with whole(out) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "person", "camera", "split"])
        writer.writerows(
            [path, label if label >= 0 else "", "", "train"]
            for path, label in zip(paths, labels, strict=True)
        )


def _draw(path: Path, folder: Path, files: list[str], labels: np.ndarray) -> None:
    """Draw some pictures of each of the largest labels, a label in each row."""
    largest = np.argsort(-np.bincount(labels[labels >= 0]), kind="stable")[:16]
    images = np.array(files, object)
    part = records.make(images, np.where(np.isin(labels, largest), labels + 1, -1))
    title = f"The {len(largest)} largest of {labels.max() + 1:,} pseudo labels of {folder}"
    canvas.save(path, sheets.data_sheet(part, 0, title, persons=16, kind="label", first=0))
    command.say(f"{path}: the {len(largest)} largest labels, a row each")


if __name__ == "__main__":
    command.plain(main)

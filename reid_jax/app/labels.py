"""Pseudo labels for a training that takes them as they are: a run's, kept as a CSV, or its own."""

import csv
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from reid_jax import checkpoint, encoders, parallel, train
from reid_jax.app import stages, words
from reid_jax.app.embedding import embed_rows
from reid_jax.app.job import Experiment, Job
from reid_jax.app.parts import Adaptation, CameraBatch, Schedule, carried
from reid_jax.app.views import Views
from reid_jax.data.records import relabel
from reid_jax.files import late
from reid_jax.options import choose, expanded
from reid_jax.types import Domain, Records
from reid_jax.whole import whole

EACH_EPOCH, GIVEN = "each_epoch", "given"
COLUMNS = ("row", "picture", "label")
Labellers = Mapping[str, Experiment]  # adaptations, whose runs make pseudo labels of the target


def check(config: Any, labellers: Labellers) -> None:
    """Check --config.pseudo_labels and the options of its experiment.

    Raises:
        ValueError: it is no labeller, no file and no word, or an option is not the labeller's.
    """
    word = config.pseudo_labels
    if not config.target or word in (EACH_EPOCH, GIVEN) or word.endswith(".csv"):
        return
    choices = dict.fromkeys((*labellers, EACH_EPOCH, GIVEN, "FILE.csv"))
    choose("--config.pseudo_labels", word, choices)
    stage_config(config, labellers)


def of(config: Any, part: Records, folder: Path, labellers: Labellers) -> np.ndarray:
    """Find the pseudo labels that `config.pseudo_labels` names.

    Args:
        config: with the fields pseudo_labels and stage1.
        part: the target's pictures.
        folder: where a labeller is trained.
        labellers: experiments that can be named.

    Returns:
        i[n], -1 where there is none; all -1 where they are made at the start of each epoch.
    """
    word = config.pseudo_labels
    if word not in labellers or not len(part.person):
        return known(config, part)
    if not parallel.agreed((folder / "labels.csv").is_file()):
        own, labeller = stage_config(config, labellers), labellers[word]
        stages.finish(labeller, own, folder, f"stage 1: pseudo labels by {word}")
        job = labeller.build(own)
        label = _last(job, own, folder)[job.train.domain == Domain.UNLABELLED]
        if jax.process_index() == 0:
            write(folder / "labels.csv", part, label)
        parallel.agreed(True)  # all wait for the first
    late.wait(folder / "labels.csv")
    return read(folder / "labels.csv", part)


def known(config: Any, part: Records) -> np.ndarray:
    """The pseudo labels i[n] of `of` where `config.pseudo_labels` names no labeller."""
    if config.pseudo_labels == EACH_EPOCH:
        return np.full(len(part.person), -1)
    if config.pseudo_labels == GIVEN or not len(part.person):
        return relabel(part.person)
    return read(Path(expanded(config.pseudo_labels)), part)


def stage_config(config: Any, labellers: Labellers) -> Any:
    """The labeller's configuration: data and encoder as `config` has them, and --config.stage1."""
    kind = labellers[config.pseudo_labels].config
    lengths = ("epochs", "iterations", "learning_rate", "persons", "per_person")
    parts = (encoders.Network, Views, Adaptation, CameraBatch, Schedule)
    own = carried(config, kind, *parts, but=(*encoders.STATISTICS, *lengths))
    return words.changed(own, "--config.stage1", config.stage1)


def _last(job: Job, config: Any, workdir: Path) -> np.ndarray:
    """Labels i32[n] of the training data by one more plan after the last epoch of a run."""
    like = train.create(job.method, job.optimiser, jax.random.key(config.seed), job.train)
    with checkpoint.manager(workdir / "checkpoints") as checkpoints:
        restored = checkpoint.restore(checkpoints, like)
    if restored is None:
        raise FileNotFoundError(f"{workdir} holds no checkpoint")
    _, plan = train.plan_epoch(
        job.method,
        job.optimiser,
        partial(embed_rows, parallel.build_embed(job.model), job.model, job.train),
        job.train,
        parallel.replicate(restored[0]),
        seed=config.seed,
        epoch=config.epochs,
    )
    return plan.label


def write(path: Path, part: Records, label: np.ndarray) -> None:
    """Write a line for each picture: its row, its file if it has one, its label (-1: none)."""
    with whole(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        rows = enumerate(zip(_names(part), label, strict=True))
        writer.writerows((row, name, int(one)) for row, (name, one) in rows)


def read(path: Path, part: Records) -> np.ndarray:
    """Read what `write` wrote of the pictures of `part`, i64[n].

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is of other pictures, or of another kind.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file of labels {path}; the first stage of a run leaves stage1/labels.csv"
        )
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise ValueError(f"{path} is no file of labels: its columns should be {', '.join(COLUMNS)}")
    if len(lines) != len(part.person):
        raise ValueError(
            f"{path} has the labels of {len(lines)} pictures and the data hold {len(part.person)}"
        )
    for number, (line, name) in enumerate(zip(lines, _names(part), strict=True), 2):
        if line["picture"] != name:
            raise ValueError(
                f"{path}: line {number} is of {line['picture']}, and there the data have {name}"
            )
    try:
        return np.array([int(line["label"]) for line in lines])
    except ValueError as error:
        raise ValueError(f"{path}: a label is a number: {error}") from None


def _names(part: Records) -> list[str]:
    """The files' names, where the pictures are files."""
    if not isinstance(part.image, np.ndarray):
        return [""] * len(part.person)
    return [Path(item).name if isinstance(item, str) else "" for item in part.image]

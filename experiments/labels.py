"""Pseudo labels for a training that takes them as they are: those of a run, kept as a CSV, or of a morning of its own."""

import csv
import dataclasses
import os
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments import command, encoders, mmt, run, spcl, views
from experiments.choices import choose
from reid_jax import checkpoint, parallel, train
from reid_jax.data.records import relabel
from reid_jax.types import Records

LABELLERS = {"spcl": spcl, "mmt": mmt}  # scripts of adaptation, whose runs leave pseudo labels of the target
MORNING, GIVEN = "morning", "given"
COLUMNS = ("row", "picture", "label")


def check(config: Any) -> None:
    """Refuse a `config.pseudo_labels` that is no labeller, no file and no word, and options that its script has not."""
    if not config.target or config.pseudo_labels in (MORNING, GIVEN) or config.pseudo_labels.endswith(".csv"):
        return
    choose("--config.pseudo_labels", config.pseudo_labels, dict.fromkeys((*LABELLERS, MORNING, GIVEN, "FILE.csv")))
    _script(config)


def of(config: Any, part: Records, folder: Path) -> np.ndarray | None:
    """Labels i[n] of the pictures of `part` (the target's) that `config.pseudo_labels` names.

    By a script they are made in a run in `folder`. Nothing where they are made each morning; None where the run was stopped.
    """
    if config.pseudo_labels == MORNING:
        return np.full(len(part.person), -1)
    if config.pseudo_labels == GIVEN or not len(part.person):
        return relabel(part.person)
    if config.pseudo_labels not in LABELLERS:
        return read(Path(config.pseudo_labels), part)
    if not parallel.agreed((folder / "labels.csv").is_file()):
        print(f"stage 1: pseudo labels by {config.pseudo_labels}", flush=True)
        own, script = _script(config), LABELLERS[config.pseudo_labels]
        if not script.stages(own, folder):
            return None
        job = script.build(own)
        found = _last(job, own, folder)[job.train.domain == 1]
        if jax.process_index() == 0:
            write(folder / "labels.csv", part, found)
        parallel.agreed(True)  # all wait for the first
    return read(folder / "labels.csv", part)


def _script(config: Any) -> Any:
    """The configuration of the labeller's script: data and encoder as `config` has them, the rest as `config.stage1` says."""
    shared = ("data", "target", "test", "skip_broken", "same_camera", "other_cameras", "seed", "weight_decay")
    shared += views.NAMES
    encoder = [field.name for field in dataclasses.fields(encoders.Encoder) if not field.name.startswith("bn_")]
    own = LABELLERS[config.pseudo_labels].Config(**{name: getattr(config, name) for name in (*encoder, *shared)})
    return command.changed(own, "--config.stage1", config.stage1)


def _last(job: run.Job, config: Any, workdir: Path) -> np.ndarray:
    """Labels i32[n] of the training data by one more morning after the last epoch of the run in `workdir`."""
    like = train.create(job.method, job.optimiser, jax.random.key(config.seed), job.train)
    with checkpoint.manager(workdir / "checkpoints") as checkpoints:
        state, _ = checkpoint.restore(checkpoints, like)
    see = partial(run.look, parallel.build_embed(job.model), job.model, job.train)
    state = parallel.replicate(state)
    return train.morning(job.method, see, job.train, state, seed=config.seed, epoch=config.epochs)[1].label


def write(path: Path, part: Records, label: np.ndarray) -> None:
    """A line for each picture: its row, its file where it has one, its label, -1 without; whole or not at all."""
    unfinished = path.with_suffix(f".unfinished-{os.getpid()}")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((row, name, int(one)) for row, (name, one) in enumerate(zip(_names(part), label, strict=True)))
    unfinished.rename(path)


def read(path: Path, part: Records) -> np.ndarray:
    """Labels i64[n] of the pictures of `part`; ValueError where the file is of others."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of labels {path}; the first stage of a run leaves stage1/labels.csv")
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise ValueError(f"{path} is no file of labels: its columns should be {', '.join(COLUMNS)}")
    if len(lines) != len(part.person):
        raise ValueError(f"{path} has the labels of {len(lines)} pictures and the data hold {len(part.person)}")
    for number, (line, name) in enumerate(zip(lines, _names(part), strict=True), 2):
        if line["picture"] != name:
            raise ValueError(f"{path}: line {number} is of {line['picture']}, and there the data have {name}")
    try:
        return np.array([int(line["label"]) for line in lines])
    except ValueError as error:
        raise ValueError(f"{path}: a label is a number: {error}") from None


def _names(part: Records) -> list[str]:
    """The files' names, where the pictures are files."""
    if not isinstance(part.image, np.ndarray):
        return [""] * len(part.person)
    return [Path(item).name if isinstance(item, str) else "" for item in part.image]

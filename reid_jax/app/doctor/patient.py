"""The encoder that is looked at: of a run, an export or a weights file, whole or not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from reid_jax import checkpoint, encoders, evaluate, export, lean, parallel
from reid_jax.app import progress
from reid_jax.app.protocols.checkpoints import step
from reid_jax.data import records
from reid_jax.models import pretrained
from reid_jax.options import absolute, choose
from reid_jax.retrieval import point
from reid_jax.types import Input, Model, Variables


class Patient(NamedTuple):
    """An encoder.

    Attributes:
        name: the folder or the file.
        embed: (variables as `placed`, uint8 [b h w 3]) -> f32[b d].
        placed: for `embed`.
        input: the pictures that it takes.
        coverage: what its arrays were filled from, in a line.
        missing: names of arrays that were to be filled and were not.
        model: None of a program.
        variables: on the host; None of a program.
        metric: of its retrieval.
    """

    name: str
    embed: parallel.Embed
    placed: Any
    input: Input
    coverage: str
    missing: tuple[str, ...] = ()
    model: Model | None = None
    variables: Variables | None = None
    metric: str = "cosine"

    @property
    def hash(self) -> str:
        """Of its weights; "" of a program."""
        return "" if self.variables is None else point.fingerprint(self.variables)


def of_model(
    name: str,
    model: Model,
    variables: Variables,
    coverage: str = "",
    missing: tuple[str, ...] = (),
    metric: str = "cosine",
) -> Patient:
    """The patient of a model and its variables on the host."""
    return Patient(
        name, parallel.build_embed(model), parallel.replicate(variables), model.input,
        coverage or f"{len(jax.tree.leaves(variables))} arrays", missing, model, variables, metric,
    )  # fmt: skip


def of_run(workdir: Path) -> Patient:
    """The encoder of a run's newest checkpoint.

    Raises:
        FileNotFoundError: the folder is not one of a run, or it has no checkpoint.
    """
    config, model = encoders.of_run(workdir)
    variables = checkpoint.restore_encoder(workdir / "checkpoints", model)
    count = len(jax.tree.leaves(variables))
    coverage = f"all {count} arrays, from the checkpoint of step {step(workdir):,}"
    return of_model(str(workdir), model, variables, coverage, (), config.rank_by)


def of_export(folder: Path) -> Patient:
    """An exported encoder: its program, and its weights, where it says them.

    Of one in half precision, which has no program, its weights.

    Raises:
        FileNotFoundError: the folder holds none.
    """
    if lean.holds(folder):
        kept, known, halves = encoders.trained(folder)
        coverage = f"all {len(jax.tree.leaves(halves))} arrays, in half precision"
        return of_model(str(folder), known, halves, coverage, (), kept.rank_by)
    run, about = export.load(folder)
    config: Mapping[str, Any] = about["config"]
    model, variables = None, None
    coverage = "a program, whose weights are inside"
    if "backbone" in config:
        _, model, variables = encoders.trained(folder)
        coverage = f"all {len(jax.tree.leaves(variables))} arrays, beside the program"
    return Patient(
        str(folder), lambda _, image: np.asarray(run(image), np.float32), None,
        checkpoint.input_of(about["normalisation"]), coverage, (), model, variables,
        config.get("rank_by", "cosine"),
    )  # fmt: skip


def of_weights(
    file: str, backbone: str, *, size: str, resize: str = "area", normalise: str = "imagenet"
) -> Patient:
    """A weights file; what it lacks keeps its first random numbers, and is named.

    Args:
        file: the weights.
        backbone: the network that they are of.
        size: of the pictures; this and the following are as of `encoders.of_weights`.
        resize: how they are resized.
        normalise: mean and std of their pixels.

    Raises:
        ValueError: there is no such backbone, size, resize or normalise; or not a weights file.
        FileNotFoundError: there is no such file.
    """
    choose("backbone", backbone, encoders.BACKBONES)
    config = encoders.Network(backbone, "", "", size, resize, normalise, neck=False)
    model = encoders.build(config)
    begun = jax.device_get(model.init(jax.random.key(0)))
    path = absolute(file)
    variables, filled = pretrained.load(path, begun, leave=["*"])
    try:
        pretrained.load(path, begun)
        missing: tuple[str, ...] = ()
    except ValueError as error:
        missing = filled.missing or (str(error),)
    return of_model(file, model, variables, f"{file} fills {filled}", missing)


def embedded(patient: Patient, image: np.ndarray, batch: int = 64) -> np.ndarray:
    """Embeddings f32[n d] of pictures as the network takes them, uint8 [n h w 3]."""
    part = records.make(records.Held(image), -1)
    with progress.doing("embedding pictures") as watch:
        return evaluate.embed_rows(
            patient.embed, patient.placed, part, np.arange(len(image)), input=patient.input,
            batch=batch, watch=watch,
        )  # fmt: skip

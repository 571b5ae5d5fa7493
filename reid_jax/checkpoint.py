"""Checkpoints: state, plan and position in the epoch, written whole or not at all (orbax)."""

import logging
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from reid_jax import parallel
from reid_jax.train import Moment
from reid_jax.types import Input, Model, Plan, TrainState, Variables


def manager(folder: str | Path, *, keep: int = 2) -> ocp.CheckpointManager:
    """The checkpoints under `folder`, the newest `keep` of them."""
    logging.getLogger("absl").addFilter(_quiet)
    options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True, enable_async_checkpointing=True)
    return ocp.CheckpointManager(Path(folder).absolute(), options=options)


def save(checkpoints: ocp.CheckpointManager, moment: Moment, encoder: Variables, taken: Input) -> None:
    """Write a moment in the background; a kill while writing leaves the one before.

    encoder: the method's encoder on the host, written as an item of its own, so that who only embeds need not know the
    method. taken: what the encoder takes, its `Model.input`.
    """
    state = parallel.first(moment.state)
    position = {"epoch": moment.epoch, "done": moment.done, "report": dict(moment.plan.report)}
    plan = {"rows": np.asarray(moment.plan.rows), "label": np.asarray(moment.plan.label)}
    checkpoints.save(
        int(state.step),
        args=ocp.args.Composite(
            state=ocp.args.StandardSave(state),
            plan=ocp.args.StandardSave(plan),
            position=ocp.args.JsonSave(position),
            encoder=ocp.args.StandardSave(encoder),
            input=ocp.args.JsonSave(_plain(taken)),
        ),
    )


def restore(checkpoints: ocp.CheckpointManager, like: TrainState) -> tuple[TrainState, tuple[int, int, Plan]] | None:
    """The newest moment as (state on the host, (epoch, done, plan)), or None where nothing was saved.

    like: a state of the same method and model; its shapes are held against what is on disk.
    """
    step = checkpoints.latest_step()
    if step is None:
        return None
    like = jax.tree.map(np.asarray, like)
    read = checkpoints.restore(
        step,
        args=ocp.args.Composite(
            state=ocp.args.StandardRestore(like),
            plan=ocp.args.StandardRestore(),
            position=ocp.args.JsonRestore(),
        ),
    )
    position = read["position"]
    plan = Plan(np.asarray(read["plan"]["rows"]), np.asarray(read["plan"]["label"]), position["report"])
    return TrainState(*read["state"]), (position["epoch"], position["done"], plan)


def restore_encoder(folder: str | Path, model: Model) -> Variables:
    """The encoder of the newest checkpoint under `folder`.

    Raises: FileNotFoundError where there is none; ValueError where it takes other pictures than `model`.
    """
    if not Path(folder).is_dir():
        raise FileNotFoundError(f"{folder} holds no checkpoint; was this run stopped before its first one?")
    with manager(folder) as checkpoints:
        step = checkpoints.latest_step()
        if step is None:
            raise FileNotFoundError(f"{folder} holds no finished checkpoint")
        parts = ocp.args.Composite(encoder=ocp.args.StandardRestore(empty(model)), input=ocp.args.JsonRestore())
        read = checkpoints.restore(step, args=parts)
    theirs = {"resize": "area", **read["input"]}  # older checkpoints do not tell
    if theirs != _plain(model.input):
        raise ValueError(f"the encoder under {folder} takes {theirs}, and this model {_plain(model.input)}")
    return read["encoder"]


def empty(model: Model) -> Variables:
    """The encoder's variables, all zero: what is read is held against their shapes."""
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)


def _plain(taken: Input) -> dict[str, Any]:
    """As JSON gives it back."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in taken._asdict().items()}


def save_tree(folder: str | Path, tree: Any) -> None:
    """One tree by itself, e.g. an encoder's variables."""
    with ocp.StandardCheckpointer() as writer:
        writer.save(Path(folder).absolute(), jax.tree.map(np.asarray, tree))


def restore_tree(folder: str | Path, like: Any) -> Any:
    """Read what `save_tree` wrote."""
    logging.getLogger("absl").addFilter(_quiet)
    with ocp.StandardCheckpointer() as reader:
        return reader.restore(Path(folder).absolute(), jax.tree.map(np.asarray, like))


def _quiet(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or "orbax" not in record.pathname

"""Checkpoints: state, plan and position in the epoch, written whole or not at all (orbax)."""

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from reid_jax import parallel
from reid_jax.train import Moment, Position
from reid_jax.types import Input, Model, Plan, TrainState, Variables


def manager(folder: str | Path, *, keep: int = 2) -> ocp.CheckpointManager:
    """The checkpoints under `folder`, the newest `keep` of them."""
    logging.getLogger("absl").addFilter(_quiet)
    options = ocp.CheckpointManagerOptions(
        max_to_keep=keep, create=True, enable_async_checkpointing=True
    )
    return ocp.CheckpointManager(Path(folder).absolute(), options=options)


def save(
    checkpoints: ocp.CheckpointManager, moment: Moment, encoder: Variables, input: Input
) -> None:
    """Write a moment in the background; a kill while writing leaves the one before.

    Args:
        checkpoints: of `manager`.
        moment: its state is replicated; the copy of the first device is written.
        encoder: the variables of the method's encoder on the host. They are an item of their own,
            so that a reader that only embeds need not know the method.
        input: the pictures that the encoder takes, its `Model.input`.

    Raises:
        OSError: the disk has no room for it.
    """
    state = parallel.first(moment.state)
    epoch, done, decided = moment.position
    position = {"epoch": epoch, "done": done, "report": dict(decided.report)}
    plan = {"rows": np.asarray(decided.rows), "label": np.asarray(decided.label)}
    _check_room(Path(checkpoints.directory), (state, plan, encoder))
    checkpoints.save(
        int(state.step),
        args=ocp.args.Composite(
            state=ocp.args.StandardSave(state),
            plan=ocp.args.StandardSave(plan),
            position=ocp.args.JsonSave(position),
            encoder=ocp.args.StandardSave(encoder),
            input=ocp.args.JsonSave(input._asdict()),
        ),
    )


def restore(
    checkpoints: ocp.CheckpointManager, like: TrainState
) -> tuple[TrainState, Position] | None:
    """Read the newest moment; None where nothing was saved.

    Args:
        checkpoints: of `manager`.
        like: a state of the same method and model, whose shapes are compared with what is read.

    Returns:
        The state, on the host, and the position that it was saved at.
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
    return TrainState(*read["state"]), _position(read)


def restore_position(folder: str | Path) -> Position:
    """The position of the newest checkpoint under `folder`, with the plan of its epoch.

    Raises:
        FileNotFoundError: there is none.
    """
    with _newest(folder) as (checkpoints, step):
        parts = ocp.args.Composite(plan=ocp.args.StandardRestore(), position=ocp.args.JsonRestore())
        return _position(checkpoints.restore(step, args=parts))


def _position(read: Mapping[str, Any]) -> Position:
    position, rows = read["position"], read["plan"]
    plan = Plan(np.asarray(rows["rows"]), np.asarray(rows["label"]), position["report"])
    return Position(position["epoch"], position["done"], plan)


def restore_encoder(folder: str | Path, model: Model) -> Variables:
    """The variables of the encoder in the newest checkpoint under `folder`.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the encoder takes other pictures than `model`.
    """
    with _newest(folder) as (checkpoints, step):
        parts = ocp.args.Composite(
            encoder=ocp.args.StandardRestore(empty(model)), input=ocp.args.JsonRestore()
        )
        read = checkpoints.restore(step, args=parts)
    theirs = input_of(read["input"])
    if theirs != model.input:
        raise ValueError(f"the encoder under {folder} takes {theirs}, and this model {model.input}")
    return read["encoder"]


@contextmanager
def _newest(folder: str | Path) -> Iterator[tuple[ocp.CheckpointManager, int]]:
    """The checkpoints under a folder, open, and the step of the newest."""
    if not Path(folder).is_dir():
        raise FileNotFoundError(
            f"{folder} holds no checkpoint; was this run stopped before its first one?"
        )
    with manager(folder) as checkpoints:
        step = checkpoints.latest_step()
        if step is None:
            raise FileNotFoundError(f"{folder} holds no finished checkpoint")
        yield checkpoints, step


def input_of(plain: Mapping[str, Any]) -> Input:
    """The input of an encoder from its JSON form; older ones lack `resize`, which was "area"."""
    return Input(
        size=tuple(plain["size"]),
        mean=tuple(plain["mean"]),
        std=tuple(plain["std"]),
        channels=plain["channels"],
        resize=plain.get("resize", "area"),
    )


def empty(model: Model) -> Variables:
    """The encoder's variables, all zero: what is read is compared with their shapes."""
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)


def save_tree(folder: str | Path, tree: Any) -> None:
    """Write one tree by itself, e.g. an encoder's variables.

    Raises:
        OSError: the disk has no room for it.
    """
    _check_room(Path(folder).absolute().parent, tree)
    with ocp.StandardCheckpointer() as writer:
        writer.save(Path(folder).absolute(), jax.tree.map(np.asarray, tree))


def restore_tree(folder: str | Path, like: Any) -> Any:
    """Read what `save_tree` wrote; `like` is a tree of its shapes, or None."""
    logging.getLogger("absl").addFilter(_quiet)
    with ocp.StandardCheckpointer() as reader:
        shapes = None if like is None else jax.tree.map(np.asarray, like)
        return reader.restore(Path(folder).absolute(), shapes)


def _check_room(folder: Path, tree: Any) -> None:
    """Look before orbax writes: its threads tell of a full disk in hundreds of lines."""
    size = sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(tree))
    there = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(there).free
    if free < size:
        raise OSError(
            f"no room for a checkpoint in {folder}: it is {size / 1e6:,.1f} MB and "
            f"{free / 1e6:,.1f} MB are free"
        )


def _quiet(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or "orbax" not in record.pathname

"""Checkpoints: state, plan and position in the epoch, written whole or not at all (orbax).

Each carries a checksum of every array. One that is damaged is passed over, and the one before it
is read.
"""

import logging as standard
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging

from reid_jax import parallel, sound
from reid_jax.files import bound, late
from reid_jax.sound import Say
from reid_jax.train import Moment, Position
from reid_jax.types import Input, Model, Plan, TrainState, Variables


def manager(folder: str | Path, *, keep: int = 2, alone: bool = False) -> ocp.CheckpointManager:
    """The checkpoints under `folder`, the newest `keep` of them.

    Args:
        folder: is made.
        keep: older ones are removed when a new one is whole.
        alone: nobody else writes there, so what a kill left unfinished is removed.
    """
    standard.getLogger("absl").addFilter(_quiet)
    _see_alike(Path(folder))
    options = ocp.CheckpointManagerOptions(
        max_to_keep=keep,
        create=True,
        enable_async_checkpointing=True,
        cleanup_tmp_directories=alone,
        lightweight_initialize=True,  # without their times, which damage could keep from being read
    )
    return ocp.CheckpointManager(Path(folder).absolute(), options=options)


def _see_alike(folder: Path) -> None:
    """Wait until this process sees the checkpoints that process 0 sees; all call it.

    Each process lists the folder for itself, and would restore and save by its own list.
    """
    steps = parallel.firsts(_steps(folder))
    if jax.process_index():
        late.wait(folder / str(max(steps, default="")), lambda: _steps(folder) == steps)


def _steps(folder: Path) -> list[int]:
    names = os.listdir(folder) if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdigit())


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
    told = {"position": position, "input": input._asdict()}
    checksums = sound.of_trees({"state": state, "plan": plan, "encoder": encoder}, told)
    _check_room(Path(checkpoints.directory), (state, plan, encoder))
    checkpoints.save(
        int(state.step),
        args=ocp.args.Composite(
            state=ocp.args.StandardSave(state),
            plan=ocp.args.StandardSave(plan),
            position=ocp.args.JsonSave(position),
            encoder=ocp.args.StandardSave(encoder),
            input=ocp.args.JsonSave(input._asdict()),
            sums=ocp.args.JsonSave(checksums),
        ),
    )


def restore(
    checkpoints: ocp.CheckpointManager, like: TrainState, say: Say = logging.warning
) -> tuple[TrainState, Position] | None:
    """Read the newest moment that is sound; None where nothing was saved.

    Newer ones that are damaged are moved to a folder `damaged` beside that of the checkpoints,
    since the run will save moments of their steps again.

    Args:
        checkpoints: of `manager`.
        like: a state of the same method and model, whose shapes are compared with what is read.
        say: is told in a line which ones are passed over, and why.

    Returns:
        The state, on the host, and the position that it was saved at.

    Raises:
        ValueError: something was saved, and none of it is sound.
    """
    if checkpoints.latest_step() is None:
        return None
    like = jax.tree.map(np.asarray, like)
    step, read = sound.newest(
        checkpoints,
        say,
        state=ocp.args.StandardRestore(like),
        plan=ocp.args.StandardRestore(),
        position=ocp.args.JsonRestore(),
    )
    sound.leave_newer(checkpoints, step)
    return read["state"], _position(read)


def restore_position(folder: str | Path, say: Say = logging.warning) -> Position:
    """The position of the newest sound checkpoint under `folder`, with the plan of its epoch.

    Raises:
        FileNotFoundError: there is none.
        ValueError: none of them is sound.
    """
    parts = {"plan": ocp.args.StandardRestore(), "position": ocp.args.JsonRestore()}
    with _opened(folder) as checkpoints:
        return _position(sound.newest(checkpoints, say, **parts)[1])


def _position(read: Mapping[str, Any]) -> Position:
    position, rows = read["position"], read["plan"]
    plan = Plan(np.asarray(rows["rows"]), np.asarray(rows["label"]), position["report"])
    return Position(position["epoch"], position["done"], plan)


def restore_encoder(folder: str | Path, model: Model, say: Say = logging.warning) -> Variables:
    """The variables of the encoder in the newest sound checkpoint under `folder`.

    Raises:
        FileNotFoundError: there is none.
        ValueError: none of them is sound, or the encoder takes other pictures than `model`.
    """
    parts = {"encoder": ocp.args.StandardRestore(empty(model)), "input": ocp.args.JsonRestore()}
    with _opened(folder) as checkpoints:
        read = sound.newest(checkpoints, say, **parts)[1]
    theirs = input_of(read["input"])
    if theirs != model.input:
        raise ValueError(f"the encoder under {folder} takes {theirs}, and this model {model.input}")
    return read["encoder"]


def examined(folder: str | Path) -> dict[int, str]:
    """What is wrong with each checkpoint under `folder`, by its step; "" where it is sound.

    Raises:
        FileNotFoundError: there is none.
    """
    kinds = dict.fromkeys(("state", "plan", "encoder"), ocp.args.StandardRestore())
    told = dict.fromkeys(("position", "input"), ocp.args.JsonRestore())
    found = {}
    with _opened(folder) as checkpoints:
        for step in sorted(checkpoints.all_steps()):
            try:
                sound.read(checkpoints, step, {**kinds, **told})
                found[step] = ""
            except ValueError as error:
                found[step] = str(error)
    return found


@contextmanager
def _opened(folder: str | Path) -> Iterator[ocp.CheckpointManager]:
    """The checkpoints under a folder, of which there is one at least."""
    if not parallel.agreed(Path(folder).is_dir()):
        raise FileNotFoundError(
            f"{folder} holds no checkpoint; was this run stopped before its first one?"
        )
    with manager(folder) as checkpoints:
        if checkpoints.latest_step() is None:
            raise FileNotFoundError(f"{folder} holds no finished checkpoint")
        yield checkpoints


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
    """Read what `save_tree` wrote; `like` is a tree of its shapes, or None.

    Raises:
        ValueError: it is damaged, or has other shapes.
        OSError: this machine cannot read it now, e.g. too many files are open.
    """
    standard.getLogger("absl").addFilter(_quiet)
    with ocp.StandardCheckpointer() as reader:
        shapes = None if like is None else jax.tree.map(np.asarray, like)
        try:
            return reader.restore(Path(folder).absolute(), shapes)
        except Exception as error:  # damage can make orbax raise anything
            bound.check_machine(Path(folder), error)
            raise ValueError(
                f"{folder} cannot be read, damaged or of another network: {bound.reason(error)}"
            ) from error


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


def _quiet(record: standard.LogRecord) -> bool:
    """Whether a record is told; orbax's threads tell of errors that they hand on, too."""
    handed = record.levelno < standard.WARNING or record.exc_info
    return not handed or "orbax" not in record.pathname

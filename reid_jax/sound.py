"""Checkpoints that were damaged: found by a checksum of each array, and passed over."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils

from reid_jax.files import bound, late, stored, sums
from reid_jax.types import TrainState

Say = Callable[[str], Any]


def newest(
    checkpoints: ocp.CheckpointManager, say: Say, **parts: Any
) -> tuple[int, Mapping[str, Any]]:
    """The step and some items of the newest checkpoint that is sound.

    Args:
        checkpoints: of `checkpoint.manager`; one at least.
        say: is told in a line which ones are passed over, and why.
        **parts: how orbax reads each item.

    Raises:
        ValueError: none of them is sound.
    """
    folder, reasons = checkpoints.directory, {}
    for step in sorted(checkpoints.all_steps(), reverse=True):
        try:
            found = read(checkpoints, step, parts)
        except ValueError as error:
            reasons[step] = str(error)
            continue
        for other, reason in reasons.items():
            say(f"warning: {folder}/{other} is damaged ({reason}); taking {step}, the one before")
        return step, found
    last, reason = next(iter(reasons.items()))
    raise ValueError(
        f"none of the {len(reasons)} checkpoint(s) under {folder} can be read ({last}: {reason}); "
        "begin anew in another folder"
    )


def read(
    checkpoints: ocp.CheckpointManager, step: int, parts: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Some items of a checkpoint, compared with its checksums.

    Args:
        checkpoints: of `checkpoint.manager`.
        step: of the checkpoint.
        parts: how orbax reads each item.

    Raises:
        ValueError: it is damaged; only the reason is said.
        OSError: this machine cannot read it now, e.g. too many files are open.
    """
    folder = Path(checkpoints.directory) / str(step)
    missing = [name for name in parts if not (folder / name).is_dir()]
    if missing:
        raise ValueError(f"it lacks {missing[0]}")
    for name, how in parts.items():
        if isinstance(how, ocp.args.StandardRestore):
            stored.check(folder / name)
    kept = {"sums": ocp.args.JsonRestore()} if (folder / "sums").is_dir() else {}
    try:
        found = dict(checkpoints.restore(step, args=ocp.args.Composite(**parts, **kept)))
        if "state" in found and parts["state"].item is not None:
            found["state"] = TrainState(*found["state"])
    except Exception as error:  # damage can make orbax raise anything
        bound.check_machine(folder, error)
        raise ValueError(bound.reason(error)) from error
    if kept:
        _compare(found, found.pop("sums"))
    return found


def _compare(read: Mapping[str, Any], kept: Any) -> None:
    told = {name: read[name] for name in ("position", "input") if name in read}
    found = of_trees({name: read[name] for name in read if name not in told}, told)
    for name, mine in found.items():
        item = kept.get(name) if isinstance(kept, dict) else None
        theirs = list(item.values()) if isinstance(item, dict) else []
        if sorted(map(str, mine.values())) != sorted(map(str, theirs)):  # damage may be any JSON
            names = [one for one in mine if mine[one] not in theirs]
            raise ValueError(
                f"its {name} has not the checksum that was kept: {', '.join(names[:1])}"
            )


def of_trees(trees: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Checksums by item and by array."""
    found = {name: {"": sums.of_json(value)} for name, value in told.items()}
    for name, tree in trees.items():
        leaves = jax.tree_util.tree_leaves_with_path(tree)
        found[name] = {jax.tree_util.keystr(path): sums.of_array(leaf) for path, leaf in leaves}
    return found


def leave_newer(checkpoints: ocp.CheckpointManager, step: int) -> None:
    """Move what is newer than a step to `damaged`, when all processes have passed it over."""
    newer = [one for one in checkpoints.all_steps() if one > step]
    if not newer:
        return
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("damaged")
    folder = Path(checkpoints.directory)
    for one in newer if jax.process_index() == 0 else ():
        place = folder.parent / "damaged" / f"{one}-{time.time_ns()}"
        place.parent.mkdir(exist_ok=True)
        (folder / str(one)).rename(place)
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("moved")
    paths = [folder / str(one) for one in newer]
    late.wait(paths[0], lambda: not any(path.exists() for path in paths))
    checkpoints.reload()

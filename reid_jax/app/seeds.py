"""Several seeds of one training, by one command: --seeds=3."""

import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from reid_jax.app import command, workdirs
from reid_jax.app.paths import resolved
from reid_jax.app.process import call_and_wait
from reid_jax.app.results import record, shown
from reid_jax.app.results.groups import Group
from reid_jax.whole import whole

_SEEDS = flags.DEFINE_integer(
    "seeds",
    0,
    "so many trainings, of the seeds 0, 1, ..., each in a folder of its own; 0: one",
    lower_bound=0,
)

KEPT = "seeds.json"  # the configuration of the first seed
OURS = re.compile(r"seed\d+(-source)?")  # folders; some methods lay a first stage beside a run


def count() -> int:
    """The value of --seeds."""
    return _SEEDS.value or 0


def train(config: Any, workdir: Path, count: int, *, finished: Callable[[Any, Path], bool]) -> None:
    """Train seeds one after the other, each by the same command in a folder of its own.

    The folders are seed0, seed1, ... in the workdir, by the number of the seed; the first is that
    of the configuration. One that is finished is not trained again. Mean and spread are printed.

    Args:
        config: the configuration of the first.
        workdir: holds the folders.
        count: of seeds.
        finished: whether a training of a configuration in a folder is.

    Raises:
        ValueError: the workdir holds something else, or a training failed.
    """
    _check(config, workdir)
    with whole(workdir / KEPT) as unfinished:
        unfinished.write_text(json.dumps(dataclasses.asdict(resolved(config)), indent=2) + "\n")
    folders = []
    for number in range(count):
        own = dataclasses.replace(config, seed=config.seed + number)
        folders.append(workdir / f"seed{own.seed}")
        named = f"seed {own.seed}, {number + 1} of {count}: {folders[-1]}"
        if finished(own, folders[-1]) and (folders[-1] / record.FILE).is_file():
            command.say(f"{named} is finished")
            continue
        command.say(named)
        changed = [f"--workdir={folders[-1]}", f"--config.seed={own.seed}", "--seeds=0"]
        call_and_wait([*_script(), *sys.argv[1:], *changed])
    _tell(workdir, folders)


def checked(config: Any) -> str:
    """What is to be trained, for a first line; "" where it is one training.

    Raises:
        ValueError: several processes were to share the trainings.
    """
    if not count():
        return ""
    if flags.FLAGS["distributed"].value:
        raise ValueError(
            "--seeds trains one seed after the other, in processes of their own; with "
            "--distributed train each by itself: --config.seed=1 --workdir=FOLDER/seed1"
        )
    return f", seeds {config.seed} to {config.seed + count() - 1}"


def _check(config: Any, workdir: Path) -> None:
    """Refuse a folder that holds something else, or the seeds of another configuration."""
    path = workdir / KEPT
    if not path.is_file():
        there = list(workdir.iterdir()) if workdir.is_dir() else []
        if workdir.is_file() or not all(OURS.fullmatch(one.name) for one in there):
            what = "is itself a run" if (workdir / "config.json").is_file() else "holds other files"
            raise ValueError(f"{workdir} {what}; with --seeds choose a new --workdir")
        return
    if not workdirs.used(workdir):
        return  # nothing of the other is saved
    differing = workdirs.differences(
        dataclasses.asdict(resolved(config)), workdirs.kept(path, type(config))
    )
    told = [words for name, words in differing.items() if name not in ("seed", "epochs")]
    if told:
        raise ValueError(
            f"{workdir} has seeds of another configuration ({'; '.join(told)}); choose another "
            "--workdir, or the same options to go on"
        )


def _script() -> list[str]:
    """The command that runs this script."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    how = ["-m", spec.name] if spec else [os.path.abspath(sys.argv[0])]
    return [sys.executable, *how]


def _tell(workdir: Path, folders: Sequence[Path]) -> None:
    """Print mean and spread of seeds that are trained."""
    results = tuple(record.read(folder / record.FILE) for folder in folders)
    if any(one.queries is None for one in results):
        command.say("no test data, so the seeds have no figures")
        return
    command.say(f"\n{shown.seeds(Group(str(workdir), results))}")

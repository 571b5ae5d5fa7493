"""What a run says of itself beside its configuration: about.json in its folder."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
from absl import flags

import reid_jax
from reid_jax.app import command, info, origin, workdirs
from reid_jax.app.job import Experiment, Job
from reid_jax.files import jsons
from reid_jax.options import WORDS
from reid_jax.whole import whole

FILE = "about.json"
THEN = "going on with the run writes it anew"


class About(NamedTuple):
    """Where a run comes from; runs of versions before 0.4.0 do not say it.

    Attributes:
        experiment: the script of experiments/ whose configuration it has; "" if unknown.
        recipe: that its options began as; "" if unknown.
        version: of this library, by which it was trained last; "" if unknown.
        start: the file or folder that its encoder began with; "": random numbers, None: unknown.
        command: by which it was trained last; "" where another training began it, or unknown.
        machine: where that was, as `info.machine` says it.
        seconds: that it was trained for up to its newest checkpoint, all its starts together.
        finished: the epochs after which its last test and its report were made; 0: they are not,
            -1: a version before 0.6.0, which did not say.
    """

    experiment: str = ""
    recipe: str = ""
    version: str = ""
    start: str | None = None
    command: str = ""
    machine: Mapping[str, str] = {}
    seconds: float = 0.0
    finished: int = -1


def write(workdir: Path, config: Any, job: Job) -> None:
    """Write about.json of a run that is about to be trained; one process does."""
    if jax.process_index():
        return
    module = type(config).__module__
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    called = module == "__main__" and "recipe" in flags.FLAGS  # the command line names its recipe
    about = About(
        experiment=Path(file).stem,
        recipe=str(flags.FLAGS["recipe"].value) if called else "",
        version=reid_jax.__version__,
        start=started(job),
        command=origin.command() if called else "",
        machine=dict(info.machine()),
        seconds=read(workdir).seconds if workdirs.used(workdir) else 0.0,
        finished=0,
    )
    _keep(workdir, about)


def lasted(workdir: Path, seconds: float) -> None:
    """Keep how long a run has been trained for, all its starts together; one process does."""
    if not jax.process_index():
        _keep(workdir, read(workdir)._replace(seconds=round(seconds, 1)))


def finished(workdir: Path, epochs: int) -> None:
    """Keep after how many epochs all of a run was done; one process does, last of all."""
    if not jax.process_index():
        _keep(workdir, read(workdir)._replace(finished=epochs))


def _keep(workdir: Path, about: About) -> None:
    with whole(workdir / FILE) as unfinished:
        unfinished.write_text(json.dumps(about._asdict(), indent=2) + "\n")


def experiment(config: Any) -> Experiment | None:
    """The experiment whose configuration it is, as its file has it; None of a plain namespace."""
    return getattr(sys.modules.get(type(config).__module__), "EXPERIMENT", None)


def started(job: Job) -> str:
    """The file or folder of weights that a job's encoder starts from, or ""."""
    weights = job.model.config.get("weights", "")
    return "" if weights in WORDS else weights


def read(workdir: Path) -> About:
    """What a run's folder says of it; nothing where it has no about.json, or a damaged one."""
    try:
        return kept(workdir)
    except ValueError as error:
        command.say(f"warning: {error}")
        return About()


def kept(workdir: Path) -> About:
    """The same.

    Raises:
        ValueError: about.json is damaged.
    """
    path = workdir / FILE
    told = jsons.read(path, "what a run says of itself", THEN) if path.is_file() else {}
    for name, usual in About()._asdict().items():
        kind = str if usual is None else float | int if name == "seconds" else type(usual)
        if not isinstance(told.get(name, usual), kind | type(usual)):
            raise ValueError(f"{path} is damaged: its {name} is {told[name]!r}"[:200])
    return About(**{name: told[name] for name in About._fields if name in told})

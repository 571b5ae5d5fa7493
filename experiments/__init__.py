"""What a person starts: one file for each method, one for each tool, the papers' tables."""

import importlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reid_jax.app import hugepages, stop

if TYPE_CHECKING:
    from reid_jax.app.job import Experiment

if sys.argv[:1] == ["-m"]:  # `python -m experiments.NAME`: before the libraries are imported
    hugepages.ask()
    stop.heed(early=True)


def find() -> "dict[str, Experiment]":
    """The experiments by name: every file of this folder that says `EXPERIMENT = ...`.

    The other files, tools, are not imported: importing one defines its flags.
    """
    names = [name for name, path in files().items() if is_training(path)]
    return {name: importlib.import_module(f"{__name__}.{name}").EXPERIMENT for name in names}


def files() -> dict[str, Path]:
    """The scripts by name."""
    found = sorted(Path(__file__).parent.glob("*.py"))
    return {path.stem: path for path in found if not path.stem.startswith("_")}


def is_training(path: Path) -> bool:
    """Whether a script says `EXPERIMENT = ...`."""
    return bool(re.search(r"^EXPERIMENT = ", path.read_text(encoding="utf-8"), re.M))


def labellers() -> "dict[str, Experiment]":
    """The experiments that adapt to a target by pseudo labels which they make themselves."""
    from reid_jax.app.parts import Adaptation

    return {
        name: experiment
        for name, experiment in find().items()
        if issubclass(experiment.config, Adaptation)
        and not hasattr(experiment.config, "pseudo_labels")
    }

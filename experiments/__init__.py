"""What a person starts: one file for each method, one for each tool, the papers' tables."""

import importlib
import re
from pathlib import Path

from reid_jax.app.job import Experiment
from reid_jax.app.parts import Adaptation


def find() -> dict[str, Experiment]:
    """The experiments by name: every file of this folder that says `EXPERIMENT = ...`.

    The other files, tools, are not imported: importing one defines its flags.
    """
    files = sorted(Path(__file__).parent.glob("*.py"))
    names = [file.stem for file in files if re.search(r"^EXPERIMENT = ", file.read_text(), re.M)]
    return {name: importlib.import_module(f"experiments.{name}").EXPERIMENT for name in names}


def labellers() -> dict[str, Experiment]:
    """The experiments that adapt to a target by pseudo labels which they make themselves."""
    return {
        name: experiment
        for name, experiment in find().items()
        if issubclass(experiment.config, Adaptation)
        and not hasattr(experiment.config, "pseudo_labels")
    }

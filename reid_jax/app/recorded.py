"""Where a run comes from, as blocks: its configuration, command, machine and hashes."""

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.app.about import About
from reid_jax.app.job import Experiment
from reid_jax.app.page.blocks import Block, Code, Table, Text
from reid_jax.files import sums
from reid_jax.options import sentence, typed
from reid_jax.retrieval import point
from reid_jax.types import Variables

DIGITS = 16  # of a hash


def configuration(config: Any, experiment: Experiment | None, about: About) -> list[Block]:
    """What the options change of the run's recipe, and all of them.

    Args:
        config: a configuration, or a namespace of the same options.
        experiment: whose it is; None: unknown, and nothing is compared.
        about: of the run.
    """
    options = _options(config, experiment)
    if experiment is None:
        rows = [[f"`{name}`", _shown(value)] for name, value in options.items()]
        text = "The experiment of this run is not known, so its options are compared with nothing."
        return [Text(text), Table("All options", ["option", "value"], rows, True, True)]
    recipe = recipe_of(experiment, about)
    base = _base(experiment, recipe)
    rows = [
        [f"`{name}`", _shown(value), _shown(base[name]), sentence(experiment.config, name)]
        for name, value in options.items()
    ]
    other = [row for row, name in zip(rows, options, strict=True) if options[name] != base[name]]
    name = f"the recipe `{recipe}` of `{about.experiment}`" if recipe else "the defaults"
    heads = ["option", "here", f"in {name}", "what it means"]
    if other:
        blocks: list[Block] = [Table(f"What differs from {name}", heads, other, words=True)]
    else:
        blocks = [Text(f"All options are those of {name}.")]
    if not about.recipe:
        blocks.append(Text("The run does not say which recipe it began as."))
    return [*blocks, Table(f"All {len(rows)} options", heads, rows, True, True)]


def command(config: Any, experiment: Experiment | None, about: About, workdir: Path) -> list[Block]:
    """The command of the run; where it was not kept, one that makes the same."""
    if about.command:
        return [Text("It was trained, or gone on with, by"), Code(about.command)]
    if experiment is None:
        return [Text("Its command was not kept.")]
    recipe = recipe_of(experiment, about)
    base = _base(experiment, recipe)
    words = ["reid-jax", about.experiment, f"--workdir={workdir}", f"--recipe={recipe}"]
    for name, value in _options(config, experiment).items():
        if value != base[name]:
            words.append(f"--config.{name}={typed(value)}")
    return [
        Text("Its command was not kept; this one has the same options:"),
        Code(shlex.join(words)),
    ]


def recipe_of(experiment: Experiment, about: About) -> str:
    """The recipe that a run began as; the first where it does not say; "" where there is none."""
    known = about.recipe in experiment.recipes
    return about.recipe if known else next(iter(experiment.recipes), "")


def hardware(about: About, speed: float) -> list[Block]:
    """The machine and the versions that trained it.

    Args:
        about: of the run.
        speed: pictures a second, the median; NaN: unknown.
    """
    if not about.machine:
        return [Text("The run does not say on which machine it was trained.")]
    rows = [[name, value] for name, value in about.machine.items()]
    if np.isfinite(speed):
        rows.append(["pictures a second in training, median", f"{speed:,.0f}"])
    return [Table("Where it was trained last", ["what", "value"], rows, words=True)]


def hashes(workdir: Path, variables: Variables) -> Table:
    """Hashes of the run's configuration and of its encoder's weights.

    Args:
        workdir: of the run.
        variables: of the encoder.
    """
    rows = [["weights of the encoder", f"`{point.fingerprint(variables)}`"]]
    path = workdir / "config.json"
    if path.is_file():
        digest = sums.digest(path)[:DIGITS]
        rows.append(["configuration, `sha256sum config.json`", f"`{digest}`"])
    caption = f"The first {DIGITS} digits of SHA-256; operating.json names the encoder by the same"
    return Table(caption, ["of", "hash"], rows, words=True)


def _options(config: Any, experiment: Experiment | None) -> dict[str, Any]:
    """The values of a configuration by option; of a known experiment only those that it has."""
    values = dict(vars(config))
    if experiment is None:
        return values
    known = [one.name for one in dataclasses.fields(experiment.config)]
    return {name: values[name] for name in known if name in values}


def _base(experiment: Experiment, recipe: str) -> Mapping[str, Any]:
    """The options of a recipe."""
    return vars(experiment.config(**experiment.recipes.get(recipe, {})))


def _shown(value: Any) -> str:
    """A value as it is written on a command line."""
    text = typed(value)
    return f"`{text}`" if text else "(empty)"

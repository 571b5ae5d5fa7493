"""What an experiment is, and what it builds."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import optax

from reid_jax.app.table import Table
from reid_jax.data.augment import Augment
from reid_jax.types import Method, Model, Records

Figures = Mapping[str, float]


class Job(NamedTuple):
    """A training, ready to run.

    Attributes:
        method: what is trained.
        model: its encoder.
        optimiser: of the method's params.
        views: how a picture is augmented, once for each view.
        train: the training data.
        test: query and gallery; empty where people have none, and nothing is measured then.
        validation: the same of persons that are held out of the training; None: none are.
    """

    method: Method
    model: Model
    optimiser: optax.GradientTransformation
    views: tuple[Augment, ...]
    train: Records
    test: Records
    validation: Records | None = None


class Experiment(NamedTuple):
    """What a script of experiments/ says of itself; everything else is derived from it.

    Attributes:
        config: the class of its configuration, a dataclass of `reid_jax.options.option` fields.
        build: configuration -> Job; it refuses what is wrong before any work.
        recipes: named changes of the defaults; the first is taken where none is named.
        train: (configuration, workdir) -> the figures of the last test, none without a test set;
            for an experiment of several stages. None: `build` is the only stage.
        tables: the tables of papers whose rows it trains, by name.
    """

    config: type
    build: Callable[[Any], Job]
    recipes: Mapping[str, Mapping[str, Any]]
    train: Callable[[Any, Path], Figures] | None = None
    tables: Mapping[str, Table] = {}

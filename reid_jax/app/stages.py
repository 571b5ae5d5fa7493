"""Stages: trainings that another training goes on from."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import jax

from reid_jax import encoders, parallel
from reid_jax.app import command, run, sources, words, workdirs
from reid_jax.app.job import Experiment
from reid_jax.app.parts import Data, carried
from reid_jax.app.views import Views
from reid_jax.files import late
from reid_jax.whole import whole


def finish(experiment: Experiment, config: Any, folder: Path, name: str = "") -> None:
    """Train a stage, go on with it, or find it done.

    Args:
        experiment: whose training it is.
        config: its configuration.
        folder: its workdir.
        name: printed before it is trained.

    Raises:
        ValueError: the folder was made by another configuration.
        Stopped: the stage was asked to stop.
    """
    workdirs.begin(folder)
    workdirs.check(folder, config)
    if run.ended(config, folder):
        return
    if name:
        command.say(name)
    run.train_all(experiment, config, folder)


def of_source(
    experiment: Experiment,
    config: Any,
    *parts: type,
    but: tuple[str, ...] = (),
    options: str = "",
    **own: Any,
) -> Any:
    """The configuration of a supervised training on the source that `config` adapts from.

    Its encoder, data and augmentation are those of `config`; it is tested on the test data of
    `config`, or on its target; if that has none, on the source's own, if there are any.

    Args:
        experiment: the supervised training.
        config: the adaptation's.
        parts: further parts of options that both share, see `reid_jax.app.parts.carried`.
        but: names that are not shared.
        options: changes of the result, `name=value,...`, as --config.source has them.
        own: changes of the result.

    Returns:
        A configuration of `experiment`.
    """
    shared = (encoders.Network, Views, Data, *parts)
    test = config.test or (config.target if sources.has_test(config) else "")
    own = {"test": test, "seed": config.seed, **own}
    made = carried(config, experiment.config, *shared, but=but, **own)
    return words.changed(made, "--config.source", options)


def begun(experiment: Experiment, config: Any, source: Any, folder: Path) -> Any:
    """`config` with the weights that it begins with.

    Args:
        experiment: the supervised training.
        config: the adaptation's configuration. If it names weights, or has no --config.source or
            no data, it is returned as it is.
        source: of `of_source`.
        folder: of the training on the source, which is trained if need be.

    Returns:
        The configuration.
    """
    if encoders.start(config) or not config.source or not config.data:
        return config
    finish(experiment, source, folder, "the source by itself")
    return dataclasses.replace(config, weights=str(folder))


def copy(source: Path, to: Path) -> None:
    """Copy a folder by the first process, while the others wait, and see it."""
    if jax.process_index() == 0:
        with whole(to) as unfinished:
            shutil.copytree(source, unfinished)
    parallel.agreed(True)
    late.wait(to)

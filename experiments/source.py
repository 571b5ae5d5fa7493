"""The weights that an adaptation begins with: those that are named, or those of a training on the labelled source."""

import dataclasses
from pathlib import Path
from typing import Any

from experiments import command, encoders, ide, run, views


def check(config: Any) -> None:
    """Refuse a `config.source` that names what the training on the source has not."""
    _training(config)


def begun(config: Any, folder: Path) -> Any:
    """`config` with its weights: where it has none, but a source and options for it in `config.source`, those of a
    supervised training in `folder`, which is run or gone on with; None where it was stopped.
    """
    if encoders.start(config) or not config.source or not config.data:
        return config
    own = _training(config)
    if not run.finished(own, folder):
        print("the source by itself", flush=True)
        if not run.run(own, ide.build, folder):
            return None
    return dataclasses.replace(config, weights=str(folder))


def _training(config: Any) -> ide.Config:
    encoder = [field.name for field in dataclasses.fields(encoders.Encoder) if not field.name.startswith("bn_")]
    shared = ("data", "skip_broken", "same_camera", "persons", "per_person", "seed", *views.NAMES)
    own = ide.Config(**{name: getattr(config, name) for name in (*encoder, *shared)}, test=config.test or config.target)
    return command.changed(own, "--config.source", config.source)

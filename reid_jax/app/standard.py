"""What most experiments have: their options, a small encoder for the street, a job with Adam."""

import dataclasses
from typing import Any

import optax

from reid_jax import encoders, optimise
from reid_jax.app import views
from reid_jax.app.job import Job
from reid_jax.app.separation import Separation, separated
from reid_jax.types import Method, Model, Records

SMALL = {"backbone": "resnet_small_ibn_a", "size": "128x64", "resize": "area"}


@dataclasses.dataclass
class Options(Separation, encoders.Network, views.Views):
    """The options of an encoder, of augmentation and of GDS."""


def with_adam(
    config: Any,
    method: Method,
    model: Model,
    rate: optax.Schedule | float,
    train: Records,
    test: Records,
) -> Job:
    """A job with Adam, one view of each picture, and GDS around the method if it is asked for.

    Args:
        config: with the fields of `Separation` and `Views`, and weight_decay.
        method: what is trained.
        model: its encoder.
        rate: the learning rate, by step.
        train: the training data.
        test: query and gallery.
    """
    return Job(
        method=separated(method, config),
        model=model,
        optimiser=optimise.adam(rate, weight_decay=config.weight_decay),
        views=(views.view(config, model.input),),
        train=train,
        test=test,
    )

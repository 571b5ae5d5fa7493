"""What most experiments have: their options, a small encoder for the street, a job with Adam."""

import dataclasses
import fnmatch
from types import SimpleNamespace
from typing import Any

import jax
import optax
from flax import traverse_util

from reid_jax import encoders, optimise
from reid_jax.app import parts, views
from reid_jax.app.job import Job
from reid_jax.app.separation import Separation, separated
from reid_jax.models.published import torch_name
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
        config: with the fields of `Separation` and `Views`, and weight_decay; and of `Tuning`, if
            it has them.
        method: what is trained.
        model: its encoder.
        rate: the learning rate, by step.
        train: the training data.
        test: query and gallery.
    """
    return Job(
        method=separated(method, config),
        model=model,
        optimiser=_optimiser(config, model, rate),
        views=(views.view(config, model.input),),
        train=train,
        test=test,
    )


def _optimiser(
    config: Any, model: Model, rate: optax.Schedule | float
) -> optax.GradientTransformation:
    """Adam, for a trunk that is tuned if the configuration says so.

    Raises:
        ValueError: a pattern of `hold` is of no weight of the trunk.
    """
    hold = config.held() if isinstance(config, parts.Tuning) else []
    if hold:
        plain = encoders.build(SimpleNamespace(**{**model.config, "weights": ""}))  # for its names
        flat = traverse_util.flatten_dict(jax.eval_shape(plain.init, jax.random.key(0))["params"])
        names = [torch_name("/".join(("params", *path))) for path in flat if path[0] == "trunk"]
        for pattern in hold:
            if not fnmatch.filter(names, pattern):
                raise ValueError(
                    f"--config.hold: no weight of {config.backbone} is called {pattern!r}; they "
                    f"are {', '.join(names[:3])}, ..., {', '.join(names[-3:])}"
                )
    tuning = {"trunk_rate": config.trunk_rate, "hold": hold} if hasattr(config, "hold") else {}
    return optimise.tuned(rate, weight_decay=config.weight_decay, **tuning)

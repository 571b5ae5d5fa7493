"""MoCo v3 on pictures of people: each picture is a class of its own.

    python -m experiments.moco --workdir=runs/moco

trains on the crops of the synthetic station's videos, whose persons are not looked at, and tests on
the harbour. `--recipe=paper` is the published setting for ResNet-50 (300 epochs, batches of 4,096,
LARS); no figure of it has been measured here.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import optax

from reid_jax import encoders, optimise, parallel
from reid_jax.app import command, parts, run, sources, views
from reid_jax.app.job import Experiment, Job
from reid_jax.methods.moco import moco
from reid_jax.models.mlp import Perceptron, build_head
from reid_jax.models.norm import BatchNorm
from reid_jax.options import SOURCE, choose, option


@dataclasses.dataclass
class Config(encoders.Network, views.Views, parts.WarmSchedule, parts.Data):
    """The options of MoCo v3, at its code's values; lengths in epochs unless said."""

    backbone: str = "resnet50"
    size: str = "256x128"
    resize: str = "bilinear"
    neck: bool = False
    data: str = option(
        "synthetic-videos:station",
        "KIND:PATH of the pictures; their labels, if any, are not used",
        holds=SOURCE,
    )
    batch: int = option(4096, "pictures of a batch", least=2)
    hidden: int = option(4096, "width inside projector and predictor", least=1)
    out: int = option(256, "width of what they give", least=1)
    epochs: int = 300
    iterations: int = 0
    optimiser: str = option("lars", "lars, adamw")
    learning_rate: float = option(
        0.3, "of 256 pictures, the peak; it grows with the batch", was="rate", least=0
    )
    weight_decay: float = 1e-6
    momentum: float = option(0.99, "of the momentum encoder at the beginning", least=0, most=1)
    temperature: float = option(1.0, "of the loss", above=0)
    zoom: float = 0.2
    jitter: float = 0.8
    gray: float = 0.2
    blur: float = 1.0  # of the first view; of the second 0.1, and 0.2 of them are solarised

    def fixed(self) -> str:
        """The learning rate falls over all epochs."""
        return "its learning rate falls over all of them"


RECIPES: dict[str, dict[str, Any]] = {
    "street": {
        "backbone": "resnet_small",
        "size": "128x64",
        "resize": "area",
        "batch": 64,
        "hidden": 256,
        "out": 64,
        "epochs": 10,
        "optimiser": "adamw",
        "learning_rate": 4e-3,
        "weight_decay": 0.01,
        "warmup": 1,
        "zoom": 0.5,
    },
    "paper": {},
}


def _lars(rate: optax.Schedule, weight_decay: float) -> optax.GradientTransformation:
    """Neither decay nor trust ratio for biases and normalisation, as in its code."""

    def matrices(params: Any) -> Any:
        return jax.tree.map(lambda x: x.ndim > 1, params)

    return optax.lars(rate, weight_decay, matrices, trust_ratio_mask=matrices)


def _adamw(rate: optax.Schedule, weight_decay: float) -> optax.GradientTransformation:
    return optax.adamw(rate, weight_decay=weight_decay)


OPTIMISERS = {"lars": _lars, "adamw": _adamw}


def build(config: Config) -> Job:
    """Everything that the run needs, checked before step 0."""
    model = encoders.build(config, command.say)
    train, test = sources.train_and_test(config)
    if len(train.person) < config.batch or config.batch < 2:
        raise ValueError(
            f"a batch of {config.batch} and {len(train.person)} pictures; choose another "
            "--config.batch"
        )
    optimiser = choose("--config.optimiser", config.optimiser, OPTIMISERS)
    norm = partial(BatchNorm, group=config.bn_group, average=parallel.average)
    projector = Perceptron((config.hidden, config.out), last=True, norm=norm)
    predictor = Perceptron((config.hidden, config.out), norm=norm)
    iterations = config.iterations or len(train.person) // config.batch
    method = moco(
        model,
        build_head(projector, model.width),
        build_head(predictor, config.out),
        **parts.keywords(moco, config, iterations=iterations, length=config.epochs * iterations),
    )
    rate = optimise.schedule(
        config.learning_rate * config.batch / 256,
        epochs=config.epochs,
        iterations=iterations,
        warmup=config.warmup,
        cosine=True,
    )
    view = views.view(config, model.input)
    return Job(
        method=method,
        model=model,
        optimiser=optimiser(rate, config.weight_decay),
        views=(view, view._replace(blur=0.1, solarise=0.2)),
        train=train,
        test=test,
    )


EXPERIMENT = Experiment(Config, build, RECIPES)

if __name__ == "__main__":
    run.main(EXPERIMENT)

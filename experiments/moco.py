"""MoCo v3 on pictures of people: what learning each picture as a class of its own is worth in retrieval.

    python -m experiments.moco --workdir=runs/moco

trains on the crops of the synthetic station's videos, without a look at who they are, and tests on the harbour.
`--recipe=paper` is the published setting for ResNet-50 (300 epochs, batches of 4,096, LARS); no figure of it has been
measured here.
"""

import dataclasses
from functools import partial

import jax
import optax

from experiments import encoders, run, sources, views
from experiments.choices import choose
from reid_jax import optimise, parallel
from reid_jax.data.check import check_test
from reid_jax.methods.moco import moco
from reid_jax.models.mlp import Perceptron, head
from reid_jax.models.norm import BatchNorm


@dataclasses.dataclass
class Config(encoders.Encoder, views.Views):
    """The options of MoCo v3, at its code's values; lengths in epochs unless said."""

    backbone: str = "resnet50"
    size: str = "256x128"
    resize: str = "bilinear"
    neck: bool = False
    data: str = "synthetic-videos:station"  # KIND:PATH of the pictures; their labels, if any, are not used
    test: str = "synthetic:harbour"  # KIND:PATH of the test data; empty: the query and gallery of `data`
    skip_broken: bool = False  # leave out pictures that cannot be read
    same_camera: bool = False  # count matches within one camera as well
    batch: int = 4096  # pictures
    hidden: int = 4096  # widths of projector and predictor, and of what they give
    out: int = 256
    epochs: int = 300
    iterations: int = 0  # batches an epoch, 0: a pass over the data
    optimiser: str = "lars"  # lars, adamw
    rate: float = 0.3  # of 256 pictures; it grows with the batch
    weight_decay: float = 1e-6
    warmup: int = 10
    momentum: float = 0.99  # of the momentum encoder at the beginning
    temperature: float = 1.0
    zoom: float = 0.2
    jitter: float = 0.8
    gray: float = 0.2
    blur: float = 1.0  # of the first view; of the second 0.1, and 0.2 of them are solarised
    seed: int = 0


RECIPES = {
    "street": {
        "backbone": "resnet_small",
        "size": "128x64",
        "resize": "area",
        "batch": 64,
        "hidden": 256,
        "out": 64,
        "epochs": 10,
        "optimiser": "adamw",
        "rate": 4e-3,
        "weight_decay": 0.01,
        "warmup": 1,
        "zoom": 0.5,
    },
    "paper": {},
}


def _lars(rate, weight_decay: float) -> optax.GradientTransformation:
    """Neither decay nor trust ratio for biases and normalisation, as its code has it."""

    def matrices(params):
        return jax.tree.map(lambda x: x.ndim > 1, params)

    return optax.lars(rate, weight_decay, matrices, trust_ratio_mask=matrices)


OPTIMISERS = {"lars": _lars, "adamw": lambda rate, weight_decay: optax.adamw(rate, weight_decay=weight_decay)}


def build(config: Config) -> run.Job:
    """Everything that the run needs, checked before step 0."""
    train, test = sources.train_and_test(config)
    check_test(test, same_camera=config.same_camera)
    if len(train.person) < config.batch or config.batch < 2:
        raise ValueError(f"a batch of {config.batch} and {len(train.person)} pictures; choose another --config.batch")
    optimiser = choose("--config.optimiser", config.optimiser, OPTIMISERS)
    model = encoders.build(config)
    norm = partial(BatchNorm, group=config.bn_group, average=parallel.average)
    projector = Perceptron((config.hidden, config.out), last=True, norm=norm)
    predictor = Perceptron((config.hidden, config.out), norm=norm)
    iterations = config.iterations or len(train.person) // config.batch
    method = moco(
        model,
        head(projector, model.width),
        head(predictor, config.out),
        batch=config.batch,
        iterations=iterations,
        length=config.epochs * iterations,
        temperature=config.temperature,
        momentum=config.momentum,
    )
    peak = config.rate * config.batch / 256
    rate = optimise.schedule(peak, epochs=config.epochs, iterations=iterations, warmup=config.warmup, cosine=True)
    seen = views.view(config, model.input)
    seen = (seen, seen._replace(blur=0.1, solarise=0.2))
    return run.Job(method, model, optimiser(rate, config.weight_decay), seen, train, test)


if __name__ == "__main__":
    run.main(Config, build, RECIPES)

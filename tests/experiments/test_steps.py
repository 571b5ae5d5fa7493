"""One step of every recipe, with the losses, optimiser, batches and statistics that it configures.

The trunk has the recipe's features (IBN, instance normalisation, strides, ...) but few channels,
images are 32x16, and options that set only lengths and widths are small. The recipes `street` are
run by the scripts' own tests.
"""

import dataclasses
from functools import partial

import jax
import numpy as np
import pytest

import experiments
from experiments import domainmix, gds, ide, mmt
from reid_jax import encoders, evaluate, network, optimise, parallel, train
from reid_jax.app import kinds, sources
from reid_jax.data import batch as batching
from reid_jax.data import records
from reid_jax.models import embedder, mobile
from reid_jax.types import Domain

SMALL = {"depths": (1, 1), "width": 8, "bottleneck": False, "stem": "fold"}
PERSONS, PICTURES, CAMERAS = 40, 8, 2
LENGTHS = {
    "size": "32x16",
    "weights": "none",
    "epochs": 3,
    "iterations": 1,
    "warmup": 0,
    "flat": 1,
    "memory": 64,
    "capacity": 0,
    "hidden": 16,
    "out": 8,
    "batch": 16,
    "clusters": 20,
    "crops": 6,
    "pairs": 4,
    "rho": 0.02,
    "k": 20,
    "projection": 8,
    "begin": 1,
    "data": "tiny:labelled",
    "target": "tiny:target",
    "test": "tiny:test",
    "videos": "tiny:videos",
    "eps": 0.6,
}


def tiny(path):
    """Persons of one colour each, in two cameras.

    `videos` and `scenes` have frames of unknown people.
    """
    rng = np.random.default_rng(len(path))
    colour = rng.integers(20, 236, (PERSONS, 1, 2, 1, 3)).repeat(
        16, 2
    )  # of the upper and of the lower half
    pixels = np.clip(colour + rng.normal(0, 8, (PERSONS, PICTURES, 32, 16, 3)), 0, 255).astype(
        np.uint8
    )
    place = np.arange(PERSONS * PICTURES)
    person, take = place // PICTURES, place % PICTURES
    columns = {"camera": take % CAMERAS, "person": person + 1}
    if path == "test":
        columns["split"] = np.where(take < CAMERAS, "query", "gallery")
    if path in ("videos", "scenes"):
        columns = {
            "person": -1,
            "group": person // 4,
            "frame": take // 2 if path == "scenes" else take,
        }
        columns["camera"] = take % CAMERAS if path == "scenes" else 0
    return records.make(records.Held(pixels.reshape(-1, 32, 16, 3)), **columns)


def jobs(name, config):
    """The trainings of a configuration, by stage, but for those that other experiments make."""
    if name == "gds":
        return {
            "source": lambda: ide.build(gds.source_config(config)),
            "target": lambda: gds.build(config),
        }
    if name == "mmt":
        return {
            "source": lambda: ide.build(mmt.source_config(config, 0)),
            "target": lambda: mmt.build(config),
        }
    if name == "domainmix" and config.pseudo_labels == "spcl":  # whose training is another stage
        mixed, test = sources.adaptation(config)
        given = mixed.person[mixed.domain == Domain.UNLABELLED]
        return {"": lambda: domainmix.build_on(config, mixed, test, given.astype(int))}
    return {"": lambda: experiments.find()[name].build(config)}


def step(job, config):
    """Metrics of the first step."""
    devices = jax.devices()[:1]
    run_step = parallel.build_step(job.method, job.optimiser, seed=config.seed, devices=devices)
    embed = parallel.build_embed(job.model, devices=devices)
    embed_rows = partial(evaluate.embed_rows, embed, records=job.train, input=job.model.input)
    state = train.create(job.method, job.optimiser, jax.random.key(config.seed), job.train)
    state = parallel.replicate(state, devices)
    batches = partial(
        batching.batches, job.train, views=job.views, input=job.model.input, seed=config.seed
    )
    moments = train.epochs(
        job.method,
        job.optimiser,
        run_step,
        lambda variables, rows: embed_rows(variables, rows=rows),
        lambda plan, epoch, start: batches(plan, epoch=epoch, start=start),
        job.train,
        state,
        count=1,
        seed=0,
        every=1,
    )
    return next(moments).metrics


def drawn(model):
    """`model` initialised from the shapes alone: compiling `init` takes as long as a step."""
    rng = np.random.default_rng(0)

    def weight(path, like):
        if like.ndim < 2:
            name = path[-1].key
            return np.full(like.shape, 3 if name == "p" else name in ("scale", "var"), like.dtype)
        return (rng.normal(size=like.shape) / np.sqrt(np.prod(like.shape[:-1]))).astype(like.dtype)

    return model._replace(
        init=lambda key: jax.tree_util.tree_map_with_path(weight, jax.eval_shape(model.init, key)),
    )


@pytest.fixture
def small(monkeypatch):
    """Small trunks, the tiny persons as a kind of data, and quick compilation."""
    for name, make in [*encoders.BACKBONES.items()]:
        if name.startswith("resnet50"):
            monkeypatch.setitem(encoders.BACKBONES, name, partial(make, **SMALL))
    lite = [
        one._replace(width=8, depth=min(one.depth, 2 - (place > 1)))
        for place, one in enumerate(mobile.LITE)
    ]
    monkeypatch.setattr(mobile, "LITE", tuple(lite))
    monkeypatch.setitem(kinds.KINDS, "tiny", kinds.Kind(tiny, "persons of a colour"))
    assert network.BACKBONES is encoders.BACKBONES  # those that are built
    made = embedder.model
    monkeypatch.setattr(embedder, "model", lambda module: drawn(made(module)))


CASES = [
    pytest.param(name, recipe, id=f"{name}-{recipe}")
    for name, experiment in experiments.find().items()
    for recipe in experiment.recipes
    if recipe != "street"
]


def shortened(name, recipe):
    """The configuration of a recipe on the tiny persons."""
    experiment = experiments.find()[name]
    config = experiment.config(**experiment.recipes[recipe])
    short = {option: value for option, value in LENGTHS.items() if option in vars(config)}
    if name == "mgn":
        short["size"] = "96x16"  # three parts of a map
    if not config.data:
        del short["data"]
    if getattr(config, "pairs_from", "") == "videos":
        short |= {"data": "tiny:videos+tiny:scenes", "early": min(config.early, 1)}
    return dataclasses.replace(config, **short)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("name", "recipe"), CASES)
def test_one_step_is_finite(name, recipe):
    config = shortened(name, recipe)
    for stage, build in jobs(name, config).items():
        metrics = step(build(), config)
        assert np.isfinite(list(metrics.values())).all() and metrics["loss"] != 0, (stage, metrics)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("name", "recipe"), CASES)
def test_a_run_may_get_more_epochs_just_where_its_learning_rate_stays_the_same(
    name, recipe, monkeypatch
):
    def rates(epochs):
        made = []
        monkeypatch.setattr(
            optimise,
            "schedule",
            lambda *args, **kwargs: made.append(plain(*args, **kwargs)) or made[-1],
        )
        *_, last = jobs(name, dataclasses.replace(config, epochs=epochs)).values()
        last()
        return [float(rate(step)) for rate in made for step in range(count)]

    config, plain, count = shortened(name, recipe), optimise.schedule, 3 * 4
    config = dataclasses.replace(
        config, **({"iterations": 4} if "iterations" in vars(config) else {})
    )
    assert (rates(3) == rates(7)) == (not config.fixed())

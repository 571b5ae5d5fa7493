"""One step of every recipe, as its script builds it: the recipe's own losses, optimiser, batches and groups of statistics.

The trunk has the recipe's features (IBN, instance normalisation, strides, ...) but few channels, pictures are 32x16, and what
sets lengths and widths only is small. The recipes `street` are run by the scripts' own tests. Compiling is all that takes
time, so it is done without optimisations.
"""

import dataclasses
from functools import partial

import jax
import numpy as np
import pytest

from experiments import domainmix, encoders, gds, mmt, sources
from reid_jax import evaluate, parallel, train
from reid_jax.data import batch as batching
from reid_jax.data import records
from reid_jax.models import embedder
from tests.experiments import pinned

SMALL = {"depths": (1, 1, 1, 1), "width": 8, "bottleneck": False, "stem": "fold"}
PERSONS, PICTURES, CAMERAS = 40, 8, 2
LENGTHS = {"size": "32x16", "weights": "none", "epochs": 3, "iterations": 1, "warmup": 0, "memory": 64, "room": 0}
LENGTHS |= {
    "hidden": 16,
    "out": 8,
    "batch": 16,
    "clusters": 20,
    "crops": 6,
    "pairs": 4,
    "rho": 0.02,
    "k": 20,
    "head": 8,
}
LENGTHS |= {
    "begin": 1,
    "data": "tiny:labelled",
    "target": "tiny:target",
    "test": "tiny:test",
    "videos": "tiny:videos",
    "eps": 0.6,
}


def tiny(path):
    """Persons of one colour each, in two cameras; `videos` and `scenes` are the frames of people whom nobody knows."""
    rng = np.random.default_rng(len(path))
    colour = rng.integers(20, 236, (PERSONS, 1, 2, 1, 3)).repeat(16, 2)  # of the upper and of the lower half
    pixels = np.clip(colour + rng.normal(0, 8, (PERSONS, PICTURES, 32, 16, 3)), 0, 255).astype(np.uint8)
    place = np.arange(PERSONS * PICTURES)
    person, take = place // PICTURES, place % PICTURES
    columns = {"camera": take % CAMERAS, "person": person + 1}
    if path == "test":
        columns["split"] = np.where(take < CAMERAS, "query", "gallery")
    if path in ("videos", "scenes"):
        columns = {"person": -1, "group": person // 4, "frame": take // 2 if path == "scenes" else take}
        columns["camera"] = take % CAMERAS if path == "scenes" else 0
    return records.make(records.Held(pixels.reshape(-1, 32, 16, 3)), **columns)


def jobs(name, script, config):
    """The trainings that a script makes of a configuration, by stage, but for those that other scripts make."""
    if name == "gds":
        return {"source": lambda: gds.ide.build(gds.first_stage(config)), "target": lambda: gds.build(config)}
    if name == "mmt":
        return {"source": lambda: mmt.ide.build(mmt._source(config, 0)), "target": lambda: mmt.build(config)}
    if name == "domainmix":
        mixed, test = sources.adaptation(config)
        own = mixed.domain == domainmix.REAL
        given = mixed.person[own] if config.pseudo_labels == "spcl" else np.full(own.sum(), -1)
        return {"": lambda: domainmix.build(config, mixed=mixed, test=test, pseudo=given.astype(int))}
    return {"": lambda: script.build(config)}


def step(job, config, begin=0):
    """Metrics of one step of one epoch, the `begin`-th."""
    devices = jax.devices()[:1]
    run_step = parallel.build_step(job.method, job.optimiser, seed=config.seed, devices=devices)
    embed = parallel.build_embed(job.model, devices=devices)
    look = partial(evaluate.embed_rows, embed, records=job.train, taken=job.model.input)
    state = train.create(job.method, job.optimiser, jax.random.key(config.seed), job.train)
    state = parallel.replicate(state._replace(step=state.step + begin), devices)
    batches = partial(batching.batches, job.train, views=job.views, taken=job.model.input, seed=config.seed)
    moments = train.epochs(
        job.method, run_step, lambda variables, rows: look(variables, rows=rows),
        lambda plan, epoch, start: batches(plan, epoch=epoch, start=start), job.train, state, count=1, seed=0, every=1,
    )  # fmt: skip
    return next(moments).metrics


def drawn(model):
    """`model` with random numbers from the shapes alone: to compile what draws them takes as long as a step."""
    rng = np.random.default_rng(0)

    def weight(path, like):
        if like.ndim < 2:
            return np.full(like.shape, path[-1].key in ("scale", "var"), like.dtype)
        return (rng.normal(size=like.shape) / np.sqrt(np.prod(like.shape[:-1]))).astype(like.dtype)

    return model._replace(
        init=lambda key: jax.tree_util.tree_map_with_path(weight, jax.eval_shape(model.init, key)),
    )


@pytest.fixture
def small(monkeypatch):
    """Small trunks, the tiny persons as a kind of data, and quick compilation."""
    trunks = {name: partial(make, **SMALL) for name, make in encoders.BACKBONES.items() if name.startswith("resnet50")}
    monkeypatch.setattr(encoders, "BACKBONES", {**encoders.BACKBONES, **trunks})
    monkeypatch.setitem(sources.KINDS, "tiny", tiny)
    made = embedder.model
    monkeypatch.setattr(embedder, "model", lambda module: drawn(made(module)))
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


CASES = [
    pytest.param(name, recipe, id=f"{name}-{recipe}")
    for name, script in pinned.experiments().items()
    for recipe in pinned.recipes(script)
    if recipe != "street"
]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("name", "recipe"), CASES)
def test_one_step_is_finite(name, recipe):
    script = pinned.experiments()[name]
    config = script.Config(**pinned.recipes(script)[recipe])
    short = {option: value for option, value in LENGTHS.items() if option in vars(config)}
    if name == "mgn":
        short["size"] = "96x16"  # three parts of a map
    if not config.data:
        del short["data"]
    if getattr(config, "pairs_from", "") == "videos":
        short |= {"data": "tiny:videos+tiny:scenes", "early": min(config.early, 1)}
    config = dataclasses.replace(config, **short)
    for stage, build in jobs(name, script, config).items():
        metrics = step(build(), config)
        assert np.isfinite(list(metrics.values())).all() and metrics["loss"] != 0, (stage, metrics)

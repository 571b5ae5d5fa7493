"""Each row of each table in miniature: its job is built, and of each experiment a step is taken."""

import dataclasses
from functools import cache, partial
from types import SimpleNamespace

import numpy as np
import pytest

import experiments
from experiments import domainmix
from experiments.tables.trainings import Asked, trainings
from reid_jax import encoders
from reid_jax.app import kinds, labels, sources
from reid_jax.app.table import small as is_small
from reid_jax.data import records
from reid_jax.models.resnet import ResNet
from reid_jax.types import Domain
from tests.experiments.test_steps import drawn, step
from tests.experiments.test_tables import EXPERIMENTS, LIE

TABLES = [
    (f"{name}.{key}", name, table)
    for name, script in EXPERIMENTS.items()
    for key, table in script.tables.items()
]


def people(person):
    """Pictures of people, each of a colour, in a little noise."""
    rng = np.random.default_rng(0)
    colour = rng.integers(20, 236, (person.max() + 1, 1, 1, 3))[person]
    noise = rng.integers(-20, 20, (len(person), 8, 4, 3))
    return records.Held((colour + noise).astype(np.uint8))


@cache
def labelled(persons=160):
    """Persons in two cameras, three pictures by each; a tenth of them to test with."""
    person, camera, take = np.indices((persons, 2, 3)).reshape(3, -1)
    split = np.where(person < 0.9 * persons, "train", np.where(take == 0, "query", "gallery"))
    return records.make(people(person), person + 1, camera, group=camera, split=split)


@cache
def videos(cameras=1, count=100):
    """Videos, or scenes of two cameras, of six unknown people in nine frames each."""
    group, camera, person, frame = np.indices((count, cameras, 6, 9)).reshape(4, -1)
    return records.make(
        people(6 * group + person), -1, camera + 2 * group, group=group, frame=frame, shot=0
    )


def opened(text, **_):
    """A source as `kinds.open_source` gives it, in a handful of pixels."""
    parts = []
    for part in text.split("+"):
        name = part.partition(".csv")[0].removeprefix("csv:/data/")
        assert name in LIE or part.startswith("synthetic"), part
        if name in ("youtube", "luperson") or part.startswith("synthetic-videos"):
            parts.append(videos())
        elif name == "surveillance" or part.startswith("synthetic-scenes"):
            parts.append(videos(2, 30))
        else:
            parts.append(labelled())
    return kinds.joined(parts)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Sources of a handful of pixels, and small encoders, each built once."""
    monkeypatch.setattr(sources, "open_source", opened)
    trunk = partial(ResNet, depths=(1,), width=8, bottleneck=False, stem="fold")
    monkeypatch.setitem(encoders.BACKBONES, "resnet_small", trunk)
    monkeypatch.setattr(encoders, "build", lambda config, say=print: _encoder(_network(config)))


def _network(config):
    """The options of a small encoder in the place of a configuration's."""
    names = {field.name for field in dataclasses.fields(encoders.Network)} | {"extra"}
    own = {name: value for name, value in vars(config).items() if name in names}
    small = "mgn_small" if config.backbone.startswith("mgn") else "resnet_small"
    restores = "resnet_small_snr" if config.backbone.endswith("snr") else small
    return tuple(sorted({**own, "backbone": restores, "weights": ""}.items()))


_build = encoders.build
_encoder = cache(lambda options: drawn(_build(SimpleNamespace(**dict(options)), lambda line: None)))


def built(one):
    """The job of a row, from random numbers, as if the runs it goes on from were there."""
    config = dataclasses.replace(one.config, weights="none")
    if one.experiment != "domainmix":
        return EXPERIMENTS[one.experiment].build(config)
    config = dataclasses.replace(config, begun="")
    labels.check(config, experiments.labellers())
    mixed, test = domainmix.data(config)
    real = mixed.person[mixed.domain == Domain.UNLABELLED]
    return domainmix.build_on(config, mixed, test, np.maximum(real, 0))


@pytest.mark.parametrize(("key", "name", "table"), TABLES, ids=[one[0] for one in TABLES])
def test_every_row_builds_its_job(key, name, table, tmp_path):
    """With the papers' sizes, on miniatures: options, data and batches fit together."""
    for recipe in table.recipes:
        if is_small(recipe):
            continue
        asked = Asked(EXPERIMENTS, name, recipe, (), LIE)
        for one in trainings(table, asked, tmp_path):
            if one.words:
                job = built(one)
                assert len(job.test.person) and len(job.train.person), table.rows[one.row].name


FEW = {
    "size": "32x16", "iterations": 1, "persons": 4, "per_person": 2, "labels": 2, "per_label": 2,
    "groups": 1, "crops": 4, "pairs": 2, "times": 1, "memory": 8, "hardest": 2, "batch": 8,
    "hidden": 8, "out": 4, "warmup": 0, "k1": 6, "k2": 2, "eps": 0.9, "rho": 0.05, "least": 1,
    "bn_group": 0,
}  # fmt: skip
TRAINED = {  # MGN's rows differ from its recipe, of which test_steps takes a step, by data alone
    "cycas": "cycas.8", "domainmix": "domainmix.1", "gds": "gds.3", "ide": "ide.gds",
    "remix": "remix.4", "spcl": "cycas.6", "moco": "cycas.6",
}  # fmt: skip


LONG = ("domainmix", "moco", "remix", "spcl")


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[pytest.mark.slow] * (one in LONG)) for one in TRAINED]
)
def test_a_row_of_each_experiment_takes_a_step(name, tmp_path):
    """The last row of a table that the experiment trains."""
    by, key = TRAINED[name].split(".")
    table = EXPERIMENTS[by].tables[key]
    listed = trainings(table, Asked(EXPERIMENTS, by, "paper", (), LIE), tmp_path)
    one = [row for row in listed if row.experiment == name and row.words][-1]
    few = {option: value for option, value in FEW.items() if hasattr(one.config, option)}
    one = one._replace(config=dataclasses.replace(one.config, **few))
    metrics = step(built(one), one.config)
    assert np.isfinite(list(metrics.values())).all() and metrics["loss"] != 0

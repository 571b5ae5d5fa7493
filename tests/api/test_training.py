"""The loop without a flag."""

import json
import os
import re

import jax
import numpy as np
import optax
import pytest

import reid_jax
from reid_jax import parallel
from reid_jax.data import records
from reid_jax.types import Domain
from tests import tiny


def method(**options):
    return reid_jax.ide(tiny.encoder(), persons=4, per_person=4, iterations=3, **options)


def parameters(moment):
    return parallel.first(moment.state.variables["params"])


def test_it_trains_and_gives_the_encoder():
    world = tiny.world()
    moments, losses = [], []
    for moment in reid_jax.fit(
        method(), world, epochs=6, optimiser=optax.adam(1e-2), every=2, seed=3
    ):
        moments.append((moment.epoch, moment.position.done, moment.whole))
        losses.append(moment.metrics["loss"])
    assert moments[:4] == [(0, 2, False), (0, 3, True), (1, 2, False), (1, 3, True)]
    assert len(moments) == 12 and losses[-1] < 0.85 * losses[0]
    encoder = moment.encoder()
    again = encoder.model.apply(
        parallel.first(moment.method.encoder(moment.state.variables, moment.state.carry)),
        world.image.pixels[:5], False,
    )[0].embedding  # fmt: skip
    unit = again / np.linalg.norm(again, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder(world)[:5], unit, atol=1e-5)


def test_only_training_rows_are_trained_on(tmp_path):
    world = tiny.world()
    hidden = world._replace(split=np.where(np.arange(96) < 48, "train", "gallery"))
    whole = [next(reid_jax.fit(method(), part)).metrics for part in
             (hidden, records.where(hidden, "train"))]  # fmt: skip
    assert whole[0] == whole[1]
    with pytest.raises(ValueError, match="no row of the split 'train'"):
        reid_jax.fit(method(), world._replace(split=np.full(96, "gallery")))


def test_a_moment_that_has_passed_says_so():
    moments = list(reid_jax.fit(method(), tiny.world(), epochs=2))
    with pytest.raises(RuntimeError, match=r"call moment.encoder\(\) in the loop"):
        moments[0].encoder()
    assert moments[1].encoder().width == 12


def test_a_workdir_goes_on_where_it_stopped(tmp_path):
    folder, world = tmp_path / "run", tiny.world()
    unbroken = [(one.metrics, parameters(one)) for one in reid_jax.fit(method(), world, epochs=3)]
    for moment in reid_jax.fit(method(), world, epochs=3, workdir=folder):
        if moment.epoch == 1:
            break
    del moment
    (rest,) = reid_jax.fit(method(), world, epochs=3, workdir=folder)
    assert rest.epoch == 2 and rest.metrics == unbroken[2][0]
    assert tiny.difference(parameters(rest), unbroken[2][1]) == 0
    (last,) = reid_jax.fit(method(), world, epochs=3, workdir=folder)  # complete
    assert last.epoch == 2 and last.whole and last.metrics == rest.metrics
    assert tiny.difference(parameters(last), unbroken[2][1]) == 0
    assert last.encoder().width == 12
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 2]
    more = [one.epoch for one in reid_jax.fit(method(), world, epochs=5, workdir=folder)]
    assert more == [3, 4]
    with pytest.raises(ValueError, match=re.escape("another training (seed: 0 there, 1 now)")):
        reid_jax.fit(method(), world, workdir=folder, seed=1)
    with pytest.raises(ValueError, match="holds other files"):
        reid_jax.fit(method(), world, workdir=tmp_path)


def test_one_training_at_a_time_in_a_workdir(tmp_path):
    moments = reid_jax.fit(method(), tiny.world(), epochs=2, workdir=tmp_path / "run")
    next(moments)
    with pytest.raises(ValueError, match=rf"being trained in by process {os.getpid()} on"):
        next(reid_jax.fit(method(), tiny.world(), epochs=2, workdir=tmp_path / "run"))
    assert next(moments).epoch == 1


def test_a_workdir_is_a_run_that_is_loaded(tmp_path):
    people = records.hold(reid_jax.synthetic.labelled(persons=4, cameras=2, size=(64, 32)))
    model = reid_jax.build("resnet_small", size=(64, 32))
    of = reid_jax.ide(model, persons=4, per_person=2, iterations=1)
    for moment in reid_jax.fit(of, people, epochs=1, workdir=tmp_path / "mine"):
        trained = moment.encoder()
    loaded = reid_jax.load(tmp_path / "mine")
    np.testing.assert_array_equal(loaded(people), trained(people))
    assert loaded.config["seed"] == 0 and loaded.config["backbone"] == "resnet_small"
    trained.save(tmp_path / "export")
    np.testing.assert_array_equal(reid_jax.load(tmp_path / "export")(people), trained(people))


def test_misuse_is_told_before_anything_is_computed():
    world = tiny.world()
    with pytest.raises(ValueError, match="reid_jax.open_source reads them"):
        reid_jax.fit(method(), "market1501:/data")
    with pytest.raises(ValueError, match="epochs=0"):
        reid_jax.fit(method(), world, epochs=0)
    with pytest.raises(ValueError, match="no model"):
        reid_jax.fit(method()._replace(model=None), world)
    two = reid_jax.mmt(tiny.encoder(), persons=4, per_person=2, iterations=1)
    for views in (None, reid_jax.Augment(), [reid_jax.Augment()]):
        with pytest.raises(ValueError, match="needs 2 views of each picture"):
            reid_jax.fit(two, world, views=views)


def test_every_method_knows_its_model_and_its_views():
    model = tiny.encoder()
    base = reid_jax.ide(model)
    assert reid_jax.gds(base).model is model and reid_jax.gds(base).views == 1
    for make, views in [(reid_jax.spcl, 1), (reid_jax.remix, 2), (reid_jax.mmt, 2),
                        (reid_jax.cycas, 1), (reid_jax.cluster_contrast, 1)]:  # fmt: skip
        assert make(model).model is model and make(model).views == views
    assert reid_jax.cycas(model, clean=True).views == 2


def test_two_domains():
    labelled = tiny.world(4, 4)
    labelled = labelled._replace(split=np.where(np.arange(16) < 12, "train", "query"))
    target = tiny.world(3, 4, seed=1)._replace(split=np.full(12, "gallery"))
    both = reid_jax.two_domains(labelled, target)
    assert both.domain.tolist() == [Domain.LABELLED] * 12 + [Domain.UNLABELLED] * 12
    assert set(both.split.tolist()) == {"train"}
    assert not set(both.group[:12].tolist()) & set(both.group[12:].tolist())
    np.testing.assert_array_equal(records.read(both, 13), records.read(target, 1))
    alone = reid_jax.two_domains(None, target)
    np.testing.assert_array_equal(alone.group, target.group)
    assert (alone.domain == Domain.UNLABELLED).all()


def test_the_default_optimiser_learns():
    world = tiny.world()
    first, *_, last = reid_jax.fit(method(), world, epochs=8)
    assert last.metrics["loss"] < first.metrics["loss"]
    assert jax.tree.all(jax.tree.map(lambda leaf: np.isfinite(leaf).all(), parameters(last)))

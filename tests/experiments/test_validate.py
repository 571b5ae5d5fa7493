"""The checkpoint that finds the persons of the validation best is kept aside."""

import dataclasses
import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from absl import flags

import reid_jax
from experiments import cluster_contrast, gds, ide, mmt, remix
from reid_jax import encoders, parallel
from reid_jax.app import best, keeper, run, sources
from reid_jax.app.log import Log
from reid_jax.types import Domain
from tests.experiments.called import call, draw, refused

SMALL = {"size": "32x16", "backbone": "resnet_small", "epochs": 4, "warmup": 0}
BATCH = {"persons": 2, "per_person": 2, "iterations": 2}
GIVEN = [0.25, 0.75, 0.75, 0.5]  # mAP by epoch: the second is the best, and the first of two


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """named.csv: 6 persons by two cameras; unknown.csv; one_camera.csv."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    lines = {name: ["path,person,camera,split"] for name in ("named", "unknown", "one_camera")}
    for person in range(6):
        colour = rng.integers(0, 256, 3)
        for take in range(6):
            path = f"{person}_{take}.png"
            draw(folder / path, colour, rng)
            lines["named"].append(f"{path},{person},{take % 2},train")
            lines["unknown"].append(f"{path},,,train")
            lines["one_camera"].append(f"{path},{person},0,train")
    for name, rows in lines.items():
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def config(data):
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
    return ide.Config(**SMALL, **BATCH, data=f"csv:{data}/named.csv", test="", validate=0.34)


@pytest.fixture(scope="module", autouse=True)
def seen():
    """Validations give `GIVEN`, by the epoch; the encoders that they looked at last, by epoch."""
    found, real = {}, run.Keeper.keep

    def keep(self, moment, figures):
        epoch = moment.position.epoch
        found[epoch] = jax.tree.map(np.array, parallel.first(keeper.encoder_of(self.job, moment)))
        figures["mAP"] = GIVEN[epoch]
        return real(self, moment, figures)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run.Keeper, "keep", keep)
        patch.setattr(flags.FLAGS["report"], "value", False)
        yield found


@pytest.fixture(scope="module")
def straight(config, seen, tmp_path_factory):
    """The folder of a run that nobody stopped, and its encoders by epoch."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    run.run(config, ide.build, folder)
    return folder, dict(seen)


def _lines(folder, kind=best.KIND):
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == kind]


def _same(mine, theirs):
    jax.tree.map(np.testing.assert_array_equal, mine, theirs)


def test_the_persons_held_out_are_not_trained_on(config):
    job = ide.build(config)
    every, _ = sources.train_and_test(dataclasses.replace(config, validate=0.0))
    held = sources.validation(config)
    assert len(np.unique(held.person)) == 2 and len(np.unique(job.train.person)) == 4
    assert not {*held.person.tolist()} & {*job.train.person.tolist()}
    assert sorted([*held.image, *job.train.image]) == sorted(every.image)
    assert [held.split.tolist().count(one) for one in ("query", "gallery")] == [4, 8]


def test_without_the_option_all_are_trained_on(config):
    plain = dataclasses.replace(config, validate=0.0)
    assert sources.validation(plain) is None
    assert len(np.unique(ide.build(plain).train.person)) == 6


@pytest.mark.parametrize("module", [gds, mmt, remix])
def test_every_stage_holds_the_same_persons_out(data, config, module):
    """An adaptation is measured by persons of its source, whom no stage may have learnt."""
    held = {*sources.validation(config).image}
    known = {"data": config.data, "test": "", "validate": config.validate}
    if module is remix:
        made = remix.Config(**SMALL, **known, persons=2, labels=0)
        assert not held & {*remix.build(made).train.image}
        return
    made = module.Config(**known, target=f"csv:{data}/unknown.csv", size="32x16")
    source = gds.source_config(made) if module is gds else mmt.source_config(made, 1)
    assert source.validate == config.validate
    train, _ = sources.adaptation(made)
    labelled = np.flatnonzero(train.domain == Domain.LABELLED)
    assert len(labelled) == 24 and not held & {train.image[int(row)] for row in labelled}


def test_the_best_is_kept_and_not_the_last(straight):
    folder, encoder = straight
    kept = folder / "best"
    _same(encoders.trained(kept)[2], encoder[1])
    _same(encoders.trained(folder)[2], encoder[3])
    assert [one["mAP"] for one in _lines(folder)] == GIVEN
    assert [(one["epoch"], one["mAP"]) for one in _lines(kept)] == [(1, GIVEN[1])]
    assert [one.name for one in (kept / "checkpoints").iterdir()] == ["4"]
    assert reid_jax.load(kept).fingerprint != reid_jax.load(folder).fingerprint


class _Killed(BaseException):
    """No `except` of a run sees it."""


def _kill(*_, **__):
    raise _Killed


def _at(epoch, of, real):
    """A method that kills at an epoch, which `of` finds in its arguments."""
    return lambda *given: _kill() if of(*given) == epoch else real(*given)


KILLS = {
    "after the copy": lambda patch: patch.setattr(
        best, "json", SimpleNamespace(dumps=_at(1, lambda line: line["epoch"], json.dumps))
    ),
    "before the line": lambda patch: patch.setattr(
        Log, "test", _at(1, lambda log, *_: log.at[0], Log.test)
    ),
    "two epochs later": lambda patch: patch.setattr(
        Log, "moment", _at(3, lambda _, moment: moment.position.epoch, Log.moment)
    ),
    "a stop": lambda patch: patch.setattr(run, "ranked", _stop),
}
SLOW = [pytest.param(where, marks=pytest.mark.slow) for where in [*KILLS][2:]]


def _stop(*_):
    raise run.stop.Stopped(15)


@pytest.mark.parametrize("where", [*[*KILLS][:2], *SLOW])
def test_a_killed_run_ends_with_the_same_best(config, straight, tmp_path, where):
    with pytest.MonkeyPatch.context() as patch:
        KILLS[where](patch)
        with pytest.raises((_Killed, run.stop.Stopped)):
            run.run(config, ide.build, tmp_path / "run")
    run.run(config, ide.build, tmp_path / "run")
    folder, encoder = straight
    assert _lines(tmp_path / "run") == _lines(folder)
    assert _lines(tmp_path / "run" / "best") == _lines(folder / "best")
    assert [one.name for one in (tmp_path / "run/best/checkpoints").iterdir()] == ["4"]
    _same(encoders.trained(tmp_path / "run" / "best")[2], encoder[1])


def test_one_of_a_later_step_stays_until_the_run_is_there_again(tmp_path):
    for name in ("config.json", "about.json", "checkpoints/9/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert best.beaten(tmp_path, 3, 0.1)
    best.keep(tmp_path, 2, 9, {"mAP": 0.5})
    found = {
        (step, figure): best.beaten(tmp_path, step, figure)
        for step in (6, 9, 12)
        for figure in (0.4, 0.5, 0.6)
    }
    assert [key for key, better in found.items() if better] == [
        (9, 0.4),
        (9, 0.5),
        (9, 0.6),
        (12, 0.6),
    ]
    (tmp_path / "best" / "metrics.jsonl").write_text("{")
    assert best.beaten(tmp_path, 12, 0.1)


def test_it_is_refused_where_no_labelled_persons_are(data, config):
    none = cluster_contrast.Config(target=config.data, validate=0.3)
    unknown = dataclasses.replace(config, data=f"csv:{data}/unknown.csv")
    for wrong in (none, unknown):
        with pytest.raises(ValueError, match="holds out labelled persons of --config.data"):
            sources.validation(wrong)
    with pytest.raises(ValueError, match=r"no query has a match.*\(--config.validate\)"):
        sources.validation(dataclasses.replace(config, data=f"csv:{data}/one_camera.csv"))
    with pytest.raises(ValueError, match="choose `persons` of at most 4"):
        ide.build(dataclasses.replace(config, persons=5))


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_tools_take_the_best_as_they_take_a_run(data, tmp_path):
    given = [f"--config.{name}={value}" for name, value in {**SMALL, **BATCH}.items()]
    given += [f"--config.data=csv:{data}/named.csv", "--config.test=", "--config.validate=0.34"]
    said = call("ide", f"--workdir={tmp_path}/run", *given).stdout
    assert "validation data, held out of the training" in said and "validation: mAP" in said
    text = (tmp_path / "run/report/report.md").read_text()
    assert "**Validated on** 34% of the persons" in text and "best mAP" in text
    kept = f"--workdir={tmp_path}/run/best"
    call("embed", kept, f"--pictures=csv:{data}/named.csv", f"--out={tmp_path}/a.npz")
    call("export", kept, f"--out={tmp_path}/encoder", "--forms=none")
    call("check", f"--workdir={tmp_path}/run")
    line = refused("ide", f"--workdir={tmp_path}/new", *given[:-1], "--config.validate=1.5")
    assert "validate" in line and "below 1" in line

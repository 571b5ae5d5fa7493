"""Machines that share a folder, folders of others, and how long a row still takes."""

import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest

import experiments
import reid_jax
from experiments import cycas, ide, moco, remix, spcl
from experiments.tables import claims, cost, plots, running
from experiments.tables import trainings as making
from experiments.tables.results import Result
from experiments.tables.runs import Run
from experiments.tables.trainings import Asked, trainings
from reid_jax.app import table
from reid_jax.app.job import Experiment

TABLE = table.Table(
    "t",
    (
        table.Row("first", {"labels": 0}),
        table.Row("second", {"weights": "{0}"}),
        table.Row("third", {"labels": 2}),
    ),
    ("paper",),
    axis="",
)


def run(workdir, rows=(0, 1, 2)):
    """The table in a folder."""
    asked = Asked({"remix": Experiment(remix.Config, remix.build, remix.RECIPES)}, "remix", "paper")
    listed = [one for one in trainings(TABLE, asked, workdir) if one.row in rows]
    return Run("remix.t", TABLE, asked, workdir, [*rows], listed)


def finish(one, mean=0.5):
    """As a training leaves its folder."""
    one.folder.mkdir(parents=True)
    line = {"kind": "test", "epoch": one.config.epochs - 1, "step": 9, "mAP": mean, "rank1": mean}
    (one.folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")


@pytest.fixture
def trained(monkeypatch):
    """The rows that are trained, each in no time."""
    found = []

    def train(one, name, tell):
        found.append(one.row)
        finish(one)

    monkeypatch.setattr(running, "train", train)
    return found


def test_a_row_that_another_machine_trains_is_left_alone(tmp_path, trained, capsys):
    machine = run(tmp_path)
    with claims.claimed(tmp_path / "row2-seed0") as other:
        assert other is None
        told = json.loads((tmp_path / "row2-seed0.claim").read_text())
        assert told["process"] == os.getpid()
        with claims.claimed(tmp_path / "row2-seed0") as again:
            assert again.process == os.getpid() and not again.stale
        assert (tmp_path / "row2-seed0.claim").is_file()  # the second one has not taken it away
        machine.all(train=True)
    assert trained == [0, 1] and not list(tmp_path.glob("*.claim"))
    said = capsys.readouterr().out
    assert re.search(r"row 2 is trained by \S+ since \d{4}-", said)
    line = next(x for x in (tmp_path / "table.md").read_text().splitlines() if "third" in x)
    assert "trained by" in line
    machine.all(train=True)
    assert trained == [0, 1, 2]
    assert "trained by" not in (tmp_path / "table.md").read_text()


def test_a_row_waits_for_what_it_goes_on_from(tmp_path, trained, capsys):
    with claims.claimed(tmp_path / "row0-seed0"):
        run(tmp_path).all(train=True)
    assert trained == [2]
    assert "row 1 goes on from row 0, which is not that far" in capsys.readouterr().out
    run(tmp_path).all(train=True)
    assert trained == [2, 0, 1]


def test_a_stage_of_another_row_is_enough(tmp_path):
    gds = experiments.find()["gds"]
    asked = Asked({"gds": gds}, "gds", "street")
    first, second, *_ = trainings(gds.tables["3"], asked, tmp_path)
    assert second.needs == (0,) and not running.ready(second, first)
    source = tmp_path / "row0-seed0-source"
    finish(first._replace(folder=source, config=ide.Config(epochs=3)))
    assert not running.ready(second, first)
    (source / "config.json").write_text(json.dumps({"epochs": 3}))
    assert running.ready(second, first) and not running.done(first)
    (source / "config.json").write_text(json.dumps({"epochs": 4}))
    assert not running.ready(second, first)
    mix = experiments.find()["domainmix"]
    asked = Asked(experiments.find(), "domainmix", "paper")
    rows = {one.row: one for one in trainings(mix.tables["1"], asked, tmp_path / "mix")}
    labels = rows[1].folder / "stage1" / "labels.csv"  # of row 1, for the same labels unrefined
    assert not running.ready(rows[3], rows[1])
    labels.parent.mkdir(parents=True)
    labels.write_text("")
    assert running.ready(rows[3], rows[1]) and not running.ready(rows[4], rows[1])


def test_a_row_that_fails_does_not_keep_the_others(tmp_path, monkeypatch, capsys):
    def train(one, name, tell):
        if one.row == 0:
            raise ValueError("stopped or failed: remix")
        finish(one)

    monkeypatch.setattr(running, "train", train)
    with pytest.raises(ValueError, match="1 rows failed, as told above: 0; the same command"):
        run(tmp_path).all(train=True)
    said = capsys.readouterr().out
    assert "row 0: stopped or failed: remix" in said and "row 1 goes on from row 0" in said
    assert "| third | synthetic:harbour | 50.0 |" in said


def test_a_dead_process_of_this_machine_claims_nothing(tmp_path):
    code = (
        "import os, pathlib, sys; from experiments.tables import claims\n"
        "with claims.claimed(pathlib.Path(sys.argv[1])): os._exit(9)"
    )
    row = tmp_path / "row0-seed0"
    call = [sys.executable, "-c", code, str(row)]
    assert subprocess.run(call, check=False, cwd=experiments.__path__[0] + "/..").returncode == 9
    assert (tmp_path / "row0-seed0.claim").is_file() and claims.of(row) is None
    with claims.claimed(row) as other:
        assert other is None


def test_a_silent_machine_is_told_and_not_robbed(tmp_path):
    file = tmp_path / "row0-seed0.claim"
    file.write_text(json.dumps({"host": "elsewhere", "process": 1, "since": "2026-01-02 03:04:05"}))
    row = tmp_path / "row0-seed0"
    assert str(claims.of(row)) == "trained by elsewhere since 2026-01-02 03:04:05"
    then = time.time() - 7200
    os.utime(file, (then, then))
    told = str(claims.of(row))
    assert re.search(r"silent for 2:00:0\d: if it is dead, delete " + re.escape(str(file)), told)
    with claims.claimed(row) as other:
        assert other.stale
    assert file.is_file()
    file.write_text("")  # a full disk
    assert claims.of(row).host == "another process"


def test_folders_of_others_are_refused(tmp_path):
    (one, *_) = run(tmp_path).listed
    running.check(one, "remix.t: first")
    running.keep(one.folder, row="remix.t: first", version=reid_jax.__version__)
    running.check(one, "remix.t: first")
    with pytest.raises(ValueError, match=r"is the row 'remix.t: first', and not 'gds.3: x'"):
        running.check(one, "gds.3: x")
    running.keep(one.folder, version="0.0.1")
    with pytest.raises(ValueError, match="was begun by version 0.0.1, and this is"):
        running.check(one, "remix.t: first")
    (one.folder / "other").mkdir(parents=True)
    with pytest.raises(ValueError, match="holds other files"):
        running.check(one, "remix.t: first")
    (one.folder / "other").rmdir()
    one.folder.rmdir()
    finish(one)
    (one.folder / "config.json").write_text(json.dumps(vars(one.config)))
    running.check(one, "remix.t: first")  # what is finished stays


def test_how_long_a_row_takes_is_told_from_its_log(tmp_path):
    (one, *others) = run(tmp_path).listed
    assert cost.of(one.config) == (100, 400, 32) and cost.of(others[1].config).batch == 40
    assert cost.of(spcl.Config()).batch == 128 and cost.of(spcl.Config(data="")).batch == 64
    assert cost.of(moco.Config()) == (300, 0, 4096) and cost.of(cycas.Config()).batch == 640
    assert "100 epochs of 400 batches of 32 (1.3 M pictures)" in cost.words(one.config)
    assert cost.told(one.folder) == ""
    stage = one.folder / "stage1"
    stage.mkdir(parents=True)
    lines = [
        {"kind": "train", "epoch": 0, "step": 20},
        {"kind": "train", "epoch": 0, "step": 40, "images_per_second": 64.0},
    ]
    (stage / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (stage / "config.json").write_text(json.dumps(vars(one.config)))
    # (100 x 400 - 40) x 32 pictures at 64 a second
    assert cost.told(one.folder) == "5:33:00 left of its stage stage1, at 64 images/s"
    said = running.rest("", others[1:], one.folder)
    assert said == "; what is to be trained after it 6:56:40 at that pace"  # 100 x 400 x 40 / 64
    passes = dict(vars(one.config), iterations=0)
    (stage / "config.json").write_text(json.dumps(passes))
    assert cost.told(one.folder) == "64 images/s, the first epoch of its stage stage1"
    with (stage / "metrics.jsonl").open("a") as file:
        more = {"kind": "train", "epoch": 1, "step": 80, "images_per_second": 64.0}
        file.write(json.dumps(more) + "\n")
    assert cost.told(one.folder).startswith("0:32:40 left")  # 40 steps an epoch: 3,920 x 32 / 64


def test_further_tests_are_measured_once(tmp_path, monkeypatch):
    (one, *_) = run(tmp_path).listed
    finish(one)
    calls = []

    def called(call, look=lambda: None):
        calls.append(call)
        out = next(word for word in call if word.startswith("--out=")).removeprefix("--out=")
        split = next((word[-1] for word in call if word.startswith("--test=")), "0")
        found = {"mAP": int(split) / 10, "rank1": 0.5} if split != "0" else {"cpu": 80.0}
        with open(out, "w") as file:
            json.dump(found, file)

    monkeypatch.setattr(running, "call_and_wait", called)
    tests = (
        making.Test("own"),
        making.Test("two splits", ("viper:/v,split=1", "viper:/v,split=2")),
    )
    names = ("mAP", "rank1", "cpu", "hours")
    before = running.figures(one, tests, names, measure=False)
    assert np.isnan(before[1]).all() and not calls
    running.keep(one.folder, seconds=1800.0)
    for _ in range(2):
        found = running.figures(one, tests, names, measure=True)
        np.testing.assert_allclose(found, [[0.5, 0.5, 80, 0.5], [0.15, 0.5, 80, 0.5]])
    assert len(calls) == 3


def test_what_a_command_uses_is_measured_and_its_failure_is_told(tmp_path):
    looks = []
    code = "x = bytearray(200_000_000); import time; time.sleep(0.3)"
    memory = running.call_and_wait([sys.executable, "-c", code], lambda: looks.append(1))
    assert 2e8 < memory < 4e8 and looks
    with pytest.raises(ValueError, match="stopped or failed: .* raise SystemExit"):
        running.call_and_wait([sys.executable, "-c", "raise SystemExit(3)"])


def test_curves_are_drawn_of_what_there_is(tmp_path):
    rows = tuple(
        table.Row(f"{curve} {place}", {}, at=(curve, {"street": place, "paper": 100 * place}))
        for curve in ("CycAs", "MoCo v3")
        for place in (1, 100)
    )
    one = table.Table("t", rows, figures=("mAP", "hours"), axis="pictures")
    empty = Result("x", [], ("Market-1501",), np.full((1, 1, 2), np.nan))
    path = tmp_path / "table.png"
    plots.curves(one, "street", {0: empty}, path)
    assert not path.exists()
    full = empty._replace(measured=np.array([[[0.5, 3.0]], [[0.7, 4.0]]]))
    points = plots._points(one, "paper", {1: full, 0: empty, 3: full}, "mAP", "Market-1501")
    assert [point.place for point in points["CycAs"]] == [100, 10_000]
    np.testing.assert_allclose(points["CycAs"][1].measured, [50, 70])
    plots.curves(one, "street", {0: empty, 1: full, 2: full, 3: full}, path)
    assert path.stat().st_size > 1000

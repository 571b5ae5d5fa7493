"""What results.json keeps, and what is no such file."""

import dataclasses
import json
import os
import subprocess

import numpy as np
import pytest
from absl import flags

from experiments import ide
from reid_jax.app import about, origin, run, workdirs
from reid_jax.app.results import record
from reid_jax.data import records
from tests.app.results import made
from tests.experiments.called import ROOT, two_domains


def test_figures_are_means_of_what_is_kept_of_each_query(tmp_path):
    ranking = made.run(tmp_path / "a")
    read = record.read(tmp_path / "a" / record.FILE)
    assert read.figures["mAP"] == ranking.mean_ap and read.figures["rank1"] == ranking.cmc[0]
    values = read.queries.values()
    for name, column in zip(record.MEANS, values.T, strict=True):
        assert column.mean() == pytest.approx(read.figures[name])
        spread = read.spread[name]
        error = column.std() / len(column) ** 0.5  # of a mean
        assert spread["deviation"] == pytest.approx(error, rel=0.03, abs=1e-9)
        assert spread["low"] <= column.mean() <= spread["high"]
    assert read.queries.name[:2].tolist() == ["0.jpg", "2.jpg"]
    assert (read.queries.first == ranking.first).all()
    assert {"command", "version", "revision", "date", "devices", "seconds"} <= set(read.about)


def test_another_test_has_another_mark():
    test = made.data_of()
    pixels = np.zeros((80, 4, 4, 3), np.uint8)
    held = test._replace(image=records.Held(pixels))
    other = test._replace(image=records.Held(pixels + 1))
    tests = [test, made.data_of(first=1), test._replace(camera=test.camera + 1), held, other]
    assert len({record.test_of(one, "x")["mark"] for one in tests}) == 5
    moved = test._replace(image=np.array([x.replace("some", "an/other") for x in test.image]))
    assert record.test_of(moved, "y")["mark"] == record.test_of(test, "x")["mark"]


def test_what_is_not_whole_is_refused_in_a_line(tmp_path):
    made.run(tmp_path / "a")
    path = tmp_path / "a" / record.FILE
    text = path.read_text()
    for broken in (text[:100], "[]", '{"mAP": 0.5}', text.replace('"form": 1', '"form": 9')):
        path.write_text(broken)
        with pytest.raises(ValueError, match="no file of results that this version reads"):
            record.read(path)
    path.write_text(text)
    beside = path.with_suffix(".npz")
    content = beside.read_bytes()
    for broken in (content[:50], b""):
        beside.write_bytes(broken)
        with pytest.raises(ValueError, match="results.npz is missing or not that of results.json"):
            record.read(path)
    beside.unlink()
    with pytest.raises(ValueError, match="is missing"):
        record.read(path)


def test_seeds_and_moved_folders_are_one_configuration():
    one = origin.digest({"seed": 0, "weights": "/a/b/source", "epochs": 2}, "/a/b")
    assert one == origin.digest({"seed": 1, "weights": "/c/source", "epochs": 2}, "/c")
    assert one != origin.digest({"seed": 0, "weights": "/a/b/source", "epochs": 3}, "/a/b")


def test_asking_git_for_the_revision_locks_nothing(tmp_path, monkeypatch):
    """A stop kills git; a lock of the index would stay, and the next commit would fail."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "a").write_text("a")
    for words in (["init", "-q"], ["add", "a"], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], check=True)
    os.utime(tmp_path / "a", (1, 1))  # git would write down that it is the same
    before = (tmp_path / ".git" / "index").read_bytes()
    monkeypatch.setattr(origin, "ROOT", tmp_path)
    origin.revision.cache_clear()
    assert len(origin.revision()) == 40
    origin.revision.cache_clear()
    assert (tmp_path / ".git" / "index").read_bytes() == before


def test_the_revision_is_gits():
    git = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    if git.returncode or not (origin.ROOT / ".git").exists():
        pytest.skip("no checkout")
    assert origin.revision().removesuffix("-dirty") == git.stdout.strip()


def test_a_run_leaves_its_results_and_its_time_adds_up(tmp_path, monkeypatch):
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
    data = two_domains(tmp_path)
    config = ide.Config(
        size="32x16", backbone="vit_mini", epochs=1, iterations=2, persons=2, per_person=2,
        warmup=0, test="", data=f"csv:{data}/source.csv", schedule="constant",
    )  # fmt: skip
    workdir = tmp_path / "run"
    figures = run.train_all(ide.EXPERIMENT, config, workdir)
    first = record.read(workdir / record.FILE)
    assert first.figures == dict(figures) and len(first.queries.name) == 6
    assert first.about["config"] == json.loads((workdir / "config.json").read_text())
    assert first.about["seconds"] == about.read(workdir).seconds > 0
    assert first.about["test"]["source"] == f"csv:{data}/source.csv"
    about.lasted(workdir, 1000.0)
    run.train_all(ide.EXPERIMENT, config, workdir)  # finished: nothing is trained
    assert record.read(workdir / record.FILE).about["seconds"] == 1000
    run.train_all(ide.EXPERIMENT, dataclasses.replace(config, epochs=2), workdir)
    longer = record.read(workdir / record.FILE)
    assert 1000 < longer.about["seconds"] < 1400 and longer.about["epochs"] == 2
    for path in workdir.glob("checkpoints/*"):
        path.rename(tmp_path / path.name)  # nothing is saved: it begins anew
    workdirs.write(workdir, config)
    assert not (workdir / record.FILE).exists()

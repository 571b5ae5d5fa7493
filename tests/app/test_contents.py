"""What the sections of a run say of it: curves, configuration, command, threshold, sound text."""

import dataclasses
import json
import types

import numpy as np
import pytest

from experiments import ide, remix
from reid_jax.app import curves, distances, info, recorded
from reid_jax.app.about import About
from reid_jax.app.page import html
from reid_jax.app.page.blocks import Code, Table
from reid_jax.data import records
from reid_jax.retrieval import point
from tests import tiny
from tests.app.page import made


def _moments(folder, *lines):
    path = folder / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return curves.Moments(path)


def test_the_last_value_of_an_epoch_counts(tmp_path):
    def line(epoch, step, **figures):
        return {"kind": "train", "epoch": epoch, "step": step, **figures}

    moments = _moments(
        tmp_path, line(0, 1, loss=4.0), line(0, 2, loss=3.0, labels=5.0, purity=0.5),
        line(1, 3, loss=2.0, labels=7.0), {"kind": "test", "epoch": 1, "step": 3, "mAP": 0.25},
    )  # fmt: skip
    (loss,) = curves.losses(moments, "a")
    assert loss.series[0].x.tolist() == [1, 2] and loss.series[0].y.tolist() == [3, 2]
    assert loss.table.rows == [["1", "3"], ["2", "2"]]
    shares, counts = curves.health(moments, "a")
    assert shares.series[0].y.tolist() == [50] and counts.series[0].y.tolist() == [5, 7]
    assert "Purity" in shares.words and curves.tests(moments, "a") == []  # one test is no curve


@pytest.mark.parametrize("text", ["", "\n", '{"kind": "train", "epo', "[1]\n{}\n"])
def test_no_line_or_a_broken_one_makes_no_curve(tmp_path, text):
    (tmp_path / "metrics.jsonl").write_text(text)
    for path in (tmp_path / "metrics.jsonl", tmp_path / "none.jsonl"):
        moments = curves.Moments(path)
        assert curves.losses(moments, "a") == curves.health(moments, "a") == []
        assert distances.moved(moments) == [] and np.isnan(moments.speed())


def test_what_a_configuration_changes_of_its_recipe():
    street = remix.RECIPES["street"]
    config = remix.Config(**{**street, "epochs": 99, "eps": 0.625})
    about = About("remix", "street", "1", "")
    changed, every = recorded.configuration(config, remix.EXPERIMENT, about)
    assert [row[:3] for row in changed.rows] == [
        ["`epochs`", "`99`", f"`{street['epochs']}`"],
        ["`eps`", "`0.625`", f"`{street['eps']}`"],
    ]
    assert changed.rows[1][3] == "radius of DBSCAN"
    assert len(every.rows) == len(dataclasses.fields(remix.Config)) and every.folded
    (_, told) = recorded.command(config, remix.EXPERIMENT, about, "runs/a b")
    assert told == Code(
        "reid-jax remix '--workdir=runs/a b' --recipe=street --config.epochs=99 --config.eps=0.625"
    )
    kept = about._replace(command="reid-jax remix --x")
    assert Code("reid-jax remix --x") in recorded.command(config, remix.EXPERIMENT, kept, "runs/a")
    same = recorded.configuration(remix.Config(**street), remix.EXPERIMENT, about)
    assert same[0].words.startswith("All options are those of the recipe `street`")


def test_an_old_run_and_one_of_nobody_knows_what():
    config = types.SimpleNamespace(**vars(ide.Config(epochs=3)), gone=1)
    blocks = recorded.configuration(config, ide.EXPERIMENT, About("ide"))
    assert "does not say which recipe" in blocks[1].words and len(blocks[0].rows) == 1
    blocks = recorded.configuration(config, None, About())
    assert isinstance(blocks[1], Table) and ["`gone`", "`1`"] in blocks[1].rows
    assert "not kept" in recorded.command(config, None, About(), "a")[0].words
    assert "does not say" in recorded.hardware(About(), float("nan"))[0].words


def test_the_machine_and_the_hashes(tmp_path):
    about = About(machine=dict(info.machine()))
    (table,) = recorded.hardware(about, 123.4)
    assert ["pictures a second in training, median", "123"] in table.rows
    assert {"reid_jax", "jax", "devices", "processor cores"} <= {row[0] for row in table.rows}
    (tmp_path / "config.json").write_text("abc")
    variables = {"params": {"a": np.ones(3, np.float32)}}
    rows = dict(recorded.hashes(tmp_path, variables).rows)
    assert rows["weights of the encoder"] == f"`{point.fingerprint(variables)}`"
    # sha256 of "abc": FIPS 180-2, appendix B.1
    assert rows["configuration, `sha256sum config.json`"] == "`ba7816bf8f01cfea`"


def test_the_threshold_is_the_kept_one_or_says_why_there_is_none(tmp_path):
    people = tiny.world(12, 8)
    split = np.where(np.arange(96) % 4 == 0, "query", "gallery")
    people = people._replace(split=split)
    rng = np.random.default_rng(0)
    embedding = np.eye(12)[people.person - 1] + 0.2 * rng.normal(size=(96, 12))
    variables = {"params": {"a": np.ones(3, np.float32)}}
    ways = {"same_camera": False}
    found = distances.threshold(tmp_path, variables, embedding.astype("f4"), people, **ways)
    assert found.point.fmr == 0.01  # 1,584 pairs: too few for 0.001
    assert "--fmr=0.01" in found.source and found.marks()[0].x == 0.5 - found.point.threshold / 2
    point.save(tmp_path, found.point._replace(threshold=0.5, logistic=(1.0, 0.0)), variables)
    kept = distances.threshold(tmp_path, variables, embedding.astype("f4"), people, **ways)
    assert kept.point.threshold == 0.5 and "kept in operating.json" in kept.source
    other = {"params": {"a": np.zeros(3, np.float32)}}
    again = distances.threshold(tmp_path, other, embedding.astype("f4"), people, **ways)
    assert again.point == found.point
    empty = records.take(people, np.zeros(0, int))
    none = distances.threshold(tmp_path / "a", variables, embedding[:0], empty, **ways)
    few = people._replace(person=np.ones(96, np.int32))
    alike = distances.threshold(tmp_path / "a", variables, embedding.astype("f4"), few, **ways)
    assert none.point is None and "test set" in none.source
    assert "no pair of different persons" in alike.told()[0].words and alike.marks() == []


def test_one_camera_is_enough(tmp_path):
    page, text = made.written(tmp_path / "run", cameras=1, names="csv:a.csv")
    assert "## Ranked lists" in text and ", by camera" not in text
    assert len(page.encode()) < html.LIMIT
    for word in ("mAP", "rank-1", "`csv:a.csv`", "seed 0", "after epoch 3", "12 persons"):
        assert word in text, word

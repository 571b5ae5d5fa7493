"""Runs without a test set, for people whose pictures have no labels."""

import dataclasses
import json
import types

import numpy as np
import pytest
from absl import flags

from experiments import cluster_contrast, cycas, ide, report, spcl
from experiments.tables.__main__ import check_tests
from experiments.tables.trainings import Training
from reid_jax.app import about, command, run, sources
from tests.experiments.called import draw, refused

SMALL = {"size": "32x16", "backbone": "vit_mini", "epochs": 1}
BATCH = {"persons": 2, "per_person": 2, "iterations": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Training pictures alone: named.csv, 6 persons by two cameras; unknown.csv; films.csv."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    named, unknown = ["path,person,camera,split"], ["path,person,camera,split"]
    films = ["path,person,camera,split,group,frame"]
    for person in range(6):
        colour = rng.integers(0, 256, 3)
        for take in range(6):
            path = f"{person}_{take}.png"
            draw(folder / path, colour, rng)
            named.append(f"{path},{person},{take % 2},train")
            unknown.append(f"{path},,,train")
            films.append(f"{path},,,train,film {person // 3},{take}")
    for name, lines in (("named", named), ("unknown", unknown), ("films", films)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    one = list(named)
    one += [
        f"{p}_{take}.png,9{p},0,{s}" for p in (0, 1) for take, s in ((0, "query"), (1, "gallery"))
    ]
    (folder / "one_camera.csv").write_text("\n".join(one) + "\n")
    return folder


@pytest.fixture
def train():
    """Train in this process."""
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
    return run.train_all


def _lines(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def _pictures(workdir):
    return {path.stem for path in (workdir / "report").glob("*.png")}


def test_a_labelled_run_trains_on_and_is_known_as_finished(
    train, data, tmp_path, capsys, monkeypatch
):
    config = ide.Config(**SMALL, **BATCH, data=f"csv:{data}/named.csv", test="", warmup=0)
    workdir = tmp_path / "run"
    assert not run.ended(config, workdir)
    assert train(ide.EXPERIMENT, config, workdir) == {}
    said = capsys.readouterr().out
    assert "no test data" in said and "report.md" in said and "mAP" not in said
    assert [line["kind"] for line in _lines(workdir)] == ["train", "untested"]
    assert run.ended(config, workdir)
    assert not run.ended(dataclasses.replace(config, epochs=2), workdir)
    assert _pictures(workdir) == {"data", "neighbours", "activation", "distances"}
    assert train(ide.EXPERIMENT, config, workdir) == {}  # again: finished, not stopped
    assert about.read(workdir)[:2] == ("ide", "")
    monkeypatch.setattr(command, "workdir", lambda: str(workdir))
    report.main()
    assert "no test set" in (workdir / "report" / "report.md").read_text()
    assert "`test` must name data with both" in refused("evaluate", f"--workdir={workdir}")


def test_a_stage_before_it_goes_on_and_is_done_once(train, data, tmp_path, capsys):
    config = spcl.Config(
        **SMALL, **BATCH, data=f"csv:{data}/named.csv", target=f"csv:{data}/unknown.csv", k1=6,
        k2=2, eps=0.8, fall=1, bn_group=0, bn_domains=False,
        source="epochs=1,iterations=2,warmup=0",
    )  # fmt: skip
    workdir = tmp_path / "run"
    assert spcl.source_config(config).test == ""
    assert train(spcl.EXPERIMENT, config, workdir) == {}
    assert _lines(workdir / "source")[-1]["kind"] == _lines(workdir)[-1]["kind"] == "untested"
    assert about.read(workdir).start == str(workdir / "source")
    text = (workdir / "report" / "report.md").read_text()
    assert "has no query and no gallery picture" in text and f"from `{workdir}/source`" in text
    capsys.readouterr()
    assert train(spcl.EXPERIMENT, config, workdir) == {}
    assert capsys.readouterr().out.count("training data") == 1  # not the source's


def test_pictures_whose_persons_are_unknown(train, data, tmp_path):
    config = cluster_contrast.Config(
        **SMALL, **BATCH, target=f"csv:{data}/unknown.csv", k1=6, k2=2, eps=0.8, bn_group=0
    )
    assert train(cluster_contrast.EXPERIMENT, config, tmp_path / "run") == {}
    assert _pictures(tmp_path / "run") == {"data", "neighbours", "activation", "clusters"}
    text = (tmp_path / "run" / "report" / "report.md").read_text()
    assert "## Pseudo labels" in text and "persons are unknown" in text and "urity" not in text


def test_crops_of_videos(train, data, tmp_path):
    config = cycas.Config(
        **{**SMALL, "epochs": 2}, data=f"csv:{data}/films.csv", test="", groups=1, pairs=2, crops=4,
        times=1, memory=8, hardest=2, bn_frozen=False, projection=0,
    )  # fmt: skip
    flags.FLAGS["evaluate_every"].value = 1
    try:
        assert train(cycas.EXPERIMENT, config, tmp_path / "run") == {}
    finally:
        flags.FLAGS["evaluate_every"].value = 0
    assert [one["epoch"] for one in _lines(tmp_path / "run") if one["kind"] == "untested"] == [0, 1]
    assert _pictures(tmp_path / "run") == {"data", "neighbours", "activation"}


def test_a_named_test_and_a_part_of_one_stay_mistakes(data, tmp_path):
    def found(data_, test, **more):
        config = types.SimpleNamespace(
            data=data_, test=test, skip_broken=False, same_camera=False, target=data_, **more
        )
        return [sources.train_and_test(config), sources.adaptation(config)]

    named, one = f"csv:{data}/named.csv", f"csv:{data}/one_camera.csv"
    assert all(len(part.person) == 0 for _, part in found(named, ""))
    for test in (named, f"csv:{data}/unknown.csv"):
        with pytest.raises(ValueError, match="0 query and 0 gallery"):
            found(named, test)
    with pytest.raises(ValueError, match="no query has a match in another camera"):
        found(one, "")
    gallery = data / "gallery.csv"
    gallery.write_text(
        "\n".join(
            x for x in (data / "one_camera.csv").read_text().splitlines() if ",query" not in x
        )
        + "\n"
    )
    with pytest.raises(ValueError, match="0 query and 2 gallery"):
        found(f"csv:{gallery}", "")


def test_a_table_is_refused_before_its_first_training(data, tmp_path):
    def row(**options):
        return Training(3, 0, tmp_path, ["word"], spcl.Config(**options), "", "spcl", (), ())

    check_tests([row(target="synthetic:station"), row(target="csv:none", test="csv:none")])
    with pytest.raises(ValueError, match=r"unknown.csv, which row 3 .* --config.test=KIND:PATH"):
        check_tests([row(target="synthetic:station"), row(target=f"csv:{data}/unknown.csv")])

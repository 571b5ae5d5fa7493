"""GDS as a person calls it, on a handful of pictures."""

import json

import pytest

import reid_jax
from experiments.gds import Config, train
from reid_jax import evaluate
from reid_jax.app.kinds import open_source
from tests.experiments.called import QUICK, call, refused

TINY = [
    "--config.size=32x16", QUICK, "--config.persons=2", "--config.per_person=4",
    "--config.iterations=3", "--config.epochs=4", "--config.round=2", "--config.rho=0.3",
    "--config.k1=6", "--config.k2=2", "--config.source_epochs=1",
]  # fmt: skip
RESNET = "--config.backbone=resnet_small"


def _arguments(data, *more):
    return (
        f"--config.data=csv:{data}/source.csv",
        f"--config.target=csv:{data}/target.csv",
        *TINY,
        *more,
    )


def _lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_all_stages_by_one_command(data, tmp_path):
    given = _arguments(data, "--config.rank_by=euclidean", RESNET)
    said = call(
        "gds",
        f"--workdir={tmp_path}/run",
        "--evaluate_every=2",
        *given,
    ).stdout
    assert said.count("test: mAP") == 3  # of stage 1, on the way, at the end
    lines = _lines(tmp_path / "run")
    assert {
        "separation",
        "tails",
        "triplet",
        "second_triplet",
        "mean_same",
        "no_same",
        "eps",
        "source",
    } <= set(lines[0])
    assert "overlap" in lines[-1] and "classify" in _lines(tmp_path / "run-source")[0]
    for name in ("distances-0002.png", "distances.png", "trend.png", "clusters.png"):
        assert (tmp_path / "run" / "report" / name).stat().st_size > 100
    again = call(
        "gds",
        f"--workdir={tmp_path}/run",
        "--evaluate_every=2",
        *given,
        "--noreport",
    ).stdout
    assert again.count("test: mAP") == 1  # stage 1 is not looked at again
    # the run is tested by Euclidean distance, which its workdir remembers
    target, figures = open_source(f"csv:{data}/target.csv"), {}
    rows = reid_jax.load(f"{tmp_path}/run")(target)
    for metric, flag in (("euclidean", []), ("cosine", ["--metric=cosine"])):
        out = tmp_path / f"{metric}.json"
        said = call("evaluate", f"--workdir={tmp_path}/run", f"--out={out}", *flag).stdout
        assert f"by {metric} distance" in said
        figures[metric] = json.loads(out.read_text())["mAP"]
        own = evaluate.rank_records(rows, target, metric=metric).mean_ap
        assert figures[metric] == pytest.approx(own, abs=1e-6)
    assert figures["euclidean"] == pytest.approx(lines[-1]["mAP"], abs=1e-6)
    # stage 1 serves other runs, of the code's optimiser here, and the tables
    more = (
        f"--config.weights={tmp_path}/run-source",
        "--config.clustering=kmeans",
        "--config.k=3",
        "--noreport",
    )
    call(
        "gds",
        f"--workdir={tmp_path}/base",
        "--config.gds=none",
        "--config.optimiser=sgd",
        "--config.epochs=2",
        *_arguments(data, RESNET, *more),
    )
    assert (
        "separation" not in _lines(tmp_path / "base")[0] and not (tmp_path / "base-source").exists()
    )


@pytest.mark.slow
def test_the_papers_figures_are_drawn(data, tmp_path):
    """Of direct transfer too, which is stage 1 tested on the target; one method is left out."""
    given = (f"--workdir={tmp_path}/t", "--rows=0,2-3", *_arguments(data, "--config.cameras=1"))
    said = call("tables", "--table=gds.figures", *given).stdout
    for name in ("distances.png", "trend-2.png"):
        assert f"{tmp_path}/t/{name}" in said and (tmp_path / "t" / name).stat().st_size > 1000
    assert not (tmp_path / "t" / "trend-0.png").exists()  # the baseline has no moments
    told = (tmp_path / "t" / "table.md").read_text().splitlines()
    (row,) = (line.split("|") for line in told if "direct transfer" in line)
    source = _lines(tmp_path / "t" / "row0-seed0-source")[-1]
    assert row[2].strip() == f"csv:{data}/target.csv" and source["kind"] == "test"
    assert row[3].strip() == f"{100 * source['mAP']:.1f}"
    assert _lines(tmp_path / "t" / "row2-seed0")[-1]["kind"] == "test"


@pytest.mark.slow
def test_over_the_other_methods(data, tmp_path):
    small = (
        "--config.size=32x16",
        "--config.persons=2",
        "--config.per_person=2",
        "--config.epochs=2",
        "--noreport",
    )
    given = (
        "--config.gds=gds-h",
        "--config.data=",
        "--config.bn_domains=false",
        "--config.iterations=2",
    )
    more = (
        *given,
        QUICK,
        "--config.k1=6",
        "--config.k2=2",
        f"--config.target=csv:{data}/target.csv",
    )
    call("spcl", f"--workdir={tmp_path}/spcl", *small, *more)
    data_and_test = (f"--config.data=csv:{data}/source.csv", f"--config.test=csv:{data}/target.csv")
    call("ide", f"--workdir={tmp_path}/ide", *small, *data_and_test, QUICK, "--config.gds=gds")
    assert "tails" in _lines(tmp_path / "spcl")[0]
    assert (
        "separation" in _lines(tmp_path / "ide")[0] and "tails" not in _lines(tmp_path / "ide")[0]
    )


def test_mistakes_are_told_before_stage_1(data, tmp_path):
    new = f"--workdir={tmp_path}/new"
    assert "did you mean 'gds-h'" in refused("gds", new, *_arguments(data, "--config.gds=gdsh"))
    small = {"size": "32x16", "persons": 2, "per_person": 4}
    small |= {"data": f"csv:{data}/source.csv", "target": f"csv:{data}/target.csv"}
    for message, options in (
        ("did you mean 'dbscan'", {"clustering": "dbscn"}),
        ("adam, sgd", {"optimiser": "lion"}),
        ("choose from 2 to 24", {"clustering": "kmeans"}),
        ("--config.beta is 2", {"beta": 2.0}),
        ("expected from 1, from 0", {"round": 0}),
        ("the target has 2; expected from 1 to 2", {"cameras": 3}),
        ("choose `persons` of at most 3", {"persons": 4}),
        ("stage 1 needs labelled data", {"data": "", "source_weight": 0.0}),
        ("no source to compare with", {"data": "", "weights": str(data)}),
        ("is not a run.s folder", {"weights": str(data)}),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            train(Config(**{**small, **options}), tmp_path / "new")
    assert not list(tmp_path.iterdir())

"""MMT as a person calls it, on a handful of pictures."""

import json

import pytest

from experiments import ide
from tests.experiments.called import QUICK, call, refused

TINY = [
    "--config.size=32x16", "--config.backbone=resnet_small", "--config.persons=2",
    "--config.per_person=2", "--config.epochs=2", "--config.iterations=3", "--config.clusters=4",
    "--config.source_epochs=2", "--config.source_iterations=2", "--config.source_warmup=0",
    "--config.source_schedule=1", "--noreport",
]  # fmt: skip


def _lines(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_source_then_target_and_what_is_done_is_not_done_again(data, tmp_path):
    workdir = tmp_path / "both"
    options = (
        f"--config.data=csv:{data}/source.csv",
        f"--config.target=csv:{data}/target.csv",
        *TINY,
        QUICK,
    )
    said = call("mmt", f"--workdir={workdir}", *options).stdout
    assert said.count("test: mAP") == 3
    for part, metrics in (
        ("source1", {"triplet", "accuracy"}),
        ("", {"soft_classify", "soft_triplet", "purity"}),
    ):
        assert metrics <= set(_lines(workdir / part)[0])
    assert json.loads((workdir / "source2" / "config.json").read_text())["seed"] == 1
    again = call("mmt", f"--workdir={workdir}", *options).stdout
    assert again.count("test: mAP") == 1 and "source1" not in again
    figures = call("evaluate", f"--workdir={workdir}").stdout
    tested = _lines(workdir)[-1]
    assert tested["kind"] == "test" and f"mAP            {100 * tested['mAP']:.2f}" in figures

    given = (
        f"--config.first={workdir}/source1",
        f"--config.second={workdir}/source2",
        f"--workdir={tmp_path}/given",
    )
    dense = (
        "--config.clusters=0",
        "--config.eps=0.9",
        "--config.min_samples=2",
        "--config.k1=6",
        "--config.k2=2",
    )
    assert call("mmt", *given, *options, *dense).stdout.count("test: mAP") == 1
    assert not (tmp_path / "given" / "source1").exists()


def test_mistakes_are_told_in_a_line(data, tmp_path):
    new = (
        f"--workdir={tmp_path}/new",
        f"--config.data=csv:{data}/source.csv",
        f"--config.target=csv:{data}/target.csv",
    )
    assert "--config.first and --config.second, or neither" in refused(
        "mmt", *new, *TINY, "--config.first=runs/a"
    )
    assert "--config.clusters of at most 24" in refused("mmt", *new, *TINY, "--config.clusters=25")
    assert "choose `persons` of at most" in refused("mmt", *new, *TINY, "--config.persons=9")
    assert "--config.momentum=2.0 is above 1" in refused("mmt", *new, *TINY, "--config.momentum=2")
    assert "--config.schedule='late' is not known" in refused(
        "mmt", *new, *TINY, "--config.source_schedule=late"
    )
    assert not (tmp_path / "new").exists()


def test_a_schedule_may_name_its_epochs():
    assert ide._shape("40,70", 80) == {"milestones": (40, 70)}
    assert ide._shape("steps", 120) == {"milestones": (40, 70)} and ide._shape("constant", 80) == {}

"""DomainMix as a person calls it, on a handful of pictures."""

import csv
import json
import shutil

import pytest

from tests.experiments.called import call, refused

TINY = [
    "--config.size=32x16", "--config.backbone=resnet_small", "--config.persons=2", "--config.per_person=2",
    "--config.epochs=3", "--config.begin=1", "--config.iterations=3", "--config.least=2", "--config.kept_out=20",
    "--config.source=", "--config.stage1=epochs=1,iterations=2,persons=2,per_person=2,k1=6,k2=2,bn_group=0",
]  # fmt: skip


@pytest.fixture(scope="module")
def given(data):
    return [
        f"--config.data=csv:{data}/source.csv", f"--config.target=csv:{data}/target.csv",
        f"--config.test=csv:{data}/target.csv", *TINY,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def whole(given, tmp_path_factory):
    """(what a run of all three stages said, its folder)"""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return call("domainmix", f"--workdir={folder}", *given).stdout, folder


def _lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_three_stages_leave_checkpoints_labels_and_reports(whole):
    said, folder = whole
    assert [said.index(f"stage {number}: ") for number in (1, 2, 3)] == sorted(
        said.index(f"stage {number}: ") for number in (1, 2, 3)
    )
    for stage in (folder / "stage1", folder / "stage2", folder):
        assert any((stage / "checkpoints").iterdir()) and (stage / "report" / "report.md").is_file(), stage
    with (folder / "stage1" / "labels.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 24
    told = json.loads((folder / "report" / "domains.json").read_text())
    assert set(told["after the turns"]) == {"a linear probe", "the discriminator"}
    assert (folder / "report" / "domains.png").is_file()
    trained = [line for line in _lines(folder) if line["kind"] == "train"]
    assert {"domain", "discriminator", "domain_accuracy", "purity"} <= set(trained[0])
    assert [line["epoch"] for line in trained] == [1, 2]  # the first epoch was the second stage's


def test_begun_again_at_the_third_stage_it_ends_the_same(whole, given, tmp_path):
    folder = whole[1]
    later = [*given, f"--config.labels={folder}/stage1/labels.csv", f"--config.begun={folder}/stage2"]
    said = call("domainmix", f"--workdir={tmp_path}/begun", *later, "--noreport").stdout
    assert "stage 1: " not in said and "stage 2: " not in said and "going on from epoch 1" in said
    for mine, theirs in zip(_lines(tmp_path / "begun"), _lines(folder), strict=True):
        assert {**mine, "images_per_second": 0} == {**theirs, "images_per_second": 0}
    assert "no second stage of 2 epochs; it has 1" in refused(
        "domainmix", f"--workdir={tmp_path}/n", *later, "--config.begin=2"
    )


def test_labels_each_morning_and_given(given, tmp_path):
    morning = ["--config.labels=morning", "--config.begin=0", "--config.epochs=1", "--config.k1=6", "--config.k2=2"]
    said = call("domainmix", f"--workdir={tmp_path}/morning", *given, *morning, "--noreport").stdout
    assert "stage 1" not in said and "test: mAP" in said and "a linear probe" in said
    alone = ["--config.labels=given", "--config.begin=0", "--config.epochs=1", "--config.data="]
    call("domainmix", f"--workdir={tmp_path}/alone", *given, *alone, "--noreport")
    assert _lines(tmp_path / "alone")[0]["purity"] == 1


def test_mistakes_are_told_in_a_line(data, given, tmp_path):
    new = f"--workdir={tmp_path}/new"
    for options, told in [
        (["--config.labels=spcll"], "did you mean 'spcl'"),
        (["--config.labels=no.csv"], "there is no file of labels no.csv"),
        (["--config.stage1=epoch=3"], "did you mean 'epochs'"),
        (["--config.stage1=epochs=many"], "epochs='many' is no int"),
        (["--config.begin=3"], "not before the last"),
        (["--config.data="], "needs two domains"),
        (["--config.against=mmd"], "balance, kl"),
        (["--config.falls=ten"], "epochs by comma"),
        (["--config.labels=given", "--config.persons=99"], "choose --config.persons of at most 6"),
    ]:
        assert told in refused("domainmix", new, *given, *options), options
        shutil.rmtree(tmp_path / "new", ignore_errors=True)
    (data / "labels.csv").write_text("row,picture,label\n" + "".join(f"{row},other.png,1\n" for row in range(24)))
    assert "line 2 is of other.png" in refused("domainmix", new, *given, f"--config.labels={data}/labels.csv")

"""DomainMix as a person calls it, on a handful of pictures."""

import csv
import json

import numpy as np
import pytest

import experiments
from experiments.domainmix import Config, check
from reid_jax.app import labels
from reid_jax.app.kinds import open_source
from reid_jax.data import records
from tests.experiments.called import QUICK, call, refused

TINY = [
    "--config.size=32x16", QUICK, "--config.persons=2",
    "--config.per_person=2", "--config.epochs=3", "--config.begin=1", "--config.iterations=3",
    "--config.least=2", "--config.kept_out=20", "--config.source=",
    "--config.stage1=epochs=1,iterations=2,persons=2,per_person=2,k1=6,k2=2,bn_group=0,bn_domains=false",
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


@pytest.mark.slow
def test_three_stages_leave_checkpoints_labels_and_reports(whole):
    said, folder = whole
    assert [said.index(f"stage {number}: ") for number in (1, 2, 3)] == sorted(
        said.index(f"stage {number}: ") for number in (1, 2, 3)
    )
    for stage in (folder / "stage1", folder / "stage2", folder):
        assert (
            any((stage / "checkpoints").iterdir()) and (stage / "report" / "report.md").is_file()
        ), stage
    with (folder / "stage1" / "labels.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 24
    told = json.loads((folder / "report" / "domains.json").read_text())
    assert set(told["after the turns"]) == {"a linear probe", "the discriminator"}
    assert (folder / "report" / "domains.png").is_file()
    trained = [line for line in _lines(folder) if line["kind"] == "train"]
    assert {"domain", "discriminator", "domain_accuracy", "purity"} <= set(trained[0])
    assert [line["epoch"] for line in trained] == [1, 2]  # the first epoch was the second stage's


@pytest.mark.slow
def test_begun_again_at_the_third_stage_it_ends_the_same(whole, given, tmp_path):
    folder = whole[1]
    later = [
        *given,
        f"--config.pseudo_labels={folder}/stage1/labels.csv",
        f"--config.begun={folder}/stage2",
    ]
    said = call("domainmix", f"--workdir={tmp_path}/begun", *later, "--noreport").stdout
    assert "stage 1: " not in said and "stage 2: " not in said and "going on from epoch 1" in said
    for mine, theirs in zip(_lines(tmp_path / "begun"), _lines(folder), strict=True):
        assert {**mine, "images_per_second": 0} == {**theirs, "images_per_second": 0}
    assert "no second stage of 2 epochs; it has 1" in refused(
        "domainmix", f"--workdir={tmp_path}/n", *later, "--config.begin=2"
    )


@pytest.mark.slow
def test_labels_of_each_epoch_and_given(given, tmp_path):
    anew = [
        "--config.pseudo_labels=each_epoch",
        "--config.begin=0",
        "--config.epochs=1",
        "--config.k1=6",
        "--config.k2=2",
    ]
    said = call("domainmix", f"--workdir={tmp_path}/anew", *given, *anew, "--noreport").stdout
    assert "stage 1" not in said and "test: mAP" in said and "a linear probe" in said
    alone = [
        "--config.pseudo_labels=given",
        "--config.begin=0",
        "--config.epochs=1",
        "--config.data=",
    ]
    call("domainmix", f"--workdir={tmp_path}/alone", *given, *alone, "--noreport")
    assert _lines(tmp_path / "alone")[0]["purity"] == 1


LABELLERS = {
    "cluster_contrast": "epochs=1,iterations=2,persons=2,per_person=2,k1=6,k2=2,eps=0.8,bn_group=0",
    "gds": "epochs=1,round=1,iterations=2,persons=2,k1=6,k2=2,rho=0.3,source_epochs=1",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LABELLERS)
def test_other_experiments_that_adapt_label_too(name, given, tmp_path):
    options = ["--config.begin=0", "--config.epochs=1", "--config.least=1", "--config.kept_out=0"]
    options += [f"--config.pseudo_labels={name}", f"--config.stage1={LABELLERS[name]}"]
    said = call("domainmix", f"--workdir={tmp_path}/run", *given, *options, "--noreport").stdout
    assert f"stage 1: pseudo labels by {name}" in said and said.count("test: mAP") >= 2
    assert (tmp_path / "run" / "stage1" / "labels.csv").is_file()


def test_mistakes_end_in_one_line(data, given, tmp_path):
    assert "did you mean 'spcl'" in refused(
        "domainmix", f"--workdir={tmp_path}/new", *given, "--config.pseudo_labels=spcll"
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"stage1": "epoch=3"}, "did you mean 'epochs'"),
        ({"stage1": "epochs=many"}, "epochs='many' is no int"),
        ({"source": "epoch=3"}, "did you mean 'epochs'"),
        ({"begin": 40}, "not before epoch 40"),
        ({"data": ""}, "needs two domains"),
        ({"against": "mmd"}, "balance, kl"),
        ({"falls": "ten"}, "epochs by comma"),
    ],
)
def test_options_that_contradict_each_other(options, told):
    with pytest.raises(ValueError, match=told):
        check(Config(**options), experiments.labellers())


def test_a_file_of_labels_is_of_these_pictures(data, tmp_path):
    part = records.where(open_source(f"csv:{data}/target.csv"), "train")
    pseudo = np.arange(24) - 1
    labels.write(tmp_path / "labels.csv", part, pseudo)
    np.testing.assert_array_equal(labels.read(tmp_path / "labels.csv", part), pseudo)
    with pytest.raises(ValueError, match="labels of 24 pictures and the data hold 20"):
        labels.read(tmp_path / "labels.csv", records.take(part, np.arange(20)))
    with pytest.raises(
        ValueError, match=r"line 2 is of target0_0.png, and there the data have target\d_\d.png"
    ):
        labels.read(tmp_path / "labels.csv", records.take(part, np.arange(24)[::-1]))
    with pytest.raises(FileNotFoundError, match="there is no file of labels"):
        labels.read(tmp_path / "no.csv", part)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="its columns should be row, picture, label"):
        labels.read(tmp_path / "other.csv", part)

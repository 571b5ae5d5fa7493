"""A workdir that version 0.2.0 left in the midst of its training is read and goes on.

run-0.2.0.tar.gz is one of SpCL's, stopped after the first of two epochs, on the pictures of
`called.two_domains` (DATA stands for their folder). Its numbers are constants, to keep it small.
"""

import json
import tarfile
from pathlib import Path

import pytest

from reid_jax import encoders
from tests.experiments.called import call, refused

OPTIONS = {
    "target": "csv:{data}/target.csv", "data": "", "bn_domains": "false", "size": "32x16",
    "backbone": "resnet_small", "persons": "2", "per_person": "2", "epochs": "2", "iterations": "3",
    "k1": "6", "k2": "2", "eps": "0.9", "bn_group": "0",
}  # fmt: skip


@pytest.fixture
def old(data, tmp_path):
    workdir = tmp_path / "old"
    with tarfile.open(Path(__file__).with_name("run-0.2.0.tar.gz")) as file:
        file.extractall(workdir, filter="data")
    path = workdir / "config.json"
    path.write_text(path.read_text().replace("DATA", str(data)))
    return workdir


def arguments(old, data, **changed):
    options = {**OPTIONS, **changed}
    words = [f"--config.{name}={value.format(data=data)}" for name, value in options.items()]
    return ["spcl", f"--workdir={old}", "--noreport", *words]


@pytest.mark.slow
def test_it_goes_on_under_the_old_and_the_new_names(old, data):
    done = call(*arguments(old, data, rate="2e-4"))
    assert "--config.rate is --config.learning_rate now" in done.stderr
    assert "going on from epoch 1, step 3 of 3" in done.stdout and "test: mAP" in done.stdout
    kept = json.loads((old / "config.json").read_text())
    assert kept["learning_rate"] == 2e-4 and "rate" not in kept
    lines = [json.loads(line) for line in (old / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 1]
    assert "epoch 2/2" not in call(*arguments(old, data, learning_rate="2e-4")).stdout


def test_other_options_are_refused_under_their_new_names(old, data):
    said = refused(*arguments(old, data, learning_rate="3e-4"))
    assert "learning_rate: 0.0002 there, 0.0003 now" in said and "absent" not in said


def test_its_encoder_is_read(old):
    config, model, variables = encoders.trained(old)
    assert config.projection == 0 and model.input.size == (32, 16) and variables["params"]

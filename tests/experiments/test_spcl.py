"""SpCL as a person calls it, on a handful of pictures."""

import json

import numpy as np
import pytest

from experiments.spcl import RECIPES, Config
from reid_jax.data import sample
from tests.experiments.called import QUICK, call, refused

TINY = [
    "--config.size=32x16", "--config.backbone=resnet_small", "--config.persons=2",
    "--config.per_person=2", "--config.epochs=2", "--config.iterations=3", "--config.k1=6",
    "--config.k2=2",
]  # fmt: skip


@pytest.mark.parametrize("recipe", ["adapt", "alone"])
def test_batch_statistics_are_of_16_rows_of_a_domain(recipe):
    """As in the official runs: 4 GPUs with 16 source and 16 target images each.

    The domains alternate in a batch.
    """
    config = Config(**RECIPES[recipe])
    size = config.persons * config.per_person
    domain = sample.mixed(np.zeros((1, size if config.data else 0)), np.ones((1, size)))[0]
    counts = [
        np.bincount(group.astype(int), minlength=2)
        for group in np.split(domain, len(domain) // config.bn_group)
    ]
    assert np.unique(counts, axis=0).tolist() == [[16 if config.data else 0, 16]]


@pytest.mark.slow
def test_with_and_without_a_source(data, tmp_path):
    target = f"--config.target=csv:{data}/target.csv"
    given = (f"--config.data=csv:{data}/source.csv", target, *TINY)
    first = "--config.source=epochs=1,iterations=2,warmup=0"
    said = call("spcl", f"--workdir={tmp_path}/adapted", *given, first, "--noreport").stdout
    assert said.index("the source by itself") < said.index("test: mAP")
    assert (
        call("spcl", f"--workdir={tmp_path}/adapted", *given, first, "--noreport").stdout.count(
            "training data"
        )
        == 1
    )
    lines = [
        json.loads(line)
        for line in (tmp_path / "adapted" / "metrics.jsonl").read_text().splitlines()
    ]
    assert {"source", "target", "labels", "outlier_part", "purity"} <= set(lines[0])
    alone = ("--config.data=", "--config.bn_domains=false", target, *TINY, QUICK, "--noreport")
    assert "test: mAP" in call("spcl", f"--workdir={tmp_path}/alone", *alone).stdout


def test_mistakes_are_told_in_a_line(data, tmp_path):
    new, target = f"--workdir={tmp_path}/new", f"--config.target=csv:{data}/target.csv"
    assert "--config.bn_domains=false" in refused("spcl", new, "--config.data=", target, *TINY)
    assert "did you mean 'epochs'" in refused(
        "spcl",
        new,
        f"--config.data=csv:{data}/source.csv",
        target,
        *TINY,
        "--config.source=epoch=1",
    )
    many = (f"--config.data=csv:{data}/source.csv", target, *TINY, "--config.persons=9")
    assert "choose `persons` of at most" in refused("spcl", new, *many)
    assert "are street, adapt, alone" in refused("spcl", new, "--recipe=paper")

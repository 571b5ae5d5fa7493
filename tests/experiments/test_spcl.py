"""SpCL as a person calls it, on a handful of pictures."""

import json

import cv2
import numpy as np
import pytest

from tests.experiments.called import call, refused

TINY = [
    "--config.size=32x16", "--config.backbone=resnet_small", "--config.persons=2", "--config.per_person=2",
    "--config.epochs=2", "--config.iterations=3", "--config.k1=6", "--config.k2=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """source.csv and target.csv: 6 persons in two cameras each, half of them to test with."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name in ("source", "target"):
        lines = ["path,person,camera,split"]
        for person in range(6):
            colour = rng.integers(0, 256, 3)
            for take in range(8):
                image = np.clip(colour + rng.normal(0, 20, (32, 16, 3)), 0, 255).astype(np.uint8)
                path = f"{name}{person}_{take}.png"
                cv2.imwrite(str(folder / path), image)
                split = "train" if person < 3 else "query" if take < 2 else "gallery"
                lines.append(f"{path},{person},{take % 2},{split}")
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_with_and_without_a_source(data, tmp_path):
    target = f"--config.target=csv:{data}/target.csv"
    given = (f"--config.data=csv:{data}/source.csv", target, *TINY)
    said = call("spcl", f"--workdir={tmp_path}/adapted", *given).stdout
    assert "test: mAP" in said
    lines = [json.loads(line) for line in (tmp_path / "adapted" / "metrics.jsonl").read_text().splitlines()]
    assert {"source", "target", "labels", "outlier_part", "purity"} <= set(lines[0])
    alone = ("--config.data=", "--config.bn_domains=false", target, *TINY, "--noreport")
    assert "test: mAP" in call("spcl", f"--workdir={tmp_path}/alone", *alone).stdout


def test_mistakes_are_told_in_a_line(data, tmp_path):
    new, target = f"--workdir={tmp_path}/new", f"--config.target=csv:{data}/target.csv"
    assert "--config.bn_domains=false" in refused("spcl", new, "--config.data=", target, *TINY)
    many = (f"--config.data=csv:{data}/source.csv", target, *TINY, "--config.persons=9")
    assert "choose --config.persons=" in refused("spcl", new, *many)
    assert "<street|adapt|alone>" in refused("spcl", new, "--recipe=paper")

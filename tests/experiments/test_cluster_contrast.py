import json

import pytest

from tests.experiments.called import call, refused

TINY = [
    "--config.size=32x16", "--config.backbone=resnet_small", "--config.persons=2",
    "--config.per_person=2", "--config.epochs=2", "--config.iterations=3", "--config.k1=6",
    "--config.k2=2", "--config.eps=0.8",
]  # fmt: skip


@pytest.mark.slow
def test_it_trains_without_labels_and_says_what_it_finds(data, tmp_path):
    target = f"--config.target=csv:{data}/target.csv"
    said = call("cluster_contrast", f"--workdir={tmp_path}/run", target, *TINY).stdout
    assert "test: mAP" in said and "`csv:" in (tmp_path / "run/report/report.md").read_text()
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert {"loss", "labels", "purity"} <= set(json.loads(lines[0]))
    new = (f"--workdir={tmp_path}/new", target, *TINY)
    told = refused("cluster_contrast", *new, "--config.momentum=2")
    assert "--config.momentum=2.0 is above 1" in told

"""Kills and storage that fails, a few rounds of each; `benchmarks.kill` and `storage` do many."""

import os
import subprocess
import sys

import pytest

from tests.experiments.called import ROOT

pytestmark = pytest.mark.slow


def _tried(module, *arguments):
    environment = {**os.environ, "XLA_FLAGS": "", "PYTHONPATH": ROOT}
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout


# gds trains another stage first; .github/workflows/nightly.yml does all methods
@pytest.mark.parametrize(("method", "rounds"), [("ide", 3), ("gds", 1)])
def test_what_a_killed_run_leaves_is_the_unbroken_runs(method, rounds):
    told = _tried("kill", f"--methods={method}", f"--rounds={rounds}", "--seed=1000")
    assert f"| {method} | {rounds} | " in told


def test_a_run_goes_on_when_its_folder_is_back():
    assert "| moved | 2 | 2 |" in _tried("storage", "--faults=moved", "--rounds=2")


def test_what_differs_is_noticed(tmp_path):
    """The comparison that the others rest on sees a line, a pixel and a byte."""
    import cv2
    import numpy as np

    from benchmarks.same_run import differences

    line = '{"kind": "train", "epoch": 0, "step": 1, "loss": 0.5, "images_per_second": %d}\n'
    for name, speed in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text(line % speed)
        np.savez(tmp_path / name / "results.npz", a=np.zeros(3))
        cv2.imwrite(str(tmp_path / name / "x.png"), np.zeros((4, 4, 3), np.uint8))
    assert list(differences(tmp_path / "a", tmp_path / "b")) == []
    (tmp_path / "b" / "metrics.jsonl").write_text((line % 1).replace("0.5", "0.6"))
    np.savez(tmp_path / "b" / "results.npz", a=np.ones(3))
    cv2.imwrite(str(tmp_path / "b" / "x.png"), np.full((4, 4, 3), 1, np.uint8))
    (tmp_path / "b" / "left.unfinished-1").touch()
    told = list(differences(tmp_path / "a", tmp_path / "b"))
    assert [one.split()[0] for one in told] == [
        "left.unfinished-1", "metrics.jsonl", "results.npz", "x.png",
    ]  # fmt: skip

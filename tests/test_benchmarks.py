"""Benchmarks that train still run; what they measure is in benchmarks/README.md."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("separation", ["--size=32x16", "--images=8", "--steps=3"], "GDS-H"),
        ("scaling", ["--sizes=128", "--size=32,16", "--steps=1", "--index=100000"], "100,000 images: "),
    ],
)
def test_they_run(name, options, told):
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and told in done.stdout, done.stdout + done.stderr

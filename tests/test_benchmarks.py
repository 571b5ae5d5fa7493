"""Benchmarks that train still run; what they measure is in benchmarks/README.md."""

import subprocess
import sys

import pytest

from benchmarks import faults


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("separation", ["--size=32x16", "--images=8", "--steps=3"], "GDS-H"),
        (
            "scaling",
            ["--sizes=128", "--size=32,16", "--steps=1", "--index=100000"],
            "100,000 images: ",
        ),
    ],
)
def test_they_run(name, options, told):
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and told in done.stdout, done.stdout + done.stderr


TOY = '''
"""0 + 1"""


def gap(a: int | None, b):
    if a is None:
        raise ValueError("1" + "2")
    logging.info("%d", 3 * 4)
    return max(a - b, 0)
'''


def test_what_is_mutated_and_what_is_not():
    told = [(one.line, one.told) for one in faults.of("reid_jax/toy.py", TOY)]
    assert sorted(told) == [
        (6, "a is None  ->  a is not None"),
        (9, "0  ->  1"),
        (9, "a - b  ->  a + b"),
        (9, "max  ->  min"),
    ]
    options = "RATE = 1\nRECIPES = {'paper': {'rate': 2}}\n\n\nclass Config:\n    rate: int = 3\n"
    options += "\n    def f(self):\n        return 4\n"
    told = {one.told for one in faults.of("experiments/toy.py", options)}
    assert told == {"2  ->  3", "3  ->  4"}


def test_a_fault_that_is_tested_dies_and_another_lives(tmp_path):
    for folder in ("reid_jax/losses", "tests/losses"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "reid_jax/__init__.py").touch()
    (tmp_path / "reid_jax/losses/toy.py").write_text("def gap(a, b):\n    return max(a - b, 0)\n")
    test = "from reid_jax.losses.toy import gap\n\n\ndef test_gap():\n    assert gap(4, 1) == 3\n"
    (tmp_path / "tests/losses/test_toy.py").write_text(test)
    command = [sys.executable, "-m", "benchmarks.mutants", f"--root={tmp_path}", "--warm="]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("2 of 3 died; survivors:\nreid_jax/losses/toy.py:2  0  ->  1\n")
    assert (tmp_path / "reid_jax/losses/toy.py").read_text().endswith("max(a - b, 0)\n")

"""Every ```python block of README runs, in a folder with the files that it names."""

import re
from pathlib import Path

import pytest

from tests.api import samples

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


@pytest.mark.usefixtures("optimised")
def test_the_python_of_readme_runs(tmp_path, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert "reid_jax.load(" in blocks[0]
    samples.prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"README, block {number}", "exec"), {"__name__": "readme"})


def test_the_slow_tests_are_run_too():
    """README's command leaves them out, by the options of pyproject.toml."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert ".venv/bin/python -m pytest -m slow" in lines

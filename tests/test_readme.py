"""README is short; its Python and that of docs/ runs, in a folder with the files that it names."""

from pathlib import Path

import pytest

from tests import readme
from tests.api import samples

ROOT = Path(__file__).parents[1]


def test_readme_is_a_page():
    assert len((ROOT / "README.md").read_text().split()) <= 900


BLOCKS = [
    pytest.param(
        *(name, block),
        id=name,
        marks=pytest.mark.slow if "reid_jax.fit(" in block and "python.md" not in name else (),
    )
    for name, block in readme.blocks()
]


@pytest.mark.usefixtures("optimised")
@pytest.mark.parametrize(("name", "block"), BLOCKS)
def test_the_python_of_a_page_runs(name, block, tmp_path, monkeypatch):
    samples.prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, name, "exec"), {"__name__": "readme"})


def test_readme_begins_with_load():
    assert "reid_jax.load(" in dict(readme.blocks())["README.md, block 1"]


def test_the_slow_tests_are_run_too():
    """README's command leaves them out, by the options of pyproject.toml."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert ".venv/bin/python -m pytest -m slow" in lines

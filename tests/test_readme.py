"""Every ```python block of README runs, in a folder with the files that it names."""

import re
from pathlib import Path

import pytest

from tests.api import samples

ROOT = Path(__file__).parents[1]
TEXTS = [ROOT / "README.md", *sorted((ROOT / "tests" / "api").glob("*.md"))]


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.name)
def test_the_python_of_readme_runs(text, tmp_path, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```", text.read_text(), re.MULTILINE | re.DOTALL)
    if blocks:
        samples.prepare(tmp_path)
        monkeypatch.chdir(tmp_path)
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{text.name}, block {number}", "exec"), {"__name__": "readme"})

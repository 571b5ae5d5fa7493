"""The tutorial: its text and its notebook are one, and it runs."""

import re

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("scenedetect")
pytest.importorskip("lancedb")

from tests import notebook  # noqa: E402


def test_the_notebook_is_the_text():
    kept = nbformat.read(notebook.NOTEBOOK, as_version=4)
    nbformat.validate(kept)
    assert notebook.NOTEBOOK.stat().st_size < 300_000
    made = notebook.made(notebook.TEXT.read_text())
    assert [(one.cell_type, one.source) for one in kept.cells] == [
        (one.cell_type, one.source) for one in made.cells
    ], "python -m tests.notebook writes it"
    assert "found at rank 1" in notebook.said(kept), "it has no outputs"
    assert "Traceback" not in notebook.said(kept) and "error" not in notebook.said(kept).lower()


# what makes it small: a short training
SMALLER = {
    "--config.size=64x32 --config.epochs=2 --config.iterations=20": (
        "--config.size=32x16 --config.epochs=1 --config.iterations=10 --config.warmup=0 "
        "--noreport --config.data=synthetic:plaza,persons=8,cameras=2"
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_it_runs_from_own_videos_to_an_answer(tmp_path, optimised):
    text = notebook.TEXT.read_text()
    for own, small in SMALLER.items():
        assert own in text
        text = text.replace(own, small)
    ran = notebook.run(notebook.made(text), tmp_path)
    said = notebook.said(ran)
    assert (tmp_path / "answer.png").stat().st_size > 10_000
    assert "2 videos are watched" in said
    tracks, there = map(int, re.search(r"(\d+) tracks; (\d+) of people", said).groups())
    right = int(re.search(r"(\d+) found at rank 1", said)[1])
    assert tracks >= 10 and right >= 0.25 * there  # a guess is right once in eight times

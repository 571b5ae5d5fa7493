"""What a command says when it has been silent."""

import re
import time

import pytest

from reid_jax.app import progress


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A line after 80 ms of silence, from a thread of its own."""
    monkeypatch.setattr(progress, "SILENT", 0.08)
    monkeypatch.setattr(progress, "_thread", None)


def heard(capsys, text: str) -> str:
    """Wait for a line with the text."""
    found, end = "", time.monotonic() + 20
    while not re.search(text, found):
        assert time.monotonic() < end, found
        time.sleep(0.02)
        found += capsys.readouterr().out
    return found


def test_a_silent_task_is_told_and_the_innermost_one_first(capsys):
    with progress.doing("outer"):
        heard(capsys, r"outer: \d+ s\n")
        with progress.doing("inner"):
            capsys.readouterr()
            assert "outer" not in heard(capsys, r"inner: \d+ s\n")
        heard(capsys, "outer")
    progress.say("end")
    assert capsys.readouterr().out.endswith("end\n")
    time.sleep(0.3)
    assert capsys.readouterr().out == ""  # no task, no line


def test_how_far_it_is_and_how_long_still(capsys):
    with progress.doing("embedding") as watch:
        watch(0, 4000)
        time.sleep(0.2)
        watch(1000, 4000)
        found = heard(capsys, r"embedding: 1,000 of 4,000, 0:00:0\d left\n")
    assert "0:00:00 left" not in found


def test_another_process_of_several_is_hushed(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_silent", False)
    progress.hush()
    with progress.doing("a task"):
        time.sleep(0.3)
    assert capsys.readouterr().out == ""

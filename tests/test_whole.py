"""Files and folders are written whole or not at all."""

import os
import socket

import pytest

from reid_jax.whole import remove_unfinished, whole


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "a.csv"
    with whole(path) as unfinished:
        unfinished.write_text("a")
        assert not path.exists()
    assert path.read_text() == "a" and [one.name for one in path.parent.iterdir()] == ["a.csv"]


def test_after_an_error_nothing_is_left_and_what_was_there_stays(tmp_path):
    (tmp_path / "a").write_text("before")
    with pytest.raises(KeyError), whole(tmp_path / "a") as unfinished:
        unfinished.write_text("half")
        raise KeyError
    assert (tmp_path / "a").read_text() == "before"
    with pytest.raises(KeyError), whole(tmp_path / "folder") as unfinished:
        unfinished.mkdir()
        (unfinished / "part").write_text("half")
        raise KeyError
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_there_is_not_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").write_text("")
    with pytest.raises(OSError, match="not empty"), whole(tmp_path / "folder") as unfinished:
        unfinished.mkdir()
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_what_killed_processes_of_this_host_left_is_removed(tmp_path, dead):
    host = socket.gethostname()
    gone, others = [f"{host}-{dead}"], [f"{host}-{os.getpid()}", f"elsewhere-{dead}", host]
    for name in gone + others:
        (tmp_path / f"a.csv.unfinished-{name}").write_text("half")
        (tmp_path / f"folder.unfinished-{name}").mkdir()
    remove_unfinished(tmp_path)
    left = {one.name.partition(".unfinished-")[2] for one in tmp_path.iterdir()}
    assert left == set(others) and len(list(tmp_path.iterdir())) == 2 * len(others)


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    return child

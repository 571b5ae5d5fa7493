"""Files and folders are written whole or not at all."""

import pytest

from reid_jax.whole import whole


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

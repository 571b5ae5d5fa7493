import pytest
from absl import logging

from reid_jax.video import find
from tests.video import films


def _touch(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_videos_of_one_name_in_two_folders_are_two(tmp_path):
    for name in (
        "b/clip.mp4",
        "a/clip.mp4",
        "a/deep/clip.AVI",
        "a/notes.txt",
        "a/._clip.mp4",
        "a/clip.mp4.part",
    ):
        _touch(tmp_path / name)
    sources = find.videos([str(tmp_path)])
    assert [source.views[0].name for source in sources] == ["a/clip", "a/deep/clip", "b/clip"]
    assert len({source.key for source in sources}) == 3 and {source.size for source in sources} == {
        1
    }
    again = find.videos([str(tmp_path / "b" / "clip.mp4"), str(tmp_path), str(tmp_path / "a")])
    # each once
    assert [source.views[0].name for source in again] == ["clip", "a/clip", "a/deep/clip"]
    digests = [{source.key.rsplit("-")[-1] for source in one} for one in (again, sources)]
    assert digests[0] == digests[1]


def test_a_file_that_was_replaced_is_another_source(tmp_path):
    path = _touch(tmp_path / "a b+c.mp4")
    before = find.videos([str(path)])[0].key
    assert before.startswith("a-b-c-")
    _touch(path, "longer")
    assert find.videos([str(path)])[0].key != before


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file or folder .*none"):
        find.videos([str(tmp_path / "none")])
    _touch(tmp_path / "a.txt")
    with pytest.raises(ValueError, match=r"there is no video below .* ends in .avi, "):
        find.videos([str(tmp_path)])


def test_views(tmp_path):
    one, other = _touch(tmp_path / "left.mp4"), _touch(tmp_path / "right.mp4")
    rig = find.rig(f"{one},{other}")
    assert [view.name for view in rig.views] == ["left", "right"] and rig.size == 2
    assert find.rig(str(tmp_path))[:2] == rig[:2]
    films.folder(tmp_path / "img" / "C2", [1, 2])
    films.folder(tmp_path / "img" / "C1", [1])
    (tmp_path / "img" / "empty").mkdir()
    rig = find.rig(str(tmp_path / "img"))
    assert [view.name for view in rig.views] == ["C1", "C2"]
    assert rig.size == sum(path.stat().st_size for path in (tmp_path / "img").rglob("*.png"))
    for text in (str(one), f"{one},{one}", str(tmp_path / "img" / "empty")):
        with pytest.raises(ValueError, match="synchronised ones are two or more"):
            find.rig(text)
    with pytest.raises(FileNotFoundError, match="there is no file or folder .*none.mp4"):
        find.rig(f"{one},{tmp_path / 'none.mp4'}")


def test_what_a_folder_of_frames_holds_besides_is_named(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(logging, "warning", lambda text, *given: said.append(text % given))
    for name in ("one/1.jpg", "one/2.webp", "two/1.png"):
        _touch(tmp_path / name)
    find.rig(f"{tmp_path / 'one'},{tmp_path / 'two'}")
    assert not said
    _touch(tmp_path / "two" / "notes.md")
    find.rig(f"{tmp_path / 'one'},{tmp_path / 'two'}")
    assert said == [f"{tmp_path / 'two'}: 1 file of 1 other kind left out: .md (1)"]
    with pytest.raises(ValueError, match=r"no video below .*; 4 files of 4 other kinds left out"):
        find.videos([str(tmp_path)])

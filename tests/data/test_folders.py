import pytest
from absl import logging

from reid_jax.data import left
from reid_jax.data.folders import folders, pictures


def _tree(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"")
    return root


def test_a_folder_per_person_with_cameras_in_names_or_folders(tmp_path):
    got = folders(
        _tree(
            tmp_path / "a",
            "anna/x_c2_1.jpg",
            "anna/x_cam10.png",
            "bert/c1s1_3.jpg",
            "bert/plain.bmp",
            "bert/n.txt",
        )
    )
    assert got.person.tolist() == [1, 1, 2, 2]
    assert got.camera.tolist() == [1, 2, 0, -1]
    got = folders(_tree(tmp_path / "b", "anna/yard/1.jpg", "anna/door/2.jpg"))
    assert got.camera.tolist() == [0, 1] and set(got.split) == {"train"}


def test_parts_and_a_part_held_out(tmp_path):
    got = folders(
        _tree(tmp_path / "a", "train/p/c1_a.jpg", "query/q/c1_b.jpg", "gallery/q/c2_c.jpg")
    )
    assert got.split.tolist() == ["train", "query", "gallery"] and got.person.tolist() == [1, 2, 2]
    files = [
        f"p{person}/c{camera}_{take}.jpg"
        for person in range(10)
        for camera in (1, 2)
        for take in range(3)
    ]
    got = folders(_tree(tmp_path / "b", *files), test=0.3, seed=1)
    assert [(got.split == split).sum() for split in ("train", "query", "gallery")] == [42, 6, 12]
    assert not set(got.person[got.split == "train"]) & set(got.person[got.split != "train"])


def test_unlabelled_pictures(tmp_path):
    got = pictures(_tree(tmp_path, "b/x.jpg", "a.PNG", "notes.md"))
    assert [name[len(str(tmp_path)) + 1 :] for name in got.image] == ["a.PNG", "b/x.jpg"]
    assert got.person.tolist() == [-1, -1] and set(got.split) == {"gallery"}


def test_errors_name_what_is_wrong(tmp_path):
    for read in (folders, pictures):
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            read(tmp_path / "none")
    with pytest.raises(ValueError, match="pictures:PATH"):
        folders(_tree(tmp_path / "a", "x.jpg"))
    with pytest.raises(ValueError, match=r"loose\.png lies beside them \(1 such\)"):
        folders(_tree(tmp_path / "c", "anna/1.jpg", "loose.png"))
    parts = _tree(tmp_path / "d", "train/1.jpg", "train/2.jpg", "query/q/1.jpg")
    with pytest.raises(ValueError, match=r"train should hold a folder per person.*\(2 such\)"):
        folders(parts)  # and train is no person
    with pytest.raises(ValueError, match="test=0.5 asks for a test part and .* has query"):
        folders(_tree(tmp_path / "e", "query/q/1.jpg"), test=0.5)
    with pytest.raises(ValueError, match="between 0 and 1, not 2"):
        folders(_tree(tmp_path / "f", "anna/1.jpg"), test=2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="it holds none"):
        folders(tmp_path / "empty")
    with pytest.raises(ValueError, match="no picture"):
        pictures(tmp_path / "empty")


def test_hidden_files_are_no_pictures(tmp_path):
    got = _tree(tmp_path, "anna/1.jpg", "anna/._1.jpg", ".cache/x.jpg", "anna/.thumbs/2.jpg")
    assert len(folders(got).person) == len(pictures(got).person) == 1


@pytest.mark.parametrize("read", [folders, pictures])
def test_what_is_left_out_is_counted_and_named(tmp_path, monkeypatch, read):
    said = []
    monkeypatch.setattr(logging, "warning", lambda text, *given: said.append(text % given))
    monkeypatch.setattr(left, "NEEDS", {".raw": "pip install it"})
    whole = _tree(tmp_path / "a", "p/1.jpg", "p/.x", "q/2.TIF", "q/3.gif", "q/4.webp")
    assert len(read(whole).person) == 4 and not said
    mixed = _tree(tmp_path / "b", "p/1.jpg", "p/1.txt", "q/2.RAW", "q/r/3.raw", "LICENSE")
    (mixed / "q" / "s").symlink_to(whole)
    assert len(read(mixed).person) == 1
    assert said == [f"{mixed}: 5 files of 4 other kinds left out: {said[0].partition('out: ')[2]}"]
    for one in (".raw (2; pip install it)", ".txt (1)", "without ending (1)", "linked folders (1)"):
        assert one in said[0]
    with pytest.raises(ValueError, match=r"; 1 file of 1 other kind left out: \.txt \(1\)"):
        read(_tree(tmp_path / "c", "p/1.txt"))


def test_a_test_part_is_dealt_and_the_first_of_its_names_is_taken(tmp_path):
    said = []
    got = folders(
        _tree(tmp_path, "train/p/c1_a.jpg", "test/q/c1_b.jpg", "test/q/c1_c.jpg",
              "test/q/c2_d.jpg", "val/r/c1_e.jpg", "notes/x/c1_f.jpg"),
        say=said.append,
    )  # fmt: skip
    assert got.split.tolist() == ["train", "query", "gallery", "query"]
    assert got.person.tolist() == [1, 2, 2, 2] and got.camera.tolist() == [0, 0, 0, 1]
    assert said == [f"{tmp_path}: parts train, test; not read: notes, val"]


@pytest.mark.parametrize("name", ["val", "valid"])
def test_a_validation_part_is_the_test_where_there_is_no_other(tmp_path, name):
    got = folders(_tree(tmp_path / "a", "train/p/c1_a.jpg", f"{name}/q/c1_b.jpg"))
    assert got.split.tolist() == ["train", "query"]
    got = folders(
        _tree(tmp_path / "b", "query/q/c1_b.jpg", "gallery/q/c2_b.jpg", f"{name}/r/c1_b.jpg")
    )
    assert got.split.tolist() == ["query", "gallery"]


def test_parts_of_other_names_are_no_persons(tmp_path):
    with pytest.raises(ValueError, match="holds training, validation, which are no persons; name"):
        folders(_tree(tmp_path / "a", "training/p/1.jpg", "validation/p/2.jpg"))
    with pytest.raises(ValueError, match="test=0.5 asks for a test part and .* has val"):
        folders(_tree(tmp_path / "b", "train/p/1.jpg", "val/q/2.jpg"), test=0.5)
    with pytest.raises(ValueError, match="market1501 names its pictures so: market1501:PATH"):
        folders(_tree(tmp_path / "c", "query/0001_c1s1_001051_03.jpg"))


def test_the_train_part_alone_can_be_dealt(tmp_path):
    files = [f"train/p{person}/c{camera}_1.jpg" for person in range(10) for camera in (1, 2)]
    got = folders(_tree(tmp_path, *files), test=0.3)
    assert [(got.split == split).sum() for split in ("train", "query", "gallery")] == [14, 6, 0]

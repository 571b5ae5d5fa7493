import json
import os
import pickle

import numpy as np
import pytest

from reid_jax.data import records
from reid_jax.data.sets.cuhk03 import OFFICIAL, cuhk03
from reid_jax.data.sets.official import Official
from tests.data.sets import miniature
from tests.data.sets.miniature import plant, rows

NEW = [
    ("1_001_1_01.png", 1, 0, "train"),
    ("1_001_2_06.png", 1, 1, "train"),
    ("1_003_1_02.png", 3, 0, "train"),
    ("1_002_1_01.png", 2, 0, "query"),
    ("2_001_1_01.png", 4, 0, "query"),
    ("1_002_2_06.png", 2, 1, "gallery"),
    ("2_001_2_07.png", 4, 1, "gallery"),
]
CLASSIC = [  # list 1 tests person 2 of pair 1
    ("1_001_1_01.png", 1001, 0, "train"),
    ("1_001_2_06.png", 1001, 1, "train"),
    ("1_002_1_01.png", 1002, 0, "query"),
    ("1_002_2_06.png", 1002, 1, "gallery"),
    ("1_003_1_02.png", 1003, 0, "train"),
    ("2_001_1_01.png", 2001, 0, "train"),
    ("2_001_2_07.png", 2001, 1, "train"),
]


def classic(split):
    """Of list 1 or 2; the latter tests person 1 of pair 2."""
    tested = {1: 1002, 2: 2001}[split]
    parts = {0: "query", 1: "gallery"}
    return [(n, p, c, parts[c] if p == tested else "train") for n, p, c, _ in CLASSIC]


@pytest.mark.parametrize("boxes", ["detected", "labeled"])
def test_new_protocol_of_extracted_pictures(tmp_path, boxes):
    miniature.cuhk03_config(miniature.cuhk03_folder(tmp_path, boxes), boxes)
    said = []
    mine = Official("CUHK03", {"train": (3, 2), "query": (2, 2), "gallery": (2, 2)}, 2)
    got = cuhk03(tmp_path, boxes=boxes, official={f"new {boxes}": mine}, say=said.append)
    assert rows(got) == NEW
    assert len(said) == 1 and f"new protocol, {boxes} boxes" in said[0]


def test_new_protocol_as_three_folders(tmp_path):
    names = ["0001_c1_1.png"], ["0002_c1_3.png"], ["0002_c2_4.png"]
    miniature.market(tmp_path / "detected", *names)
    expected = [("0001_c1_1.png", 1, 0, "train"), ("0002_c1_3.png", 2, 0, "query"),
                ("0002_c2_4.png", 2, 1, "gallery")]  # fmt: skip
    assert rows(cuhk03(tmp_path)) == rows(cuhk03(tmp_path / "detected")) == expected
    miniature.market1501(tmp_path / "labeled")
    with pytest.raises(ValueError, match="market1501:FOLDER"):
        cuhk03(tmp_path, boxes="labeled")


@pytest.mark.parametrize("split", [1, 2])
def test_classic_lists_of_torchreid(tmp_path, split):
    lists = [
        {"query": [[f"/x/{name}", 0, 0] for name, *_, part in classic(one) if part != "train"]}
        for one in (1, 2)
    ]
    miniature.cuhk03_folder(tmp_path)
    (tmp_path / "splits_classic_detected.json").write_text(json.dumps(lists))
    mine = {"classic detected": Official("CUHK03", {"train": (7, 4)}, 2)}
    said = []
    assert rows(cuhk03(tmp_path, split=split, official=mine, say=said.append)) == classic(split)
    assert len(said) == 1 and f"list {split} of 20" in said[0]
    with pytest.raises(ValueError, match="split=3 and CUHK03's lists here are 2"):
        cuhk03(tmp_path, split=3)
    (tmp_path / "splits_classic_detected.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match="another file than torchreid's"):
        cuhk03(tmp_path)


def test_the_published_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "cuhk03_release").mkdir()
    path = miniature.cuhk03_matlab(tmp_path / "cuhk03_release" / "cuhk-03.mat", h5py)
    expected = [row[1:] for row in classic(2)]
    got = cuhk03(tmp_path, split=2)
    assert [row[1:] for row in rows(got)] == expected
    for row in range(7):  # the gray of a picture is its place
        assert records.read(got, row).tolist() == np.full((5, 2, 3), row).tolist()
    both = cuhk03(tmp_path, split=2, boxes="both")
    assert [row[1:] for row in rows(both)] == expected + [r for r in expected if r[2] == "train"]
    miniature.cuhk03_config(tmp_path)
    got = pickle.loads(pickle.dumps(cuhk03(tmp_path)))
    assert [row[1:] for row in rows(got)] == [row[1:] for row in NEW]
    grays = [int(records.read(got, row)[0, 0, 0]) for row in range(7)]
    assert grays == [miniature.CUHK03.index(name.removesuffix(".png")) for name, *_ in NEW]
    miniature.cuhk03_folder(tmp_path)  # pictures of the folder, lists of the file
    assert rows(cuhk03(tmp_path, split=2)) == classic(2)
    (tmp_path / "b").mkdir()
    with h5py.File(tmp_path / "b" / "cuhk-03.mat", "w") as file:
        file["other"] = 1
    with pytest.raises(
        ValueError, match=r"another file than CUHK03's pictures .*it has other, not"
    ):
        cuhk03(tmp_path / "b")
    whole = path.read_bytes()
    (tmp_path / "b" / "cuhk-03.mat").unlink()
    (tmp_path / "b" / "cuhk-03.mat").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cuhk-03\.mat is broken or incomplete"):
        cuhk03(tmp_path / "b")


def test_without_h5py_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "cuhk-03.mat").write_bytes(b"MATLAB 7.3".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ImportError, match=r"cuhk-03\.mat is .* version 7\.3.*pip install h5py"):
        cuhk03(tmp_path)


def test_what_is_wrong_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "cuhk-03.mat").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"cuhk-03\.mat is no Matlab file of version 7\.3"):
        cuhk03(tmp_path / "a")
    plant(tmp_path / "b", "images_labeled/1_001_1_01.png")
    with pytest.raises(FileNotFoundError, match=r"no images_detected/ .*boxes=labeled is there"):
        cuhk03(tmp_path / "b")
    with pytest.raises(FileNotFoundError, match=r"neither cuhk-03\.mat nor .*splits_classic_label"):
        cuhk03(tmp_path / "b", boxes="labeled")
    with pytest.raises(FileNotFoundError, match=r"cuhk03_new_protocol_config_labeled\.mat"):
        cuhk03(tmp_path / "b", boxes="labeled", protocol="new")
    with pytest.raises(ValueError, match="split=N is of the classic protocol"):
        cuhk03(tmp_path / "b", protocol="new", split=1)
    place = miniature.cuhk03_config(miniature.cuhk03_folder(tmp_path / "c"))
    os.remove(place / "images_detected" / "1_002_2_06.png")
    with pytest.raises(ValueError, match="names 1_002_2_06, which is not there"):
        cuhk03(place)


def test_the_official_counts_agree_with_each_other():
    for boxes, everything in (("detected", 14_097), ("labeled", 14_096)):
        new = OFFICIAL[f"new {boxes}"].parts
        assert sum(pictures for pictures, _ in new.values()) == everything
        assert OFFICIAL[f"classic {boxes}"].parts["train"][0] == everything
        assert new["train"][1] + new["query"][1] == 1_467

"""The small sets: a picture or two of a person and camera, and ten splits."""

import numpy as np
import pytest

from reid_jax.data.check import survey
from reid_jax.data.sets.cuhk01 import cuhk01
from reid_jax.data.sets.cuhk02 import cuhk02
from reid_jax.data.sets.grid import grid
from reid_jax.data.sets.ilids import ilids
from reid_jax.data.sets.official import Official
from reid_jax.data.sets.pku_reid import pku_reid
from reid_jax.data.sets.prid2011 import prid2011
from reid_jax.data.sets.viper import viper
from tests.data.sets import miniature
from tests.data.sets.miniature import plant, rows


def drawn(known, count, split):
    """The training persons of a split: the oracle of the documented draw."""
    return set(np.random.default_rng(split).permutation(np.array(known))[:count].tolist())


def persons(data, split):
    return set(data.person[data.split == split].tolist())


@pytest.mark.parametrize("split", [1, 2, 10])
def test_viper(tmp_path, split):
    miniature.viper(tmp_path / "VIPeR")
    got = viper(tmp_path, split=split)
    train = drawn([1, 2, 6, 10], 2, split)
    expected = [
        (f"{p:03}_{a}.bmp", p + 1, camera, "train" if p + 1 in train else part)
        for camera, a, part in ((0, 0, "query"), (1, 90, "gallery"))
        for p in (0, 1, 5, 9)
    ]
    assert rows(got) == expected and len(persons(got, "query")) == 2
    assert survey(got).queries == 2


def test_prid_has_the_others_of_camera_b_in_the_gallery(tmp_path):
    miniature.prid2011(tmp_path / "prid_2011")
    mine = Official("Mine", {"train": (4, 2), "query": (2, 2), "gallery": (5, 5)}, 2)
    said = []
    got = prid2011(tmp_path, shared=4, official=mine, say=said.append)
    train = drawn([1, 2, 3, 4], 2, 1)
    name = "person_{:04}.png".format
    assert rows(got) == [
        *[(name(p), p, 0, "train" if p in train else "query") for p in (1, 2, 3, 4)],
        *[(name(p), p, 1, "train" if p in train else "gallery") for p in range(1, 8)],
    ]
    assert said == [said[0]] and "split 1" in said[0]
    got = prid2011(tmp_path, shared=4, train="all")
    assert rows(got)[4:6] == [(name(5), 10005, 0, "train"), (name(6), 10006, 0, "train")]
    assert len(got.person) == 13 and len(set(got.person.tolist())) == 9


def test_prid_of_sequences_only_is_refused(tmp_path):
    plant(tmp_path, "multi_shot/cam_a/person_0001/0001.png")
    with pytest.raises(FileNotFoundError, match=r"no single_shot/ .*it holds multi_shot"):
        prid2011(tmp_path)


@pytest.mark.parametrize("split, train", [(1, {2, 3}), (2, {1, 4})])
def test_grid_has_its_published_splits(tmp_path, split, train):
    miniature.grid(tmp_path / "underground_reid")
    mine = Official("Mine", {"train": (4, 2), "query": (2, 2), "gallery": (4, 2)}, 8)
    said = []
    got = grid(tmp_path, split=split, official=mine, say=said.append)
    tail = "25004_107_32_106_22"
    assert rows(got) == [
        *[(f"{p:04}_{p}_{tail}1.jpeg", p, p - 1, "train" if p in train else "query")
          for p in (1, 2, 3, 4)],
        ("0000_1_" + tail + "1.jpeg", 0, 0, "gallery"),
        ("0000_2_" + tail + "2.jpeg", 0, 1, "gallery"),
        *[(f"{p:04}_{p + 4}_{tail}1.jpeg", p, p + 3, "train" if p in train else "gallery")
          for p in (1, 2, 3, 4)],
    ]  # fmt: skip
    assert len(said) == 1 and f"published split {split}" in said[0]


def test_grid_without_or_with_another_file_of_splits(tmp_path):
    said = []
    grid(miniature.grid(tmp_path / "a", lists=False), say=said.append)
    assert "no features_and_partitions.mat, so split 1 is drawn" in said[0]
    place = miniature.grid(tmp_path / "b")
    with pytest.raises(ValueError, match="split=3 and .* has 2"):
        grid(place, split=3)
    miniature.cuhk03_config(tmp_path)
    (tmp_path / "cuhk03_new_protocol_config_detected.mat").rename(
        place / "features_and_partitions.mat"
    )
    with pytest.raises(
        ValueError, match="another file than GRID's list of splits: it has filelist"
    ):
        grid(place)
    (place / "features_and_partitions.mat").write_bytes(b"MATLAB 5.0 MAT-file, cut")
    with pytest.raises(ValueError, match="cannot be read as a Matlab file"):
        grid(place)


def test_ilids_deals_two_pictures_of_each_test_person(tmp_path):
    place = miniature.ilids(tmp_path / "i-LIDS_Pedestrian")
    mine = Official("i-LIDS", {"train": (12, 4)})
    said = []
    got = ilids(tmp_path, official=mine, say=said.append)
    train = drawn([1, 2, 3, 4], 2, 1)
    assert persons(got, "train") == train and len(said) == 1
    assert persons(got, "query") == persons(got, "gallery") == {1, 2, 3, 4} - train
    assert [(got.split == part).sum() for part in ("train", "query", "gallery")] == [6, 2, 2]
    assert len(set(got.image)) == 10 and set(got.camera[got.split == "train"]) == {-1}
    assert survey(got).queries == 2  # no match is left out as one by the same camera
    assert rows(ilids(place, train="all"))[0] == ("0001001.jpg", 1, -1, "train")
    plant(place, "Persons/0009001.jpg")
    with pytest.raises(ValueError, match=r"person 9 of i-LIDS has one picture"):
        [ilids(place, split=split) for split in range(1, 11)]


def test_cuhk01_is_for_training_unless_a_split_is_asked_for(tmp_path):
    got = cuhk01(miniature.cuhk01(tmp_path))
    assert rows(got) == [
        (f"{p:04}{n:03}.png", p, (n > 2) * 1, "train") for p in (1, 2, 3) for n in (1, 2, 3, 4)
    ]
    got = cuhk01(tmp_path, split=4)
    train = drawn([1, 2, 3], 1, 4)
    assert persons(got, "train") == train
    test = got.split != "train"
    assert (got.camera[test] == (got.split[test] == "gallery")).all() and test.sum() == 8


def test_cuhk02_tests_on_its_fifth_pair(tmp_path):
    got = cuhk02(miniature.cuhk02(tmp_path))
    assert rows(got)[:4] == [
        ("001_0001.png", 2, 0, "train"), ("001_0002.png", 2, 0, "train"),
        ("002_0001.png", 3, 0, "train"), ("002_0002.png", 3, 0, "train"),
    ]  # fmt: skip
    assert rows(got)[-1] == ("002_0002.png", 40003, 9, "gallery")
    assert got.camera.tolist() == [c for c in range(10) for _ in range(4)]
    assert persons(got, "query") == persons(got, "gallery") == {40002, 40003}
    assert len(persons(got, "train")) == 8
    for part in ("P3", "P5"):
        (tmp_path / "Dataset" / part).rename(tmp_path / part)
    with pytest.raises(
        FileNotFoundError,
        match=r"has no P1/, P2/, P4/ \(CUHK02; half|has no P3/, P5/ \(CUHK02; half",
    ):
        cuhk02(tmp_path)


def test_pku(tmp_path):
    got = pku_reid(miniature.pku_reid(tmp_path))
    assert rows(got)[0] == ("001_1_1.png", 1, 0, "train") and set(got.camera) == {0, 1}
    got = pku_reid(tmp_path, split=1)
    assert persons(got, "train") == drawn([1, 2], 1, 1)
    assert [(got.split == part).sum() for part in ("train", "query", "gallery")] == [4, 2, 2]


@pytest.mark.parametrize("read", [viper, prid2011, grid, ilids, cuhk01, cuhk02, pku_reid])
def test_no_folder_and_a_folder_of_something_else(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        read(tmp_path / "none")
    miniature.market1501(tmp_path)
    with pytest.raises((FileNotFoundError, ValueError), match="it holds bounding_box_test"):
        read(tmp_path)

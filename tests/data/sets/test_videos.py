"""Tracklets, videos, and people cut out of frames."""

import os
import pickle
import shutil

import numpy as np
import pytest
from scipy.io import savemat

from reid_jax.data import packed, records
from reid_jax.data.sets.cuhk_sysu import cuhk_sysu
from reid_jax.data.sets.luperson import luperson
from reid_jax.data.sets.mars import mars
from reid_jax.data.sets.mot import mot15, mot17, mot20
from reid_jax.data.sets.official import Official
from reid_jax.data.sets.randperson import randperson
from tests.data.sets import miniature
from tests.data.sets.miniature import plant, rows


def test_mars_has_a_group_for_each_tracklet(tmp_path):
    said = []
    mine = Official("MARS", {"train": (3, 2)}, 4)
    count = {"train": 2, "query": 1, "gallery": 2}
    got = mars(miniature.mars(tmp_path), official=mine, tracklets=count, say=said.append)
    assert rows(got) == [
        ("0002C1T0001F001.jpg", 2, 0, "train"),
        ("0002C1T0001F002.jpg", 2, 0, "train"),
        ("0004C3T0002F001.jpg", 4, 2, "train"),
        ("0000C2T0001F001.jpg", 0, 1, "gallery"),
        ("0006C1T0001F001.jpg", 6, 0, "query"),
        ("0006C4T0001F001.jpg", 6, 3, "gallery"),
    ]
    assert got.group.tolist() == [0, 0, 1, 2, 3, 5] and got.frame.tolist() == [1, 2, 1, 1, 1, 1]
    assert len(said) == 1
    mars(tmp_path, say=said.append)
    assert "tracklets than published: train 2 instead of 8,298, query 1" in said[-1]


def test_mars_without_a_part_or_with_another_file(tmp_path):
    place = miniature.mars(tmp_path / "a")
    shutil.rmtree(place / "info")
    with pytest.raises(FileNotFoundError, match=r"has no info/ \(MARS; half of an archive\?\)"):
        mars(place)
    with pytest.raises(ValueError, match="names tracklets that tracks_test_info.mat lacks"):
        mars(miniature.mars(tmp_path / "b", query=(5,)))
    place = miniature.mars(tmp_path / "c")
    os.remove(place / "bbox_test" / "0006" / "0006C4T0001F001.jpg")
    with pytest.raises(FileNotFoundError, match=r"names 0006C4T0001F001\.jpg, which .*0006 lacks"):
        mars(place)
    savemat(place / "info" / "query_IDX.mat", {"index": [1]})
    with pytest.raises(ValueError, match="another file than MARS' queries: it has index"):
        mars(place)


def test_luperson_has_a_group_and_a_camera_for_each_video(tmp_path):
    said = []
    got = luperson(miniature.luperson(tmp_path), official=(3, 2), say=said.append)
    assert rows(got) == [("a.jpg", -1, 0, "train"), ("b.jpg", -1, 0, "train"),
                         ("a.jpg", -1, 1, "train")]  # fmt: skip
    assert got.group.tolist() == [0, 0, 1] and set(got.domain) == {1}
    assert said == ["LUPerson: 3 pictures of 2 videos"]
    luperson(tmp_path, say=said.append)
    assert "instead of 4,180,243 of 46,260" in said[-1]
    plant(tmp_path / "lup_lmdb", "data.mdb")
    with pytest.raises(ValueError, match="LMDB, which is not read"):
        luperson(tmp_path)


def test_randperson_whole_and_subset(tmp_path):
    said = []
    mine = Official("RandPerson", {"train": (3, 2)}, 2)
    got = randperson(miniature.randperson(tmp_path), official=mine, say=said.append)
    assert rows(got) == [
        ("000000_s00_c00_f000264.jpg", 1, 0, "train"),
        ("000001_s00_c00_f000300.jpg", 2, 0, "train"),
        ("000000_s01_c00_f000010.jpg", 1, 1, "train"),
    ]
    assert got.group.tolist() == [0, 1, 2] and got.frame.tolist() == [264, 300, 10]
    plant(tmp_path, "subset/000003_c02_s01_f000001.jpg")  # as the first subset names them
    assert rows(randperson(tmp_path)) == [("000003_c02_s01_f000001.jpg", 4, 0, "train")]
    assert len(randperson(tmp_path, part="whole").person) == 3
    plant(tmp_path, "images/scene01/camera1_1.tar.gz")
    with pytest.raises(ValueError, match=r"scene01 has camera1_1\.tar\.gz \(1 such\) not unpacked"):
        randperson(tmp_path, part="whole")
    plant(tmp_path / "b", "0002_c1s1_000451_03.jpg")
    with pytest.raises(ValueError, match="market1501:FOLDER"):
        randperson(tmp_path / "b")
    with pytest.raises(FileNotFoundError, match="has no scene00/"):
        randperson(tmp_path / "b", part="whole")


def test_mot_cuts_the_persons_out_of_their_frames(tmp_path):
    said = []
    got = mot17(miniature.mot17(tmp_path), official={"MOT17": (1, 2, 3)}, say=said.append)
    assert said == ["MOT17: 1 sequences, 2 persons, 3 boxes"]
    assert got.person.tolist() == [1, 2, 2] and got.frame.tolist() == [1, 1, 2]
    assert set(got.camera) == set(got.group) == {0} and set(got.split) == {"train"}
    # boxes count from 1: columns 20 to 29 of the gray half; the other box is cut off at the edges
    first, second, third = (records.read(got, row) for row in range(3))
    assert second.shape == third.shape == (20, 10, 3) and first.shape == (25, 9, 3)
    assert second.min() > 95 and third.min() > 195 and first.max() < 5
    assert records.read(pickle.loads(pickle.dumps(records.take(got, [2]))), 0).min() > 195
    assert rows(mot17(tmp_path / "train" / "MOT17-02-DPM"))[0][1:] == (1, 0, "train")
    packed.pack(got, tmp_path / "packed")
    again = packed.packed(tmp_path / "packed")
    for row in range(3):
        np.testing.assert_array_equal(records.read(again, row), records.read(got, row))


def test_mot_keeps_the_persons_of_sequences_apart(tmp_path):
    said = []
    got = mot15(miniature.mot15(tmp_path), say=said.append)
    assert got.person.tolist() == [1, 2, 3] and got.group.tolist() == [0, 1, 1]
    assert "2 sequences, 3 persons, 3 boxes instead of 11 sequences, 500" in said[1]


def test_mot_names_what_is_missing(tmp_path):
    place = miniature.mot17(tmp_path / "a")
    with pytest.raises(ValueError, match=r"MOT17-02-DPM, which is no sequence of MOT20: mot17:"):
        mot20(place)
    frames = place / "train" / "MOT17-02-DPM" / "img1"
    os.remove(frames / "000002.jpg")
    with pytest.raises(FileNotFoundError, match=r"img1 lacks frame 2 \(1 such\)"):
        mot17(place)
    shutil.rmtree(frames)
    with pytest.raises(FileNotFoundError, match=r"has gt/ but no img1/.*half of an archive"):
        mot17(place)
    miniature.frame(tmp_path / "b" / "MOT17-01-DPM" / "img1" / "000001.jpg", 9)
    with pytest.raises(ValueError, match=r"MOT17-01-DPM and others have no gt/: test sequences\?"):
        mot17(tmp_path / "b")
    place = miniature.mot15(tmp_path / "c")
    (place / "train" / "TUD-Campus" / "gt" / "gt.txt").write_text("1,2,x\n")
    with pytest.raises(ValueError, match=r"gt\.txt is not as MOT15 has it"):
        mot15(place)


def test_cuhk_sysu_by_its_boxes(tmp_path):
    said = []
    mine = Official("CUHK-SYSU", {"train": (3, 2)})
    got = cuhk_sysu(miniature.cuhk_sysu(tmp_path), official=mine, say=said.append)
    assert got.person.tolist() == [1, 1, 2] and set(got.camera) == {-1}
    shapes = [records.read(got, row).shape for row in range(3)]
    assert shapes == [(20, 10, 3), (24, 12, 3), (24, 12, 3)]
    assert [int(np.median(records.read(got, row))) // 90 for row in range(3)] == [1, 2, 2]
    assert len(said) == 1
    os.remove(tmp_path / "Image" / "SSM" / "s2.jpg")
    with pytest.raises(ValueError, match=r"Person\.mat names s2\.jpg, which .*SSM lacks"):
        cuhk_sysu(tmp_path)
    shutil.rmtree(tmp_path / "Image")
    with pytest.raises(FileNotFoundError, match=r"has no Image/ \(CUHK-SYSU; half of an archive\?"):
        cuhk_sysu(tmp_path)


def test_cuhk_sysu_cut_out_already(tmp_path):
    names = ["p1_s1_1.jpg", "p1_s9_2.jpg", "p7_s9_1.jpg", "p-1_s9_4.jpg"]
    plant(tmp_path, *[f"cropped_images/{name}" for name in names])
    assert rows(cuhk_sysu(tmp_path)) == [(name, int(name[1]), -1, "train") for name in names[:3]]


def test_a_box_outside_of_its_frame_is_named(tmp_path):
    place = miniature.mot15(tmp_path)
    (place / "train" / "TUD-Campus" / "gt" / "gt.txt").write_text("1,1,50,1,8,16,1,-1,-1,-1\n")
    got = mot15(place)
    with pytest.raises(ValueError, match=r"is outside of .*000001\.jpg, 40 x 30 pixels"):
        records.read(got, 1)
    os.remove(place / "train" / "TUD-Campus" / "img1" / "000001.jpg")
    assert records.readable(got).tolist() == [True, False]


@pytest.mark.skipif("REID_DATA" not in os.environ, reason="REID_DATA names no folder of real data")
def test_the_boxes_of_two_real_sequences(tmp_path):
    """Persons and boxes of MOT17-05 and MOT17-09 as the challenge's page counts them."""
    for name, persons, count in (("MOT17-05-FRCNN", 133, 6_917), ("MOT17-09-FRCNN", 26, 5_325)):
        (tmp_path / name / "gt").mkdir(parents=True)
        (tmp_path / name / "img1").mkdir()
        real = os.path.join(os.environ["REID_DATA"], "mot", name, "gt.txt")
        shutil.copy(real, tmp_path / name / "gt" / "gt.txt")
        plant(tmp_path, *[f"{name}/img1/{number:06}.jpg" for number in range(1, 838)])
        got = mot17(tmp_path / name)
        assert (len(set(got.person)), len(got.person)) == (persons, count)

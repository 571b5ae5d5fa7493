import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from reid_jax.data import records
from reid_jax.video import cut, find, frames
from reid_jax.video.cut import How
from tests.video import films

pytest.importorskip("scenedetect")


def _rows(folder):
    with np.load(folder / cut.ROWS) as held:
        return {name: held[name] for name in held.files}


def _crops(folder):
    from array_record.python.array_record_data_source import ArrayRecordDataSource

    source = ArrayRecordDataSource(str(folder / cut.CROPS))
    return [records.decode(source[row]) for row in range(len(source))]


def test_people_of_every_seventh_frame_with_their_places(tmp_path):
    path = films.film(tmp_path / "a.avi", [2] * 20)
    (source,) = find.videos([str(path)])
    seen = []
    how = How(detector=f"mot:{tmp_path}")
    about = cut.cut(
        source, tmp_path / "parts", how, lambda share, crops: seen.append((share, crops))
    )
    assert about["views"] == [{"path": str(path), "frames": 20, "rate": 10.0}]
    assert about["crops"] == 6
    assert about["shots"] == [{"first": 1, "last": 20, "people": 2.0, "crops": 6, "kept": True}]
    assert seen == sorted(seen) and seen[-1] == (1.0, 6)
    folder = tmp_path / "parts" / source.key
    rows = _rows(folder)
    assert rows["frame"].tolist() == [1, 1, 8, 8, 15, 15] and rows["person"].tolist() == [1, 2] * 3
    assert not rows["view"].any() and not rows["shot"].any()
    np.testing.assert_allclose(rows["score"], 0.9, rtol=1e-6)
    whole = dict(frames.frames(path))
    for row, pixels in enumerate(_crops(folder)):
        x, y, w, h = rows["box"][row]
        want = films.picture(rows["frame"][row] - 1, 2)[1][rows["person"][row] - 1]
        assert (x, y, w, h) == want and pixels.shape == (h, w, 3)
        part = whole[rows["frame"][row]][y : y + h, x : x + w]
        assert np.abs(pixels.astype(int) - part).mean() < 6
    assert [path.name for path in (tmp_path / "parts").iterdir()] == [source.key]
    assert json.loads((folder / cut.ABOUT).read_text()) == about


def test_an_existing_part_is_not_made_again(tmp_path):
    (source,) = find.videos([str(films.film(tmp_path / "a.avi", [2] * 8))])
    about = cut.cut(source, tmp_path / "parts", How(detector=f"mot:{tmp_path}"))
    (tmp_path / "a.avi").unlink()
    assert cut.cut(source, tmp_path / "parts", How(detector="mot:/nowhere")) == about


def test_shots_of_few_people_are_dropped(tmp_path):
    people = [2] * 20 + [1] * 20 + [3] * 20
    path = films.film(tmp_path / "a.avi", people, seeds=[0] * 20 + [5] * 20 + [9] * 20)
    (source,) = find.videos([str(path)])
    about = cut.cut(source, tmp_path / "parts", How(detector=f"mot:{tmp_path}"))
    assert [(shot["people"], shot["kept"], shot["crops"]) for shot in about["shots"]] == [
        (2.0, True, 6), (1.0, False, 0), (3.0, True, 9)
    ]  # fmt: skip
    rows = _rows(tmp_path / "parts" / source.key)
    # counted from the shot's start
    assert np.unique(rows["frame"][rows["shot"] == 2]).tolist() == [41, 48, 55]
    none = cut.cut(source, tmp_path / "others", How(detector=f"mot:{tmp_path}", people=3.5))
    files = [path.name for path in (tmp_path / "others" / source.key).iterdir()]
    assert none["crops"] == 0 and files == [cut.ABOUT]


def test_people_are_counted_in_the_middles_of_equal_parts():
    assert cut.counted(np.arange(1, 101), 5).tolist() == [11, 31, 51, 71, 91]
    assert cut.counted(np.arange(3, 8), 5).tolist() == [3, 4, 5, 6, 7]
    assert cut.counted(np.array([9]), 5).tolist() == [9]
    assert cut.counted(np.array([4, 9]), 5).tolist() == [4, 9]


def test_boxes_are_clipped_and_small_ones_left_out():
    picture = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    pixels, box = cut.crop(picture, np.array([-5, 2.6, 8.2, 50]), 10)
    assert box == [0, 2, 9, 18]
    np.testing.assert_array_equal(pixels, picture[2:20, 0:9])
    assert cut.crop(picture, np.array([0, 0, 10, 10]), 100)[1] == [0, 0, 10, 10]
    for bad in (
        [0, 0, 10, 10.0],
        [40, 0, 60, 10],
        [5, 5, 5, 9],
        [9, 5, 3, 9],
        [np.nan, 0, 9, 9],
        [-9, -9, -1, -1],
    ):
        assert cut.crop(picture, np.array(bad), 101) is None


def test_a_broken_source_is_reported_and_leaves_nothing_else(tmp_path):
    (tmp_path / "empty.mp4").touch()
    data = films.film(tmp_path / "head.avi", [2] * 9).read_bytes()
    (tmp_path / "head.avi").write_bytes(data[: data.index(b"movi") + 12])
    path = films.film(tmp_path / "a.avi", [2] * 8)
    (tmp_path / "a.txt").write_text("1,1,nonsense")
    films.film(tmp_path / "b.avi", [2] * 8).with_suffix(".txt").unlink()
    how = How(detector=f"mot:{tmp_path}")
    want = [
        "a.txt, line 1: '1,1,nonsense'",
        "there is no file",
        "empty.mp4 is empty",
        "head.avi: no frame can be read",
    ]
    for source, text in zip(find.videos([str(tmp_path)]), want, strict=True):
        about = cut.cut(source, tmp_path / "parts", how)
        assert text in about["broken"] and about["crops"] == 0
        assert about["views"] == [{"path": source.views[0].path}]
        assert [file.name for file in (tmp_path / "parts" / source.key).iterdir()] == [cut.ABOUT]
    with pytest.raises(FileNotFoundError, match="no folder"):  # the options' fault, not the video's
        cut.cut(find.videos([str(path)])[0], tmp_path / "more", How(detector="mot:/nowhere"))


def test_a_failure_leaves_no_part_and_the_rest_of_a_killed_run_is_removed(tmp_path):
    (source,) = find.videos([str(films.film(tmp_path / "a.avi", [2] * 8))])
    left = tmp_path / "parts" / f"{source.key}.unfinished-1"
    left.mkdir(parents=True)

    def fail(share, crops):
        if crops:
            raise OSError("disk full")

    how = How(detector=f"mot:{tmp_path}")
    with pytest.raises(OSError, match="disk full"):
        cut.cut(source, tmp_path / "parts", how, fail)
    assert not list((tmp_path / "parts").iterdir())
    cut.cut(source, tmp_path / "parts", how)
    cut.cut(source, tmp_path / "straight", how)
    assert films.same(tmp_path / "parts", tmp_path / "straight")


def test_a_truncated_video_is_cut_as_far_as_it_goes(tmp_path):
    path = films.film(tmp_path / "a.avi", [2] * 60)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    present = len(frames.numbers(path))
    about = cut.cut(
        find.videos([str(path)])[0], tmp_path / "parts", How(detector=f"mot:{tmp_path}")
    )
    (view,) = about["views"]
    assert 10 < present < 49 and view["cut"] == f"it ends after frame {present} of 60"
    assert view["frames"] == present and about["crops"] == 2 * -(-present // 7)


def test_views_share_their_frame_numbers(tmp_path):
    films.folder(tmp_path / "img" / "C1", range(1, 11), people=3)
    films.folder(tmp_path / "img" / "C2", range(3, 13), people=1, seed=2)
    source = find.rig(str(tmp_path / "img"))
    about = cut.cut(source, tmp_path / "parts", How(detector=f"mot:{tmp_path / 'img'}", every=3))
    assert about["shots"] == [{"first": 3, "last": 10, "people": 2.0, "crops": 12, "kept": True}]
    rows = _rows(tmp_path / "parts" / source.key)
    assert rows["view"].tolist() == [0] * 9 + [1] * 3
    assert rows["frame"].tolist() == [3, 3, 3, 6, 6, 6, 9, 9, 9, 3, 6, 9]
    left = films.film(tmp_path / "l.avi", [2] * 9)
    right = films.film(tmp_path / "r.avi", [2] * 7, seeds=1)
    source = find.rig(f"{left},{right}")
    about = cut.cut(source, tmp_path / "parts", How(detector=f"mot:{tmp_path}", every=2))
    assert about["shots"][0]["last"] == 7 and [view["frames"] for view in about["views"]] == [9, 7]
    rows = _rows(tmp_path / "parts" / source.key)
    np.testing.assert_array_equal(
        rows["frame"][rows["view"] == 0], rows["frame"][rows["view"] == 1]
    )


def test_views_that_are_not_synchronised(tmp_path):
    left = films.film(tmp_path / "l.avi", [2] * 9)
    slow = films.film(tmp_path / "s.avi", [2] * 9, rate=5.0)
    how = How(detector=f"mot:{tmp_path}")
    about = cut.cut(find.rig(f"{left},{slow}"), tmp_path / "parts", how)
    assert "10 and 5 frames a second are not synchronised" in about["broken"]
    films.folder(tmp_path / "a" / "C1", [1, 2])
    films.folder(tmp_path / "a" / "C2", [3, 4])
    about = cut.cut(find.rig(str(tmp_path / "a")), tmp_path / "parts", how)
    assert "no frame number in common" in about["broken"]


@pytest.mark.skipif("REID_DATA" not in os.environ, reason="REID_DATA names no folder of real data")
def test_real_views_give_every_published_crop(tmp_path):
    root = Path(os.environ["REID_DATA"]) / "multiviewx"
    source = find.rig(str(root / "img"))
    about = cut.cut(source, tmp_path, How(detector=f"mot:{root / 'gt'}", every=1))
    assert about["crops"] == 1209 and len(about["views"]) == 6
    rows = _rows(tmp_path / source.key)
    columns = rows["person"].tolist(), (rows["view"] + 1).tolist(), rows["frame"].tolist()
    ours = set(zip(*columns, strict=True))
    names = [re.match(r"(\d+)_c(\d)s1_(\d+)_", path.name) for path in (root / "crops").iterdir()]
    assert len(names) == 885 and {tuple(map(int, name.groups())) for name in names} <= ours

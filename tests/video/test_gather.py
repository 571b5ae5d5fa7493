import json

import numpy as np
import pytest

from reid_jax.clustering import videos
from reid_jax.data import records
from reid_jax.data.packed import packed
from reid_jax.losses import xbm
from reid_jax.video import cut, find, frames, gather
from reid_jax.video.cut import How
from tests.video import films

pytest.importorskip("scenedetect")


def _sources(tmp_path):
    films.film(
        tmp_path / "v" / "a" / "clip.avi",
        [2] * 20 + [1] * 20 + [3] * 20,
        seeds=[0] * 20 + [5] * 20 + [9] * 20,
    )
    films.film(tmp_path / "v" / "b" / "clip.avi", [2] * 8, seeds=3)
    (tmp_path / "v" / "b" / "broken.mp4").write_text("text")
    for name in ("C1", "C2"):
        films.folder(tmp_path / "v" / name, range(1, 9), people=2, seed=7)
    return [
        *find.videos([str(tmp_path / "v")]),
        find.rig(f"{tmp_path / 'v' / 'C1'},{tmp_path / 'v' / 'C2'}"),
    ]


def _made(tmp_path, sources, how, name):
    for source in sources:
        cut.cut(source, tmp_path / f"{name}.parts", how)
    return gather.gather(sources, tmp_path / f"{name}.parts", tmp_path / name, how)


def test_what_is_packed_is_what_was_cut(tmp_path):
    sources, how = _sources(tmp_path), How(detector=f"mot:{tmp_path / 'v'}")
    manifest = _made(tmp_path, sources, how, "out")
    assert json.loads((tmp_path / "out" / gather.MANIFEST).read_text()) == manifest
    counts = {"sources": 4, "broken": 1, "cut": 0, "empty": 0, "shots": 5, "kept": 4, "crops": 27}
    assert manifest["counts"] == counts and "1 broken" in gather.counts_text(counts)
    assert manifest["made"]["every"] == 7
    got = packed(tmp_path / "out")
    # Two kept shots of a/clip, which are one video; b/clip; the pair, which is one group and two
    # cameras.
    assert got.group.tolist() == [0] * 15 + [1] * 4 + [2] * 8
    assert got.shot.tolist() == [0] * 6 + [2] * 9 + [0] * 12
    assert got.camera.tolist() == [0] * 15 + [1] * 4 + [2] * 4 + [3] * 4
    frame = [*np.repeat([1, 8, 15], 2), *np.repeat([41, 48, 55], 3), *[1, 1, 8, 8] * 3]
    assert got.frame.tolist() == frame
    assert set(got.domain) == {1} and set(got.split) == {"train"}
    # Persons of two sources never have one number; those of a pair's views do.
    assert got.person.tolist() == [1, 2] * 3 + [1, 2, 3] * 3 + [4, 5] * 2 + [6, 7] * 4
    boxes = np.load(tmp_path / "out" / gather.BOXES)
    assert boxes["source"].tolist() == [0] * 15 + [2] * 4 + [3] * 8
    for row in range(len(got.person)):
        source = manifest["sources"][boxes["source"][row]]
        assert source["group"] == got.group[row] and source["shots"][got.shot[row]]["crops"] > 0
        assert boxes["shot"][row] == got.shot[row]
        path = source["views"][boxes["view"][row]]["path"]
        x, y, w, h = boxes["box"][row]
        ((_, picture),) = frames.frames(path, [int(boxes["frame"][row])])
        assert np.abs(records.read(got, row).astype(int) - picture[y : y + h, x : x + w]).mean() < 6


def test_a_person_in_two_shots_of_a_video_is_not_a_negative_of_itself(tmp_path):
    sources, how = _sources(tmp_path), How(detector=f"mot:{tmp_path / 'v'}")
    _made(tmp_path, sources, how, "out")
    got = packed(tmp_path / "out")
    first, later = np.flatnonzero(got.frame == 1)[:1], np.flatnonzero(got.frame == 41)[:1]
    alike = np.ones((1, 4), np.float32) / 2
    assert float(xbm.negatives(alike, got.group[first], alike, got.group[later])) == 0
    drawn = videos.label_videos(
        got.group, lambda rows: alike.repeat(len(rows), 0), 99, rng=np.random.default_rng(0)
    )
    # Algorithm 2 draws videos, not shots.
    assert sorted(drawn.videos) == [0, 1, 2] and len(set(drawn.label)) == 3


def test_the_same_parts_give_the_same_bytes(tmp_path):
    sources, how = _sources(tmp_path), How(detector=f"mot:{tmp_path / 'v'}")
    (tmp_path / "more.unfinished-123").mkdir()
    _made(tmp_path, sources, how, "out")
    _made(tmp_path, sources, how, "more")
    assert films.same(tmp_path / "out", tmp_path / "more")
    assert not list(tmp_path.glob("*.unfinished-*"))
    with pytest.raises(FileExistsError, match="exists already"):
        _made(tmp_path, sources, how, "out")


def test_no_crop_at_all_and_a_missing_part(tmp_path):
    sources, how = _sources(tmp_path), How(detector=f"mot:{tmp_path / 'v'}", people=9)
    with pytest.raises(
        ValueError, match="there is no crop: 4 .* 1 broken, 3 with too few .*broken.mp4 is no video"
    ):
        _made(tmp_path, sources, how, "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(FileNotFoundError):
        gather.gather(sources, tmp_path / "other.parts", tmp_path / "out", how)

import sys

import numpy as np
import pytest

from reid_jax.video import frames, shots
from tests.video import films


def test_shots_equal_those_when_the_library_reads_the_file(tmp_path):
    scenedetect = pytest.importorskip("scenedetect")
    path = films.film(tmp_path / "a.avi", [1] * 70, seeds=[0] * 20 + [5] * 30 + [9] * 20)
    got = shots.shots(frames.frames(path))
    ends = [(1, 20), (21, 50), (51, 70)]
    assert [(shot[0], shot[-1]) for shot in got] == ends
    assert [len(shot) for shot in got] == [20, 30, 20]
    theirs = scenedetect.detect(str(path), scenedetect.AdaptiveDetector())
    assert [(start.frame_num + 1, end.frame_num) for start, end in theirs] == ends


def test_a_calm_video_is_one_shot_and_numbers_may_have_gaps():
    pictures = [(7 * place, films.picture(place, 2)[0]) for place in range(1, 31)]
    (one,) = shots.shots(pictures)
    np.testing.assert_array_equal(one, 7 * np.arange(1, 31))
    pictures += [(1000 + place, films.picture(place, 2, seed=3)[0]) for place in range(20)]
    first, second = shots.shots(iter(pictures))
    assert first[-1] == 210 and second[0] == 1000 and len(second) == 20
    (one,) = shots.shots(pictures[:1])
    assert one.tolist() == [7]


def test_large_frames_are_made_small():
    wide = np.zeros((30, 1000, 3), np.uint8)
    wide[:, :500, 0] = 200
    small = shots._small(wide)
    assert small.shape == (8, 256, 3) and small[4, 5].tolist() == [0, 0, 200]


def test_without_frames_or_without_the_library(monkeypatch):
    with pytest.raises(ValueError, match="no frame can be read"):
        shots.shots([])
    monkeypatch.setitem(sys.modules, "scenedetect", None)
    with pytest.raises(ImportError, match=r"pip install 'reid_jax\[video\]'"):
        shots.shots([])

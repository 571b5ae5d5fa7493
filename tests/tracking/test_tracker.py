"""The tracker for programs: anyone's boxes, in any form, bad ones too."""

import time
import types

import numpy as np
import pytest

import reid_jax
from reid_jax.tracking import tracks

FRAME = np.zeros((240, 320, 3), np.uint8)
BOX = [[10.0, 20, 50, 140], [200, 30, 240, 150]]


def colour(pictures):
    """An encoder: the mean colour."""
    rows = np.array([one.mean((0, 1)) + np.array([1, 0, 0]) for one in pictures], np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def painted(frame=0):
    picture = FRAME.copy()
    picture[20:140, 10:50, 1] = 250
    picture[30:150, 200:240, 2] = 250
    return picture


def test_boxes_get_numbers_by_what_they_show():
    tracker = reid_jax.Tracker(colour)
    for _ in range(3):
        tracked = tracker.update(painted(), BOX)
    assert tracked.id.tolist() == [1, 2] and tracked.embedding.shape == (2, 3)
    for _ in range(20):
        tracked = tracker.update(painted(), [])
    assert tracked.id.tolist() == [] and tracked.embedding.shape == (0, 0)
    tracked = tracker.update(painted(), BOX[::-1])
    assert tracked.id.tolist() == [2, 1]
    assert tracker.seconds["tracking"] > 0 < tracker.seconds["embedding"]


def test_detections_of_supervision_are_boxes():
    fake = types.SimpleNamespace(xyxy=np.array(BOX), confidence=np.array([0.9, 0.1]))
    tracker = reid_jax.Tracker(confidence=0.5)
    for _ in range(3):
        tracked = tracker.update(None, fake)
    assert tracked.id.tolist() == [1, -1] and tracker.left_out["confidence"] == 3
    library = pytest.importorskip("supervision")
    tracker, real = reid_jax.Tracker(colour), library.Detections(xyxy=np.array(BOX))
    for _ in range(3):
        tracked = tracker.update(painted(), real)
    real.tracker_id = tracked.id
    assert real.tracker_id.tolist() == [1, 2]
    assert tracker.update(painted(), library.Detections.empty()).id.tolist() == []


def test_what_cannot_be_tracked_is_left_out_and_counted():
    tracker = reid_jax.Tracker(colour)
    boxes = [*BOX, [5, 5, 5, 90], [60, 60, 40, 90], [400, 10, 440, 90], [-50, -90, -10, 0],
             [300, 200, 340, 300]]  # fmt: skip
    for _ in range(3):
        tracked = tracker.update(painted(), boxes)
    assert tracked.id.tolist() == [1, 2, -1, -1, -1, -1, 3]  # the last is partly inside
    assert tracker.left_out == {"confidence": 0, "area": 6, "outside": 6}
    assert (tracked.embedding[2:6] == 0).all()


def test_what_is_no_box_or_picture_is_refused():
    tracker = reid_jax.Tracker(colour)
    for frame, boxes, told in (
        (FRAME, [[1, 2, np.nan, 4]], r"box 0 of frame \d is \[1.0, 2.0, nan, 4.0\]"),
        (FRAME, [BOX[0], [1, 2, np.inf, 4]], "box 1 of frame"),
        (FRAME, [1, 2, 3, 4], r"are \[4\]; give \[m 4\]"),
        (FRAME / 255, BOX, r"float64 \[240, 320, 3\]; give uint8"),
        (None, BOX, "update needs the frame"),
    ):
        with pytest.raises(ValueError, match=told):
            tracker.update(frame, boxes)
    with pytest.raises(ValueError, match="2 boxes and confidences"):
        tracker.update(FRAME, BOX, [0.5])
    with pytest.raises(ValueError, match="no option 'distanse'.*did you mean 'distance'"):
        reid_jax.Tracker(distanse=0.1)
    with pytest.raises(ValueError, match="confirm=0; give 1 or more"):
        reid_jax.Tracker(confirm=0)


def test_missing_frames_are_skipped():
    tracker = reid_jax.Tracker()
    for frame in (0, 1, 2, 5):
        if frame == 5:
            tracker.skip(2)
        tracked = tracker.update(None, np.array(BOX) + 5 * frame)
    assert tracked.id.tolist() == [1, 2]


def test_a_camera_that_turns_loses_nobody():
    rng = np.random.default_rng(0)
    scene = np.repeat(np.repeat(rng.integers(0, 255, (25, 60, 3), np.uint8), 16, 0), 16, 1)
    box = np.array([[300.0, 150, 318, 200]])  # narrow: it leaves its own place at each step
    numbers = {}
    for moves in (False, True):
        tracker = reid_jax.Tracker(camera_motion=moves)
        for frame, turned in enumerate((0, 0, 0, 0, 22, 44, 66)):
            picture = np.ascontiguousarray(scene[50:350, turned : turned + 400])
            tracked = tracker.update(picture, box - [turned, 0, turned, 0])
        numbers[moves] = tracked.id.tolist()
    assert numbers[True] == [1] and numbers[False] != [1]


def test_300_persons_in_a_frame():
    """Within a second a frame with full galleries, on one slow core: it takes 0.1 to 0.4 s."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 512)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    corner = rng.uniform(0, 1800, (300, 2))
    box, state = np.concatenate([corner, corner + np.array([40, 100])], 1), tracks.begin()
    for _ in range(30):
        state, seen = tracks.step(state, box, rows)
    began = time.process_time()
    state, seen = tracks.step(state, box, rows)
    assert time.process_time() - began < 2
    assert sorted(seen.number) == list(range(1, 301))


def test_boxes_of_any_size_and_place_never_break_it():
    """From a billionth of a pixel to a thousand, at random, with and without gate and looks."""
    rng = np.random.default_rng(0)

    def looks(pictures):
        return np.eye(4, dtype=np.float32)[rng.integers(0, 4, len(pictures))]

    for trial in range(12):
        gate = np.inf if trial % 2 else 9.49
        tracker = reid_jax.Tracker(looks if trial % 3 else None, confirm=1, gate=gate)
        for _ in range(60):
            corner = rng.uniform(-50, 300, (rng.integers(0, 6), 2))
            box = np.concatenate([corner, corner + 10.0 ** rng.uniform(-9, 3, corner.shape)], 1)
            tracked = tracker.update(FRAME, box)
            given = tracked.id[tracked.id > 0]
            assert np.isfinite(tracked.seen.box).all() and len(set(given)) == len(given)

"""Scores beside those that motmetrics' and HOTA's authors publish, or that TrackEval computes."""

import os
from pathlib import Path

import numpy as np
import pytest

from reid_jax.tracking import across, gaps, hota, mot, score

DATA = os.environ.get("REID_DATA")
# MOTA, IDF1 and switches as motmetrics' own command scores these files; HOTA, DetA and AssA as
# TrackEval 1.3.0 does
KNOWN = {
    "TUD-Campus": ("test.txt", 52.65, 55.77, 7, 39.14, 41.80, 36.91),
    "TUD-Stadtmitte": ("test.txt", 56.40, 64.46, 7, 39.78, 39.23, 40.88),
    "MOT17-05-FRCNN": ("result.txt", 60.20, 68.91, 29, 56.37, 52.88, 60.14),
    "MOT17-09-FRCNN": ("result.txt", 71.55, 72.88, 10, 64.23, 66.82, 61.73),
}


@pytest.mark.skipif(not DATA, reason="REID_DATA names no folder of data sets")
@pytest.mark.parametrize("name", KNOWN)
def test_real_tracks_get_their_published_scores(name):
    file, *wanted = KNOWN[name]
    folder = Path(DATA) / "mot" / name
    found = score.score(score.count(mot.read(folder / "gt.txt"), mot.read(folder / file)))
    got = [100 * found.mota, 100 * found.idf1, found.switches]
    got += [100 * found.hota, 100 * found.deta, 100 * found.assa]
    np.testing.assert_allclose(got, wanted, atol=0.006)


RECORDED = [(0.28290209, 0.47153503, 0.17068576), (0.29451748, 0.49219444, 0.17731479)]  # of `walk`


def walk(seed, frames=60, persons=5):
    """Persons who walk, and tracks of them: lost, exchanged, imprecise, of nothing."""
    rng = np.random.default_rng(seed)
    start, pace = rng.uniform(0, 300, (persons, 2)), rng.uniform(-3, 3, (persons, 2))
    truth, told = [], []
    for frame in range(1, frames + 1):
        corner = start + pace * frame
        box = np.concatenate([corner, corner + np.array([30, 80])], 1)
        truth += [(frame, 1 + k, *box[k]) for k in range(persons)]
        names = np.arange(1, persons + 1) + persons * (frame // 25)
        if frame > 40:
            names[:2] = names[[1, 0]]
        seen = rng.random(persons) < 0.8
        noisy = box + rng.normal(0, 6, box.shape)
        told += [(frame, names[k], *noisy[k]) for k in np.flatnonzero(seen)]
        told += [(frame, 99, 500, 500, 520, 560)] * (frame % 7 == 0)
    return tuple(
        mot.make(*(np.array(rows)[:, part] for part in (0, 1, slice(2, 6))))
        for rows in (truth, told)
    )


def test_hota_is_its_authors():
    """TrackEval 1.3.0's figures of the same boxes, recorded."""
    found = [score.score(score.count(*walk(seed))) for seed in (0, 1)]
    got = [(one.hota, one.deta, one.assa) for one in found]
    np.testing.assert_allclose(got, RECORDED, atol=1e-6)


def test_hota_of_all_is_trackeval_s_where_it_is_installed():
    trackeval = pytest.importorskip("trackeval")
    for seed in range(3):
        truth, told = walk(seed)
        frames = list(score._frames(truth, truth.number - 1, told, told.number - 1))
        found = trackeval.metrics.HOTA().eval_sequence({
            "num_timesteps": len(frames), "num_gt_dets": len(truth.frame),
            "num_tracker_dets": len(told.frame), "num_gt_ids": 5, "num_tracker_ids": 99,
            "gt_ids": [one.person for one in frames], "tracker_ids": [one.track for one in frames],
            "similarity_scores": [one.overlap for one in frames],
        })  # fmt: skip
        wanted = [found[name].mean() for name in ("HOTA", "DetA", "AssA")]
        np.testing.assert_allclose(hota.scores(hota.count(frames, 5, 99)), wanted, atol=1e-9)


def test_scores_of_right_and_of_no_tracks():
    truth, told = walk(0)
    right = score.score(score.count(truth, truth))
    assert (right.mota, right.motp, right.idf1, right.switches) == (1, 1, 1, 0)
    assert right.hota == right.deta == right.assa == pytest.approx(1)
    assert right.mostly == right.persons == 5
    none = score.score(score.count(truth, mot.make([], [], [])))
    assert (none.mota, none.idf1, none.hota, none.motp) == (0, 0, 0, 0)
    with pytest.raises(ValueError, match="the truth has no box"):
        score.count(mot.make([], [], []), told)


def test_videos_are_counted_together():
    parts = [score.count(*walk(seed)) for seed in (0, 1)]
    both = score.score(score.added(parts))
    wrong = sum(one.misses + one.false + one.switches for one in parts)
    assert both.mota == 1 - wrong / sum(one.boxes for one in parts)
    assert both.switches == parts[0].switches + parts[1].switches
    assert both.hota == pytest.approx(np.mean(RECORDED, 0)[0], abs=0.01)


def test_files_are_read_back_and_what_is_wrong_is_named(tmp_path):
    truth, _ = walk(0)
    mot.write(tmp_path / "a.txt", truth)
    again = mot.read(tmp_path / "a.txt")
    assert (again.frame == truth.frame).all() and (again.number == truth.number).all()
    np.testing.assert_allclose(again.box, truth.box, atol=0.02)
    for text, told in (
        ("1,1,2,3,4,5\n1,1,nan,3,4,5\n", r"a.txt, line 2: '1,1,nan,3,4,5' is not"),
        ("1,1,2,3,4\n", "a.txt, line 1"),
        ("1.5,1,2,3,4,5\n", "a.txt, line 1"),
        ("1,1,2,3,4,5\n1,1,9,3,4,5\n", "a.txt: number 1 has two boxes in frame 1"),
        ("3,-1,2,3,4,5\n", "a.txt has a box without a number in frame 3"),
    ):
        (tmp_path / "a.txt").write_text(text)
        with pytest.raises(ValueError, match=told):
            mot.read(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*b\.txt"):
        mot.read(tmp_path / "b.txt")


def test_who_follows_a_distractor_is_not_false(tmp_path):
    """A track of a sitting person (class 7) goes, and one that fits a person better stays."""
    (tmp_path / "gt.txt").write_text(
        "1,1,0,0,40,90,1,1,1\n1,2,200,0,40,90,0,7,1\n1,3,8,0,40,90,0,8,1\n1,4,300,0,40,90,0,3,1\n"
    )
    truth, others = mot.read(tmp_path / "gt.txt"), mot.distractors(tmp_path / "gt.txt")
    assert truth.number.tolist() == [1] and others.box[:, 0].tolist() == [200, 8]
    lefts = np.array([2, 202, 301])
    box = np.stack([lefts, 0 * lefts, lefts + 40, 0 * lefts + 90], 1)
    told = mot.make([1, 1, 1], [5, 6, 7], box)
    assert score.cleared(told, truth, others).number.tolist() == [5, 7]
    assert len(mot.distractors(_mot15(tmp_path)).frame) == 0


def _mot15(folder):
    (folder / "15.txt").write_text("1,1,0,0,40,90,1,2.5,7,0\n")
    return folder / "15.txt"


def rows(*tracks):
    """Rows of (number, frames) of boxes that stand still, a place for each person."""
    lines = [
        (frame, number, 100 * place, 0, 100 * place + 40, 90)
        for place, number, frames in tracks
        for frame in frames
    ]
    table = np.array(lines, float)
    return mot.make(table[:, 0], table[:, 1], table[:, 2:])


def test_gaps_are_told_by_what_came_after():
    truth = rows((0, 1, range(1, 41)), (1, 2, range(1, 41)), (2, 3, range(1, 41)))
    told = rows(
        (0, 10, [*range(1, 6), *range(9, 41)]),  # found after 3 frames
        (1, 20, range(1, 11)), (1, 21, range(16, 41)),  # a new number after 5
        (2, 30, range(1, 15)), (2, 20, [17]),  # 2's number after 2, a false join
    )  # fmt: skip
    found = gaps.gaps(truth, told)
    assert [(one.person, one.frames, one.before, one.after, one.owner) for one in found] == [
        (1, 3, 10, 10, 1), (2, 5, 20, 21, 0), (3, 2, 30, 20, 2),
    ]  # fmt: skip
    assert gaps.bins(found) == [
        gaps.Bin(2, 3, 2, 1, 0, 1), gaps.Bin(4, 7, 1, 0, 1, 0),
    ]  # fmt: skip


def tracks_of(persons, cameras, rng, noise=0.05):
    looks = np.eye(persons, 32)
    rows = np.concatenate([looks + noise * rng.normal(size=looks.shape) for _ in range(cameras)])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    camera = np.repeat(np.arange(cameras), persons)
    return rows.astype(np.float32), camera, np.tile(np.arange(persons), cameras)


def test_tracks_of_cameras_become_persons():
    embedding, camera, person = tracks_of(8, 4, np.random.default_rng(0))
    frames = [np.arange(10)] * len(camera)
    found = across.persons(embedding, camera, frames)
    assert (found == person + 1).all()


def test_nobody_is_in_two_places_at_once():
    """Twins in each camera: without the constraint they are one; with it two, in every camera."""
    embedding, camera, _ = tracks_of(6, 3, np.random.default_rng(1), noise=0.3)
    embedding[1::6] = embedding[::6] + 0.01
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    together, apart = ([np.arange(10)] * 18, [np.arange(k, k + 1) for k in range(18)])
    found = across.persons(embedding, camera, together)
    for one in range(3):
        own = found[camera == one]
        assert len(set(own)) == len(own)
    loose = across.persons(embedding, camera, apart)
    assert (loose[::6] == loose[1::6]).all()
    assert across.exclusive(camera, together).sum() == 3 * 6 * 5
    with pytest.raises(ValueError, match="eps=2"):
        across.persons(embedding, camera, together, across.How(eps=2))


def test_no_track_and_one_track_are_persons_too():
    none = np.zeros((0, 4), np.float32)
    assert across.persons(none, np.zeros(0, int), []).tolist() == []
    assert across.persons(np.eye(4, dtype=np.float32)[:1], np.zeros(1, int), [[1]]).tolist() == [1]


def test_cameras_are_joined_as_one_video():
    one, other = rows((0, 1, range(1, 4))), rows((0, 1, range(2, 5)))
    both = across.joined([one, other], 4)
    assert both.frame.tolist() == [1, 2, 3, 7, 8, 9]
    swapped = across.joined([one, rows((0, 2, range(2, 5)))], 4)
    assert score.score(score.count(both, swapped)).idf1 == 0.5
    with pytest.raises(ValueError, match="there is a frame 4"):
        across.joined([one, other], 3)

"""Frame pairs drawn from small videos, compared with the persons in the pictures."""

import hashlib

import numpy as np
import pytest

from reid_jax import synthetic
from reid_jax.data import pairs, records


def _films(*seen):
    """Shuffled Records of frames (group, camera, frame, persons[, shot]) with black pictures."""
    columns = [
        (group, camera, frame, person, *(shot or (-1,)))
        for group, camera, frame, persons, *shot in seen
        for person in range(1, persons + 1)
    ]
    group, camera, frame, person, shot = np.random.default_rng(9).permutation(np.array(columns)).T
    black = records.Held(np.zeros((len(group), 2, 2, 3), np.uint8))
    return records.make(black, person, camera, 1, group, frame=frame, shot=shot)


def _plain(videos=7, frames=6, persons=3, stride=5):
    return _films(*((v, v, stride * f, persons) for v in range(videos) for f in range(frames)))


def _drawn(made, seed=0, step=0, **options):
    rows, figures = pairs.frame_pairs(made, step=step, rng=np.random.default_rng(seed), **options)
    groups, crops = options.get("groups", 1), options.get("crops", 40)
    return rows.reshape(-1, 2, crops), rows.reshape(len(rows), groups, 2, crops), figures


def _shots(made, side):
    """Of the rows of one set: {(group, camera, frame): persons}."""
    out = {}
    for row in side[side >= 0]:
        out.setdefault(
            tuple(int(c[row]) for c in (made.group, made.camera, made.frame)), []
        ).append(int(made.person[row]))
    return out


@pytest.mark.parametrize("interval", [5, 12])
def test_two_near_frames_of_each_of_some_videos(interval):
    made = _plain()
    sets, whole, figures = _drawn(made, groups=2, pairs=3, crops=12, interval=interval, times=12)
    assert whole.shape == (7 * 12 // 6, 2, 2, 12) and whole.dtype == np.int32
    gaps, seen = [], []
    for one, other in sets:
        mine, theirs = _shots(made, one), _shots(made, other)
        assert len(mine) == len(theirs) == 3 and {key[0] for key in mine} == {
            key[0] for key in theirs
        }
        for (video, camera, frame), people in mine.items():
            [partner] = [key for key in theirs if key[0] == video]
            assert partner[1] == camera and sorted(people) == [1, 2, 3] == sorted(theirs[partner])
            gaps.append(abs(partner[2] - frame))
            seen.append(video)
    assert set(gaps) == set(range(5, interval + 1, 5))
    assert set(np.bincount(seen)) == {12}  # each video as often as any other
    assert figures == {
        "videos": 7,
        "clips": 7,
        "idle_videos": 0,
        "scene_share": 0,
        "pairs": 3,
        "crops": 9,
    }


def test_the_same_moment_by_two_cameras_of_a_scene():
    shots = [
        (s, camera, frame, 2)
        for s in range(4)
        for camera in (2 * s, 2 * s + 1)
        for frame in (0, 7, 9)
    ]
    shots += [(0, 1, 20, 2), (1, 9, 0, 2)]  # a moment of one camera only, and a third camera
    made = _films(*shots)
    cameras = set()
    for one, other in _drawn(made, pairs=2, crops=6, times=40, interval=99)[0]:
        mine, theirs = _shots(made, one), _shots(made, other)
        assert len(mine) == 2
        for video, camera, frame in mine:
            [partner] = [key for key in theirs if key[0] == video]
            assert partner[2] == frame != 20 and partner[1] != camera
            cameras.add((video, camera, partner[1]))
    assert {(1, 2, 3), (1, 3, 2), (1, 2, 9), (1, 9, 3)} <= cameras
    assert pairs.count(made) == pairs.Count(0, 4, 0, 0, 4)


def test_scenes_come_in_late():
    made = _films(
        *((v, v, f, 2) for v in range(6) for f in range(3)),
        *((9, c, f, 2) for c in (1, 2) for f in range(3)),
    )
    options = {"pairs": 3, "crops": 6, "interval": 5, "times": 4, "early": 2}
    counts = pairs.count(made, interval=5)
    length = pairs.steps(counts, scenes=False, pairs=3, times=4)
    assert length == 8 and counts == pairs.Count(6, 1, 0, 6, 1)
    for step, late in ((0, False), (2 * length - 1, False), (2 * length, True), (99, True)):
        sets, _, figures = _drawn(made, step=step, **options)
        assert (9 in made.group[sets[sets >= 0]]) == late and figures["videos"] == 6 + late
        assert len(sets) == (9 if late else 8)
    assert 9 in made.group[_drawn(made, **{**options, "early": 0})[0]]
    with pytest.raises(ValueError, match="choose `early=0`"):
        _drawn(records.take(made, made.group == 9), **options)


def test_pairs_stay_within_a_shot_and_a_video_comes_once_in_a_group():
    made = _films(
        *((v, v, 5 * f, 2, f // 3) for v in range(6) for f in range(6)),  # cut after frame 10
        *((9, 9, 5 * f, 2, f // 2) for f in range(6)),  # three shots
    )
    assert pairs.count(made, interval=9) == pairs.Count(7, 0, 0, 15, 0)
    sets, whole, figures = _drawn(made, pairs=4, crops=8, interval=9, times=40, groups=2)
    assert (
        len(whole) == 15 * 40 // 8
        and figures["videos"] == 7
        and figures["clips"] == 15
        and figures["pairs"] == 4
    )
    shots, drawn = (
        {
            (int(v), int(f)): int(s)
            for v, f, s in zip(made.group, made.frame, made.shot, strict=True)
        },
        [],
    )
    for one, other in sets:
        mine, theirs = _shots(made, one), _shots(made, other)
        assert len(mine) == 4 == len({key[0] for key in mine})
        for video, _, frame in mine:
            [partner] = [key for key in theirs if key[0] == video]
            assert shots[video, frame] == shots[video, partner[2]] and frame != partner[2]
            drawn.append((video, shots[video, frame]))
    assert len(set(drawn)) == 15 and set(map(drawn.count, drawn)) == {40}


def test_a_video_of_too_many_shots_does_not_come_twice_but_less_often():
    """Thirty shots of one beside two of one each: most groups of rows have a place left empty."""
    made = _films(
        *((0, 0, 5 * f, 2, f // 2) for f in range(60)),
        *((v, v, 5 * f, 2) for v in (1, 2) for f in (0, 1)),
    )
    for one, _ in _drawn(made, pairs=2, crops=8, times=1)[0]:
        assert len({key[0] for key in _shots(made, one)}) == len(_shots(made, one)) <= 2


def _street(videos=60, scenes=6):
    """Videos of three moments, and scenes of two cameras and thirty moments."""
    seen = [(v, v, 5 * f, 1) for v in range(videos) for f in range(3)]
    seen += [
        (100 + s, 100 + 2 * s + c, 10 * f, 1)
        for s in range(scenes)
        for c in (0, 1)
        for f in range(30)
    ]
    return _films(*seen)


@pytest.mark.parametrize("share", [0.25, 0.4, 1.0])
def test_scenes_have_the_share_of_the_pairs_that_is_asked_for(share):
    made = _street()
    plain = _drawn(made, pairs=5, crops=10, times=10)
    sets, _, figures = _drawn(made, pairs=5, crops=10, times=10, scene_share=share)
    assert len(sets) == len(plain[0]) == 66 * 10 // 5  # an epoch is as long as it was
    drawn = [sorted(made.group[one[one >= 0]].tolist()) for one, _ in sets]
    assert all(len(set(one)) == len(one) == 5 for one in drawn)
    all_of_them = np.concatenate(drawn)
    assert (all_of_them >= 100).mean() == pytest.approx(share, abs=1e-3) == figures["scene_share"]
    for kind in (all_of_them[all_of_them < 100], all_of_them[all_of_them >= 100]):
        times = np.unique(kind, return_counts=True)[1]
        assert not len(kind) or times.max() - times.min() <= 2  # in turns
    assert plain[2]["scene_share"] == pytest.approx(6 / 66)
    early = {"pairs": 5, "crops": 10, "times": 10, "early": 1, "scene_share": share}
    assert _drawn(made, **early)[2]["scene_share"] == 0
    assert _drawn(made, step=60 * 10 // 5, **early)[2]["scene_share"] == pytest.approx(
        share, abs=1e-3
    )


def test_what_is_long_is_cut_into_clips_that_are_drawn_as_often():
    made, times = _street(), 10
    counts = pairs.count(made, interval=5, clip=100)  # ten frames of a scene
    assert counts == pairs.Count(60, 6, 0, 60, 18)
    sets, _, figures = _drawn(made, interval=5, clip=100, pairs=6, crops=12, times=times)
    assert (
        len(sets) == pairs.steps(counts, pairs=6, times=times) == 78 * times // 6
        and figures["clips"] == 78
    )
    drawn = []
    for one, other in sets:
        assert len(set(made.group[one[one >= 0]].tolist())) == 6
        mine, theirs = (
            {(made.group[row], made.frame[row] // 100) for row in side if row >= 0}
            for side in (one, other)
        )
        assert mine == theirs
        drawn += mine
    assert len(set(drawn)) == 78 and set(map(drawn.count, drawn)) == {times}
    # A clip of five frames contains one frame of a video.
    assert pairs.count(made, interval=5, clip=5) == pairs.Count(0, 6, 60, 0, 180)


def test_by_default_rows_are_those_that_they_were():
    """Drawn by the code that knew neither shots nor clips."""
    videos = [(v, v, 5 * f, 1 + (v + f) % 4) for v in range(9) for f in range(8)]
    made = _films(
        *videos,
        *(
            (20 + s, c, 3 * f, 2)
            for s in range(3)
            for c in (2 * s + 50, 2 * s + 51)
            for f in range(5)
        ),
    )
    digest = hashlib.sha256()
    for options in (
        {"groups": 2, "pairs": 4, "crops": 7, "interval": 12, "times": 20},
        {"groups": 3, "pairs": 3, "times": 5, "early": 2},
    ):
        rows, _ = pairs.frame_pairs(made, step=99, rng=np.random.default_rng(3), **options)
        digest.update(rows.astype("<i4").tobytes())
    assert digest.hexdigest() == "67b0a1d44b771bd71681745e612bc4314ce39da8b8708169ea1ef5fe5570441a"


def test_what_is_too_much_is_left_out_by_pairs():
    """Of 5 pairs of 4 persons, 10 places take two pairs and two persons of a third."""
    made = _plain(videos=5, persons=4)
    halves = set()
    for one, other in _drawn(made, pairs=5, crops=10, times=30)[0]:
        assert (one >= 0).all() and (other >= 0).all()
        for side in (one, other):
            assert sorted(len(people) for people in _shots(made, side).values()) == [2, 4, 4]
        assert {key[0] for key in _shots(made, one)} == {key[0] for key in _shots(made, other)}
        halves.add(tuple(sorted(min(_shots(made, one).values(), key=len))))
    assert len(halves) == 6  # any two of the four


def test_frames_of_one_of_none_and_of_too_many():
    made = _films(
        (0, 0, 0, 1),
        (0, 0, 5, 90),
        (1, 1, 0, 1),
        (1, 1, 5, 1),
        (2, 2, 0, 3),
        (3, 3, 0, 3),
        (3, 3, 500, 3),
    )
    # Idle are one video of one frame and one of two frames too far apart.
    assert pairs.count(made) == pairs.Count(2, 0, 2, 2, 0)
    sets, _, figures = _drawn(made, times=20)
    assert figures["idle_videos"] == 2
    for one, other in sets:
        counts = sorted((int((one >= 0).sum()), int((other >= 0).sum())))
        # The pair of the large frame comes second, or first and alone.
        assert counts in ([2, 40], [1, 40])
        assert len(set(one[one >= 0])) == (one >= 0).sum()
    assert pairs.count(made, interval=500) == pairs.Count(3, 0, 1, 3, 0)


def test_few_videos_come_once_in_a_group():
    sets, whole, _ = _drawn(_plain(videos=1), pairs=16, crops=8, times=5)
    assert len(whole) == 5 and ((sets >= 0).sum((1, 2)) == 6).all()
    made = _plain(videos=3)
    for one, _ in _drawn(made, pairs=16, crops=16)[0]:
        assert sorted(key[0] for key in _shots(made, one)) == [0, 1, 2]


def test_the_rows_are_a_function_of_the_generator():
    made = _plain()
    same = [_drawn(made, seed=seed, pairs=3)[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(same[0], same[1])
    assert (same[0] != same[2]).any()


def test_nothing_to_draw_from_is_refused():
    made = _plain()
    with pytest.raises(ValueError, match="columns group and frame"):
        pairs.count(made._replace(frame=np.full_like(made.frame, -1)))
    with pytest.raises(ValueError, match="none of 7 videos has two frames at most 4 apart"):
        _drawn(made, interval=4)


def test_the_streets_films():
    films = synthetic.videos(videos=3, frames=20, people=4, size=(120, 160))
    crops = synthetic.video_crops(films, stride=5, visible=0.3)
    assert set(crops.frame) <= {0, 5, 10, 15} and len(set(crops.frame)) > 2
    assert pairs.count(crops, interval=5).videos >= 2
    views = synthetic.video_crops(
        synthetic.camera_pair(frames=20, people=6, size=(120, 160)), stride=2
    )
    assert pairs.count(views).scenes == 1

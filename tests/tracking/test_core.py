"""Each part of Deep SORT beside a loop, and all of it beside the published program."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from reid_jax.tracking import assign, gallery, kalman, moving, tracks
from reid_jax.tracking.kalman import Motion
from reid_jax.tracking.tracks import How

RNG = np.random.default_rng(0)


def boxes(count, rng=RNG):
    corner, side = rng.uniform(0, 300, (count, 2)), rng.uniform(20, 120, (count, 2))
    return np.concatenate([corner, corner + side], 1)


def noise(h, changes):
    """Deviations of a box of height h, written out from the published program's constants."""
    place = [h / 20, h / 20, 1e-2, h / 20]
    return place + ([h / 160, h / 160, 1e-5, h / 160] if changes else [])


def naive_predict(mean, covariance, factor):
    f = np.eye(8)
    for i in range(4):
        f[i, 4 + i] = 1
    q = np.diag([(factor * one) ** 2 for one in noise(mean[3], True)])
    return f @ mean, f @ covariance @ f.T + q


def naive_measured(mean, covariance):
    h = np.zeros((4, 8))
    h[:4, :4] = np.eye(4)
    deviation = noise(mean[3], False)
    deviation[2] = 1e-1
    return h, h @ mean, h @ covariance @ h.T + np.diag(np.square(deviation))


def test_the_filter_is_the_textbook_s():
    motion = kalman.begun(kalman.measured(boxes(5)))
    one = [Motion(m, c) for m, c in zip(*motion, strict=True)]
    for step in range(12):
        factor = 1.0 + step % 3
        motion = kalman.predicted(motion, factor)
        one = [Motion(*naive_predict(*each, factor)) for each in one]
        measure = motion.mean[:, :4] + RNG.normal(0, 3, (5, 4)) * [1, 1, 0.01, 1]
        away = kalman.distances(motion, measure)
        for i, each in enumerate(one):
            h, expected, spread = naive_measured(*each)
            for j in range(5):
                gap = measure[j] - expected
                assert away[i, j] == pytest.approx(gap @ np.linalg.inv(spread) @ gap, rel=1e-8)
            if step % 4 != 2:  # some frames have no measurement
                gain = each.covariance @ h.T @ np.linalg.inv(spread)
                one[i] = Motion(
                    each.mean + gain @ (measure[i] - expected),
                    each.covariance - gain @ spread @ gain.T,
                )
        if step % 4 != 2:
            motion = kalman.updated(motion, measure)
        np.testing.assert_allclose(motion.mean, [each.mean for each in one], rtol=1e-9)
        np.testing.assert_allclose(
            motion.covariance, [each.covariance for each in one], rtol=1e-7, atol=1e-9
        )


def test_a_box_comes_back_from_its_measurement_and_the_gate_is_chi_square_s():
    box = boxes(9)
    np.testing.assert_allclose(kalman.boxes(kalman.measured(box)), box)
    assert pytest.approx(chi2.ppf(0.95, 4), rel=1e-12) == kalman.GATE


def test_pairs_cost_the_least_of_all_pairings():
    for n, m in ((3, 3), (2, 5), (5, 2), (4, 4), (0, 3), (3, 0)):
        for _ in range(20):
            cost = RNG.uniform(0, 1, (n, m))
            found = assign.pairs(cost, 0.6)
            assert (cost[found.row, found.column] <= 0.6).all()
            capped = np.where(cost > 0.6, 0.6 + 1e-5, cost)
            short, long = sorted((n, m))
            best = min(
                (
                    sum(
                        (capped if n <= m else capped.T)[i, j]
                        for i, j in zip(range(short), order, strict=True)
                    )
                    for order in itertools.permutations(range(long), short)
                ),
                default=0,
            )
            missing = short - len(found.row)
            total = capped[found.row, found.column].sum() + missing * (0.6 + 1e-5)
            assert total == pytest.approx(best)


def test_the_cascade_is_a_loop_over_ages():
    for _ in range(20):
        cost, missed = RNG.uniform(0, 1, (9, 6)), RNG.integers(1, 6, 9)
        free, wanted = list(range(6)), set()
        for age in range(1, 5):
            rows = [row for row in range(9) if missed[row] == age]
            found = assign.pairs(cost[rows][:, free], 0.4)
            chosen = [(rows[i], free[j]) for i, j in zip(*found, strict=True)]
            wanted |= set(chosen)
            free = [one for one in free if one not in {column for _, column in chosen}]
        found = assign.cascade(cost, missed, 0.4, 4)
        assert set(zip(*map(np.ndarray.tolist, found), strict=True)) == wanted


def test_who_was_seen_last_comes_first_though_another_is_nearer():
    found = assign.cascade(np.array([[0.15], [0.01]]), np.array([1, 7]), 0.2, 30)
    assert (found.row.tolist(), found.column.tolist()) == ([0], [0])
    found = assign.cascade(np.array([[0.15], [0.01]]), np.array([3, 31]), 0.2, 30)
    assert found.row.tolist() == [0]


def test_overlap_is_that_of_pixels():
    one, other = (RNG.integers(0, 30, (7, 4)) for _ in range(2))
    one[:, 2:] += one[:, :2] + 1
    other[:, 2:] += other[:, :2] + 1
    other[0, 2:] = other[0, :2]  # of no area
    masks = []
    for group in (one, other):
        masks.append(np.zeros((7, 70, 70), bool))
        for mask, (left, top, right, bottom) in zip(masks[-1], group, strict=True):
            mask[top:bottom, left:right] = True
    shared = (masks[0][:, None] & masks[1][None]).sum((2, 3))
    union = (masks[0][:, None] | masks[1][None]).sum((2, 3))
    np.testing.assert_allclose(assign.overlaps(one * 1.0, other * 1.0), shared / union)


def test_a_gallery_keeps_the_last_and_tells_the_least_distance():
    rows = RNG.normal(size=(9, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    held = [rows[:1], rows[1:2]]
    for one in rows[2:7]:
        held[0] = gallery.added(held[0], one, 3)
    np.testing.assert_array_equal(held[0], rows[4:7])
    wanted = [[min(1 - float(own @ one) for own in each) for one in rows[7:]] for each in held]
    np.testing.assert_allclose(gallery.distances(held, rows[7:]), wanted, atol=1e-6)
    assert gallery.distances([], rows).shape == (0, 9)
    assert gallery.distances(held, rows[:0]).shape == (2, 0)


def test_it_tracks_as_the_published_program_does():
    """Three recorded cases: 8 persons cross for 60 frames, are missed at random, leave, come back.

    The persons that deep-sort-realtime 1.3.2 (the published program, packaged) told for the same
    boxes and embeddings, with its defaults: 8, 15 and 8 numbers.
    """
    with np.load(Path(__file__).with_name("published.npz")) as held:
        frame, given, embedding, told = (
            held[name] for name in ("frame", "box", "embedding", "told")
        )
    ids = []
    for case in range(3):
        state, mine = tracks.begin(), {}
        for number in range(60):
            rows = (frame == (case, number)).all(1)
            state, seen = tracks.step(state, given[rows], embedding[rows].astype(np.float32))
            theirs = told[(told[:, :2] == (case, number)).all(1)]
            assert len(seen.number) == len(theirs)
            box_of = dict(zip(seen.number.tolist(), seen.box, strict=True))
            for _, _, name, left, top, w, h in theirs.tolist():
                away = {
                    one: np.abs(at - [left, top, left + w, top + h]) for one, at in box_of.items()
                }
                one = min(away, key=lambda one: away[one].max())
                assert away[one].max() < 1e-2 and mine.setdefault(name, one) == one
        ids.append(len(set(mine.values())))
        assert len(mine) == ids[-1]
    assert ids == [8, 15, 8]


def embedding_of(*persons):
    return np.eye(8, dtype=np.float32)[list(persons)]


def test_a_life_tentative_confirmed_lost_found_forgotten():
    at = np.array([[10.0, 10, 30, 60]])
    state, told = tracks.begin(), []
    none = np.zeros((0, 4))
    for frame in range(40):
        there = frame < 4 or frame in (20, 21)
        state, seen = tracks.step(state, at if there else none, embedding_of(*[0] * there))
        told.append((seen.number.tolist(), seen.row.tolist()))
    assert told[:2] == [([], []), ([], [])]  # tentative
    assert told[2] == told[3] == ([1], [0])
    assert told[4] == ([1], [-1])  # just lost: where it is expected
    assert told[5:20] == [([], [])] * 15
    assert told[20] == ([1], [0])  # found again
    assert state.number.tolist() == [1] and state.missed.tolist() == [18]
    for _ in range(13):
        state, _ = tracks.step(state, none, embedding_of())
    assert not len(state.number)
    state, _ = tracks.step(state, at, embedding_of(0))
    state, _ = tracks.step(state, none, embedding_of())
    assert not len(state.number)  # a tentative one that is missed once is gone
    for _ in range(3):
        state, seen = tracks.step(state, at, embedding_of(0), How(confirm=1))
    assert seen.number.tolist() == [2]


def test_who_is_away_for_long_costs_nothing():
    state = tracks.begin()
    for frame in range(2_200):
        box = boxes(2, np.random.default_rng(1))
        there = slice(0, 2 if frame < 100 or frame > 2_100 else 1)
        state, seen = tracks.step(state, box[there], embedding_of(0, 1)[there])
        assert len(state.number) <= 2 and max(map(len, state.looks)) <= 100
    assert sorted(seen.number.tolist()) == [1, 3]
    state = tracks.passed(state, 10_000)
    assert not len(state.number) and state.given == 3


def test_frames_that_nobody_saw_are_no_misses():
    state, box = tracks.begin(), np.array([[10.0, 10, 30, 60]])
    for frame in (0, 1, 2, 5, 6):  # two frames are missing
        state = tracks.passed(state, 2) if frame == 5 else state
        state, seen = tracks.step(state, box + 6 * frame, embedding_of(0))
    assert seen.number.tolist() == [1] and state.hits.tolist() == [5]


def test_two_rates_of_noise_open_the_gate():
    """At a lower rate a walker leaves the gate of the paper's noise, and is found with more."""
    for factor, found in ((1.0, -1), (6.0, 0)):
        state = tracks.begin()
        for far in (0, 0, 0, 0, 30):
            box = np.array([[10.0 + far, 10, 30 + far, 60]])
            state, seen = tracks.step(state, box, embedding_of(0), How(noise=factor))
        assert seen.row.tolist() == [found]


def test_without_embeddings_boxes_are_paired_by_overlap():
    state, rng = tracks.begin(), np.random.default_rng(3)
    start = np.array([[0.0, 0, 20, 50], [100, 0, 120, 50], [200, 0, 220, 50]])
    for frame in range(20):
        order = rng.permutation(3) if frame else np.arange(3)
        state, seen = tracks.step(state, (start + 2 * frame)[order], None)
        if frame >= 2:
            assert seen.number[np.argsort(order[seen.row])].tolist() == [1, 2, 3]


def test_a_camera_that_moves_takes_the_tracks_with_it():
    rng = np.random.default_rng(0)
    scene = np.repeat(np.repeat(rng.integers(0, 255, (30, 40, 3), np.uint8), 16, 0), 16, 1)
    before, now = scene[50:350, 50:450], scene[44:344, 60:460]
    warp = moving.between(moving.small(before), moving.small(now), 400)
    np.testing.assert_allclose(warp, [[1, 0, -10], [0, 1, 6]], atol=0.5)
    motion = kalman.begun(np.array([[100.0, 80, 0.4, 50]]))
    np.testing.assert_allclose(moving.moved(warp)(motion).mean[0, :4], [90, 86, 0.4, 50], atol=0.7)
    blank = np.zeros((300, 400, 3), np.uint8)
    np.testing.assert_array_equal(
        moving.between(moving.small(blank), moving.small(blank), 400), np.eye(2, 3)
    )

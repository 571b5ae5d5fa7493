"""Neighbours equal those from sorting all distances in float64."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid_jax.clustering import neighbours
from tests.clustering.drawn import coarse, filled, people

WAYS = ({}, {"tile": 64}, {"reduce": True}, {"reduce": True, "tile": 64})


def _away(rows, others):
    rows, others = rows.astype(np.float64), others.astype(np.float64)
    return np.sqrt(((rows[:, None] - others[None]) ** 2).sum(2))


def _sorted(rows, k, others=None):
    """(index, distance, farthest) by sorting by distance, then by row number.

    Among themselves, a row is its own first neighbour.
    """
    away = _away(rows, rows if others is None else others)
    keys = away.copy()
    if others is None:
        np.fill_diagonal(keys, -1)
    index = np.argsort(keys, axis=1, kind="stable")[:, :k]
    return index, np.take_along_axis(away, index, 1), away.max(1)


@pytest.mark.parametrize("way", WAYS)
def test_the_nearest_of_all(way):
    rows = people(500)[0]
    swept = neighbours.sweep(rows, 30, farthest=True, **way)
    index, distance, farthest = _sorted(rows, 30)
    np.testing.assert_array_equal(swept.neighbours, index)
    np.testing.assert_allclose(swept.distance, distance, rtol=1e-6, atol=0)
    np.testing.assert_allclose(swept.farthest, farthest, rtol=1e-5)
    assert swept.neighbours.dtype == np.int32 and swept.distance.dtype == np.float32


@pytest.mark.parametrize("way", WAYS)
def test_ties_go_to_the_lower_number_however_many(way):
    """Hundreds of copies give far more equal distances than there are candidates."""
    rows = coarse(700, width=2)
    np.testing.assert_array_equal(
        neighbours.sweep(rows, 20, **way).neighbours, _sorted(rows, 20)[0]
    )


def test_distances_that_float32_products_cannot_tell_apart():
    """Far from the origin, |x|^2 + |y|^2 - 2 x.y loses all significant digits."""
    rows = (1000 + people(300, width=8)[0]).astype(np.float32)
    index, distance = neighbours.search(rows, 10)
    want, away, _ = _sorted(rows, 10)
    np.testing.assert_array_equal(index, want)
    np.testing.assert_allclose(distance, away, rtol=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 60), st.integers(0, 10**6), st.booleans())
def test_any_size(count, seed, reduce):
    rows = coarse(count, seed=seed)
    k = 1 + seed % count
    swept = neighbours.sweep(rows, k, farthest=True, reduce=reduce, tile=16)
    index, distance, farthest = _sorted(rows, k)
    np.testing.assert_array_equal(swept.neighbours, index)
    np.testing.assert_allclose(swept.distance, distance, rtol=1e-6)
    np.testing.assert_allclose(swept.farthest, farthest, rtol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_among_others(way):
    rows, others = coarse(90, seed=1), coarse(400, seed=2)
    swept = neighbours.sweep(rows, 12, among=others, **way)
    index, distance, _ = _sorted(rows, 12, others)
    np.testing.assert_array_equal(swept.neighbours, index)
    np.testing.assert_allclose(swept.distance, distance, rtol=1e-6)


def test_the_number_of_devices_changes_nothing():
    rows = people(900)[0]
    one = neighbours.sweep(rows, 30, devices=jax.devices()[:1], tile=128)
    four = neighbours.sweep(rows, 30, devices=jax.devices()[:4], tile=64)
    np.testing.assert_array_equal(one.neighbours, four.neighbours)
    np.testing.assert_array_equal(one.distance, four.distance)


def test_a_pair_is_equally_far_both_ways():
    rows = people(200)[0]
    index, distance = neighbours.search(rows, 200)
    square = np.zeros((200, 200), np.float32)
    np.put_along_axis(square, index.astype(np.int64), distance, 1)
    np.testing.assert_array_equal(square, square.T)


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.2, 3.0])
def test_within_a_radius(radius):
    rows = people(300)[0]
    graph = neighbours.within(rows, radius)
    away = _away(rows, rows)
    mine = filled(graph, np.inf)
    np.testing.assert_array_equal(np.isfinite(mine), away <= radius)
    np.testing.assert_allclose(mine, np.where(away <= radius, away, np.inf), atol=1e-3)
    assert (graph.diagonal() == 0).all() and np.diff(graph.indptr).min() >= 1


def test_a_radius_is_inclusive():
    graph = neighbours.within(np.array([[0.0], [3.0], [6.0000005]]), 3.0)
    assert graph.nnz == 5 and graph[0, 1] == 3


def test_no_rows_and_one():
    index, distance = neighbours.search(np.zeros((0, 8)), 1)
    assert index.shape == distance.shape == (0, 1)
    index, distance = neighbours.search(np.ones((1, 8)), 1)
    assert index.tolist() == [[0]] and distance.tolist() == [[0]]
    assert neighbours.within(np.zeros((0, 8)), 1.0).shape == (0, 0)


def test_all_identical():
    index, distance = neighbours.search(np.ones((100, 8)), 4)
    assert (
        index[50].tolist() == [50, 0, 1, 2]
        and index[1].tolist() == [1, 0, 2, 3]
        and not distance.any()
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_bad_rows_are_named(bad):
    rows = people(50)[0]
    rows[[7, 31], 3] = bad
    with pytest.raises(ValueError, match=r"2 of 50 rows of features .* rows 7, 31;"):
        neighbours.search(rows, 3)
    with pytest.raises(ValueError, match="rows 7, 31;"):
        neighbours.within(rows, 1.0)


def test_wrong_arguments_raise():
    rows = people(20)[0]
    for k in (0, 21):
        with pytest.raises(ValueError, match=f"k is {k} and there are 20 rows"):
            neighbours.search(rows, k)
    with pytest.raises(ValueError, match="64 and 5 wide"):
        neighbours.search(rows, 1, among=rows[:, :5])
    with pytest.raises(ValueError, match="0 rows to choose from"):
        neighbours.search(rows, 1, among=rows[:0])
    with pytest.raises(ValueError, match=r"expected|should be numbers \[n d\]"):
        neighbours.search(rows[0], 1)
    for radius in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="the radius is"):
            neighbours.within(rows, radius)

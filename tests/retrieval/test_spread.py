"""The interval of a mean over queries against scipy's bootstrap and the normal law."""

import numpy as np
import pytest
import scipy.stats

from reid_jax.retrieval import spread


def test_it_is_scipys_percentile_interval():
    rng = np.random.default_rng(1)
    values = np.stack([rng.beta(0.5, 0.5, 300), rng.random(300) < 0.1], 1)
    found = spread.interval(values, draws=4000)
    for column, (low, high) in zip(values.T, found.T, strict=True):
        theirs = scipy.stats.bootstrap(
            [column], np.mean, n_resamples=4000, method="percentile", rng=2
        ).confidence_interval
        width = theirs.high - theirs.low
        assert low == pytest.approx(theirs.low, abs=0.06 * width)
        assert high == pytest.approx(theirs.high, abs=0.06 * width)
        assert high - low == pytest.approx(2 * 1.96 * column.std() / np.sqrt(300), rel=0.08)


def test_blocks_change_nothing(monkeypatch):
    values = np.random.default_rng(0).random((50, 2))
    whole = spread.interval(values)
    monkeypatch.setattr(spread, "BLOCK", 50 * 7)  # of draws; 1000 is no multiple of 7
    np.testing.assert_array_equal(spread.interval(values), whole)


def test_the_same_queries_are_drawn_for_all_columns():
    """So a difference of two figures that is the same for each query has no spread."""
    values = np.random.default_rng(0).random((40, 1))
    low, high = spread.interval(np.hstack([values, values + 0.25]))
    np.testing.assert_allclose([low[1] - low[0], high[1] - high[0]], 0.25)


def test_few_queries_and_wrong_ones():
    assert spread.interval(np.full((1, 3), 0.5)).tolist() == [[0.5] * 3] * 2
    assert np.isnan(spread.interval(np.zeros((0, 2)))).all()
    with pytest.raises(ValueError, match="without NaN"):
        spread.interval(np.array([[np.nan]]))
    with pytest.raises(ValueError, match=r"\[3\], expected"):
        spread.interval(np.zeros(3))

"""The bootstrap over queries and seeds, beside scipy's and a loop that draws the same."""

import numpy as np
import pytest
import scipy.stats

from reid_jax.retrieval import bootstrap


def test_one_run_draws_as_scipy_does():
    values = np.random.default_rng(3).random(57)
    (draws,) = bootstrap.resampled([values[None, :, None]], draws=2000, seed=5)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=2000, rng=np.random.default_rng(5), method="percentile"
    )
    np.testing.assert_allclose(draws[:, 0], theirs.bootstrap_distribution, rtol=1e-12)
    found = bootstrap.spread(draws[:, 0])
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval))
    # scipy's standard error divides by draws - 1
    assert found.deviation == pytest.approx(theirs.standard_error, rel=1e-3)
    assert found.half == pytest.approx((found.high - found.low) / 2)


def test_groups_share_the_queries_of_a_draw_and_have_seeds_of_their_own():
    rng = np.random.default_rng(0)
    one, other = rng.random((3, 11, 2)), rng.random((4, 11, 2))
    got = bootstrap.resampled([one, other], draws=50, seed=1)
    rng = np.random.default_rng(1)
    queries = rng.integers(0, 11, (50, 11))
    for group, draws in zip((one, other), got, strict=True):
        seeds = rng.integers(0, len(group), (50, len(group) - 1))
        for draw in range(50):
            total = np.zeros(2)
            for seed in seeds[draw]:
                for query in queries[draw]:
                    total += group[seed, query]
            expected = total / (len(group) - 1) / 11
            np.testing.assert_allclose(draws[draw], expected, rtol=1e-12)


def test_blocks_change_no_draw(monkeypatch):
    values = np.random.default_rng(0).random((2, 30, 1))
    whole = bootstrap.resampled([values], draws=100)
    monkeypatch.setattr(bootstrap, "BLOCK", 90)
    np.testing.assert_allclose(bootstrap.resampled([values], draws=100)[0], whole[0], rtol=1e-12)


def test_seeds_of_one_query_spread_as_a_mean_of_them_does():
    """The variance of a mean of s seeds is that of the sample, divided by s."""
    values = np.array([0.1, 0.4, 0.6])[:, None, None] * np.ones((1, 5, 1))
    (draws,) = bootstrap.resampled([values], draws=40_000)
    assert draws.var() == pytest.approx(values[:, 0, 0].var(ddof=1) / 3, rel=0.02)


def test_groups_of_other_queries_are_refused():
    with pytest.raises(ValueError, match="all need the same"):
        bootstrap.resampled([np.zeros((1, 3, 1)), np.zeros((1, 4, 1))])
    with pytest.raises(ValueError, match="all need the same, some"):
        bootstrap.resampled([np.zeros((1, 0, 1))])


def test_intervals_of_figures_are_those_of_scipy_and_of_the_normal_law():
    rng = np.random.default_rng(1)
    values = np.stack([rng.beta(0.5, 0.5, 300), rng.random(300) < 0.1], 1)
    found = bootstrap.interval(values)
    for column, (low, high) in zip(values.T, found.T, strict=True):
        theirs = scipy.stats.bootstrap(
            [column], np.mean, n_resamples=4000, method="percentile", rng=2
        ).confidence_interval
        width = theirs.high - theirs.low
        assert low == pytest.approx(theirs.low, abs=0.06 * width)
        assert high == pytest.approx(theirs.high, abs=0.06 * width)
        assert high - low == pytest.approx(2 * 1.96 * column.std() / np.sqrt(300), rel=0.08)
    assert bootstrap.interval(np.full((1, 3), 0.5)).tolist() == [[0.5] * 3] * 2
    assert np.isnan(bootstrap.interval(np.zeros((0, 2)))).all()

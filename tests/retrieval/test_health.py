"""Health of embeddings, beside loops in float64."""

import numpy as np
import pytest

from reid_jax.retrieval.health import health


def test_a_loop_says_the_same():
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(30, 12)) @ rng.normal(size=(12, 12)) + 0.5).astype(np.float32)
    rows[:, 3] = 0
    rows[:, 7] = 0.1
    found = health(rows)
    unit = [row / np.linalg.norm(row) for row in rows.astype(np.float64)]
    pairs = [unit[a] @ unit[b] for a in range(30) for b in range(30) if a != b]
    assert found.cosine == pytest.approx(np.mean(pairs), abs=1e-9)
    values = np.linalg.svd(np.array(unit) - np.mean(unit, 0), compute_uv=False)
    share = values[values > 1e-9] / values.sum()
    assert found.rank == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-6)
    assert found.dead.tolist() == [3, 7] and not len(found.broken) and found.zero == 0
    assert found.norm == pytest.approx(np.linalg.norm(rows, axis=1).mean())


@pytest.mark.parametrize(("n", "d"), [(20, 50), (50, 20)])
def test_the_rank_counts_directions(n, d):
    """Rows around two orthogonal directions, as far each, vary in one; axes of k, in k - 1."""
    axes = np.eye(d, dtype=np.float32)[np.arange(n) % 6]
    assert health(axes[: n // 6 * 6]).rank == pytest.approx(5, rel=1e-6)
    assert health(axes[: n // 6 * 6]).dead.tolist() == list(range(6, d))


def test_broken_zero_and_constant_rows():
    rows = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    rows[2, 1], rows[5] = np.nan, np.inf
    rows[6] = 0
    found = health(rows)
    assert found.broken.tolist() == [2, 5] and found.zero == 1 and np.isfinite(found.cosine)
    same = health(np.full((5, 4), 0.3, np.float32))
    assert same.dead.tolist() == [0, 1, 2, 3] and same.cosine == pytest.approx(1)
    assert same.rank == 0
    nothing = health(np.full((3, 4), np.nan, np.float32))
    assert len(nothing.broken) == 3 and np.isnan(nothing.cosine)
    with pytest.raises(ValueError, match=r"a matrix \[n d\], not \[4\]"):
        health(np.zeros(4, np.float32))

import jax
import numpy as np
import pytest

from reid_jax.models.sums import GROUPS, spread, total

X = np.random.default_rng(0).normal(3, 1, (4, 1000, 5)).astype(np.float32)
EPSILON = 2**-24
TOLERANCE = 4000**0.5 * EPSILON  # what rounding adds to a sum of as many numbers of one sign


@pytest.mark.parametrize("groups", [1, 4, GROUPS + 4])
def test_sums_and_repeats_are_each_others_transposes(groups):
    x = X.reshape(groups, -1, 5)
    got, back = jax.vjp(jax.jit(total), x)
    np.testing.assert_allclose(got, x.astype(np.float64).sum(1), rtol=TOLERANCE)
    np.testing.assert_array_equal(back(got)[0], np.broadcast_to(got[:, None], x.shape))
    values, count = x[:, 0], x.shape[1]
    got, back = jax.vjp(lambda values: spread(values, count), values)
    np.testing.assert_array_equal(got, np.broadcast_to(values[:, None], x.shape))
    np.testing.assert_allclose(back(x)[0], x.astype(np.float64).sum(1), rtol=TOLERANCE)


def test_a_sum_over_many_positions_keeps_its_digits():
    x = np.random.default_rng(1).normal(1, 1, (1, 100_000, 3)).astype(np.float32)
    np.testing.assert_allclose(
        jax.jit(total)(x), x.astype(np.float64).sum(1), rtol=100_000**0.5 * EPSILON
    )

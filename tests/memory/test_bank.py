"""The update of the bank against a loop in float64."""

import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.memory import bank as moving

move_bank = jaxtyped(typechecker=beartype)(moving.move_bank)
RNG = np.random.default_rng(0)


def _unit(count):
    rows = RNG.standard_normal((count, 6), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


BANK, QUERY = _unit(20), _unit(7)


def test_the_bank_moves_row_by_row_in_order():
    row = np.array([3, 5, 3, -1, 3, 0, 5], np.int32)
    want = np.float64(BANK)
    for f, r in zip(np.float64(QUERY), row, strict=True):
        if r >= 0:
            want[r] = 0.2 * want[r] + 0.8 * f
            want[r] /= np.linalg.norm(want[r])
    got = move_bank(BANK, QUERY, row)
    np.testing.assert_allclose(got, want, atol=1e-6)
    unchanged = [r for r in range(20) if r not in (0, 3, 5)]
    np.testing.assert_array_equal(np.asarray(got)[unchanged], BANK[unchanged])
    np.testing.assert_allclose(move_bank(BANK, QUERY, row, momentum=1.0), BANK, atol=1e-6)
    np.testing.assert_allclose(
        move_bank(BANK, QUERY[:1], row[:1], momentum=0.0)[3], QUERY[0], atol=1e-6
    )


def test_refusals():
    row = np.zeros(7, np.int32)
    with pytest.raises(ValueError, match="row \\[b\\]"):
        moving.move_bank(BANK, QUERY, row[:3])
    with pytest.raises(ValueError, match="momentum is 2"):
        moving.move_bank(BANK, QUERY, row, momentum=2)

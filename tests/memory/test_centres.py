"""The update of the centres against a loop over classes and rows."""

import jax
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.memory.centres import move_centres

RNG = np.random.default_rng(0)
CENTRES = RNG.standard_normal((4, 3)).astype(np.float32)
X = RNG.standard_normal((7, 3)).astype(np.float32)


def _loop(centres, x, label, rate):
    updated = centres.astype(np.float64)
    for c in range(len(centres)):
        rows = [i for i in range(len(x)) if label[i] == c]
        updated[c] -= rate * sum(centres[c] - x[i] for i in rows) / (1 + len(rows))
    return updated


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    "label", [[0, 1, 1, 3, 3, 3, 0], [0, -1, -1, 3, 3, 3, 2], [-1] * 7, [2] * 7]
)
def test_agrees_with_a_loop(label, rate):
    label = np.array(label, np.int32)
    updated = jax.jit(move_centres, static_argnames="rate")(CENTRES, X, label, rate=rate)
    np.testing.assert_allclose(updated, _loop(CENTRES, X, label, rate), rtol=1e-5, atol=1e-6)


def test_one_row_by_hand():
    # One row at distance 4 of its centre: rate / (1 + n) = 0.5 / 2 of the way.
    updated = move_centres(
        np.zeros((2, 1), np.float32), np.array([[4.0]], np.float32), np.array([1], np.int32)
    )
    np.testing.assert_array_equal(updated, [[0.0], [1.0]])


def test_centres_without_a_row_are_unchanged_and_labels_out_of_range_ignored():
    updated = move_centres(CENTRES, X, np.array([0, 0, -1, -7, 4, 9, 0], np.int32))
    np.testing.assert_array_equal(updated[1:], CENTRES[1:])
    np.testing.assert_allclose(
        updated[0], _loop(CENTRES, X[[0, 1, 6]], [0, 0, 0], 0.5)[0], rtol=1e-5, atol=1e-6
    )


def test_no_gradient():
    gradient = jax.grad(lambda x: move_centres(CENTRES, x, np.zeros(7, np.int32)).sum())(X)
    np.testing.assert_array_equal(gradient, 0.0)


@pytest.mark.parametrize("centres, x, label, rate, message", [
    (CENTRES, X[0], np.zeros(7, np.int32), 0.5, "one label per embedding"),
    (CENTRES, X, np.zeros(6, np.int32), 0.5, "one label per embedding"),
    (CENTRES[:, :2], X, np.zeros(7, np.int32), 0.5, r"centres \[c 3\], got \[4, 2\]"),
    (CENTRES, X, np.zeros(7, np.int32), 1.5, "rate is 1.5"),
])  # fmt: skip
def test_refusals(centres, x, label, rate, message):
    with pytest.raises(ValueError, match=message):
        move_centres(centres, x, label, rate=rate)


def test_annotations_hold():
    assert jaxtyped(typechecker=beartype)(move_centres)(
        CENTRES, X, np.zeros(7, np.int32)
    ).shape == (4, 3)

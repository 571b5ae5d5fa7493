"""Centre loss against a loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.losses.centre import centre

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 4)).astype(np.float32)
CENTRES = RNG.standard_normal((3, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "label", [[0, 1, 2, 2, 1, 0], [0, -1, 2, 2, -1, -1], [2, -1, -1, -1, -1, -1], [-1] * 6]
)
def test_agrees_with_a_loop(label):
    label = np.array(label, np.int32)
    kept = np.flatnonzero(label >= 0)
    expected = sum(0.5 * ((X[i] - CENTRES[label[i]]) ** 2).sum() for i in kept) / max(len(kept), 1)
    value, gradient = jax.jit(jax.value_and_grad(centre))(X, label, CENTRES)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    slope = np.where(label[:, None] >= 0, X - CENTRES[label], 0.0) / max(len(kept), 1)
    np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-7)


def test_no_gradient_to_the_centres():
    gradient = jax.grad(centre, argnums=2)(X, np.zeros(6, np.int32), jnp.asarray(CENTRES))
    np.testing.assert_array_equal(gradient, 0.0)


def test_a_label_without_a_centre_gives_nan():
    assert np.isnan(centre(X, np.array([0, 1, 2, 3, 0, 0], np.int32), CENTRES))


@pytest.mark.parametrize("x, label, centres, message", [
    (X[0], np.zeros(6, np.int32), CENTRES, "one label per embedding"),
    (X, np.zeros(5, np.int32), CENTRES, "one label per embedding"),
    (X, np.zeros(6, np.int32), CENTRES[:, :3], r"centres \[c 4\], got \[3, 3\]"),
    (X, np.zeros(6, np.int32), CENTRES[0], r"centres \[c 4\], got \[4\]"),
])  # fmt: skip
def test_refusals(x, label, centres, message):
    with pytest.raises(ValueError, match=message):
        centre(x, label, centres)


def test_annotations_hold():
    assert jaxtyped(typechecker=beartype)(centre)(X, np.zeros(6, np.int32), CENTRES).shape == ()

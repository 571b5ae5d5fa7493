"""Cross-batch memory loss against a loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.losses import xbm

negatives = jaxtyped(typechecker=beartype)(xbm.negatives)
RNG = np.random.default_rng(0)
X, Z = RNG.standard_normal((7, 5), np.float32), RNG.standard_normal((12, 5), np.float32)
VIDEO = np.array([0, 0, 1, 2, 3, -1, 1], np.int32)  # the sixth row is ignored
QUEUE = np.array([0, 0, 0, 1, 1, 2, 2, 2, -1, 0, -1, -1], np.int32)


def _loop(x, video, z, queue, k):
    total, rows = 0.0, 0
    for a, v in zip(np.float64(x), video, strict=True):
        if v >= 0:
            rows += 1
            others = np.float64(z)[(queue >= 0) & (queue != v)]
            cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in others]
            total += sum(np.log1p(np.exp(cosine)) for cosine in sorted(cosines, reverse=True)[:k])
    return total / (k * max(rows, 1))


@pytest.mark.parametrize("k", [1, 3, 5, 8, 12])
def test_agrees_with_a_loop(k):
    np.testing.assert_allclose(
        negatives(X, VIDEO, Z, QUEUE, hardest=k), _loop(X, VIDEO, Z, QUEUE, k), rtol=2e-5
    )


def test_the_whole_queue_as_negatives_is_equation_6():
    queue = np.full(12, 9, np.int32)
    cosine = (X @ Z.T) / np.linalg.norm(X, axis=1)[:, None] / np.linalg.norm(Z, axis=1)[None]
    want = np.log1p(np.exp(cosine[VIDEO >= 0])).mean()
    for k in (12, 99):
        np.testing.assert_allclose(negatives(X, VIDEO, Z, queue, hardest=k), want, rtol=2e-5)


def test_no_negatives_give_zero():
    for video, queue in (
        (VIDEO, np.full(12, -1, np.int32)),
        (np.full(7, -1, np.int32), QUEUE),
        (VIDEO * 0 + 4, QUEUE * 0 + 4),
    ):
        value, gradient = jax.value_and_grad(negatives)(jnp.asarray(X), video, Z, queue)
        assert float(value) == 0 and (np.asarray(gradient) == 0).all()


def test_gradients():
    def loss(x):
        return negatives(x, VIDEO, Z, QUEUE, hardest=3)

    gradient = jax.grad(loss)(jnp.asarray(X))
    step = 1e-2 * np.random.default_rng(1).standard_normal(X.shape).astype(np.float32)
    np.testing.assert_allclose(
        (gradient * step).sum(), (loss(X + step) - loss(X - step)) / 2, rtol=2e-2, atol=1e-6
    )
    assert (np.asarray(gradient)[VIDEO < 0] == 0).all()
    fixed = jax.grad(lambda z: negatives(X, VIDEO, z, QUEUE))(jnp.asarray(Z))
    assert float(jnp.abs(fixed).max()) == 0


def test_refusals():
    with pytest.raises(ValueError, match="embedding \\[b d\\] and queue"):
        xbm.negatives(X[:, :3], VIDEO, Z, QUEUE)
    with pytest.raises(ValueError, match="a video for each row"):
        xbm.negatives(X, VIDEO[:3], Z, QUEUE)
    with pytest.raises(ValueError, match="hardest is 0"):
        xbm.negatives(X, VIDEO, Z, QUEUE, hardest=0)

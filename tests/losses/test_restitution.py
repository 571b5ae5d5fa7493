"""The dual causality loss against loops over pairs."""

import jax
import numpy as np
import pytest

from reid_jax.losses.restitution import dual_causality


def _loop(parts, label):
    def away(u, v):
        return 0.5 - u @ v / (2 * np.linalg.norm(u) * np.linalg.norm(v))

    losses = []
    for i, mine in enumerate(label):
        same = [j for j, other in enumerate(label) if j != i and other == mine >= 0]
        other = [j for j, their in enumerate(label) if their >= 0 and mine >= 0 and their != mine]
        if same and other:
            p, pp, pm = (np.mean([away(parts[i, k], parts[j, k]) for j in same]) for k in range(3))
            n, np_, nm = (
                np.mean([away(parts[i, k], parts[j, k]) for j in other]) for k in range(3)
            )
            losses.append(sum(np.log1p(np.exp(z)) for z in (pp - p, n - np_, p - pm, nm - n)))
    return np.mean(losses) if losses else 0.0


@pytest.mark.parametrize(
    "label", [[0, 0, 1, 1, 2], [0, 1, 1, -1, -1], [3, 3, 3, 3, 3], [-1] * 5, [0, 1, 2, 3, 4]]
)
def test_agrees_with_a_loop(label):
    parts = np.random.default_rng(0).normal(size=(5, 3, 7)).astype(np.float32)
    label = np.array(label, np.int32)
    np.testing.assert_allclose(
        dual_causality(parts, label), _loop(parts.astype(np.float64), label), rtol=1e-5
    )
    assert np.isfinite(jax.grad(dual_causality)(0 * parts, label)).all()

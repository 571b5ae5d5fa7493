"""Triplet losses against loops in float64 and against the authors' public code."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.losses.triplet import batch_hard, hardest, semi_hard, softened

X = np.random.default_rng(0).standard_normal((12, 6), np.float32)
LABEL = np.array([3, 0, 1, 3, 0, 1, 0, 3, 1, 0, 3, 1], np.int32)


def _loop(x, label, margin):
    """The loss and its gradient, anchor by anchor."""
    x = np.asarray(x, np.float64)
    each, gradients = [], []
    for a in range(len(x)):
        if label[a] < 0:
            continue
        away = [np.linalg.norm(x[a] - other) for other in x]
        positive = [(away[j], j) for j in range(len(x)) if j != a and label[j] == label[a]]
        negative = [(away[j], j) for j in range(len(x)) if label[j] >= 0 and label[j] != label[a]]
        if not positive or not negative:
            continue
        (far, p), (near, n) = max(positive), min(negative)
        gap = far - near
        each.append(np.log1p(np.exp(gap)) if margin is None else max(gap + margin, 0.0))
        slope = 1 / (1 + np.exp(-gap)) if margin is None else float(gap + margin > 0)
        gradient = np.zeros_like(x)
        for j, distance, sign in ((p, far, slope), (n, near, -slope)):
            gradient[a] += sign * (x[a] - x[j]) / distance
            gradient[j] -= sign * (x[a] - x[j]) / distance
        gradients.append(gradient)
    return (np.mean(each), np.mean(gradients, axis=0)) if each else (0.0, np.zeros_like(x))


@partial(jax.jit, static_argnums=2)
def _batch_hard(x, label, margin):
    return jax.value_and_grad(lambda x: batch_hard(x, label, margin=margin))(x)


@partial(jax.jit, static_argnums=2)
def _semi_hard(x, label, margin):
    return jax.value_and_grad(lambda x: semi_hard(x, label, margin=margin))(x)


@pytest.mark.parametrize("margin", [None, 0.0, 0.3, 2.0])
@pytest.mark.parametrize("label", [
    LABEL,
    np.where(LABEL == 1, -1, LABEL),  # rows that are ignored
    np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 7, 7, -1], np.int32),  # persons without a positive
    np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, -1], np.int32),
    np.arange(12, dtype=np.int32),  # no anchor has a positive
    np.zeros(12, np.int32),  # no anchor has a negative
    np.full(12, -1, np.int32),
])  # fmt: skip
def test_agrees_with_a_loop(label, margin):
    value, gradient = _batch_hard(X, label, margin)
    expected, slope = _loop(X, label, margin)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("margin, expected", [(None, 0.66089189), (0.3, 0.29759368)])
def test_recorded_constants(margin, expected):
    # Computed by running the authors' public code of the two losses.
    x = np.sin(0.37 * np.outer(np.arange(1, 9), np.arange(1, 7))).astype(np.float32)
    label = np.repeat(np.arange(4), 2).astype(np.int32)
    np.testing.assert_allclose(batch_hard(x, label, margin=margin), expected, rtol=1e-6)


@pytest.mark.parametrize("margin", [0.0, 0.5, 2.0])
@pytest.mark.parametrize(
    "label", [LABEL, np.where(LABEL == 1, -1, LABEL), np.arange(12), np.zeros(12, int)]
)
def test_every_pair_agrees_with_a_loop(label, margin):
    def loop(x):
        away, values = np.linalg.norm(x[:, None] - x[None], axis=-1), []
        for i in range(12):
            negative = [away[i, n] for n in range(12) if label[n] >= 0 and label[n] != label[i]]
            for j in range(i + 1, 12):
                if negative and label[i] >= 0 and label[i] == label[j]:
                    values.append(max(away[i, j] - min(negative) + margin, 0))
        return np.mean(values) if values else 0.0

    value, gradient = _semi_hard(X, label, margin)
    np.testing.assert_allclose(value, loop(np.float64(X)), rtol=1e-5)
    for place in ((0, 0), (3, 2), (11, 5)):
        step = np.zeros(X.shape)
        step[place] = 1e-6
        slope = (loop(X + step) - loop(X - step)) / 2e-6
        np.testing.assert_allclose(gradient[place], slope, rtol=1e-3, atol=1e-5)


def test_every_pair_recorded_constant():
    # Computed by running the public code of Theory.
    x = np.sin(0.37 * np.outer(np.arange(1, 9), np.arange(1, 7))).astype(np.float32)
    np.testing.assert_allclose(
        semi_hard(x, np.repeat(np.arange(4), 2), margin=0.5), 0.40510014, rtol=1e-6
    )
    with pytest.raises(ValueError, match="a margin from 0"):
        semi_hard(x, np.zeros(8, int), margin=-1)


def test_four_points_by_hand():
    # Anchors at 0, 3 (person 0) and 4, 10 (person 1). Distances of the hardest positives:
    # 3, 3, 6, 6; of the hardest negatives: 4, 1, 1, 7.
    x = np.array([[0.0], [3.0], [4.0], [10.0]], np.float32)
    label = np.array([0, 0, 1, 1], np.int32)
    np.testing.assert_allclose(
        batch_hard(x, label, margin=0.5), np.mean([0, 2.5, 5.5, 0]), rtol=1e-6
    )
    triplet = hardest(jnp.abs(x - x.T), label)
    np.testing.assert_array_equal(triplet.positive, [1, 0, 3, 2])
    np.testing.assert_array_equal(triplet.negative, [2, 2, 1, 1])
    assert triplet.valid.all()


@pytest.mark.parametrize("margin", [None, 0.3])
@pytest.mark.parametrize("x", [np.zeros((4, 3), np.float32), np.ones((4, 3), np.float32)])
def test_equal_embeddings_have_a_finite_gradient(x, margin):
    label = np.array([0, 0, 1, 1], np.int32)
    value, gradient = jax.value_and_grad(lambda x: batch_hard(x, label, margin=margin))(x)
    np.testing.assert_allclose(value, np.log(2.0) if margin is None else margin, rtol=1e-4)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("x, label, margin, message", [
    (X[0], LABEL, 0.3, "one label per embedding"),
    (X, LABEL[:5], 0.3, "one label per embedding"),
    (X, LABEL, -0.1, "margin is -0.1"),
])  # fmt: skip
def test_refusals(x, label, margin, message):
    with pytest.raises(ValueError, match=message):
        batch_hard(x, label, margin=margin)


@pytest.mark.parametrize("shape, labels", [((3, 4), 3), ((3, 3), 4), ((3,), 3)])
def test_hardest_refusals(shape, labels):
    with pytest.raises(ValueError, match="of the batch to itself"):
        hardest(np.zeros(shape), np.zeros(labels, int))


def test_annotations_hold():
    assert jaxtyped(typechecker=beartype)(batch_hard)(X, LABEL, margin=None).shape == ()
    triplet = jaxtyped(typechecker=beartype)(hardest)(jnp.zeros((12, 12)), jnp.asarray(LABEL))
    assert triplet.positive.shape == triplet.negative.shape == triplet.valid.shape == (12,)


def test_softened_agrees_with_a_loop():
    rng = np.random.default_rng(3)
    student, teacher = (rng.standard_normal((10, 4)).astype(np.float32) for _ in range(2))
    label = np.array([0, 0, 0, 1, 1, 2, 2, 3, -1, 2], np.int32)  # 3 occurs once, -1 is ignored
    values = []
    for i in range(10):
        near = [j for j in range(10) if label[i] >= 0 and label[j] == label[i] and j != i]
        far = [j for j in range(10) if label[i] >= 0 and label[j] >= 0 and label[j] != label[i]]
        if near and far:
            away = np.linalg.norm(np.float64(student) - np.float64(student[i]), axis=1)
            rows = [max(near, key=lambda j: away[j]), min(far, key=lambda j: away[j])]
            teacher_away = np.linalg.norm(np.float64(teacher) - np.float64(teacher[i]), axis=1)
            target = np.exp(teacher_away[rows])
            log_p = away[rows] - np.log(np.exp(away[rows]).sum())
            values.append(-(target / target.sum() * log_p).sum())
    np.testing.assert_allclose(softened(student, teacher, label), np.mean(values), rtol=1e-5)
    gradient = jax.grad(lambda x: softened(student, x, label))(jnp.asarray(teacher))
    assert float(jnp.abs(gradient).max()) == 0
    assert float(softened(student, teacher, np.full(10, -1, np.int32))) == 0
    with pytest.raises(ValueError, match="softened expects"):
        softened(student, teacher[:4], label)

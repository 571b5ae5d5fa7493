"""Classification losses against loops in float64 and against the authors' public code."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.losses.classify import circle, cross_entropy, soft_cross_entropy

RNG = np.random.default_rng(0)
LOGITS = 3 * RNG.standard_normal((6, 5), np.float32)
LABEL = np.array([0, 4, 2, 2, 1, 3], np.int32)


def _loop(logits, label, smoothing, temperature, active):
    total, rows = 0.0, 0
    for row, true in zip(np.asarray(logits, np.float64) / temperature, label, strict=True):
        if true < 0:
            continue
        probability = np.exp(row[:active]) / np.exp(row[:active]).sum()
        for k in range(active):
            total -= ((1 - smoothing) * (k == true) + smoothing / active) * np.log(probability[k])
        rows += 1
    return total / max(rows, 1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("active", [None, 4, 1])
def test_agrees_with_a_loop(smoothing, temperature, active):
    classes = 5 if active is None else active
    label = np.where(classes > LABEL, LABEL, -1)
    got = cross_entropy(LOGITS, label, smoothing=smoothing, temperature=temperature, active=active)
    assert got.shape == () and got.dtype == jnp.float32
    np.testing.assert_allclose(
        got, _loop(LOGITS, label, smoothing, temperature, classes), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("smoothing, temperature, expected", [
    # Computed by running MMT's public code.
    (0.1, 1, 1.59572589), (0.0, 1, 1.57177234),
    # Computed by running DomainMix's public code, which halves the logits.
    (0.1, 2, 1.55555785), (0.0, 2, 1.54358112),
])  # fmt: skip
def test_recorded_constants(smoothing, temperature, expected):
    logits = np.sin(0.53 * np.outer(np.arange(1, 9), np.arange(1, 6))).astype(np.float32)
    label = np.array([0, 1, 2, 3, 4, 0, 1, 2], np.int32)
    value = cross_entropy(logits, label, smoothing=smoothing, temperature=temperature)
    np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_gradient_is_probability_minus_target():
    gradient = jax.grad(cross_entropy)(jnp.asarray(LOGITS), LABEL)
    target = 0.9 * np.eye(5)[LABEL] + 0.1 / 5
    np.testing.assert_allclose(
        gradient, (np.asarray(jax.nn.softmax(LOGITS)) - target) / 6, atol=1e-6
    )


def test_inactive_classes_change_nothing_and_have_no_gradient():
    dirty = LOGITS.copy()
    dirty[:, 3:] = [np.nan, 1e30]
    label = np.minimum(LABEL, 2)
    value, gradient = jax.value_and_grad(cross_entropy)(jnp.asarray(dirty), label, active=3)
    clean, expected = jax.value_and_grad(cross_entropy)(jnp.asarray(LOGITS[:, :3]), label)
    np.testing.assert_allclose(value, clean, rtol=1e-6)
    np.testing.assert_allclose(gradient[:, :3], expected, atol=1e-7)
    np.testing.assert_array_equal(gradient[:, 3:], 0.0)


def test_one_trace_for_every_number_of_classes():
    traces = []

    @jax.jit
    def loss(logits, label, active):
        traces.append(active)
        return cross_entropy(logits, label, active=active)

    for active in (5, 3, 1):
        label = np.minimum(LABEL, active - 1)
        expected = _loop(LOGITS, label, 0.1, 1, active)
        np.testing.assert_allclose(loss(LOGITS, label, active), expected, rtol=1e-5, atol=1e-6)
    assert len(traces) == 1


def test_rows_without_a_label_have_no_weight():
    label = np.array([0, -1, 2, -1, 1, 3], np.int32)
    value, gradient = jax.value_and_grad(cross_entropy)(jnp.asarray(LOGITS), label)
    np.testing.assert_allclose(
        value, cross_entropy(LOGITS[label >= 0], label[label >= 0]), rtol=1e-6
    )
    np.testing.assert_array_equal(gradient[np.array([1, 3])], 0.0)


@pytest.mark.parametrize("active", [None, jnp.int32(0)])
def test_no_label_at_all_is_zero(active):
    value, gradient = jax.value_and_grad(cross_entropy)(
        jnp.asarray(LOGITS), np.full(6, -1, np.int32), active=active
    )
    assert value == 0.0
    np.testing.assert_array_equal(gradient, 0.0)


def test_labels_out_of_range_give_a_huge_loss_or_nan():
    assert cross_entropy(LOGITS, LABEL, active=4) > 1e30
    assert np.isnan(cross_entropy(LOGITS, LABEL + 1))


def test_soft_targets():
    teacher = RNG.standard_normal((6, 5)).astype(np.float32)
    for active in (5, 3):
        student, target = (
            np.asarray(LOGITS[:, :active], np.float64),
            np.asarray(teacher[:, :active], np.float64),
        )
        student = student - np.log(np.exp(student).sum(1, keepdims=True))
        target = np.exp(target) / np.exp(target).sum(1, keepdims=True)
        got = soft_cross_entropy(LOGITS, teacher, active=active)
        np.testing.assert_allclose(got, -(target * student).sum(1).mean(), rtol=1e-5)
    one, other = jax.grad(soft_cross_entropy, argnums=(0, 1))(
        jnp.asarray(LOGITS), jnp.asarray(teacher), active=3
    )
    assert np.isfinite(one).all() and np.any(one) and not np.any(one[:, 3:]) and not np.any(other)


@pytest.mark.parametrize("logits, label, options, message", [
    (LOGITS[0], LABEL, {}, "one label per row"),
    (LOGITS, LABEL[:3], {}, "one label per row"),
    (LOGITS, LABEL, {"smoothing": 1.0}, "smoothing is 1.0"),
    (LOGITS, LABEL, {"temperature": 0.0}, "temperature is 0.0"),
    (LOGITS, LABEL, {"active": 6}, "active is 6 of 5"),
    (LOGITS, LABEL, {"active": 0}, "active is 0 of 5"),
])  # fmt: skip
def test_refusals(logits, label, options, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy(logits, label, **options)


def test_soft_refusals():
    with pytest.raises(ValueError, match="the same rows and classes"):
        soft_cross_entropy(LOGITS, LOGITS[:, :3])


def test_annotations_hold():
    assert (
        jaxtyped(typechecker=beartype)(cross_entropy)(LOGITS, LABEL, active=jnp.int32(5)).shape
        == ()
    )
    assert jaxtyped(typechecker=beartype)(soft_cross_entropy)(LOGITS, LOGITS).shape == ()


def test_circle_by_hand():
    cosine = np.array([[0.9, 0.2, -0.5], [0.1, -0.9, 0.6]], np.float32)
    logits = np.asarray(circle(cosine, np.array([0, 2], np.int32), scale=10.0, margin=0.25))
    want = [
        [10 * (1.25 - 0.9) * (0.9 - 0.75), 10 * 0.45 * (0.2 - 0.25), 0.0],
        [10 * 0.35 * (0.1 - 0.25), 0.0, 10 * (1.25 - 0.6) * (0.6 - 0.75)],
    ]
    np.testing.assert_allclose(logits, want, atol=1e-6)
    none = np.asarray(circle(cosine, np.array([-1, -1], np.int32), scale=10.0, margin=0.25))
    np.testing.assert_allclose(none[0, 0], 10 * 1.15 * 0.65, rtol=1e-5)


def test_circle_has_no_gradient_through_its_weights():
    """The slope of the true class's logit is scale (1 + m - s): it grows as the cosine falls."""
    label = np.zeros(1, np.int32)
    for s in (-0.5, 0.0, 0.9):
        slope = jax.grad(lambda cosine: circle(cosine, label, scale=2.0, margin=0.3)[0, 0])(
            np.array([[s, 0.1]], np.float32)
        )
        np.testing.assert_allclose(slope[0], [2 * (1.3 - s), 0], rtol=1e-5)


def test_circle_refusals():
    with pytest.raises(ValueError, match="circle expects"):
        circle(np.zeros((2, 3)), np.zeros(3, np.int32))
    with pytest.raises(ValueError, match="scale above 0"):
        circle(np.zeros((2, 3)), np.zeros(2, np.int32), scale=0.0)

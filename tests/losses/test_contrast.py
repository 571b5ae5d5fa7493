"""Contrastive losses against loops over images in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.losses import contrast

RNG = np.random.default_rng(0)
F, M, ORIGINAL = (RNG.standard_normal((9, 5), np.float32) for _ in range(3))
LABEL = np.array([0, 0, 1, 2, 1, 2, 2, 3, -1], np.int32)  # 3 occurs once, -1 is ignored
SCOPE = np.array([0, 0, 0, 1, 0, 1, 1, 1, 1], np.int32)
CAMERA = np.array([0, 1, 0, 2, 0, 1, 1, 0, 0], np.int32)
MEANS = RNG.standard_normal((8, 5), np.float32)
# Labels 1 and 3 are in one camera only, the last place is empty.
MEAN_LABEL = np.array([0, 0, 1, 2, 2, 2, 3, -1], np.int32)
MEAN_CAMERA = np.array([0, 1, 0, 0, 1, 2, 0, 0], np.int32)

instance = jaxtyped(typechecker=beartype)(contrast.instance)
augmentation = jaxtyped(typechecker=beartype)(contrast.augmentation)
centroid = jaxtyped(typechecker=beartype)(contrast.centroid)
camera_centroid = jaxtyped(typechecker=beartype)(contrast.camera_centroid)


def _cosine(a, b):
    a, b = np.float64(a), np.float64(b)
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def _mean(values):
    return np.mean(values) if values else 0.0


def _instance(f, m, label, scope, own, t):
    values = []
    for i in range(len(f)):
        among = [
            k
            for k in range(len(f))
            if label[i] >= 0 and label[k] >= 0 and scope[k] == scope[i] and (own or k != i)
        ]
        positive = [k for k in among if label[k] == label[i]]
        if positive:
            total = sum(np.exp(_cosine(f[i], m[k]) / t) for k in among)
            values.append(
                -_mean([np.log(np.exp(_cosine(f[i], m[j]) / t) / total) for j in positive])
            )
    return _mean(values)


def _augmentation(f, o, against, label, scope, t):
    values = []
    for i in range(len(f)):
        if label[i] >= 0:
            others = [
                j
                for j in range(len(f))
                if label[j] >= 0 and label[j] != label[i] and scope[j] == scope[i]
            ]
            mine = np.exp(_cosine(f[i], o[i]) / t)
            values.append(
                -np.log(mine / (mine + sum(np.exp(_cosine(f[i], against[j]) / t) for j in others)))
            )
    return _mean(values)


def _camera_centroid(f, label, camera, negatives, own_camera, together, t):
    values = []
    for i in range(len(f)):
        near = [np.exp(_cosine(f[i], mean) / t) for mean in MEANS]
        positive = [
            p
            for p in range(len(MEANS))
            if label[i] >= 0
            and MEAN_LABEL[p] == label[i]
            and (own_camera or MEAN_CAMERA[p] != camera[i])
        ]
        other = sorted(
            (near[p] for p in range(len(MEANS)) if MEAN_LABEL[p] not in (label[i], -1)),
            reverse=True,
        )
        if positive:
            far, all_near = sum(other[:negatives]), sum(near[p] for p in positive)
            values.append(
                -_mean(
                    [
                        np.log(near[p] / ((all_near if together else near[p]) + far))
                        for p in positive
                    ]
                )
            )
    return _mean(values)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("scope", [None, SCOPE])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_instance_agrees_with_a_loop(own, scope, temperature):
    got = instance(F, M, LABEL, scope=scope, own=own, temperature=temperature)
    among = np.zeros(9) if scope is None else scope
    np.testing.assert_allclose(got, _instance(F, M, LABEL, among, own, temperature), rtol=1e-5)


@pytest.mark.parametrize("against", [None, M])
@pytest.mark.parametrize("scope", [None, SCOPE])
def test_augmentation_agrees_with_a_loop(against, scope):
    got = augmentation(F, ORIGINAL, LABEL, against=against, scope=scope)
    want = _augmentation(
        F,
        ORIGINAL,
        ORIGINAL if against is None else M,
        LABEL,
        np.zeros(9) if scope is None else scope,
        0.1,
    )
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("active", [None, 5])
def test_centroid_agrees_with_a_loop(active):
    values = []
    for f, label in zip(F, LABEL, strict=True):
        if label >= 0:
            near = [np.exp(_cosine(f, mean) / 0.5) for mean in MEANS[:active]]
            values.append(-np.log(near[label] / sum(near)))
    np.testing.assert_allclose(centroid(F, LABEL, MEANS, active=active), _mean(values), rtol=1e-5)


def test_centroid_without_normalisation_is_that_of_ice():
    """ICE's code: a matrix product divided by 0.5, then a softmax."""
    logits = np.float64(F[:8]) @ np.float64(MEANS).T / 0.5
    want = np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(8), LABEL[:8]])
    np.testing.assert_allclose(centroid(F, LABEL, MEANS, unit=False), want, rtol=1e-5)
    longer = centroid(3 * F, LABEL, MEANS, unit=False), centroid(3 * F, LABEL, MEANS)
    assert abs(longer[0] - want) > 1 and float(longer[1]) == pytest.approx(
        float(centroid(F, LABEL, MEANS)), rel=1e-5
    )


def test_a_cosine_softmax_over_many_labels_cannot_come_near_zero():
    """With all other centroids orthogonal: log(e^2 + 10,100) - 2; untrained: log 10,101."""
    means = np.zeros((10_101, 2), np.float32)
    means[0, 0], means[1:, 1] = 1, 1
    row, label = np.array([[1, 0]], np.float32), np.zeros(1, np.int32)
    assert float(centroid(row, label, means)) == pytest.approx(7.22, abs=0.01)
    assert float(centroid(30 * row, label, means, unit=False)) < 1e-3


@pytest.mark.parametrize("own_camera", [True, False])
def test_camera_centroid_summed_over_cameras_agrees_with_a_loop(own_camera):
    options = {"negatives": 50, "own_camera": own_camera, "together": True, "t": 0.07}
    want = 0.0
    for which in np.unique(CAMERA):
        here = np.where(which == CAMERA, LABEL, -1)  # rows of other cameras are no anchors
        want += _camera_centroid(F, here, CAMERA, **options)
    options["temperature"] = options.pop("t")
    got = camera_centroid(
        F, LABEL, CAMERA, MEANS, MEAN_LABEL, MEAN_CAMERA, by_camera=True, **options
    )
    np.testing.assert_allclose(got, want, rtol=1e-5)
    assert got > 1.5 * camera_centroid(F, LABEL, CAMERA, MEANS, MEAN_LABEL, MEAN_CAMERA, **options)


@pytest.mark.parametrize("own_camera", [True, False])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("negatives", [1, 2, 50])
def test_camera_centroid_agrees_with_a_loop(own_camera, together, negatives):
    options = {"negatives": negatives, "own_camera": own_camera, "together": together}
    got = camera_centroid(F, LABEL, CAMERA, MEANS, MEAN_LABEL, MEAN_CAMERA, **options)
    np.testing.assert_allclose(
        got, _camera_centroid(F, LABEL, CAMERA, t=0.07, **options), rtol=1e-5
    )


def _all(f, label=LABEL, **shapes):
    yield "instance", instance(f, M, label)
    yield "alone", instance(f, M, label, own=False)
    yield "augmentation", augmentation(f, ORIGINAL, label)
    yield "centroid", centroid(f, label, MEANS)
    yield "camera", camera_centroid(f, label, CAMERA, MEANS, MEAN_LABEL, MEAN_CAMERA)


@pytest.mark.parametrize(
    "label",
    [np.full(9, -1, np.int32), LABEL, np.zeros(9, np.int32), np.arange(9, dtype=np.int32) % 8],
)
def test_gradients_are_finite_and_agree_with_differences(label):
    """No label; some; one label without negatives; each label once."""

    def total(f):
        return sum(value for _, value in _all(f, label))

    gradient = jax.grad(total)(jnp.asarray(F))
    assert np.isfinite(gradient).all()
    step = 1e-2 * RNG.standard_normal(F.shape).astype(np.float32)
    change = float(total(F + step) - total(F - step)) / 2
    np.testing.assert_allclose(float((gradient * step).sum()), change, rtol=2e-2, atol=2e-4)


def test_rows_without_positives_or_negatives_give_zero():
    ignored = np.full(9, -1, np.int32)
    assert {name: float(value) for name, value in _all(F, ignored)} == dict.fromkeys(
        ("instance", "alone", "augmentation", "centroid", "camera"), 0.0
    )
    one = np.zeros(9, np.int32)
    assert float(augmentation(F, ORIGINAL, one)) == 0  # no negative
    assert float(instance(F, M, np.arange(9, dtype=np.int32), own=False)) == 0  # no positive
    alone = np.full(9, 3, np.int32)  # its centroid is in camera 0 only
    assert (
        float(camera_centroid(F, alone, np.zeros(9, np.int32), MEANS, MEAN_LABEL, MEAN_CAMERA)) == 0
    )


def test_no_gradient_goes_to_targets_and_centroids():
    for loss, fixed in (
        (lambda x: instance(F, x, LABEL), M),
        (lambda x: augmentation(F, x, LABEL), ORIGINAL),
        (lambda x: augmentation(F, ORIGINAL, LABEL, against=x), M),
        (lambda x: centroid(F, LABEL, x), MEANS),
        (lambda x: camera_centroid(F, LABEL, CAMERA, x, MEAN_LABEL, MEAN_CAMERA), MEANS),
    ):
        assert float(jnp.abs(jax.grad(loss)(jnp.asarray(fixed))).max()) == 0


def test_refusals():
    with pytest.raises(ValueError, match="two embeddings"):
        contrast.instance(F, M[:4], LABEL)
    with pytest.raises(ValueError, match="temperature is 0"):
        contrast.augmentation(F, ORIGINAL, LABEL, temperature=0)
    with pytest.raises(ValueError, match="centroid expects"):
        contrast.centroid(F, LABEL, MEANS[:, :3])
    with pytest.raises(ValueError, match="negatives is 0"):
        contrast.camera_centroid(F, LABEL, CAMERA, MEANS, MEAN_LABEL, MEAN_CAMERA, negatives=0)
    with pytest.raises(ValueError, match="mean_label"):
        contrast.camera_centroid(F, LABEL, CAMERA, MEANS, MEAN_LABEL[:3], MEAN_CAMERA)
    with pytest.raises(ValueError, match="label and camera"):
        contrast.camera_centroid(F, LABEL, CAMERA[:3], MEANS, MEAN_LABEL, MEAN_CAMERA)

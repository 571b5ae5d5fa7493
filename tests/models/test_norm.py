from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax import parallel
from reid_jax.models.norm import IBN, BatchNorm, InstanceNorm

X = np.random.default_rng(0).normal(1.0, 2.0, (8, 4, 3, 6)).astype(np.float32)


def _trained(module, x=X):
    variables = module.init(jax.random.key(0), x, False)
    out, moved = module.apply(variables, x, True, mutable=["batch_stats"])
    return np.asarray(out), moved["batch_stats"]


def _naive(x):
    flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
    return (x - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5), flat.mean(0), flat.var(0, ddof=1)


def test_the_whole_batch_and_torchs_running_statistics():
    out, stats = _trained(BatchNorm())
    expected, mean, var = _naive(X)
    np.testing.assert_allclose(out, expected, atol=1e-5)
    np.testing.assert_allclose(stats["mean"], 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(stats["var"], 0.9 + 0.1 * var, rtol=1e-5)


def test_groups_of_rows_do_not_see_each_other():
    out, stats = _trained(BatchNorm(group=4))
    halves = [_naive(X[:4]), _naive(X[4:])]
    np.testing.assert_allclose(out, np.concatenate([half[0] for half in halves]), atol=1e-5)
    np.testing.assert_allclose(stats["mean"], 0.1 * np.mean([half[1] for half in halves], 0), rtol=1e-5)


@pytest.mark.parametrize("group", [3, 12, 16])
def test_groups_that_do_not_divide_the_batch_are_refused(group):
    with pytest.raises(ValueError, match="bn_group"):
        _trained(BatchNorm(group=group))


@pytest.mark.parametrize("group", [3, 6, 16])  # 2 rows a device, so 3 would be a group and a half
def test_groups_that_do_not_divide_over_devices_are_refused(group):
    module = BatchNorm(group=group, average=parallel.average)
    variables = BatchNorm().init(jax.random.key(0), X, False)

    @partial(jax.pmap, axis_name=parallel.AXIS)
    def run(x):
        return module.apply(variables, x, True, mutable=["batch_stats"])

    with pytest.raises(ValueError, match="bn_group"):
        run(X.reshape(4, 2, *X.shape[1:]))


@pytest.mark.parametrize("group", [0, 1, 2, 4, 8])
@pytest.mark.parametrize("devices", [2, 4])
def test_the_same_on_several_devices(group, devices):
    expected, stats = _trained(BatchNorm(group=group))
    module = BatchNorm(group=group, average=parallel.average)
    variables = BatchNorm().init(jax.random.key(0), X, False)

    @partial(jax.pmap, axis_name=parallel.AXIS, devices=jax.devices()[:devices])
    def run(x):
        out, moved = module.apply(variables, x, True, mutable=["batch_stats"])
        return out, jax.lax.pmean(moved["batch_stats"], parallel.AXIS)

    out, moved = run(X.reshape(devices, -1, *X.shape[1:]))
    np.testing.assert_allclose(np.asarray(out).reshape(X.shape), expected, atol=2e-6)
    for name in ("mean", "var"):
        np.testing.assert_allclose(moved[name][0], stats[name], rtol=1e-6)


def test_vectors_and_a_frozen_bias():
    module = BatchNorm(bias=False)
    assert set(module.init(jax.random.key(0), X[:, 0, 0], False)["params"]) == {"scale"}
    np.testing.assert_allclose(_trained(module, X[:, 0, 0])[0], _naive(X[:, 0, 0])[0], atol=1e-5)


def test_bfloat16_keeps_float32_statistics():
    half = jnp.asarray(X, jnp.bfloat16)
    out, stats = _trained(BatchNorm(), half)
    expected, mean, var = _naive(np.asarray(half, np.float64))
    assert out.dtype == jnp.bfloat16 and stats["mean"].dtype == stats["var"].dtype == jnp.float32
    np.testing.assert_allclose(stats["mean"], 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(stats["var"], 0.9 + 0.1 * var, rtol=1e-5)
    np.testing.assert_allclose(out.astype(np.float32), expected, atol=2**-7)
    module = InstanceNorm()
    by_picture = module.apply(module.init(jax.random.key(0), half), half)
    assert by_picture.dtype == jnp.bfloat16


def test_statistics_of_a_channel_far_from_zero():
    out, stats = _trained(BatchNorm(), X + 50)
    expected, _, var = _naive(X + np.float32(50))
    np.testing.assert_allclose(out, expected, atol=2e-3)  # E[x^2] - E[x]^2 in float32, with a mean of 25 deviations
    np.testing.assert_allclose(stats["var"], 0.9 + 0.1 * var, rtol=1e-3)


def test_instance_norm_and_ibn():
    module = InstanceNorm()
    got = module.apply(module.init(jax.random.key(0), X), X)
    each = (X - X.mean((1, 2), keepdims=True)) / np.sqrt(X.var((1, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(got, each, atol=1e-5)
    odd = X[..., :5]
    out, _ = _trained(IBN(), odd)
    np.testing.assert_allclose(out[..., :2], each[..., :2], atol=1e-5)
    np.testing.assert_allclose(out[..., 2:], _naive(odd)[0][..., 2:], atol=1e-5)

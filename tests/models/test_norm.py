from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax import parallel
from reid_jax.data import sample
from reid_jax.models import rows
from reid_jax.models.norm import (
    IBN,
    BatchNorm,
    DomainNorm,
    InstanceNorm,
    batch_norms,
    collapsed,
    expanded,
)
from reid_jax.types import Tags
from tests import tiny

X = np.random.default_rng(0).normal(1.0, 2.0, (8, 4, 3, 6)).astype(np.float32)


def _trained(module, x=X):
    variables = module.init(jax.random.key(0), x, False)
    out, updated = module.apply(variables, x, True, mutable=["batch_stats"])
    return np.asarray(out), updated["batch_stats"]


def _naive(x):
    flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
    return (x - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5), flat.mean(0), flat.var(0, ddof=1)


def test_the_whole_batch_and_torchs_running_statistics():
    out, stats = _trained(BatchNorm())
    expected, mean, var = _naive(X)
    np.testing.assert_allclose(out, expected, atol=1e-5)
    np.testing.assert_allclose(stats["mean"], 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(stats["var"], 0.9 + 0.1 * var, rtol=1e-5)


def test_groups_of_rows_are_independent():
    out, stats = _trained(BatchNorm(group=4))
    halves = [_naive(X[:4]), _naive(X[4:])]
    np.testing.assert_allclose(out, np.concatenate([half[0] for half in halves]), atol=1e-5)
    np.testing.assert_allclose(
        stats["mean"], 0.1 * np.mean([half[1] for half in halves], 0), rtol=1e-5
    )


@pytest.mark.parametrize("group", [3, 12, 16])
def test_groups_that_do_not_divide_the_batch_are_refused(group):
    with pytest.raises(ValueError, match="bn_group"):
        _trained(BatchNorm(group=group))


@pytest.mark.parametrize("group", [3, 6, 16])  # 2 rows a device, so 3 would be a group and a half
def test_groups_that_do_not_divide_over_devices_are_refused(group):
    module = BatchNorm(group=group, average=parallel.average)
    variables = BatchNorm().init(jax.random.key(0), X, False)

    @partial(parallel.mapped, in_axes=(0,))
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

    @partial(parallel.mapped, in_axes=(0,), devices=jax.devices()[:devices])
    def run(x):
        out, updated = module.apply(variables, x, True, mutable=["batch_stats"])
        return out, jax.lax.pmean(updated["batch_stats"], parallel.AXIS)

    out, updated = run(X.reshape(devices, -1, *X.shape[1:]))
    np.testing.assert_allclose(np.asarray(out).reshape(X.shape), expected, atol=2e-6)
    for name in ("mean", "var"):
        np.testing.assert_allclose(updated[name][0], stats[name], rtol=1e-6)


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
    # E[x^2] - E[x]^2 in float32, with a mean of 25 standard deviations
    np.testing.assert_allclose(out, expected, atol=2e-3)
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


def _tags(domain):
    zeros = np.zeros(len(domain), np.int32)
    return Tags(
        zeros, np.arange(len(domain), dtype=np.int32), zeros, np.asarray(domain, np.int32), zeros
    )


def _by_domain(domain, x=X, module=None):
    module = module or DomainNorm()
    variables = module.init(jax.random.key(0), x, False)
    with rows.known(_tags(domain)):
        out, updated = module.apply(variables, x, True, mutable=["batch_stats"])
    return variables, np.asarray(out), updated["batch_stats"]


@pytest.mark.parametrize("domain", [[0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 1, 0, 1, 0, 0, 0]])
def test_each_domain_is_normalised_by_itself(domain):
    _, out, stats = _by_domain(domain)
    for which, name in ((0, "source"), (1, "target")):
        own = np.asarray(domain) == which
        expected, mean, var = _naive(X[own])
        np.testing.assert_allclose(out[own], expected, atol=1e-4)
        np.testing.assert_allclose(stats[name]["mean"], 0.1 * mean, rtol=1e-4)
        np.testing.assert_allclose(stats[name]["var"], 0.9 + 0.1 * var, rtol=1e-4)


def test_a_domain_without_rows_keeps_its_statistics():
    variables, out, stats = _by_domain([1] * 8)
    np.testing.assert_allclose(out, _naive(X)[0], atol=1e-4)
    for leaf, start in variables["batch_stats"]["source"].items():
        np.testing.assert_array_equal(stats["source"][leaf], start)


def test_at_test_the_target_normalises_and_collapsing_gives_the_same():
    module, plain = DomainNorm(), BatchNorm()
    variables, _, stats = _by_domain([0, 0, 0, 1, 1, 1, 1, 1])
    variables = {**variables, "batch_stats": stats}
    out = module.apply(variables, X, False)
    np.testing.assert_array_equal(out, plain.apply(collapsed(variables), X, False))
    assert np.abs(out - plain.apply(collapsed(variables, "source"), X, False)).max() > 1e-3


def test_expanded_weights_are_the_same_in_both_domains():
    _, _, stats = _by_domain([0] * 8)
    scale = np.arange(1, X.shape[-1] + 1, dtype=np.float32)
    plain = {"params": {"scale": scale, "bias": scale}, "batch_stats": stats["source"]}
    both = expanded(plain, DomainNorm().init(jax.random.key(0), X, False))
    assert both["params"]["source"] is both["params"]["target"] is plain["params"]
    np.testing.assert_array_equal(
        DomainNorm().apply(both, X, False), BatchNorm().apply(plain, X, False)
    )
    assert expanded(both, both) == both and collapsed(both) == plain


def test_without_tags_a_training_by_domain_is_refused():
    module = DomainNorm()
    with pytest.raises(ValueError, match="give Model.apply the batch's tags"):
        module.apply(module.init(jax.random.key(0), X, False), X, True, mutable=["batch_stats"])


@pytest.mark.parametrize("group", [0, 4])
def test_domains_on_four_devices_equal_one(group):
    domain = [0, 1, 1, 1, 1, 0, 0, 1]
    _, want, stats = _by_domain(domain, module=DomainNorm(norm=partial(BatchNorm, group=group)))
    module = DomainNorm(norm=partial(BatchNorm, group=group, average=parallel.average))
    variables = DomainNorm().init(jax.random.key(0), X, False)

    @partial(parallel.mapped, in_axes=(0, 0))
    def run(x, tags):
        with rows.known(tags):
            out, updated = module.apply(variables, x, True, mutable=["batch_stats"])
        return out, jax.lax.pmean(updated["batch_stats"], parallel.AXIS)

    out, updated = run(
        X.reshape(4, 2, *X.shape[1:]), jax.tree.map(lambda t: t.reshape(4, 2), _tags(domain))
    )
    np.testing.assert_allclose(np.asarray(out).reshape(X.shape), want, atol=1e-4)
    for one, four in zip(
        jax.tree.leaves(stats), jax.tree.leaves(parallel.first(updated)), strict=True
    ):
        np.testing.assert_allclose(four, one, rtol=1e-4)


@pytest.mark.parametrize("devices", [1, 4])
@pytest.mark.parametrize(("group", "rows_a_domain"), [(32, 16), (16, 8), (0, 32)])
def test_how_many_rows_of_a_domain_statistics_are_computed_from(group, rows_a_domain, devices):
    """`bn_group` counts rows of both domains: 32 rows of an alternating batch are 16 of each.

    Row i is 1 in channel i and 0 elsewhere, so after the layer exactly the rows normalised with
    row i differ from 0 in channel i.
    """
    size = 64
    [row] = sample.mixed(np.zeros((1, size // 2), int), np.ones((1, size // 2), int))
    x, tags = np.eye(size, dtype=np.float32), _tags(row)
    module = DomainNorm(norm=partial(BatchNorm, group=group, average=parallel.average))
    variables = module.init(jax.random.key(0), x, False)

    @partial(parallel.mapped, in_axes=(0, 0), devices=jax.devices()[:devices])
    def run(x, tags):
        with rows.known(tags):
            return module.apply(variables, x, True, mutable=["batch_stats"])[0]

    out = run(*jax.tree.map(lambda t: t.reshape(devices, -1, *t.shape[1:]), (x, tags)))
    seen = np.asarray(out).reshape(size, size) != 0
    place = np.arange(size) // (group or size)
    np.testing.assert_array_equal(seen, (place[:, None] == place) & (row[:, None] == row))
    np.testing.assert_array_equal(seen.sum(0), rows_a_domain)


def test_frozen_statistics_stay_and_are_used():
    module = BatchNorm(frozen=True)
    variables = module.init(jax.random.key(0), X, False)
    out, updated = module.apply(variables, X, True, mutable=["batch_stats"])
    np.testing.assert_array_equal(out, module.apply(variables, X, False))
    assert jax.tree.all(
        jax.tree.map(lambda a, b: (a == b).all(), updated["batch_stats"], variables["batch_stats"])
    )


def test_empty_places_change_nothing():
    """Output and statistics are those of the present rows alone, on one device and on several."""
    present = np.array([1, 1, 0, 1, 0, 1, 0, 1], bool)
    x = np.where(present[:, None, None, None], X, 1e3).astype(np.float32)
    column = np.where(present, np.arange(8), -1).astype(np.int32)
    expected, alone = _trained(BatchNorm(), X[present])
    variables = BatchNorm().init(jax.random.key(0), X, False)
    for devices in (1, 4):
        module = BatchNorm(gaps=True, average=parallel.average)

        @partial(parallel.mapped, in_axes=(0, 0), devices=jax.devices()[:devices])
        def run(x, column, module=module):
            with rows.known(Tags(*[column] * 5)):
                return module.apply(variables, x, True, mutable=["batch_stats"])

        out, updated = run(*(part.reshape(devices, -1, *part.shape[1:]) for part in (x, column)))
        np.testing.assert_allclose(np.asarray(out).reshape(X.shape)[present], expected, atol=1e-5)
        for name in ("mean", "var"):
            np.testing.assert_allclose(updated["batch_stats"][name][0], alone[name], rtol=1e-5)
    with pytest.raises(ValueError, match="the batch's tags"):
        BatchNorm(gaps=True).apply(variables, x, True, mutable=["batch_stats"])


def test_weights_of_layers_with_statistics_are_found():
    variables = {
        "params": {
            "conv": {"kernel": 1},
            "bn1": {"IN": {"scale": 1, "bias": 1}, "BN": {"scale": 1, "bias": 1}},
        },
        "batch_stats": {"bn1": {"BN": {"mean": 1, "var": 1}}},
    }
    assert batch_norms(variables) == {
        "conv": {"kernel": False},
        "bn1": {"IN": {"scale": False, "bias": False}, "BN": {"scale": True, "bias": True}},
    }


@pytest.mark.parametrize("train", [True, False])
def test_a_traced_train_flag_equals_a_static_one(train):
    x = np.random.default_rng(0).normal(3, 2, (6, 2, 4)).astype(np.float32)
    stats = {"mean": np.arange(4, dtype=np.float32), "var": np.full(4, 2, np.float32)}
    variables = {"params": {"scale": np.full(4, 3.0), "bias": np.ones(4)}, "batch_stats": stats}
    norm = BatchNorm(group=3)
    run = jax.jit(lambda train: norm.apply(variables, x, train, mutable=["batch_stats"]))
    static, traced = norm.apply(variables, x, train, mutable=["batch_stats"]), run(train)
    for one, other in zip(jax.tree.leaves(static), jax.tree.leaves(traced), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    assert train or tiny.difference(traced[1]["batch_stats"], stats) == 0

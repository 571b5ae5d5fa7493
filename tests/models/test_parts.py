"""MGN, SNR and the stages with instance normalisation: shapes, loaded weights, and outputs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from reid_jax.models import embedder, mgn, pretrained, resnet
from reid_jax.models.snr import Restitution
from reid_jax.types import Input, Tags

NARROW = {"width": 8, "depths": (1, 1, 2, 1)}
IMAGE = np.random.default_rng(0).integers(0, 256, (4, 96, 32, 3), np.uint8)


def _flat(variables):
    return traverse_util.flatten_dict(dict(variables), sep="/")


def _resnet(**options):
    return embedder.model(
        embedder.Embedder(resnet.resnet50(**NARROW, **options), Input((96, 32)), neck=False)
    )


def _mgn(**options):
    return embedder.model(
        mgn.MGN(Input((96, 32)), partial(resnet.resnet50, **NARROW), width=6, **options)
    )


def _saved(model, path):
    rng = np.random.default_rng(1)
    arrays = {}
    for name, leaf in _flat(jax.eval_shape(model.init, jax.random.key(0))).items():
        shape = tuple(leaf.shape[i] for i in (3, 2, 0, 1)) if leaf.ndim == 4 else leaf.shape
        arrays[pretrained.torch_name(name)] = (
            rng.uniform(0.5, 1.0, shape).astype(np.float32) / max(1, np.prod(shape[1:])) ** 0.5
        )
    np.savez(path, **arrays)


def test_a_resnets_weights_fill_trunk_and_all_branches(tmp_path):
    """The branches are then the last stages of that ResNet: trunk and branch give its map."""
    plain, parts = _resnet(), _mgn()
    _saved(plain, tmp_path / "w.npz")
    one = pretrained.load(tmp_path / "w.npz", plain.init(jax.random.key(0)))[0]
    variables, coverage = pretrained.load(tmp_path / "w.npz", parts.init(jax.random.key(0)))
    assert coverage.filled == len(_flat(one)) and not coverage.missing and not coverage.unused
    for branch in ("b1", "b2", "b3"):
        for name, leaf in _flat({branch: variables["params"][branch]}).items():
            np.testing.assert_array_equal(leaf, _flat({branch: one["params"]["trunk"]})[name])
    module = resnet.resnet50(**NARROW)
    trunk, branch = (resnet.ResNet(blocks=blocks, **NARROW) for blocks in ((0, 3), (3, None)))
    x = (IMAGE / 255).astype(np.float32)
    whole = module.apply({name: part["trunk"] for name, part in one.items()}, x, False)
    half = trunk.apply({name: part["trunk"] for name, part in variables.items()}, x, False)
    two = branch.apply({name: part["b2"] for name, part in variables.items()}, half, False)
    np.testing.assert_allclose(two, whole, atol=1e-5)


def test_eight_heads_pool_the_whole_halves_and_thirds():
    """Changing the lower third of the maps changes every head but those of the upper parts."""
    model = _mgn()
    assert model.width == 48
    variables = model.init(jax.random.key(0))
    names = {name.split("/")[2].split("_")[0] for name in _flat(variables) if "/neck/" in name}
    assert names == set(mgn.HEADS)
    module = mgn.Heads(5, embedder.BatchNorm)
    x = np.random.default_rng(0).uniform(0.1, 1, (2, 6, 4, 3)).astype(np.float32)
    y = x.copy()
    y[:, 4:] = 0.01

    def maps(z):
        return [z, z, *jnp.split(z, 2, 1), z, *jnp.split(z, 3, 1)]

    heads = module.init(jax.random.key(0), maps(x), False)
    change = np.abs(module.apply(heads, maps(x), False)[1] - module.apply(heads, maps(y), False)[1])
    changed = change.reshape(2, 8, 5).max((0, 2)) > 0
    assert changed.tolist() == [name not in ("b21", "b31", "b32") for name in mgn.HEADS]


def test_a_height_that_thirds_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="multiples of 96"):
        embedder.model(mgn.MGN(Input((64, 32)), partial(resnet.resnet50, **NARROW)))


def test_extra_normalisation_of_the_branches():
    names = {
        name.split("/")[1]
        for name in _flat(jax.eval_shape(_mgn(extra=True).init, jax.random.key(0)))
    }
    assert names == {"trunk", "b1", "b2", "b3", "neck", "neck1", "neck2", "neck3"}


def test_restitution_by_hand():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 16)).astype(np.float32)
    module = Restitution()
    variables = module.init(jax.random.key(0), x)
    variables = jax.tree.map(lambda leaf: leaf + 0.3, {"params": variables["params"]})
    out, aside = module.apply(variables, x, mutable=["aside"])
    params = jax.tree.map(np.asarray, variables["params"])
    mean, var = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    plain = (x - mean) / np.sqrt(var + 1e-5) * params["IN"]["scale"] + params["IN"]["bias"]
    hidden = np.maximum(
        (x - plain).mean((1, 2)) @ params["fc1"]["kernel"] + params["fc1"]["bias"], 0
    )
    share = (
        1 / (1 + np.exp(-(hidden @ params["fc2"]["kernel"] + params["fc2"]["bias"])))[:, None, None]
    )
    useful, rest = plain + share * (x - plain), plain + (1 - share) * (x - plain)
    np.testing.assert_allclose(out, useful, atol=1e-5)
    pooled = np.stack([part.mean((1, 2)) for part in (plain, useful, rest)], 1)
    np.testing.assert_allclose(aside["aside"]["restitution"][0], pooled, atol=1e-5)


def test_snr_stores_its_parts_in_training_only():
    model = _resnet(snr=(1, 2, 3))
    variables = model.init(jax.random.key(0))
    assert set(variables) == {"params", "batch_stats"}
    zeros = np.zeros(4, np.int32)
    out, _ = model.apply(variables, IMAGE, True, None, Tags(*[zeros] * 5))
    assert {name.split("/")[1]: part.shape for name, part in out.aside.items()} == {
        "snr1": (4, 3, 32), "snr2": (4, 3, 64), "snr3": (4, 3, 128)
    }  # fmt: skip
    assert model.apply(variables, IMAGE, False)[0].aside == ()


def test_instance_normalisation_ends_the_chosen_stages():
    names = _flat(jax.eval_shape(_resnet(instance=(1, 3)).init, jax.random.key(0)))
    ends = {name.split("/")[2] for name in names if "/IN/" in name}
    assert ends == {"layer1_0", "layer3_1"}

"""Swin against timm where its windows divide the feature map, else against a loop over tokens."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import traverse_util

from reid_jax.models import depth, embedder, pretrained, rows, swin
from reid_jax.types import Input, Tags


def _small(**options):
    return swin.Swin(width=24, depths=(2, 2, 2, 2), heads=(2, 2, 4, 4), **options)


@pytest.mark.parametrize(
    ("make", "count"),
    [(swin.swin_t, 27_519_354), (swin.swin_s, 48_837_258), (swin.swin_b, 86_743_224)],
)
def test_the_published_size(make, count):
    """Without the classifiers, with which the models have 28,288,354, 49,606,258, 87,768,224."""
    shapes = jax.eval_shape(
        lambda key: make().init(key, jnp.zeros((1, 224, 224, 3)), False), jax.random.key(0)
    )
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == count


@pytest.mark.parametrize("size", [(256, 128), (384, 128)])
def test_the_feature_map_of_a_person(size):
    out = jax.eval_shape(
        lambda key: _small().init_with_output(key, jnp.zeros((2, *size, 3)), False)[0],
        jax.random.key(0),
    )
    assert out.shape == (2, size[0] // 32, size[1] // 32, 192)
    with pytest.raises(ValueError, match="multiples of 32 pixels, not 100x64"):
        _small().init(jax.random.key(0), jnp.zeros((1, 100, 64, 3)), False)


def _walk(params, x, side, shift, heads):
    """Attention token by token, in float64.

    A token attends to those in its window after the shift that do not come from the map's opposite
    edge.
    """
    b, height, width, c = x.shape
    tall, wide = -(-height // side) * side, -(-width // side) * side
    table = np.asarray(params["relative_position_bias_table"], np.float64)
    kernel, bias = (np.asarray(params["qkv"][name], np.float64) for name in ("kernel", "bias"))
    qkv = (x.astype(np.float64) @ kernel + bias).reshape(b, height, width, 3, heads, c // heads)

    def place(i, size):
        """(window, place in it, whether the shift moved it across the edge) along one axis."""
        shifted = (i - shift) % size
        return shifted // side, shifted % side, i < shift

    out = np.zeros((b, height, width, heads, c // heads))
    for i in range(height):
        for j in range(width):
            mine = place(i, tall), place(j, wide)
            seen, offset = [], []
            for k in range(height):
                for m in range(width):
                    other = place(k, tall), place(m, wide)
                    if all(a[0] == o[0] and a[2] == o[2] for a, o in zip(mine, other, strict=True)):
                        seen.append((k, m))
                        apart = [a[1] - o[1] + side - 1 for a, o in zip(mine, other, strict=True)]
                        offset.append(apart[0] * (2 * side - 1) + apart[1])
            at = tuple(np.array(seen).T)
            for n in range(b):
                q, k, v = qkv[n, i, j, 0], qkv[n, :, :, 1][at], qkv[n, :, :, 2][at]
                logits = np.einsum("hd,khd->hk", q, k) / np.sqrt(c // heads) + table[offset].T
                weight = np.exp(logits - logits.max(1, keepdims=True))
                out[n, i, j] = np.einsum("hk,khd->hd", weight / weight.sum(1, keepdims=True), v)
    kernel, bias = (np.asarray(params["proj"][name], np.float64) for name in ("kernel", "bias"))
    return out.reshape(x.shape) @ kernel + bias


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("size", [(8, 4), (6, 6), (5, 7), (3, 4), (2, 1)])
def test_windows_that_do_not_divide_the_map(size, shift):
    module = swin.Attention(2, 3, jnp.float32)
    x = np.random.default_rng(0).normal(size=(2, *size, 8)).astype(np.float32)
    variables = jax.tree.map(lambda leaf: 10 * leaf + 0.1, module.init(jax.random.key(0), x, 0))
    got = module.apply(variables, x, shift)
    np.testing.assert_allclose(got, _walk(variables["params"], x, 3, shift, 2), atol=1e-4)


def _formula(name, shape):
    """Reproducible weights: a hash of the position, scaled as He's, around 0 or 1."""
    k = np.arange(1, np.prod(shape) + 1, dtype=np.int64)
    wave = ((k * k * 7919 + k * len(name) * 104729) % 1009 / 504.0 - 1).reshape(shape)
    return (
        wave * np.sqrt(2 / np.prod(shape[1:]))
        if len(shape) > 1
        else name.endswith("weight") + 0.3 * wave
    )


def _torch_shape(shape):
    """The shape that Microsoft's release gives an array of ours."""
    return (
        tuple(shape[i] for i in (3, 2, 0, 1))
        if len(shape) == 4
        else shape[::-1]
        if len(shape) == 2
        else shape
    )


# Computed with timm 1.0.31 (swin_tiny_patch4_window7_224 of this size, `_formula`'s weights under
# Microsoft's names, where the merging belongs to the previous stage) and torch 2.15.0 in float64:
# every 24th of 192 numbers, and the sums of squares.
TIMM = [
    [-0.284991, 0.105971, 0.318042, -0.147958, 0.495291, -0.794849, 0.952201, -2.132120],
    [-0.240492, 0.154878, 0.426983, -0.166267, 0.654684, -0.653606, 0.811317, -2.129876],
]
SQUARES = [176.886194, 176.427131]


def test_the_embedding_is_timms(tmp_path):
    model = embedder.model(embedder.Embedder(_small(), Input((224, 224)), neck=False))
    zeros = jax.tree.map(
        lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(model.init, jax.random.key(0))
    )
    arrays = {"layers.0.blocks.1.attn.relative_position_index": np.zeros((49, 49), np.int64)}
    for name, leaf in traverse_util.flatten_dict(dict(zeros), sep="/").items():
        theirs = pretrained.torch_name(name)
        shape = leaf.shape if theirs.endswith("table") else _torch_shape(leaf.shape)
        arrays[theirs] = _formula(theirs, shape)
    np.savez(tmp_path / "w.npz", **arrays)
    variables, coverage = pretrained.load(tmp_path / "w.npz", zeros)
    assert coverage.filled == coverage.expected and len(coverage.unused) == 1
    n, i, j, c = np.ogrid[:2, :224, :224, :3]
    image = ((i // (20 + 30 * n) + j // (16 + 20 * n)) * (60 + c * 25) % 251).astype(np.uint8)
    got = np.asarray(jax.jit(model.apply, static_argnums=2)(variables, image, False)[0].embedding)
    np.testing.assert_allclose(got[:, ::24], TIMM, atol=2e-5)
    np.testing.assert_allclose((got**2).sum(1), SQUARES, rtol=1e-5)


def _trained(drop, index, key=0):
    trunk = swin.Swin(width=24, depths=(2, 2), heads=(2, 2), drop=drop)
    model = embedder.model(embedder.Embedder(trunk, Input((64, 32)), neck=False))
    variables = model.init(jax.random.key(0))
    image = np.random.default_rng(0).integers(0, 256, (8, 64, 32, 3), np.uint8)[np.asarray(index)]
    zeros = np.zeros(len(index), np.int32)
    tags = Tags(zeros, np.asarray(index, np.int32), zeros, zeros, zeros)
    run = jax.jit(model.apply, static_argnums=2)
    return np.asarray(run(variables, image, True, jax.random.key(key), tags)[0].embedding)


def test_images_skip_blocks_in_training_by_their_index():
    """The draw depends on the index and the key, not on the batch; without drop on neither."""
    whole = _trained(0.5, range(8))
    np.testing.assert_allclose(_trained(0.5, [5, 2])[::-1], whole[[2, 5]], atol=1e-4)
    assert np.abs(_trained(0.5, range(8), key=1) - whole).max() > 1e-2
    assert np.abs(_trained(0.0, range(8)) - whole).max() > 1e-2
    np.testing.assert_allclose(_trained(0.0, range(8), key=1), _trained(0.0, range(8)))


class _Skip(nn.Module):
    @nn.compact
    def __call__(self, x):
        return depth.skip(self, x, 0.25, True)


def test_the_share_that_skips():
    skip = partial(_Skip().apply, {}, np.ones((4000, 1, 1, 1), np.float32))
    with rows.known(None):
        kept = np.asarray(skip(rngs={"drop": jax.random.key(0)})).ravel()
    np.testing.assert_allclose(np.unique(kept), [0, 1 / 0.75], rtol=1e-6)
    assert abs((kept > 0).mean() - 0.75) < 0.03

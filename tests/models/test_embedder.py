from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.models import embedder, resnet
from reid_jax.types import Input

IMAGE = np.random.default_rng(0).integers(0, 256, (4, 32, 16, 3), np.uint8)


def _model(**options):
    trunk = resnet.resnet_small(**{k: v for k, v in options.items() if k == "dtype"})
    rest = {k: v for k, v in options.items() if k != "dtype"}
    return embedder.model(embedder.Embedder(trunk, Input((32, 16)), **rest))


@pytest.mark.parametrize(
    "options", [{}, {"pooling": "gem"}, {"neck": False}, {"dtype": jnp.bfloat16}]
)
def test_shapes_and_types(options):
    model = _model(**options)
    variables = model.init(jax.random.key(0))
    (feature, embedding, _), _ = model.apply(variables, IMAGE, False)
    assert feature.shape == embedding.shape == (4, model.width) == (4, 256)
    assert feature.dtype == embedding.dtype == jnp.float32
    assert ("neck" in variables["params"]) == options.get("neck", True)


def test_a_linear_projection():
    """Its parameters are named "head": checkpoints have that name."""
    model, plain = _model(projection=7, neck=False), _model(neck=False)
    variables = model.init(jax.random.key(0))
    weights = variables["params"]["head"]
    trunk = {
        **variables,
        "params": {name: part for name, part in variables["params"].items() if name != "head"},
    }
    pooled = plain.apply(trunk, IMAGE, False)[0].feature
    got = model.apply(variables, IMAGE, False)[0].embedding
    assert model.width == 7
    weights = jax.tree.map(np.asarray, weights)
    np.testing.assert_allclose(
        got, np.asarray(pooled) @ weights["kernel"] + weights["bias"], rtol=1e-4, atol=1e-5
    )


def test_pixels_as_f32_or_uint8_and_statistics_updated_in_training_only():
    model = _model()
    variables = model.init(jax.random.key(0))
    apply = partial(model.apply, variables)
    one, same = apply(IMAGE, False)
    np.testing.assert_allclose(
        one.embedding, apply(IMAGE.astype(np.float32), False)[0].embedding, rtol=1e-5
    )
    assert jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), same, variables["batch_stats"]))
    updated = apply(IMAGE, True)[1]
    assert jax.tree.structure(updated) == jax.tree.structure(variables["batch_stats"])
    assert not jax.tree.all(
        jax.tree.map(lambda a, b: (a == b).all(), updated, variables["batch_stats"])
    )


def test_pixels_are_normalised_as_the_input_says():
    """BGR reverses the channels, mean and std matter, another size is refused."""
    model = _model()
    variables = model.init(jax.random.key(0))
    plain = model.apply(variables, IMAGE, False)[0].embedding

    def other(**options):
        return embedder.model(embedder.Embedder(resnet.resnet_small(), Input((32, 16), **options)))

    turned = other(channels="BGR").apply(variables, IMAGE[..., ::-1], False)[0].embedding
    half = other(mean=(0.5,) * 3, std=(0.5,) * 3)
    assert np.abs(half.apply(variables, IMAGE, False)[0].embedding - plain).max() > 1e-3
    np.testing.assert_allclose(turned, plain, rtol=1e-5, atol=1e-6)
    with pytest.raises(
        ValueError, match=r"pictures are \[16, 32, 3\], this encoder takes \[32, 16, 3\]: resize"
    ):
        model.apply(variables, IMAGE.transpose(0, 2, 1, 3), False)


def test_the_feature_map_of_a_last_stride_of_one():
    for make, channels in ((resnet.resnet50, 2048), (resnet.resnet_small, 256)):
        out = jax.eval_shape(
            lambda k: make().init_with_output(k, jnp.zeros((1, 256, 128, 3)), False)[0],
            jax.random.key(0),
        )
        assert out.shape == (1, 16, 8, channels)


def test_the_folded_stem_requires_multiples_of_four():
    with pytest.raises(ValueError, match="multiples of 4"):
        embedder.model(embedder.Embedder(resnet.resnet_small(), Input((30, 16))))

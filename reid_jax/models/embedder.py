"""A trunk, a pooling and a neck: a picture becomes an embedding."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from reid_jax.models import pool
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Array, Embedded, Model, Variables

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, RGB in [0, 1]
STD = (0.229, 0.224, 0.225)


class Embedder(nn.Module):
    """Pixels in [0, 255] -> the pooled feature, and the embedding behind the neck.

    neck: a batch normalisation with its bias frozen at 0 (BNNeck, Luo et al., CVPRW 2019): the triplet and centre losses
    take the feature, the classifier and retrieval the embedding. Without it the two are the same.
    """

    trunk: nn.Module
    pooling: str = "average"
    neck: bool = True
    norm: Callable[..., nn.Module] = BatchNorm

    @nn.compact
    def __call__(self, image: Array, train: bool) -> Embedded:
        """Image uint8 or f32 [b h w 3], RGB in [0, 255]."""
        mean, std = (jnp.asarray(of).reshape(1, 1, 1, 3) for of in (MEAN, STD))
        x = self.trunk((image.astype(jnp.float32) / 255.0 - mean) / std, train)
        feature = pool.GeM(name="pool")(x) if self.pooling == "gem" else pool.average(x)
        embedding = self.norm(name="neck", bias=False)(feature, train) if self.neck else feature
        return Embedded(feature, embedding)


def model(module: Embedder, size: tuple[int, int]) -> Model:
    """The module as two pure functions. `size` (height, width) is what its shapes are worked out with."""
    blank = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)

    def init(key: Array) -> Variables:
        return jax.jit(module.init, static_argnums=2)(key, jnp.zeros(blank.shape, blank.dtype), False)

    def apply(variables: Variables, image: Array, train: bool) -> tuple[Embedded, Any]:
        if not train:
            return module.apply(variables, image, False), variables.get("batch_stats", {})
        out, moved = module.apply(variables, image, True, mutable=["batch_stats"])
        return out, moved.get("batch_stats", {})

    out = jax.eval_shape(lambda key, image: module.init_with_output(key, image, False)[0], jax.random.key(0), blank)
    return Model(init, apply, out.embedding.shape[-1])

"""A trunk, a pooling and a neck: a picture becomes an embedding."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import traverse_util
from flax.core import FrozenDict

from reid_jax.models import pool, rows
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Array, Embedded, Input, Model, Tags, Variables


class Embedder(nn.Module):
    """Pixels in [0, 255] -> the pooled feature, and the embedding behind the neck.

    project: a dense layer of that width with normalisation and ReLU behind the pooling, as OSNet has; 0: none.
    neck:    a batch normalisation with its bias frozen at 0 (BNNeck, Luo et al., CVPRW 2019): the triplet and centre
             losses take the feature, the classifier and retrieval the embedding. Without it the two are the same.
    second_feature: in training lay aside ReLU(BN(W embedding)), [b d], the other feature of Theory's network (Song et
             al., 2020).
    head:    a linear layer of that width before the neck, as CycAs has; 0: none.
    input:   what it takes.
    """

    trunk: nn.Module
    input: Input
    pooling: str = "average"
    project: int = 0
    neck: bool = True
    norm: Callable[..., nn.Module] = BatchNorm
    second_feature: bool = False
    head: int = 0

    @nn.compact
    def __call__(self, image: Array, train: bool) -> tuple[Array, Array]:
        """Image uint8 or f32 [b h w 3], RGB in [0, 255] -> (feature, embedding)."""
        x = self.trunk(normalised(image, self.input), train)
        feature = pool.GeM(name="pool")(x) if self.pooling == "gem" else pool.average(x)
        if self.project:
            feature = Project(self.project, self.norm, name="project")(feature, train)
        if self.head:
            feature = nn.Dense(self.head, name="head")(feature)
        embedding = self.norm(name="neck", bias=False)(feature, train) if self.neck else feature
        if self.second_feature:
            small = {"use_bias": False, "kernel_init": nn.initializers.normal(0.001)}
            project = Project(embedding.shape[-1], self.norm, small, name="feat")
            self.sow("aside", "second", project(embedding, train))
        return feature, embedding


class Project(nn.Module):
    """Dense (with its options), batch normalisation, ReLU."""

    width: int
    norm: Callable[..., nn.Module]
    dense: Mapping[str, Any] = FrozenDict()

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """[b c] -> f32[b width]."""
        return nn.relu(self.norm(name="fc_1")(nn.Dense(self.width, name="fc_0", **self.dense)(x), train))


def normalised(image: Array, taken: Input) -> Array:
    """RGB in [0, 255] -> f32, what the trunk takes. Raises ValueError for pictures of another size."""
    if image.shape[1:] != (*taken.size, 3):
        raise ValueError(f"pictures are {list(image.shape[1:])}, this encoder takes {[*taken.size, 3]}: resize them")
    mean, std = (jnp.asarray(of, jnp.float32).reshape(1, 1, 1, 3) for of in (taken.mean, taken.std))
    image = image[..., ::-1] if taken.channels == "BGR" else image
    return (image.astype(jnp.float32) / 255.0 - mean) / std


def model(module: nn.Module) -> Model:
    """A module (image, train) -> (feature, embedding), with its `input`, as two pure functions."""
    image = jnp.zeros((1, *module.input.size, 3), jnp.uint8)

    def init(key: Array) -> Variables:
        variables = jax.jit(module.init, static_argnums=2)(key, image, False)
        return {name: collection for name, collection in variables.items() if name != "aside"}

    def apply(
        variables: Variables, image: Array, train: bool | Array, key: Array | None = None, tags: Tags | None = None
    ) -> tuple[Embedded, Any]:
        stats = variables.get("batch_stats", {})
        if train is False:
            return Embedded(*module.apply(variables, image, False)), stats
        rngs = {} if key is None else {"drop": key}
        with rows.known(tags):
            out, moved = module.apply(variables, image, train, mutable=["batch_stats", "aside"], rngs=rngs)
        aside = traverse_util.flatten_dict(moved.get("aside", {}), sep="/")
        return Embedded(*out, {name: value[0] for name, value in aside.items()}), moved.get("batch_stats", stats)

    def look(variables: Variables, image: Array) -> Array:
        _, seen = module.apply(variables, image, False, capture_intermediates=lambda part, _: part.name == "trunk")
        return seen["intermediates"]["trunk"]["__call__"][0].astype(jnp.float32)

    shape = jax.eval_shape(lambda key: module.init_with_output(key, image, False)[0], jax.random.key(0))
    return Model(init, apply, shape[1].shape[-1], module.input, look)

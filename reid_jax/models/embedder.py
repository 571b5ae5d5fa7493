"""The image encoder: a trunk, a pooling and a neck turn an image into an embedding."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import traverse_util
from flax.core import FrozenDict

from reid_jax.models import pool, rows
from reid_jax.models.initial import initial
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Array, Embedded, Input, Model, Tags, Variables


class Embedder(nn.Module):
    """Image encoder: normalised pixels, trunk, pooling, optional layers, neck.

    Attributes:
        trunk: module (image f32[b h w 3], train) -> feature map [b h' w' c], or `pool.Tokens`.
        input: size, mean, std and channel order of the images that the trunk takes.
        pooling: "average" or "gem" of the map; "token" or "tokens" of a trunk with a class token.
        project: width of a dense layer with batch normalisation and ReLU behind the pooling, as in
            OSNet; 0: none.
        neck: whether there is a batch normalisation with its bias frozen at 0 (BNNeck, Luo et al.,
            CVPRW 2019). The triplet and centre losses take the feature before it, the classifier
            and retrieval the embedding behind it. Without a neck the two are the same.
        norm: makes the batch normalisations behind the trunk.
        second_feature: whether training also stores ReLU(BN(W embedding)) [b d] under "second" in
            the collection "aside": the second feature of Theory's network (Song et al., 2020).
        projection: width of a linear layer before the neck, as in CycAs; 0: none. In checkpoints
            the layer is named "head".
    """

    trunk: nn.Module
    input: Input
    pooling: str = "average"
    project: int = 0
    neck: bool = True
    norm: Callable[..., nn.Module] = BatchNorm
    second_feature: bool = False
    projection: int = 0

    @nn.compact
    def __call__(self, image: Array, train: bool) -> tuple[Array, Array]:
        """Image uint8 or f32 [b h w 3], RGB in [0, 255] -> (feature, embedding), each f32[b d]."""
        x = self.trunk(normalised(image, self.input), train)
        if self.pooling in pool.BY_TOKEN:
            feature = pool.BY_TOKEN[self.pooling](x)
        else:
            average = pool.GeM(name="pool") if self.pooling == "gem" else pool.average
            feature = average(pool.map_of(x))
        if self.project:
            feature = Project(self.project, self.norm, name="project")(feature, train)
        if self.projection:
            feature = nn.Dense(self.projection, name="head")(feature)
        embedding = self.norm(name="neck", bias=False)(feature, train) if self.neck else feature
        if self.second_feature:
            small = {"use_bias": False, "kernel_init": nn.initializers.normal(0.001)}
            project = Project(embedding.shape[-1], self.norm, small, name="feat")
            self.sow("aside", "second", project(embedding, train))
        return feature, embedding


class Project(nn.Module):
    """Dense layer, batch normalisation, ReLU.

    Attributes:
        width: of the dense layer.
        norm: makes the batch normalisation.
        dense: further options of the dense layer.
    """

    width: int
    norm: Callable[..., nn.Module]
    dense: Mapping[str, Any] = FrozenDict()

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Map x [b c] to f32[b width]."""
        return nn.relu(
            self.norm(name="fc_1")(nn.Dense(self.width, name="fc_0", **self.dense)(x), train)
        )


def normalised(image: Array, input: Input) -> Array:
    """Pixels as the trunk takes them: f32, (image / 255 - mean) / std, in its channel order.

    Args:
        image: uint8 or f32 [b h w 3], RGB in [0, 255].
        input: size, mean, std and channel order.

    Raises:
        ValueError: the images have another size than `input.size`.
    """
    if image.shape[1:] != (*input.size, 3):
        raise ValueError(
            f"pictures are {list(image.shape[1:])}, this encoder takes {[*input.size, 3]}: "
            "resize them"
        )
    mean, std = (jnp.asarray(of, jnp.float32).reshape(1, 1, 1, 3) for of in (input.mean, input.std))
    image = image[..., ::-1] if input.channels == "BGR" else image
    return (image.astype(jnp.float32) / 255.0 - mean) / std


def model(module: nn.Module) -> Model:
    """Turn a module into an encoder of pure functions.

    Args:
        module: (image, train) -> (feature, embedding), with an attribute `input`, as Embedder.
    """
    image = jnp.zeros((1, *module.input.size, 3), jnp.uint8)

    def init(key: Array) -> Variables:
        variables = initial(module, key, image)
        return {name: collection for name, collection in variables.items() if name != "aside"}

    def apply(
        variables: Variables,
        image: Array,
        train: bool | Array,
        key: Array | None = None,
        tags: Tags | None = None,
    ) -> tuple[Embedded, Any]:
        stats = variables.get("batch_stats", {})
        if train is False:
            return Embedded(*module.apply(variables, image, False)), stats
        rngs = {} if key is None else {"drop": key}
        with rows.known(tags):
            (feature, embedding), updated = module.apply(
                variables, image, train, mutable=["batch_stats", "aside"], rngs=rngs
            )
        aside = traverse_util.flatten_dict(updated.get("aside", {}), sep="/")
        embedded = Embedded(feature, embedding, {name: value[0] for name, value in aside.items()})
        return embedded, updated.get("batch_stats", stats)

    def feature_map(variables: Variables, image: Array) -> Array:
        _, captured = module.apply(
            variables, image, False, capture_intermediates=lambda part, _: part.name == "trunk"
        )
        return pool.map_of(captured["intermediates"]["trunk"]["__call__"][0]).astype(jnp.float32)

    shape = jax.eval_shape(
        lambda key: module.init_with_output(key, image, False)[0], jax.random.key(0)
    )
    return Model(init, apply, shape[1].shape[-1], module.input, feature_map)

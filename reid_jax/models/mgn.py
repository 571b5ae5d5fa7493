"""MGN: three branches behind one trunk (whole body, two halves, three thirds) with eight heads.

Wang et al., "Learning Discriminative Features with Multiple Granularities for Person
Re-Identification", ACM MM 2018, as LUPerson's fast-reid code builds it for fine-tuning. The weights
of a ResNet-50 fill the trunk and each branch.
"""

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn

from reid_jax.models import pool
from reid_jax.models.embedder import normalised
from reid_jax.models.norm import BatchNorm
from reid_jax.models.resnet import ResNet, resnet50
from reid_jax.types import Array, Input

PARTS = (1, 2, 3)  # equal strips of each branch's feature map, besides the whole map
# modules that a ResNet's weights fill; the modules behind them keep their initial values
TRUNKS = ("trunk", "b1", "b2", "b3")
HEADS = ("b1", "b2", "b21", "b22", "b3", "b31", "b32", "b33")


class MGN(nn.Module):
    """Image encoder whose embedding is the concatenation of eight parts.

    Attributes:
        input: size, mean, std and channel order of the images that the trunk takes.
        make: makes the ResNet, given `blocks` and `name`. The first half of its blocks is the
            trunk, each branch is a copy of the second half.
        width: of a head.
        extra: whether a batch normalisation follows each branch's feature map, for weights from
            self-supervision (LUPerson, MoCo).
        norm: makes the batch normalisations of `extra` and of the heads.
    """

    input: Input
    make: Callable[..., ResNet] = resnet50
    width: int = 256
    extra: bool = False
    norm: Callable[..., nn.Module] = BatchNorm

    @nn.compact
    def __call__(self, image: Array, train: bool | Array) -> tuple[Array, Array]:
        """Embed images.

        Args:
            image: uint8 or f32 [b h w 3], RGB in [0, 255].
            train: a traced bool[] switches the trunk and the branches at run time; the modules
                behind them are then in training mode.

        Returns:
            The eight parts before and behind their batch normalisation, each f32[b 8 * width].

        Raises:
            ValueError: halves or thirds do not divide the height of the feature map.
        """
        behind = train if isinstance(train, bool) else True
        fork = sum(self.make(parent=None).depths[:2]) + 1
        x = self.make(blocks=(0, fork), name="trunk")(normalised(image, self.input), train)
        maps = []
        for branch, parts in enumerate(PARTS, 1):
            y = self.make(blocks=(fork, None), name=f"b{branch}")(x, train)
            if self.extra:
                y = self.norm(name=f"neck{branch}")(y, behind)
            if y.shape[1] % parts:
                raise ValueError(
                    f"a map {y.shape[1]} high cannot be cut into {parts}; choose a height in "
                    "multiples of 96"
                )
            maps += [y] + (jnp.split(y, parts, axis=1) if parts > 1 else [])
        return Heads(self.width, self.norm, name="neck")(maps, behind)


class Heads(nn.Module):
    """One head for each feature map.

    A head is generalised-mean pooling, a dense layer without bias, and a batch normalisation with
    its bias frozen at 0.

    Attributes:
        width: of a head.
        norm: makes the batch normalisation.
    """

    width: int
    norm: Callable[..., nn.Module]

    @nn.compact
    def __call__(self, maps: list[Array], train: bool) -> tuple[Array, Array]:
        """Pool and project the feature maps.

        Args:
            maps: one [b h w c] for each name of HEADS; h and w may differ.
            train: whether to normalise by batch statistics.

        Returns:
            The heads side by side before and behind the normalisation, each f32[b heads * width].
        """
        features, embeddings = [], []
        for name, x in zip(HEADS, maps, strict=True):
            init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
            x = nn.Dense(self.width, use_bias=False, kernel_init=init, name=f"{name}_reduce")(
                pool.GeM(name=f"{name}_pool")(x)
            )
            features.append(x)
            embeddings.append(self.norm(name=f"{name}_bn", bias=False)(x, train))
        return jnp.concatenate(features, -1), jnp.concatenate(embeddings, -1)

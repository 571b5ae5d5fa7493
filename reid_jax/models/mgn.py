"""MGN: three branches behind one trunk, the whole body, two halves and three thirds, and eight heads.

Wang et al., "Learning Discriminative Features with Multiple Granularities for Person Re-Identification", ACM MM 2018, as
LUPerson's fast-reid code builds it for fine-tuning. A ResNet-50's weights fill the trunk and each branch.
"""

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn

from reid_jax.models import pool
from reid_jax.models.embedder import normalised
from reid_jax.models.norm import BatchNorm
from reid_jax.models.resnet import ResNet, resnet50
from reid_jax.types import Array, Input

PARTS = (1, 2, 3)  # equal strips of each branch's map, besides the whole of it
TRUNKS = ("trunk", "b1", "b2", "b3")  # parts that a ResNet's weights fill; what is behind them starts anew
HEADS = ("b1", "b2", "b21", "b22", "b3", "b31", "b32", "b33")


class MGN(nn.Module):
    """Pixels in [0, 255] -> eight parts side by side, [b 8 * width] before their normalisation and behind it.

    input: what it takes.
    make:  the ResNet, a function of `blocks` and `name`: its first half is the trunk, its second each of the branches.
    width: of a head.
    extra: a batch normalisation on each branch's map, for weights from self-supervision (LUPerson, MoCo).
    norm:  of these and of the heads.
    """

    input: Input
    make: Callable[..., ResNet] = resnet50
    width: int = 256
    extra: bool = False
    norm: Callable[..., nn.Module] = BatchNorm

    @nn.compact
    def __call__(self, image: Array, train: bool | Array) -> tuple[Array, Array]:
        """Image uint8 or f32 [b h w 3], RGB in [0, 255] -> (feature, embedding).

        train: an array bool[] says it of trunk and branches as it runs, and what is behind them trains.
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
                    f"a map {y.shape[1]} high cannot be cut into {parts}; choose a height in multiples of 96"
                )
            maps += [y] + (jnp.split(y, parts, axis=1) if parts > 1 else [])
        return Heads(self.width, self.norm, name="neck")(maps, behind)


class Heads(nn.Module):
    """Generalised mean, dense without bias, normalisation with its bias frozen at 0: one for each map."""

    width: int
    norm: Callable[..., nn.Module]

    @nn.compact
    def __call__(self, maps: list[Array], train: bool) -> tuple[Array, Array]:
        """Maps [b h w c] -> (f32[b heads * width] before the normalisation, and behind it)."""
        features, embeddings = [], []
        for name, x in zip(HEADS, maps, strict=True):
            init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
            x = nn.Dense(self.width, use_bias=False, kernel_init=init, name=f"{name}_reduce")(
                pool.GeM(name=f"{name}_pool")(x)
            )
            features.append(x)
            embeddings.append(self.norm(name=f"{name}_bn", bias=False)(x, train))
        return jnp.concatenate(features, -1), jnp.concatenate(embeddings, -1)

"""Stochastic depth: in training a block is skipped for some of the pictures."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from reid_jax.models import rows
from reid_jax.types import Array


def rates(drop: float, blocks: int) -> list[float]:
    """The share of pictures that skip each block: 0 for the first, linearly up to `drop`."""
    return np.linspace(0, drop, blocks).tolist()


def skip(module: nn.Module, x: Array, drop: float, train: bool | Array) -> Array:
    """What a block adds, x [b ...]: 0 for a share `drop` of the pictures, else / (1 - drop).

    Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016. At test, and where the module
    was given no random key "drop", nothing is skipped.
    """
    if not train or not drop or not module.has_rng("drop"):
        return x
    key, tags = module.make_rng("drop"), rows.current()
    # drawn by the row's index, so that the number of devices does not matter
    index = jnp.arange(x.shape[0]) if tags is None else tags.index
    kept = jax.vmap(lambda row: jax.random.bernoulli(jax.random.fold_in(key, row), 1 - drop))(index)
    return x * (kept / (1 - drop)).astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))

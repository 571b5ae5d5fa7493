"""Global poolings: from a feature map to a vector."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from reid_jax.types import Array


class Tokens(NamedTuple):
    """What a transformer with a class token makes of pictures.

    Attributes:
        map: of the patches, [b h w c].
        token: the class token, [b c].
        others: the tokens beside it, registers or parts, [b r c].
    """

    map: Array
    token: Array
    others: Array


def map_of(x: Array | Tokens) -> Array:
    """The feature map [b h w c] of what a trunk returned."""
    return x.map if isinstance(x, Tokens) else x


def token(x: Tokens) -> Array:
    """The class token, f32[b c]."""
    return x.token


def tokens(x: Tokens) -> Array:
    """The class token and, behind it, the mean of the tokens beside it: f32[b 2c].

    Reference:
        Zhu et al., "PASS", ECCV 2022, of its part tokens.
    """
    return jnp.concatenate([x.token, x.others.mean(1)], -1)


BY_TOKEN = {"token": token, "tokens": tokens}


def average(x: Array) -> Array:
    """Global average pooling: [b h w c] -> f32[b c]."""
    return x.astype(jnp.float32).mean((1, 2))


class GeM(nn.Module):
    """Generalised-mean pooling with a learned exponent p, 3 at the start.

    f = (mean_hw max(x, 1e-6)^p)^(1/p)

    Reference:
        Radenovic et al., TPAMI 2019.
    """

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Pool x [b h w c] to f32[b c]."""
        power = self.param("p", nn.initializers.constant(3.0), (1,), jnp.float32)[0]
        x = jnp.maximum(x.astype(jnp.float32), 1e-6)
        return jnp.mean(x**power, axis=(1, 2)) ** (1.0 / power)

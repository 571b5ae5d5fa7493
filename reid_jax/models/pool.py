"""Global poolings: from a feature map to a vector."""

import jax.numpy as jnp
from flax import linen as nn

from reid_jax.types import Array


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

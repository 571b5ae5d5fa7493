"""The domain discriminator of DomainMix: it predicts the domain of an embedding."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from reid_jax.models.mlp import Head, build_head
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Array


class Discriminator(nn.Module):
    """Three times dense, batch normalisation and leaky ReLU, then dense to the domains.

    Reference:
        Wang et al., "DomainMix", 2020, figure 5. The widths, the slope 0.2 of the leaky ReLU and
        the initialisation (that of torch's layers) are those of the authors' code.

    Attributes:
        widths: of the hidden layers.
        domains: number of logits.
        norm: makes a batch normalisation.
    """

    widths: tuple[int, ...] = (1024, 512, 256)
    domains: int = 2
    norm: Callable[..., nn.Module] = BatchNorm

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Embedding [b d] -> logits f32[b domains]."""
        for number, width in enumerate(self.widths):
            x = self.norm(name=f"norm_{number}")(
                _dense(width, x.shape[-1], f"fc_{number}")(x), train
            )
            x = nn.leaky_relu(x, 0.2)
        return _dense(self.domains, x.shape[-1], f"fc_{len(self.widths)}")(x)


def judge(
    width: int,
    *,
    norm: Callable[..., nn.Module] = BatchNorm,
    widths: tuple[int, ...] = (1024, 512, 256),
) -> Head:
    """Build the discriminator as two pure functions.

    Args:
        width: of the embeddings f32[b width] that it takes.
        norm: makes a batch normalisation.
        widths: of the hidden layers.
    """
    return build_head(Discriminator(widths, norm=norm), width)


def _dense(width: int, inputs: int, name: str) -> nn.Dense:
    """Dense layer initialised as in torch: uniform within +-1 / sqrt(inputs)."""

    def start(key: Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -1.0, 1.0) / jnp.sqrt(inputs)

    return nn.Dense(width, kernel_init=start, bias_init=start, name=name)

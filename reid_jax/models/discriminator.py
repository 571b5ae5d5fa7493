"""Telling domains by an embedding: what DomainMix trains the backbone against."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from reid_jax.models.mlp import Head, head
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Array


class Discriminator(nn.Module):
    """Three times dense, batch normalisation and leaky ReLU, then dense to the domains.

    Wang et al., "DomainMix", 2020, figure 5; the widths, the 0.2 of the leaky ReLU and the start (that of torch's layers)
    are those of the authors' code.
    """

    widths: tuple[int, ...] = (1024, 512, 256)
    domains: int = 2
    norm: Callable[..., nn.Module] = BatchNorm

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Embedding [b d] -> logits f32[b domains]."""
        for number, width in enumerate(self.widths):
            x = self.norm(name=f"norm_{number}")(_dense(width, x.shape[-1], f"fc_{number}")(x), train)
            x = nn.leaky_relu(x, 0.2)
        return _dense(self.domains, x.shape[-1], f"fc_{len(self.widths)}")(x)


def judge(
    width: int, *, norm: Callable[..., nn.Module] = BatchNorm, widths: tuple[int, ...] = (1024, 512, 256)
) -> Head:
    """The discriminator of embeddings f32[b width]. norm: makes its batch normalisation; widths: of its layers."""
    return head(Discriminator(widths, norm=norm), width)


def _dense(width: int, inputs: int, name: str) -> nn.Dense:
    """A dense layer that starts as torch's: uniform within 1 / sqrt(inputs)."""

    def start(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -1.0, 1.0) / jnp.sqrt(inputs)

    return nn.Dense(width, kernel_init=start, bias_init=start, name=name)

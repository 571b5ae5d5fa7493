"""Perceptrons that a method puts behind an encoder and that retrieval never sees."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from reid_jax.models.norm import BatchNorm
from reid_jax.types import Array, Variables


class Head(NamedTuple):
    """A perceptron as two pure functions: init (key) -> variables; apply (variables, x, train) -> (y, batch_stats)."""

    init: Callable[..., Variables]
    apply: Callable[..., tuple[Array, Any]]


class Perceptron(nn.Module):
    """Linear layers without bias; behind each but the last batch normalisation and ReLU.

    widths: of the layers. last: batch normalisation without weights behind the last one too.
    """

    widths: tuple[int, ...]
    last: bool = False
    norm: Callable[..., nn.Module] = BatchNorm

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """[b d] -> f32[b widths[-1]]."""
        for number, width in enumerate(self.widths):
            x = nn.Dense(width, use_bias=False, name=f"layer{number}")(x)
            if number + 1 < len(self.widths):
                x = nn.relu(self.norm(name=f"bn{number}")(x, train))
        return self.norm(name="last", scale=False, bias=False)(x, train) if self.last else x


def head(module: nn.Module, width: int) -> Head:
    """A module (x, train) -> y for x [b width] as two pure functions."""

    def init(key: Array) -> Variables:
        return jax.jit(module.init, static_argnums=2)(key, jnp.zeros((2, width)), False)

    def apply(variables: Variables, x: Array, train: bool) -> tuple[Array, Any]:
        if not train:
            return module.apply(variables, x, False), variables["batch_stats"]
        y, moved = module.apply(variables, x, True, mutable=["batch_stats"])
        return y, moved["batch_stats"]

    return Head(init, apply)

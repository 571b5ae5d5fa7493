"""Perceptrons that a method trains behind an encoder; retrieval does not use them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from reid_jax.models.initial import initial
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Array, Variables


class Head(NamedTuple):
    """A perceptron as two pure functions.

    Attributes:
        init: (key) -> variables.
        apply: (variables, x, train) -> (y, batch_stats).
    """

    init: Callable[..., Variables]
    apply: Callable[..., tuple[Array, Any]]


class Perceptron(nn.Module):
    """Linear layers without bias, with batch normalisation and ReLU after each but the last.

    Attributes:
        widths: of the layers.
        last: whether a batch normalisation without scale and bias follows the last layer.
        norm: makes a batch normalisation.
    """

    widths: tuple[int, ...]
    last: bool = False
    norm: Callable[..., nn.Module] = BatchNorm

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Map x [b d] to f32[b widths[-1]]."""
        for number, width in enumerate(self.widths):
            x = nn.Dense(width, use_bias=False, name=f"layer{number}")(x)
            if number + 1 < len(self.widths):
                x = nn.relu(self.norm(name=f"bn{number}")(x, train))
        return self.norm(name="last", scale=False, bias=False)(x, train) if self.last else x


def build_head(module: nn.Module, width: int) -> Head:
    """Turn a module (x, train) -> y, for x [b width], into two pure functions."""

    def init(key: Array) -> Variables:
        return initial(module, key, jnp.zeros((2, width)))

    def apply(variables: Variables, x: Array, train: bool) -> tuple[Array, Any]:
        if not train:
            return module.apply(variables, x, False), variables["batch_stats"]
        y, updated = module.apply(variables, x, True, mutable=["batch_stats"])
        return y, updated["batch_stats"]

    return Head(init, apply)

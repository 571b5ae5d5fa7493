"""The papers' optimiser and its schedules, on optax."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax


def adam(rate: optax.Schedule | float, *, weight_decay: float = 5e-4) -> optax.GradientTransformation:
    """Adam as torch has it: weight decay is L2 in the gradient, before the moments, of every parameter.

    Args: rate, learning rate or a schedule of the step; weight_decay, the L2 factor.
    Returns: a gradient transformation.
    Departs from the paper: nowhere; AdamW's decoupled decay would be another method.
    """
    return optax.chain(
        optax.add_decayed_weights(weight_decay), optax.scale_by_adam(), optax.scale_by_learning_rate(rate)
    )


def frozen(
    inner: optax.GradientTransformation, held: Callable[[Any], Any], *, steps: int
) -> optax.GradientTransformation:
    """`inner`, but some parameters neither move nor gather moments for the first `steps` steps.

    Args: inner, a transformation; held, parameters -> a tree of bool of the same shape, True where to hold; steps.
    Returns: a gradient transformation that needs the parameters.
    """

    def update(gradient: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        count, inside = state
        stay = jax.tree.map(lambda hold: jnp.logical_and(hold, count < steps), held(gradient))

        def still(hold: Any, new: Any) -> Any:
            return jnp.where(hold, jnp.zeros_like(new), new)

        weights = jax.tree.map(still, stay, params)  # no decay either
        change, inside = inner.update(jax.tree.map(still, stay, gradient), inside, weights)
        return jax.tree.map(still, stay, change), (count + 1, inside)

    return optax.GradientTransformation(lambda params: (jnp.zeros((), jnp.int32), inner.init(params)), update)


def schedule(
    rate: float,
    *,
    epochs: int,
    iterations: int,
    warmup: int = 0,
    milestones: tuple[int, ...] = (),
    cosine: bool = False,
    exponential: float = 0.0,
    flat: int = 0,
    start: float = 0.01,
    factor: float = 0.1,
) -> optax.Schedule:
    """The learning rate of each step.

    The first `warmup` epochs rise in a line from start * rate; after that the rate stays, falls by `factor` at each
    milestone (epochs, as the papers count them), or from epoch `flat` on follows half a cosine to 0, or falls evenly by
    factors to `exponential` times itself, at the last step.

    Args: rate, the peak; epochs, iterations (per epoch), warmup, milestones and flat in epochs.
    Returns: step -> learning rate.
    Raises: ValueError when warm-up leaves no epoch, or two shapes are asked for.
    Departs from the paper: the warm-up rises each step, where the official codes rise each epoch.
    """
    if bool(cosine) + bool(milestones) + bool(exponential) > 1:
        raise ValueError("a schedule has milestones or a cosine or an exponential fall, one of them")
    if warmup >= epochs:
        raise ValueError(f"a warm-up of {warmup} epochs leaves nothing of {epochs} epochs; choose fewer")
    rising, total, flat = warmup * iterations, epochs * iterations, max(flat, warmup) * iterations

    def at(step):
        step = jnp.asarray(step, jnp.float32)
        ramp = start + (1 - start) * jnp.minimum(step / max(rising, 1), 1.0) if rising else 1.0
        through = jnp.clip((step - flat) / max(total - flat, 1), 0.0, 1.0)
        if exponential:
            return rate * ramp * exponential**through
        if cosine:
            return rate * ramp * 0.5 * (1 + jnp.cos(jnp.pi * through))
        falls = sum(((step >= m * iterations).astype(jnp.float32) for m in milestones), jnp.float32(0))
        return rate * ramp * factor**falls

    return at

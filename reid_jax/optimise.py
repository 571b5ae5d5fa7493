"""The papers' optimiser and its schedules, on optax."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax


def adam(
    rate: optax.Schedule | float, *, weight_decay: float = 5e-4, rest: Callable[[Any], Any] | None = None
) -> optax.GradientTransformation:
    """Adam as torch has it: weight decay is L2 in the gradient, before the moments, of every parameter.

    Args: rate, learning rate or a schedule of the step; weight_decay, the L2 factor; rest, step -> bool, at which steps
        parameters and moments stay as they are.
    Returns: a gradient transformation.
    Departs from the paper: nowhere; AdamW's decoupled decay would be another method.
    """
    moments = (optax.add_decayed_weights(weight_decay), optax.scale_by_adam())
    if rest is not None:
        moments = (_resting(optax.chain(*moments), rest),)
    return optax.chain(*moments, optax.scale_by_learning_rate(rate))


def groups(
    group: Callable[[tuple[str, ...]], str], **transformations: optax.GradientTransformation
) -> optax.GradientTransformation:
    """Each parameter by the transformation of its group; `group` names it by the parameter's path, its keys from the root."""

    def named(params: Any) -> Any:
        return jax.tree.map_with_path(lambda path, _: group(tuple(key.key for key in path)), params)

    return optax.partition(transformations, named)


def _resting(inner: optax.GradientTransformation, rest: Callable[[Any], Any]) -> optax.GradientTransformation:
    def update(gradient: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        count, before = state
        resting = rest(count)
        change, after = inner.update(gradient, before, params)
        change = jax.tree.map(lambda one: jnp.where(resting, 0.0, one), change)
        return change, (count + 1, jax.tree.map(lambda old, new: jnp.where(resting, old, new), before, after))

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
    end: float = 0.0,
) -> optax.Schedule:
    """The learning rate of each step.

    The first `warmup` epochs rise in a line from start * rate; after that the rate stays, falls by `factor` at each
    milestone (epochs, as the papers count them), or from epoch `flat` on follows half a cosine to `end`, or falls evenly by
    factors to `exponential` times itself, at the last step.

    Args: rate, the peak, and end, the cosine's last, are learning rates; epochs, iterations (per epoch), warmup,
        milestones and flat in epochs.
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
            return ramp * (end + (rate - end) * 0.5 * (1 + jnp.cos(jnp.pi * through)))
        falls = sum(((step >= m * iterations).astype(jnp.float32) for m in milestones), jnp.float32(0))
        return rate * ramp * factor**falls

    return at

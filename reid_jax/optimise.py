"""Optimiser and learning-rate schedules of the papers, built on optax."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatch

import jax
import jax.numpy as jnp
import optax

from reid_jax.models.published import torch_name


def adam(
    learning_rate: optax.Schedule | float,
    *,
    weight_decay: float = 5e-4,
    rest: Callable[[jax.Array], jax.Array] | None = None,
) -> optax.GradientTransformation:
    """Create Adam with L2 weight decay, as torch.optim.Adam computes it.

    The decay term is added to the gradient of every parameter before the moments are updated.

    Args:
        learning_rate: learning rate, or a schedule: step -> learning rate.
        weight_decay: L2 factor.
        rest: step -> bool[]. At the steps where it is True, parameters and moments stay unchanged.
            The schedule of the learning rate still advances.

    Returns:
        The gradient transformation.

    Departs from the paper:
        nowhere. The decoupled decay of AdamW would be a different method.
    """
    moments: tuple[optax.GradientTransformation, ...] = (
        optax.add_decayed_weights(weight_decay),
        optax.scale_by_adam(),
    )
    if rest is not None:
        moments = (_resting(optax.chain(*moments), rest),)
    return optax.chain(*moments, optax.scale_by_learning_rate(learning_rate))


def groups(
    group: Callable[[tuple[str, ...]], str], **transformations: optax.GradientTransformation
) -> optax.GradientTransformation:
    """Apply a different transformation to each group of parameters.

    Args:
        group: path of a parameter (its keys from the root of the tree) -> name of its group.
        **transformations: the transformation of each group, by the group's name.

    Returns:
        The combined gradient transformation.
    """

    def labels(params: optax.Params) -> optax.Params:
        return jax.tree.map_with_path(lambda path, _: group(tuple(key.key for key in path)), params)

    return optax.partition(transformations, labels)


def tuned(
    learning_rate: optax.Schedule | float,
    *,
    weight_decay: float = 5e-4,
    trunk_rate: float = 1.0,
    hold: Sequence[str] = (),
) -> optax.GradientTransformation:
    """Create `adam` for an encoder whose trunk was trained before.

    Args:
        learning_rate: of what is not in the trunk, or a schedule.
        weight_decay: L2 factor.
        trunk_rate: the trunk's learning rate, as a share of that.
        hold: shell patterns of torch's names of the trunk's weights that stay as they are, e.g.
            `_blocks.0.*`. What only their gradients need is not computed.

    Returns:
        The gradient transformation.
    """
    if trunk_rate == 1 and not hold:
        return adam(learning_rate, weight_decay=weight_decay)

    def slower(step: jax.typing.ArrayLike) -> jax.typing.ArrayLike:
        whole = learning_rate(step) if callable(learning_rate) else learning_rate
        return trunk_rate * whole

    def group(path: tuple[str, ...]) -> str:
        if "trunk" not in path:
            return "rest"
        name = torch_name("/".join(("params", *path[path.index("trunk") :])))
        return "held" if any(fnmatch(name, pattern) for pattern in hold) else "trunk"

    return groups(
        group,
        held=optax.set_to_zero(),
        trunk=adam(slower, weight_decay=weight_decay),
        rest=adam(learning_rate, weight_decay=weight_decay),
    )


def _resting(
    inner: optax.GradientTransformation, rest: Callable[[jax.Array], jax.Array]
) -> optax.GradientTransformation:
    """Skip the steps of `inner` where rest(step) is True. State: (step, state of `inner`)."""

    def init(params: optax.Params) -> optax.OptState:
        return jnp.zeros((), jnp.int32), inner.init(params)

    def update(
        gradient: optax.Updates, state: optax.OptState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.OptState]:
        count, before = state
        resting = rest(count)
        change, after = inner.update(gradient, before, params)
        change = jax.tree.map(lambda leaf: jnp.where(resting, 0.0, leaf), change)
        after = jax.tree.map(lambda old, new: jnp.where(resting, old, new), before, after)
        return change, (count + 1, after)

    return optax.GradientTransformation(init, update)


def schedule(
    learning_rate: float,
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
    """Create the schedule of the learning rate: warm-up, then constant or falling.

    During warm-up the rate rises linearly from start * learning_rate to learning_rate. After that
    it is constant, or falls in one of three ways: by `factor` at each milestone; from epoch `flat`
    on along half a cosine to `end`; or from epoch `flat` on exponentially to
    exponential * learning_rate.

    Args:
        learning_rate: peak of the schedule.
        epochs: length of the schedule.
        iterations: steps per epoch.
        warmup: length of the warm-up, in epochs.
        milestones: numbers of epochs after which the rate falls; the warm-up counts.
        cosine: whether the rate falls along half a cosine.
        exponential: last rate as a fraction of learning_rate; 0 for no exponential fall.
        flat: number of epochs after which the cosine or the exponential fall begins; the warm-up
            counts, and the fall never begins before its end.
        start: first rate of the warm-up as a fraction of learning_rate.
        factor: factor of each milestone.
        end: last learning rate of the cosine.

    Returns:
        Schedule: step -> learning rate.

    Raises:
        ValueError: the warm-up is not shorter than the schedule, or more than one of milestones,
            cosine and exponential is given.

    Departs from the paper:
        the warm-up rises at each step; in the official codes it rises at each epoch.
    """
    if bool(cosine) + bool(milestones) + bool(exponential) > 1:
        raise ValueError(
            "a schedule has milestones or a cosine or an exponential fall; got more than one"
        )
    if warmup >= epochs:
        raise ValueError(
            f"a warm-up of {warmup} epochs leaves nothing of {epochs} epochs; choose fewer"
        )
    rising, total, flat = warmup * iterations, epochs * iterations, max(flat, warmup) * iterations

    def at(step: jax.typing.ArrayLike) -> jax.Array:
        step = jnp.asarray(step, jnp.float32)
        ramp = start + (1 - start) * jnp.minimum(step / max(rising, 1), 1.0) if rising else 1.0
        fraction = jnp.clip((step - flat) / max(total - flat, 1), 0.0, 1.0)
        if exponential:
            return learning_rate * ramp * exponential**fraction
        if cosine:
            return ramp * (end + (learning_rate - end) * 0.5 * (1 + jnp.cos(jnp.pi * fraction)))
        passed = sum(
            ((step >= m * iterations).astype(jnp.float32) for m in milestones), jnp.float32(0)
        )
        return learning_rate * ramp * factor**passed

    return at

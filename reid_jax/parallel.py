"""The only file that knows devices and processes, with `mapped`, the only map over devices.

Every array of a replicated tree has a leading axis of devices, and `first` reads it. A batch
arrives as this process's share of the rows, in the order of its devices; the devices of all
processes together hold the global batch in order.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.experimental import multihost_utils

from reid_jax import dealt, distance
from reid_jax.mapped import AXIS, kind, mapped
from reid_jax.types import Array, Batch, Method, Model, TrainState, Variables

Step = Callable[[TrainState, Batch], tuple[TrainState, dict[str, Array]]]
Embed = Callable[[Variables, np.ndarray], np.ndarray]


def average(moments: Array, span: int) -> tuple[Array, int]:
    """Average moments [groups 2 c] over `span` neighbouring devices (0: all).

    Returns:
        The moments, and how many devices they are the mean of.

    Raises:
        ValueError: the number of devices is no multiple of `span`.
    """
    span = span or lax.axis_size(AXIS)
    if span == 1:
        return moments, 1
    if lax.axis_size(AXIS) % span:
        raise ValueError(
            f"a group of rows lies on {span} of {lax.axis_size(AXIS)} devices; choose another "
            "bn_group"
        )
    everyone = lax.all_gather(moments, AXIS)
    start = lax.axis_index(AXIS) // span * span
    return lax.dynamic_slice_in_dim(everyone, start, span).mean(0), span


def gather(tree: Any) -> Any:
    """Rows of all devices, in order: [b/devices ...] -> [b ...] on every device."""
    return jax.tree.map(lambda x: lax.all_gather(x, AXIS, tiled=True), tree)


def deal(function: Callable, *rows: Array) -> Any:
    """function(*rows), of rows that every device has; each computes its share (`dealt`).

    The rows are [b ...]; where the devices do not divide b, each computes all of them.
    """
    devices, count = lax.axis_size(AXIS), len(rows[0])
    if devices == 1 or count % devices:
        return function(*rows)
    own = count // devices
    start = lax.axis_index(AXIS) * own
    return gather(function(*(lax.dynamic_slice_in_dim(part, start, own) for part in rows)))


def replicate(tree: Any, devices: list | None = None) -> Any:
    """The same tree on each of this process's devices."""
    devices = devices or jax.local_devices()
    return _copier(tuple(devices), kind())(np.arange(len(devices)), tree)


@cache
def _copier(devices: tuple, _: str) -> Callable:
    return mapped(lambda _, tree: tree, (0, None), devices=list(devices))


def renew(tree: Any, before: Any, after: Any) -> Any:
    """Send the leaves of a tree that were replaced on the host to the devices.

    Args:
        tree: replicated.
        before: its copy on the host.
        after: that copy with some leaves replaced.

    Returns:
        The replicated tree with the new leaves.

    Raises:
        ValueError: a new leaf has another shape or dtype; it names the leaf.
    """

    def sent(path: Any, old: Any, was: np.ndarray, now: Any) -> Any:
        if now is was:
            return old
        now = np.asarray(now)
        if now.shape != was.shape or now.dtype != was.dtype:
            raise ValueError(
                f"{jax.tree_util.keystr(path)} was {was.dtype}{list(was.shape)} and has become "
                f"{now.dtype}{list(now.shape)}; a state keeps its shapes"
            )
        return replicate(now, [shard.device for shard in old.addressable_shards])

    return jax.tree.map_with_path(sent, tree, before, after)


def first(tree: Any) -> Any:
    """The copy of the first device, as numpy arrays."""
    return jax.tree.map(lambda x: np.asarray(x.addressable_data(0)).reshape(x.shape[1:]), tree)


def split(tree: Any, devices: list | None = None) -> Any:
    """This process's rows dealt to its devices: [b ...] -> [devices b/devices ...]."""
    count = len(devices or jax.local_devices())

    def deal(x: np.ndarray) -> np.ndarray:
        if x.shape[0] % count:
            raise ValueError(
                f"a batch of {x.shape[0]} rows cannot be split over {count} devices; choose a "
                f"multiple of {count}"
            )
        return x.reshape(count, x.shape[0] // count, *x.shape[1:])

    return jax.tree.map(deal, tree)


def share() -> tuple[int, int]:
    """(which, of): this process's number and how many there are; each reads its share of rows."""
    return jax.process_index(), jax.process_count()


def agreed(wish: bool) -> bool:
    """Whether any process wishes it: all get the same answer, and save or stop at the same step."""
    if jax.process_count() == 1:
        return wish
    return bool(np.any(multihost_utils.process_allgather(np.asarray(wish))))


def preempted(step: int) -> bool:
    """Whether all processes stop after this step, since one of them is to be ended.

    jax spreads the notice and chooses a step that none of them is past; asked after each step, it
    costs no communication. Without other processes it is False.
    """
    return multihost_utils.reached_preemption_sync_point(step)


def firsts(numbers: Sequence[int]) -> list[int]:
    """The whole numbers that process 0 gives; all get them."""
    if jax.process_count() == 1:
        return list(numbers)
    count = int(multihost_utils.broadcast_one_to_all(np.asarray(len(numbers))))
    mine = np.resize(np.asarray(numbers, np.int32), count)
    return np.asarray(multihost_utils.broadcast_one_to_all(mine)).tolist()


def whole(rows: int) -> int:
    """`rows`, rounded up to a multiple of this process's devices."""
    return -(-rows // jax.local_device_count()) * jax.local_device_count()


def build_step(
    method: Method,
    optimiser: optax.GradientTransformation,
    *,
    seed: int,
    devices: list | None = None,
) -> Step:
    """Build one optimiser step over all devices of all processes.

    `forward` runs on each device's rows; outputs and tags are gathered, and `loss` is taken on the
    global batch everywhere, so that hard mining means the same on 1 and on 8 devices; only what it
    computes of each row by itself is dealt to the devices. The transpose of the gathering sums over
    devices, hence the mean of the gradients is the gradient of the global loss. Random numbers come
    from fold_in(seed, step) alone: a forward that needs them per row folds in the row's index.

    Args:
        method: what is trained.
        optimiser: of its params.
        seed: of the random numbers.
        devices: of this process, all by default.

    Returns:
        (replicated state, this process's batch) -> (state, metrics).
    """

    def one(state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, Array]]:
        key = jax.random.fold_in(jax.random.key(seed), state.step)
        params = state.variables["params"]

        def objective(params: Any) -> Any:
            outputs, stats = method.forward(
                {**state.variables, "params": params}, state.carry, batch, key
            )
            with dealt.by(deal):
                value, aux = method.loss(
                    gather(outputs), gather(batch.tags), state.carry, state.step
                )
            return value, (aux, stats)

        (value, (aux, stats)), gradient = jax.value_and_grad(objective, has_aux=True)(params)
        gradient, stats = lax.pmean((gradient, stats), AXIS)
        change, opt = optimiser.update(gradient, state.opt, params)
        variables = {**state.variables, "params": optax.apply_updates(params, change)}
        if "batch_stats" in variables:
            variables["batch_stats"] = stats
        carry = method.update(state.carry, variables, aux)
        return TrainState(state.step + 1, variables, opt, carry), {"loss": value, **aux.metrics}

    run = mapped(one, (0, 0), donate=(0,), devices=devices)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, Array]]:
        return run(state, split(batch, devices))

    return step


def build_embed(model: Model, *, flip: bool = False, devices: list | None = None) -> Embed:
    """Build the embedding of pictures by all devices of all processes.

    Args:
        model: the encoder.
        flip: add the normalised embeddings of the picture and of its mirror image.
        devices: of this process, all by default.

    Returns:
        (replicated encoder variables, this process's pictures [b h w 3]) -> embeddings
        f32[b * processes d], the same on every process.
    """

    def one(variables: Variables, image: Array) -> Array:
        embedding = model.apply(variables, image, False)[0].embedding
        if flip:
            mirrored = model.apply(variables, image[:, :, ::-1], False)[0].embedding
            embedding = distance.normalise(embedding) + distance.normalise(mirrored)
        return gather(embedding.astype(jnp.float32))

    run = mapped(one, (0, 0), devices=devices)

    def embed(variables: Variables, image: np.ndarray) -> np.ndarray:
        return first(run(variables, split(image, devices)))

    return embed


def build_statistics(model: Model) -> Callable[[Variables, np.ndarray], Variables]:
    """Build what a training step makes of an encoder's batch statistics, on one device.

    Args:
        model: the encoder.

    Returns:
        (its variables on the host, pictures [b h w 3]) -> batch_stats, moved towards those of the
        pictures; they stay where the encoder freezes them.
    """
    devices = jax.local_devices()[:1]

    def one(variables: Variables, image: Array) -> Any:
        return model.apply(variables, image, True, jax.random.key(0))[1]

    run = mapped(one, (0, 0), devices=devices)

    def statistics(variables: Variables, image: np.ndarray) -> Variables:
        return first(run(replicate(variables, devices), split(image, devices)))

    return statistics

"""A function on every device: `jax.pmap`, or its twin made of `jax.shard_map`.

The environment variable REID_MAP names one of them; a jax without pmap uses the twin. Both compute
the same, bit for bit. If there are several processes, the leading axis of pmap's results is of this
process's devices, and that of the twin's results of all; `parallel.first` reads either.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from reid_jax.types import Array

AXIS = "devices"
MAPS = ("pmap", "shard_map")


def mapped(
    function: Callable,
    in_axes: tuple[int | None, ...],
    *,
    donate: tuple[int, ...] = (),
    devices: list | None = None,
) -> Callable:
    """Run a function on each device of all processes.

    Args:
        function: of one device's trees; it returns a tree, and may use AXIS.
        in_axes: of each argument: 0, it has a leading axis of this process's devices; None, all
            devices get it as it is.
        donate: numbers of the arguments whose memory the results may take.
        devices: of this process, all by default; several processes use all.

    Returns:
        The function of all devices' trees; its results have a leading axis of devices.

    Raises:
        ValueError: REID_MAP is none of MAPS.
    """
    devices = None if jax.process_count() > 1 else devices
    if kind() == "pmap":
        return jax.pmap(function, AXIS, in_axes=in_axes, donate_argnums=donate, devices=devices)
    # in pmap's order: the devices of a process are neighbours
    devices = devices or sorted(jax.devices(), key=lambda device: device.process_index)
    return _shard_mapped(function, in_axes, donate, Mesh(np.array(devices), (AXIS,)))


def kind() -> str:
    """Which of MAPS is in use: what REID_MAP says, else pmap where jax has it."""
    name = os.environ.get("REID_MAP") or ("pmap" if hasattr(jax, "pmap") else "shard_map")
    if name not in MAPS:
        raise ValueError(f"REID_MAP is {name!r}; set it to {' or '.join(MAPS)}, or leave it out")
    return name


def _shard_mapped(
    function: Callable, in_axes: tuple[int | None, ...], donate: tuple[int, ...], mesh: Mesh
) -> Callable:
    """The twin of pmap."""
    rows = PartitionSpec(AXIS)
    specs = tuple(PartitionSpec() if axis is None else rows for axis in in_axes)
    shardings = tuple(NamedSharding(mesh, spec) for spec in specs)

    def one(*arguments: Any) -> Any:
        mine = [
            tree if axis is None else jax.tree.map(lambda x: lax.squeeze(x, [0]), tree)
            for axis, tree in zip(in_axes, arguments, strict=True)
        ]
        return jax.tree.map(lambda x: lax.expand_dims(x, [0]), function(*mine))

    # check_vma=False, as in pmap: jax adds no sum over devices to a gradient
    run = jax.jit(
        jax.shard_map(one, mesh=mesh, in_specs=specs, out_specs=rows, check_vma=False),
        in_shardings=shardings,
        out_shardings=NamedSharding(mesh, rows),
        donate_argnums=donate,
    )

    def together(*arguments: Any) -> Any:
        pairs = zip(shardings, arguments, strict=True)
        return run(*(jax.tree.map(partial(_whole, sharding), tree) for sharding, tree in pairs))

    return run if jax.process_count() == 1 else together


def _whole(sharding: NamedSharding, leaf: Any) -> Array:
    """The array of all processes, of this process's part; a result is one already."""
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        return leaf
    return jax.make_array_from_process_local_data(sharding, np.asarray(leaf))

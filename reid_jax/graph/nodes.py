"""An ONNX graph as it is built: nodes, constants, and tensors that remember their layout.

JAX's images are [b h w c], ONNX's convolutions take [b c h w]. A `Tensor` says in which order its
axes lie, so a transpose costs no node until a node needs another order, and a network of
convolutions needs one transpose in all.
"""

from itertools import count
from typing import Any, NamedTuple

import numpy as np

FREE = 1 << 20  # what the free batch counts as where sizes are compared


class Untranslated(ValueError):
    """A function computes something that has no translation."""


class Node(NamedTuple):
    """An operator of ONNX, the names of what it takes and gives, and its attributes."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class Tensor(NamedTuple):
    """A value that depends on the pictures.

    Attributes:
        name: in the graph.
        dims: of JAX's axes; the batch is no int. An axis that is only broadcast may still be 1.
        order: the graph's axis i is JAX's axis order[i].
    """

    name: str
    dims: tuple[Any, ...]
    order: tuple[int, ...]

    @property
    def shape(self) -> tuple[Any, ...]:
        """The dims in the graph's order."""
        return tuple(self.dims[axis] for axis in self.order)


Value = Tensor | np.ndarray


class Graph:
    """Nodes in an order in which they can run.

    Attributes:
        nodes: a list of `Node`.
        constants: arrays by name.
        shapes: of the nodes' outputs by name, in the graph's order.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray] = {}
        self.shapes: dict[str, tuple[Any, ...]] = {}
        self._number = count()

    def name(self, of: str) -> str:
        """A new name."""
        return f"{of}_{next(self._number)}"

    def constant(self, array: Any) -> str:
        """Keep an array; its name."""
        name = self.name("constant")
        self.constants[name] = np.ascontiguousarray(array)
        return name

    def ints(self, *numbers: int) -> str:
        """Keep whole numbers, as ONNX takes shapes and axes; their name."""
        return self.constant(np.asarray(numbers, np.int64))

    def add(
        self,
        op: str,
        inputs: tuple[str, ...],
        dims: tuple[Any, ...],
        order: tuple[int, ...] | None = None,
        **attributes: Any,
    ) -> Tensor:
        """Add a node with one output of these dims and this order (JAX's by default)."""
        name = self.name(op)
        self.nodes.append(Node(op, inputs, (name,), attributes))
        tensor = Tensor(name, dims, order or tuple(range(len(dims))))
        self.shapes[name] = tensor.shape
        return tensor

    def arranged(self, value: Value, order: tuple[int, ...]) -> Tensor:
        """The value as a tensor whose axes lie in this order."""
        if isinstance(value, np.ndarray):
            return Tensor(self.constant(value.transpose(order)), value.shape, order)
        if value.order == order:
            return value
        shape = tuple(value.dims[axis] for axis in order)
        wide = [axis for axis in value.order if value.dims[axis] != 1]
        if wide == [axis for axis in order if value.dims[axis] != 1]:
            return self.reshaped(value, value.dims, shape, order)
        place = [value.order.index(axis) for axis in order]
        return self.add("Transpose", (value.name,), value.dims, order, perm=place)

    def plain(self, value: Value) -> Tensor:
        """The value as a tensor in JAX's order."""
        return self.arranged(value, tuple(range(len(_dims(value)))))

    def reshaped(
        self,
        tensor: Tensor,
        dims: tuple[Any, ...],
        shape: tuple[Any, ...],
        order: tuple[int, ...] | None = None,
    ) -> Tensor:
        """The same numbers in another shape (in the graph's order), at most one dim of it free."""
        free = [dim for dim in shape if not isinstance(dim, int)]
        if len(free) > 1:
            raise Untranslated(f"a reshape to {shape} has no translation to ONNX")
        sizes = [dim if isinstance(dim, int) else -1 for dim in shape]
        return self.add("Reshape", (tensor.name, self.ints(*sizes)), dims, order)

    def spread(self, value: Value, dims: tuple[Any, ...]) -> Value:
        """The value with the broadcast done that was put off."""
        if _dims(value) == dims:
            return value
        if isinstance(value, np.ndarray):
            if all(isinstance(dim, int) for dim in dims):
                return np.broadcast_to(value, dims)
            raise Untranslated(f"a constant of a free shape {dims} has no translation to ONNX")
        pairs = [(value.dims[axis], dims[axis]) for axis in value.order]
        sizes = [1 if now == then else then for now, then in pairs]  # 1: as it is
        if not all(isinstance(size, int) for size in sizes):
            raise Untranslated(f"a broadcast to {dims} has no translation to ONNX")
        return self.add("Expand", (value.name, self.ints(*sizes)), dims, value.order)

    def together(self, *values: Value) -> tuple[list[str], tuple[Any, ...], tuple[int, ...]]:
        """Names of operands in the order of the largest, and the dims and order of the result."""
        tensors = [value for value in values if isinstance(value, Tensor)]
        order = max(tensors, key=lambda one: _size(one.dims)).order
        names: list[str] = []
        for value in values:
            if isinstance(value, np.ndarray) and not value.ndim:
                names.append(self.constant(value))
            else:
                names.append(self.arranged(value, order).name)
        dims = [_dims(value) for value in values if _dims(value)]
        return names, tuple(_widest(axis) for axis in zip(*dims, strict=True)), order


def _dims(value: Value) -> tuple[Any, ...]:
    return value.shape if isinstance(value, np.ndarray) else value.dims


def _size(dims: tuple[Any, ...]) -> int:
    return int(np.prod([dim if isinstance(dim, int) else FREE for dim in dims]))


def _widest(dims: tuple[Any, ...]) -> Any:
    return next((dim for dim in dims if dim != 1), 1)

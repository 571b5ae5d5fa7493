"""What each primitive of JAX is in ONNX.

A translation takes the graph, the equation and its inputs, at least one of which depends on the
pictures, and gives the output, or a list where there are several.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from reid_jax.graph import windows
from reid_jax.graph.nodes import Graph, Tensor, Untranslated, Value

Translation = Callable[..., Value | list[Value]]
TYPES = {"float32": 1, "bfloat16": 1, "uint8": 2, "int32": 6, "bool": 9}  # ONNX's numbers


def _elementwise(*ops: str) -> Callable[..., Tensor]:
    """Operators one after the other; the first takes all inputs."""

    def translate(graph: Graph, equation: Any, *inputs: Value) -> Tensor:
        names, dims, order = graph.together(*inputs)
        for op in ops:
            out = graph.add(op, tuple(names), dims, order)
            names = [out.name]
        return out

    return translate


def _maximum(graph: Graph, equation: Any, x: Value, y: Value) -> Value:
    x, y = (y, x) if isinstance(x, np.ndarray) else (x, y)
    relu = isinstance(y, np.ndarray) and not y.any()
    return _elementwise("Relu")(graph, equation, x) if relu else _elementwise("Max")(
        graph, equation, x, y
    )  # fmt: skip


def _minimum(graph: Graph, equation: Any, x: Value, y: Value) -> Value:
    x, y = (y, x) if isinstance(x, np.ndarray) else (x, y)
    if isinstance(x, Tensor) and isinstance(y, np.ndarray) and y.size and np.ptp(y) == 0:
        before = next((node for node in reversed(graph.nodes) if x.name in node.outputs), None)
        if before is not None and before.op == "Relu":  # ReLU6, which runtimes fuse as a Clip
            bounds = (graph.constant(np.float32(bound)) for bound in (0.0, y.flat[0]))
            return graph.add("Clip", (before.inputs[0], *bounds), x.dims, x.order)
    return _elementwise("Min")(graph, equation, x, y)


def _square(graph: Graph, equation: Any, x: Tensor) -> Value:
    return _elementwise("Mul")(graph, equation, x, x)


def _power(graph: Graph, equation: Any, x: Tensor) -> Value:
    exponent = np.asarray(equation.params["y"], np.float32)
    return _elementwise("Pow")(graph, equation, x, exponent)


def _erfc(graph: Graph, equation: Any, x: Tensor) -> Value:
    one = np.asarray(1, np.float32)
    return _elementwise("Sub")(graph, equation, one, _elementwise("Erf")(graph, equation, x))


def _cast(graph: Graph, equation: Any, x: Tensor) -> Value:
    before, after = (
        TYPES.get(np.dtype(one).name)
        for one in (equation.invars[0].aval.dtype, equation.params["new_dtype"])
    )
    if None in (before, after):
        raise Untranslated(f"{equation.params['new_dtype']} has no translation to ONNX")
    return x if before == after else graph.add("Cast", (x.name,), x.dims, x.order, to=after)


def _select(graph: Graph, equation: Any, which: Value, *cases: Value) -> Value:
    if len(cases) != 2:
        raise Untranslated("a choice among more than two has no translation to ONNX")
    return _elementwise("Where")(graph, equation, which, cases[1], cases[0])


def _transpose(graph: Graph, equation: Any, x: Tensor) -> Value:
    permutation = tuple(equation.params["permutation"])
    dims = tuple(x.dims[axis] for axis in permutation)
    return Tensor(x.name, dims, tuple(permutation.index(axis) for axis in x.order))


def _reshape(graph: Graph, equation: Any, x: Tensor) -> Value:
    before, after = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
    whole = graph.spread(x, before)
    assert isinstance(whole, Tensor)
    if (narrow := _narrowed(whole, after)) is not None:
        shape = tuple(after[axis] for axis in narrow)
        return graph.reshaped(whole, after, shape, narrow)
    return graph.reshaped(graph.plain(whole), after, after)


def _narrowed(x: Tensor, after: tuple[Any, ...]) -> tuple[int, ...] | None:
    """The order of x behind a reshape that only adds or removes axes of 1; None: another one."""
    wide = [axis for axis, dim in enumerate(x.dims) if dim != 1]
    there = [axis for axis, dim in enumerate(after) if dim != 1]
    if [x.dims[axis] for axis in wide] != [after[axis] for axis in there]:
        return None
    ones = [axis for axis, dim in enumerate(after) if dim == 1]
    moved = [there[wide.index(axis)] for axis in x.order if axis in wide]
    return (*moved, *ones) if moved != sorted(moved) else tuple(range(len(after)))


def _broadcast(graph: Graph, equation: Any, x: Value, *_: Value) -> Value:
    """Axes of 1 are added; that they are wider is left to whoever needs it (`Graph.spread`)."""
    places, shape = (equation.params[name] for name in ("broadcast_dimensions", "shape"))
    dims: list[Any] = [1] * len(shape)
    for place, dim in zip(places, x.shape if isinstance(x, np.ndarray) else x.dims, strict=True):
        dims[place] = dim
    if isinstance(x, np.ndarray):
        known = [dim if isinstance(dim, int) else 1 for dim in shape]
        return np.broadcast_to(x.reshape(dims), known)
    if len(dims) == len(x.dims):
        return x
    return graph.reshaped(graph.plain(x), tuple(dims), tuple(dims))


def _reduce(op: str) -> Translation:
    def translate(graph: Graph, equation: Any, x: Tensor) -> Value:
        axes = equation.params["axes"]
        if not axes:
            return x
        whole = graph.spread(x, equation.invars[0].aval.shape)
        assert isinstance(whole, Tensor)
        left = [axis for axis in range(len(whole.dims)) if axis not in axes]
        order = tuple(left.index(axis) for axis in whole.order if axis in left)
        where = sorted(whole.order.index(axis) for axis in axes)
        dims = tuple(whole.dims[axis] for axis in left)
        if op == "ReduceSum":
            return graph.add(op, (whole.name, graph.ints(*where)), dims, order, keepdims=0)
        return graph.add(op, (whole.name,), dims, order, axes=where, keepdims=0)

    return translate


def _slice(graph: Graph, equation: Any, x: Tensor) -> Value:
    params, whole = equation.params, graph.spread(x, equation.invars[0].aval.shape)
    steps = params["strides"] or (1,) * len(x.dims)
    return cut(graph, whole, params["start_indices"], params["limit_indices"], steps)


def cut(graph: Graph, x: Any, starts: Any, stops: Any, steps: Any) -> Tensor:
    """The part of a tensor; axes that stay whole are not named."""
    axes = [
        axis
        for axis, dim in enumerate(x.dims)
        if not (steps[axis] == 1 and starts[axis] == 0 and stops[axis] == dim)
    ]
    if not axes:
        return x
    numbers = [[one[axis] for axis in axes] for one in (starts, stops, steps)]
    if not all(isinstance(number, int | np.integer) for row in numbers for number in row):
        raise Untranslated("a part of the batch has no translation to ONNX")
    dims = list(x.dims)
    for axis in axes:
        dims[axis] = len(range(starts[axis], stops[axis], steps[axis]))
    where = [x.order.index(axis) for axis in axes]
    inputs = [graph.ints(*row) for row in (*numbers[:2], where, numbers[2])]
    return graph.add("Slice", (x.name, *inputs), tuple(dims), x.order)


def _reverse(graph: Graph, equation: Any, x: Tensor) -> Value:
    axes = equation.params["dimensions"]
    where = [x.order.index(axis) for axis in axes]
    rows = ([-1] * len(axes), [np.iinfo(np.int64).min + 1] * len(axes), where, [-1] * len(axes))
    return graph.add("Slice", (x.name, *(graph.ints(*row) for row in rows)), x.dims, x.order)


def _gather(graph: Graph, equation: Any, x: Tensor, start: Value) -> Value:
    """Of known places: how JAX writes x[..., a:b] and x[:, ::2] where the batch is free."""
    numbers, sizes = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    whole = graph.spread(x, equation.invars[0].aval.shape)
    if not isinstance(start, np.ndarray) or not isinstance(whole, Tensor):
        raise Untranslated("a gathering from places that depend on the picture")
    if start.ndim == 1 and not numbers.collapsed_slice_dims:
        starts, stops = [0] * len(whole.dims), list(whole.dims)
        for axis, first in zip(numbers.start_index_map, start.tolist(), strict=True):
            starts[axis] = min(max(first, 0), whole.dims[axis] - sizes[axis])
            stops[axis] = starts[axis] + sizes[axis]
        return cut(graph, whole, starts, stops, (1,) * len(starts))
    if sizes[0] != whole.dims[0] or 0 in (*numbers.start_index_map, *numbers.collapsed_slice_dims):
        raise Untranslated("a gathering of some rows of the batch has no translation to ONNX")
    # which number of a picture each number of the result is: the same gathering, of their places
    count = int(np.prod(whole.dims[1:]))
    places = np.arange(count, dtype=np.int32).reshape(1, *whole.dims[1:])
    params = {**equation.params, "slice_sizes": (1, *sizes[1:])}
    which = np.asarray(equation.primitive.bind(places, start, **params), np.int64)
    after = equation.outvars[0].aval.shape
    flat = graph.reshaped(graph.plain(whole), (whole.dims[0], count), (whole.dims[0], count))
    inputs = (flat.name, graph.constant(which.reshape(-1)))
    taken = graph.add("Gather", inputs, (whole.dims[0], which.size), axis=1)
    axis = numbers.offset_dims[0]  # of the batch, in the result
    moved = (after[axis], *after[:axis], *after[axis + 1 :])
    order = (axis, *(one for one in range(len(after)) if one != axis))
    return graph.reshaped(taken, after, moved, order)


def _unchanged(graph: Graph, equation: Any, *inputs: Value) -> list[Value]:
    return list(inputs)


def _concatenate(graph: Graph, equation: Any, *parts: Value) -> Value:
    whole = [
        graph.spread(part, one.aval.shape) for part, one in zip(parts, equation.invars, strict=True)
    ]
    order = next(one.order for one in whole if isinstance(one, Tensor))
    names = tuple(graph.arranged(one, order).name for one in whole)
    axis = order.index(equation.params["dimension"])
    return graph.add("Concat", names, equation.outvars[0].aval.shape, order, axis=axis)


def _split(graph: Graph, equation: Any, x: Tensor) -> list[Value]:
    axis, start, parts = equation.params["axis"], 0, list[Value]()
    for size in equation.params["sizes"]:
        starts, stops = [0] * len(x.dims), list(x.dims)
        starts[axis], stops[axis] = start, start + size
        parts.append(cut(graph, x, starts, stops, (1,) * len(starts)))
        start += size
    return parts


def _pad(graph: Graph, equation: Any, x: Tensor, value: Value) -> Value:
    rows = [equation.params["padding_config"][axis] for axis in x.order]
    if any(inner or low < 0 or high < 0 for low, high, inner in rows):
        raise Untranslated("a padding inside or below nothing has no translation to ONNX")
    whole = graph.spread(x, equation.invars[0].aval.shape)
    assert isinstance(whole, Tensor) and isinstance(value, np.ndarray)
    pads = graph.ints(*(row[0] for row in rows), *(row[1] for row in rows))
    inputs = (whole.name, pads, graph.constant(value))
    return graph.add("Pad", inputs, equation.outvars[0].aval.shape, whole.order)


_OPS = {
    "add": "Add", "add_any": "Add", "sub": "Sub", "mul": "Mul", "div": "Div",
    "pow": "Pow", "neg": "Neg", "exp": "Exp", "log": "Log", "tanh": "Tanh", "erf": "Erf",
    "logistic": "Sigmoid", "sqrt": "Sqrt", "abs": "Abs", "floor": "Floor", "sign": "Sign",
    "sin": "Sin", "cos": "Cos", "gt": "Greater", "lt": "Less", "ge": "GreaterOrEqual",
    "le": "LessOrEqual", "eq": "Equal", "and": "And", "or": "Or", "not": "Not",
}  # fmt: skip
TABLE: dict[str, Translation] = {
    **{name: _elementwise(op) for name, op in _OPS.items()},
    "rsqrt": _elementwise("Sqrt", "Reciprocal"),
    "max": _maximum,
    "min": _minimum,
    "square": _square,
    "integer_pow": _power,
    "erfc": _erfc,
    "convert_element_type": _cast,
    "select_n": _select,
    "transpose": _transpose,
    "reshape": _reshape,
    "squeeze": _reshape,
    "expand_dims": _reshape,
    "broadcast_in_dim": _broadcast,
    "reduce_sum": _reduce("ReduceSum"),
    "reduce_max": _reduce("ReduceMax"),
    "reduce_min": _reduce("ReduceMin"),
    "slice": _slice,
    "rev": _reverse,
    "gather": _gather,
    "optimization_barrier": _unchanged,
    "concatenate": _concatenate,
    "split": _split,
    "pad": _pad,
    "conv_general_dilated": windows.convolution,
    "reduce_window_max": windows.maximum,
    "reduce_window_sum": windows.total,
    "dot_general": windows.product,
}

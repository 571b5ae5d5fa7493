"""Convolutions, poolings and products of matrices in ONNX."""

from typing import Any

import numpy as np

from reid_jax.graph.nodes import Graph, Tensor, Untranslated, Value


def convolution(graph: Graph, equation: Any, x: Value, kernel: Value) -> Value:
    """A convolution [b c h w] with a kernel that is known."""
    params = equation.params
    numbers = params["dimension_numbers"]
    dilated = any(step != 1 for step in params["lhs_dilation"])
    if dilated or params["batch_group_count"] != 1 or not isinstance(kernel, np.ndarray):
        raise Untranslated("a convolution with holes in its image, or of two images")
    whole = graph.spread(x, equation.invars[0].aval.shape)
    image = graph.arranged(whole, tuple(numbers.lhs_spec))
    weight = kernel.transpose(numbers.rhs_spec)
    attributes = {
        "group": params["feature_group_count"],
        "kernel_shape": list(weight.shape[2:]),
        "strides": list(params["window_strides"]),
        "dilations": list(params["rhs_dilation"]),
        "pads": _pads(params["padding"]),
    }
    inputs = (image.name, graph.constant(weight))
    dims = equation.outvars[0].aval.shape
    return graph.add("Conv", inputs, dims, tuple(numbers.out_spec), **attributes)


def maximum(graph: Graph, equation: Any, x: Tensor) -> Value:
    """Max pooling over two axes."""
    return _pool(graph, equation, x, "MaxPool")


def total(graph: Graph, equation: Any, x: Tensor) -> Value:
    """The sum of each window, as average pooling times its size."""
    mean = _pool(graph, equation, x, "AveragePool", count_include_pad=1)
    size = np.asarray(np.prod(equation.params["window_dimensions"]), np.float32)
    return graph.add("Mul", (mean.name, graph.constant(size)), mean.dims, mean.order)


def _pool(graph: Graph, equation: Any, x: Tensor, op: str, **attributes: Any) -> Tensor:
    params, rank = equation.params, len(x.dims)
    size = params["window_dimensions"]
    inside = [axis for axis in range(rank) if size[axis] != 1]
    dilated = any(step != 1 for step in (*params["base_dilation"], *params["window_dilation"]))
    if rank != 4 or 0 in inside or len(inside) > 2 or dilated:
        raise Untranslated(f"a pooling over windows of {size} has no translation to ONNX")
    # of [b h w c] over h and w; channels are the axis that no window covers
    channel = next(axis for axis in (3, 1, 2) if axis not in inside)
    order = (0, channel, *(axis for axis in (1, 2, 3) if axis != channel))
    if params["window_strides"][channel] != 1:
        raise Untranslated("a pooling that leaves out channels has no translation to ONNX")
    whole = graph.spread(x, equation.invars[0].aval.shape)
    image = graph.arranged(whole, order)
    attributes = {
        "kernel_shape": [size[axis] for axis in order[2:]],
        "strides": [params["window_strides"][axis] for axis in order[2:]],
        "pads": _pads([params["padding"][axis] for axis in order[2:]]),
        **attributes,
    }
    return graph.add(op, (image.name,), equation.outvars[0].aval.shape, order, **attributes)


def _pads(padding: Any) -> list[int]:
    return [*(low for low, _ in padding), *(high for _, high in padding)]


def product(graph: Graph, equation: Any, x: Value, y: Value) -> Value:
    """A product of matrices: with a known one, or of each pair of a batch."""
    (of_x, of_y), (batch_x, batch_y) = equation.params["dimension_numbers"]
    dims = equation.outvars[0].aval.shape
    x, y = (
        graph.spread(one, side.aval.shape)
        for one, side in zip((x, y), equation.invars, strict=True)
    )
    if len(of_x) != 1:
        raise Untranslated("a product over several axes has no translation to ONNX")
    if isinstance(x, np.ndarray) and not batch_x:
        out = _known(graph, y, x, of_y[0], of_x[0])  # the axes of y come first
        behind = len(out.dims) - (x.ndim - 1)
        turned = (*range(behind, len(dims)), *range(behind))
        order = tuple(turned.index(axis) for axis in out.order)
        return Tensor(out.name, dims, order)
    if isinstance(y, np.ndarray) and not batch_y:
        return _known(graph, x, y, of_x[0], of_y[0])
    free = [
        [axis for axis in range(len(side)) if axis not in (*batch, *of)]
        for side, batch, of in ((_shape(x), batch_x, of_x), (_shape(y), batch_y, of_y))
    ]
    rows, columns = (
        _wide(side, axes) for side, axes in zip((_shape(x), _shape(y)), free, strict=True)
    )
    left = _matrices(graph, x, (*batch_x, *rows, *of_x))
    right = _matrices(graph, y, (*batch_y, *of_y, *columns))
    behind = len(batch_x)
    narrow = (*dims[:behind], _shape(x)[rows[0]], _shape(y)[columns[0]])
    out = graph.add("MatMul", (left.name, right.name), narrow)
    return out if narrow == tuple(dims) else graph.reshaped(out, dims, dims)


def _wide(shape: tuple[Any, ...], axes: list[int]) -> list[int]:
    """The one of some axes that is wider than 1, or their first where none is."""
    wide = [axis for axis in axes if shape[axis] != 1] or axes[:1]
    if len(wide) != 1:
        raise Untranslated("a product of tensors of these axes has no translation to ONNX")
    return wide


def _matrices(graph: Graph, x: Value, axes: tuple[int, ...]) -> Tensor:
    """A tensor as a batch of matrices: these axes in this order, the others, of 1, left out."""
    shape = _shape(x)
    ones = [axis for axis in range(len(shape)) if axis not in axes]
    whole = graph.arranged(x, (*ones, *axes))
    if not ones:
        return whole
    kept = tuple(shape[axis] for axis in axes)
    return graph.reshaped(whole, kept, kept)


def _known(graph: Graph, x: Any, matrix: np.ndarray, over: int, of: int) -> Tensor:
    """The product of a tensor with a matrix [k n] that is known: the axes of x, then n."""
    if matrix.ndim != 2:
        raise Untranslated("a product with a known tensor has no translation to ONNX")
    left = [axis for axis in range(len(x.dims)) if axis != over]
    image = graph.arranged(x, (*left, over))
    weight = graph.constant(matrix if of == 0 else matrix.T)
    dims = (*(x.dims[axis] for axis in left), matrix.shape[1 - of])
    return graph.add("MatMul", (image.name, weight), dims)


def _shape(value: Value) -> tuple[Any, ...]:
    return value.shape if isinstance(value, np.ndarray) else value.dims

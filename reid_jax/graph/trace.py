"""From a function of JAX to a graph: its jaxpr is walked, and what needs no picture is computed."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.export
import numpy as np

from reid_jax.graph.nodes import Graph, Node, Tensor, Untranslated, Value
from reid_jax.graph.primitives import TABLE

IMAGE, EMBEDDING = "image", "embedding"  # names of the graph's input and output
INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # where a call keeps its function
NOTHING = ("copy", "copy_p", "stop_gradient", "optimization_barrier")


def traced(function: Callable[[Any], Any], size: tuple[int, int]) -> Graph:
    """Translate a function of pictures.

    Args:
        function: uint8 [b h w 3] -> f32 [b d], of any b; its weights are inside.
        size: (h, w).

    Returns:
        The graph; its input is named IMAGE, its output EMBEDDING. It computes in float32 where the
        function computes in bfloat16.

    Raises:
        Untranslated: the function computes something that is not in `primitives.TABLE`.
    """
    (batch,) = jax.export.symbolic_shape("batch")
    shape = (batch, *size, 3)
    closed = jax.make_jaxpr(function)(jax.ShapeDtypeStruct(shape, np.uint8))
    graph = Graph()
    image = Tensor(IMAGE, shape, (0, 1, 2, 3))
    graph.shapes[IMAGE] = shape
    (out,) = _walked(graph, closed.jaxpr, [_plain(one) for one in closed.consts], [image])
    if not isinstance(out, Tensor):
        raise Untranslated("the embedding does not depend on the picture")
    out = graph.plain(out)
    graph.nodes.append(Node("Identity", (out.name,), (EMBEDDING,), {}))
    graph.shapes[EMBEDDING] = out.shape
    return graph


def _walked(
    graph: Graph, jaxpr: Any, constants: Sequence[Value], inputs: Sequence[Value]
) -> list[Value]:
    """The outputs of a jaxpr; its equations become nodes of the graph."""
    known: dict[Any, Value] = {}
    known.update(zip(jaxpr.constvars, constants, strict=True))
    known.update(zip(jaxpr.invars, inputs, strict=True))

    def read(variable: Any) -> Value:
        if hasattr(variable, "val"):  # a number, which has a type in the jaxpr only
            return _plain(np.asarray(variable.val, variable.aval.dtype))
        return known[variable]

    for equation in _needed(jaxpr):
        outputs = _translated(graph, equation, [read(one) for one in equation.invars])
        known.update(zip(equation.outvars, outputs, strict=True))
    return [read(one) for one in jaxpr.outvars]


def _needed(jaxpr: Any) -> list[Any]:
    """The equations that the outputs depend on, in order."""
    wanted, kept = set(map(id, jaxpr.outvars)), []
    for equation in reversed(jaxpr.eqns):
        if wanted.intersection(map(id, equation.outvars)):
            kept.append(equation)
            wanted.update(map(id, equation.invars))
    return kept[::-1]


def _translated(graph: Graph, equation: Any, inputs: list[Value]) -> Sequence[Value]:
    name, params = equation.primitive.name, equation.params
    if name in NOTHING:
        return inputs
    if name == "platform_index":  # the default where there is one, the CPU's otherwise
        platforms = list(params["platforms"])
        chosen = None if None in platforms else next(one for one in platforms if "cpu" in one)
        return [np.asarray(platforms.index(chosen), np.int32)]
    if name == "cond" and isinstance(inputs[0], np.ndarray):
        branch = params["branches"][int(np.clip(inputs[0], 0, len(params["branches"]) - 1))]
        return _called(graph, branch, inputs[1:])
    inner = next((params[key] for key in INNER if key in params), None)
    if inner is not None and name not in ("scan", "while"):
        return _called(graph, inner, inputs)
    if name == "convert_element_type" and np.dtype(params["new_dtype"]).name == "bfloat16":
        params = {**params, "new_dtype": np.dtype(np.float32)}
    if name != "broadcast_in_dim" and all(isinstance(one, np.ndarray) for one in inputs):
        out = equation.primitive.bind(*inputs, **params)
        return [_plain(one) for one in (out if equation.primitive.multiple_results else [out])]
    if name not in TABLE:
        raise Untranslated(f"JAX's {name} has no translation to ONNX")
    out = TABLE[name](graph, equation, *inputs)
    return out if isinstance(out, list) else [out]


def _called(graph: Graph, inner: Any, inputs: Sequence[Value]) -> list[Value]:
    """The outputs of a function that is called, open or with its constants."""
    constants = [_plain(one) for one in getattr(inner, "consts", ())]
    return _walked(graph, getattr(inner, "jaxpr", inner), constants, inputs)


def _plain(array: Any) -> np.ndarray:
    """As numpy has it; bfloat16, which few runtimes have, as float32."""
    array = np.asarray(array)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array

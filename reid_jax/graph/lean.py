"""Fewer nodes that compute the same: what a runtime would not find by itself.

Scale and shift behind a convolution or a product go into its weights; a depthwise convolution that
was written as a sum of shifted images becomes one; paddings go into convolutions, and means over a
map become poolings.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reid_jax.graph.nodes import Graph, Node
from reid_jax.graph.trace import EMBEDDING

NEGLIGIBLE = 1e-5  # by how much 1 / n may be off where a division by n is meant


class View(NamedTuple):
    """A graph as its rules see it: who makes a value, and who takes it."""

    graph: Graph
    makers: dict[str, Node]
    takers: dict[str, list[Node]]

    def alone(self, name: str, *ops: str) -> Node | None:
        """The node of these operators that makes a value, if nobody else takes it."""
        node = self.makers.get(name)
        taken = len(self.takers.get(name, ()))
        return node if node and node.op in ops and taken == 1 else None

    def known(self, node: Node) -> tuple[str, np.ndarray] | None:
        """The input of a node of two, and the constant that is the other."""
        constants = self.graph.constants
        first, second = node.inputs
        if second in constants and first not in constants:
            return first, constants[second]
        if first in constants and second not in constants and node.op in ("Add", "Mul"):
            return second, constants[first]
        return None

    def rank(self, name: str) -> int:
        """The number of a value's axes."""
        return len(self.graph.shapes[name])


Tap = tuple[str, tuple[int, int], np.ndarray]  # a map, (row, column), factors [c]
Rule = Callable[[View, Node], list[Node] | None]


def made(graph: Graph) -> None:
    """Apply all rules to a graph, in place, until none fits any more."""
    for rules in (
        (_plain, _mean, _merged),
        (_depthwise,),
        (_padded, _merged, _folded, _reshaped),
        (_gated,),
    ):
        changed = True
        while changed:
            changed = sum(_applied(graph, rule) for rule in rules) > 0


def _applied(graph: Graph, rule: Rule) -> bool:
    """Replace each node that a rule fits by the nodes that it gives; the last has its output.

    What is made alone for a node that was replaced falls away.
    """
    makers = {name: node for node in graph.nodes for name in node.outputs}
    takers: dict[str, list[Node]] = {EMBEDDING: []}
    for node in graph.nodes:
        for name in node.inputs:
            takers.setdefault(name, []).append(node)
    view, nodes, changed = View(graph, makers, takers), [], False
    for node in graph.nodes:
        instead = rule(view, node)
        changed |= instead is not None
        for one in [node] if instead is None else instead:
            nodes.append(one)
            makers[one.outputs[0]] = one
    graph.nodes = _living(nodes)
    return changed


def _living(nodes: list[Node]) -> list[Node]:
    wanted, kept = {EMBEDDING}, []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
    return kept[::-1]


def _plain(view: View, node: Node) -> list[Node] | None:
    """Write x - c as x + -c, x / c as x * 1/c, x + 0 and x * 1 as x."""
    if node.op not in ("Add", "Sub", "Mul", "Div") or not (found := view.known(node)):
        return None
    x, constant = found
    if constant.dtype != np.float32:
        return None
    if constant.size == 1:
        idle = 0.0 if node.op in ("Add", "Sub") else 1.0
        if constant.item() == idle and view.rank(x) == view.rank(node.outputs[0]):
            return [node._replace(op="Identity", inputs=(x,))]
    if node.op in ("Add", "Mul"):
        return None
    other = -constant if node.op == "Sub" else np.float32(1) / constant
    op = "Add" if node.op == "Sub" else "Mul"
    return [node._replace(op=op, inputs=(x, view.graph.constant(other)))]


def _merged(view: View, node: Node) -> list[Node] | None:
    """Scales and shifts by constants one after the other become one scale, then one shift."""
    if node.op == "Identity" and node.outputs != (EMBEDDING,):
        return None
    inputs = tuple(_behind(view, name) for name in node.inputs)
    if inputs != node.inputs:
        return [node._replace(inputs=inputs)]
    if node.op not in ("Add", "Mul") or not (found := view.known(node)):
        return None
    x, constant = found
    before = view.alone(x, "Add", "Mul")
    if before is None or not (found := view.known(before)):
        return None
    start, earlier = found
    both = constant * earlier if "Mul" in (node.op, before.op) else constant + earlier
    fits = both.size <= max(constant.size, earlier.size)
    if not fits or both.ndim > view.rank(node.outputs[0]) or (node.op, before.op) == ("Add", "Mul"):
        return None
    if node.op == before.op:
        return [node._replace(inputs=(start, view.graph.constant(both)))]
    scaled = view.graph.name("Mul")
    view.graph.shapes[scaled] = view.graph.shapes[node.outputs[0]]
    return [
        Node("Mul", (start, view.graph.constant(constant)), (scaled,), {}),
        Node("Add", (scaled, view.graph.constant(both)), node.outputs, {}),
    ]


def _behind(view: View, name: str) -> str:
    """What a value is the same as."""
    while (node := view.makers.get(name)) and node.op == "Identity":
        name = node.inputs[0]
    return name


def _row(constant: np.ndarray, rank: int, axis: int, width: int) -> np.ndarray | None:
    """A constant that differs along one axis at most, as a row [width]; None: another one."""
    shape = (1,) * (rank - constant.ndim) + constant.shape
    if constant.ndim > rank or any(dim != 1 for i, dim in enumerate(shape) if i != axis % rank):
        return None
    return np.broadcast_to(constant.reshape(-1), (width,))


def _folded(view: View, node: Node) -> list[Node] | None:
    """A scale or shift of each channel goes into the convolution or the product before it."""
    if node.op not in ("Add", "Mul") or not (found := view.known(node)):
        return None
    x, constant = found
    before = view.alone(x, "Conv", "MatMul", "Gemm")
    if before is None or before.inputs[1] not in view.graph.constants:
        return None
    weight, rank = view.graph.constants[before.inputs[1]], view.rank(x)
    conv = before.op == "Conv"
    width = weight.shape[0] if conv else weight.shape[1]
    row = _row(constant, rank, 1 if conv else -1, width)
    if row is None or (before.op == "MatMul" and node.op == "Add" and rank != 2):
        return None
    bias = view.graph.constants[before.inputs[2]] if len(before.inputs) > 2 else None
    if node.op == "Mul":
        weight = weight * (row.reshape(-1, *(1,) * (weight.ndim - 1)) if conv else row)
        bias = None if bias is None else bias * row
    else:
        bias = row if bias is None else bias + row
    arrays = [weight] if bias is None else [weight, bias]
    names = tuple(view.graph.constant(array.astype(np.float32)) for array in arrays)
    op = "Gemm" if before.op == "MatMul" and bias is not None else before.op
    return [before._replace(op=op, inputs=(before.inputs[0], *names), outputs=node.outputs)]


def _mean(view: View, node: Node) -> list[Node] | None:
    """The sum over a map [b c h w], divided by its size, is a global pooling."""
    if node.op != "Mul" or not (found := view.known(node)):
        return None
    summed = view.alone(found[0], "ReduceSum")
    if summed is None or found[1].size != 1:
        return None
    shape = view.graph.shapes[summed.inputs[0]]
    axes = view.graph.constants[summed.inputs[1]].tolist()
    count = np.prod([shape[axis] for axis in axes])
    if axes != [2, 3] or len(shape) != 4 or abs(found[1].item() * count - 1) > NEGLIGIBLE:
        return None
    pooled = view.graph.name("GlobalAveragePool")
    view.graph.shapes[pooled] = (*shape[:2], 1, 1)
    return [
        Node("GlobalAveragePool", (summed.inputs[0],), (pooled,), {}),
        Node("Flatten", (pooled,), node.outputs, {"axis": 1}),
    ]


def _gated(view: View, node: Node) -> list[Node] | None:
    """Dense layers between a global pooling and a reshape to [b c 1 1] are 1x1 convolutions."""
    if node.op != "Reshape" or view.graph.shapes[node.outputs[0]][2:] != (1, 1):
        return None
    chain: list[Node] = []
    name = node.inputs[0]
    while (before := view.alone(name, "Gemm", "Relu", "Sigmoid", "Tanh")) is not None:
        chain.append(before)
        name = before.inputs[0]
    flat = view.alone(name, "Flatten")
    if flat is None or not chain or view.makers[flat.inputs[0]].op != "GlobalAveragePool":
        return None
    nodes, name = [], flat.inputs[0]
    for one in chain[::-1]:
        instead = one._replace(inputs=(name, *one.inputs[1:]), outputs=(view.graph.name(one.op),))
        if one.op == "Gemm":
            weight = view.graph.constant(view.graph.constants[one.inputs[1]].T[:, :, None, None])
            instead = instead._replace(op="Conv", inputs=(name, weight, *one.inputs[2:]))
        nodes.append(instead)
        name = instead.outputs[0]
        view.graph.shapes[name] = (*view.graph.shapes[one.outputs[0]], 1, 1)
    return [*nodes[:-1], nodes[-1]._replace(outputs=node.outputs)]


def _reshaped(view: View, node: Node) -> list[Node] | None:
    """Of two reshapes one after the other the second is enough."""
    before = view.makers.get(node.inputs[0]) if node.op == "Reshape" else None
    if before is None or before.op not in ("Reshape", "Flatten"):
        return None
    return [node._replace(inputs=(before.inputs[0], node.inputs[1]))]


def _padded(view: View, node: Node) -> list[Node] | None:
    """A padding with zeros goes into the convolution behind it."""
    pad = view.alone(node.inputs[0], "Pad") if node.op == "Conv" else None
    if pad is None or view.graph.constants[pad.inputs[2]].any():
        return None
    rows = view.graph.constants[pad.inputs[1]].reshape(2, 4)
    if rows[:, :2].any():
        return None
    pads = (np.asarray(node.attributes["pads"]) + rows[:, 2:].reshape(-1)).tolist()
    attributes = {**node.attributes, "pads": pads}
    return [node._replace(inputs=(pad.inputs[0], *node.inputs[1:]), attributes=attributes)]


def _depthwise(view: View, node: Node) -> list[Node] | None:
    """A sum of parts of one map [b c h w], each times a row of channels, is a convolution."""
    taps, takers = _taps(view, node), view.takers.get(node.outputs[0], [])
    if not taps or (len(takers) == 1 and _taps(view, takers[0])):
        return None
    source = taps[0][0]
    width, *size = view.graph.shapes[source][1:]
    out = view.graph.shapes[node.outputs[0]][2:]
    kernel = np.zeros((width, 1, *(a - b + 1 for a, b in zip(size, out, strict=True))), np.float32)
    for _, place, row in taps:
        kernel[:, 0, *place] += row
    attributes = {
        "group": width,
        "kernel_shape": list(kernel.shape[2:]),
        "strides": [1, 1],
        "dilations": [1, 1],
        "pads": [0] * 4,
    }
    inputs = (source, view.graph.constant(kernel))
    return [Node("Conv", inputs, node.outputs, attributes)]


def _taps(view: View, node: Node) -> list[Tap]:
    """The taps whose sum a node is; none where it is another sum."""
    if node.op != "Add":
        return []
    taps = [tap for tap in (_tap(view, term) for term in _terms(view, node)) if tap]
    one = len({tap[0] for tap in taps}) == 1
    return taps if one and len(taps) == len(_terms(view, node)) else []


def _terms(view: View, node: Node) -> list[str]:
    """The values whose sum a node is."""
    terms: list[str] = []
    for name in node.inputs:
        before = view.alone(name, "Add")
        terms += [name] if before is None else _terms(view, before)
    return terms


def _tap(view: View, name: str) -> Tap | None:
    """A part of a map [b c h w], by where it begins, times a row of channels; None: neither."""
    scaled = view.alone(name, "Mul")
    if scaled is None or view.rank(name) != 4 or not (found := view.known(scaled)):
        return None
    part = view.alone(found[0], "Slice")
    width: Any = view.graph.shapes[name][1]
    row = _row(found[1], 4, 1, width)
    if part is None or row is None:
        return None
    starts, _, axes, steps = (view.graph.constants[one].tolist() for one in part.inputs[1:])
    if set(steps) != {1} or not {2, 3}.issuperset(axes):
        return None
    at = dict(zip(axes, starts, strict=True))
    return part.inputs[0], (at.get(2, 0), at.get(3, 0)), row

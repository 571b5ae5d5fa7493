"""A graph that computes in float16 where its numbers allow it."""

import numpy as np

from reid_jax.graph.nodes import Graph, Node

FLOAT, HALF = 1, 10  # ONNX's numbers of the two types
# sums over a map, lengths and powers: float16 ends at 65504, and begins at 6e-8
WHOLE = (
    "Cast", "Div", "Exp", "GlobalAveragePool", "Identity", "Log", "Max", "Pow", "Reciprocal",
    "ReduceMax", "ReduceSum", "Sqrt",
)  # fmt: skip
CARRY = ("Concat", "Expand", "Flatten", "Gather", "Pad", "Reshape", "Slice", "Transpose")
WORDS = ("And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "Or")


def halved(graph: Graph) -> None:
    """Turn convolutions, products and what lies between them into float16, in place.

    The input and the output stay as they are; casts are put where the type changes.
    """
    types: dict[str, int] = {}  # of the nodes' outputs that are numbers
    casts: dict[tuple[str, int], str] = {}
    nodes: list[Node] = []

    def given(name: str, kind: int) -> str:
        """The name of a value, or of a constant, in that type."""
        constant = graph.constants.get(name)
        before = FLOAT if constant is not None and constant.dtype == np.float32 else types.get(name)
        if before in (None, kind):
            return name
        if (name, kind) not in casts:
            casts[name, kind] = graph.name("half" if kind == HALF else "whole")
            if constant is not None:
                graph.constants[casts[name, kind]] = constant.astype(np.float16)
            else:
                nodes.append(Node("Cast", (name,), (casts[name, kind],), {"to": kind}))
        return casts[name, kind]

    for node in graph.nodes:
        kind = _kind(node, types)
        inputs = node.inputs if node.op == "Cast" else [given(name, kind) for name in node.inputs]
        nodes.append(node._replace(inputs=tuple(inputs)))
        if node.op not in WORDS:
            types.update(dict.fromkeys(node.outputs, kind))
    graph.nodes = nodes


def _kind(node: Node, types: dict[str, int]) -> int:
    if node.op in CARRY:
        return types.get(node.inputs[0], FLOAT)
    square = node.op == "Mul" and node.inputs[0] == node.inputs[1]
    return FLOAT if square or node.op in WHOLE else HALF

"""A graph as the bytes of an ONNX file."""

from typing import Any

from reid_jax.graph.nodes import Graph
from reid_jax.graph.trace import EMBEDDING, IMAGE

OPSET, FORMAT = 17, 8  # of 2022; onnxruntime reads them since 1.12
MISSING = "ONNX needs onnx and onnxruntime: pip install 'reid_jax[onnx]'"


def needed() -> None:
    """Import what reads and writes ONNX.

    Raises:
        ImportError: it is not installed; the line says what to do.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as missing:
        raise ImportError(MISSING) from missing
    del onnx, onnxruntime


def written(graph: Graph) -> bytes:
    """Write a graph.

    Args:
        graph: of `traced`.

    Returns:
        The file: IMAGE uint8 [batch h w 3] -> EMBEDDING f32 [batch d].

    Raises:
        ImportError: onnx is not installed.
    """
    needed()
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def shaped(name: str, kind: int) -> Any:
        dims = [dim if isinstance(dim, int) else "batch" for dim in graph.shapes[name]]
        return helper.make_tensor_value_info(name, kind, dims)

    nodes = [
        helper.make_node(node.op, node.inputs, node.outputs, node.outputs[0], **node.attributes)
        for node in graph.nodes
    ]
    used = {name for node in graph.nodes for name in node.inputs}
    arrays = [
        numpy_helper.from_array(array, name)
        for name, array in graph.constants.items()
        if name in used
    ]
    body = helper.make_graph(
        nodes,
        "encoder",
        [shaped(IMAGE, TensorProto.UINT8)],
        [shaped(EMBEDDING, TensorProto.FLOAT)],
        arrays,
    )
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=FORMAT,
        producer_name="reid_jax",
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()

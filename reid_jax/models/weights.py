"""Read weights files of other frameworks as numpy arrays by name, without torch.

No code in a file is executed.

.pth, .pt, .tar, .bin   torch's two formats (`files.pickled`)
.safetensors            arrays by their names.
.onnx                   initialisers by the names of their modules (needs the extra `onnx`).
.npz                    arrays by their names.
"""

from pathlib import Path

import ml_dtypes
import numpy as np

from reid_jax.files import bound, npz, pickled, sums, tensors

NUMBERS = "biufV"  # kinds of numpy's types; V: bfloat16
ENDINGS = (".pth", ".pt", ".tar", ".bin", ".safetensors", ".onnx", ".npz")


def read(path: str | Path) -> dict[str, np.ndarray]:
    """Read the arrays of a weights file by name.

    Args:
        path: the file; its ending (one of ENDINGS) gives the format.

    Returns:
        The arrays; those of type f16, bf16 and f64 are converted to f32.

    Raises:
        FileNotFoundError: no such file.
        ValueError: unknown ending, truncated file, a file not in the format of its ending, or one
            without arrays.
        ImportError: .onnx without onnx.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    readers = {".safetensors": tensors.read, ".onnx": _onnx, ".npz": npz.arrays}
    if path.suffix not in ENDINGS:
        raise ValueError(f"{path}: weights are {', '.join(ENDINGS)}")
    try:
        arrays = readers.get(path.suffix, pickled.read)(path)
    except ImportError:
        raise
    except Exception as error:  # a broken file can make its reader raise anything
        raise ValueError(
            f"{path} cannot be read, cut short or no {path.suffix} file: {bound.reason(error)}"
        ) from error
    arrays = {name: array for name, array in arrays.items() if array.dtype.kind in NUMBERS}
    if not arrays:
        raise ValueError(f"{path} holds no arrays by name")
    return {name: _whole(array) for name, array in arrays.items()}


def digest(path: str | Path) -> str:
    """Return the first 16 hexadecimal digits of the file's SHA-256."""
    return sums.digest(Path(path))[:16]


def _whole(array: np.ndarray) -> np.ndarray:
    return (
        array.astype(np.float32)
        if array.dtype in (np.float16, ml_dtypes.bfloat16, np.float64)
        else array
    )


def _onnx(path: Path) -> dict[str, np.ndarray]:
    """Arrays by their names; arrays with a folded batch normalisation by those of their modules.

    The latter have no names of their own in a file. torch's exporter names the output of a module
    by its path, "/conv2/conv2.0/conv1/conv/Conv_output_0".
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as missing:
        raise ImportError(f"reading {path} needs onnx: pip install 'reid_jax[onnx]'") from missing
    graph = onnx.load(path, load_external_data=False).graph
    if any(tensor.data_location == tensor.EXTERNAL for tensor in graph.initializer):
        raise ValueError("its numbers lie in other files; save it as one file")
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    named = {
        name: array
        for name, array in arrays.items()
        if "::" not in name and not name.startswith("/")
    }
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul") and any("::" in name for name in node.input):
            module = _module(node.output[0])
            for name, leaf in zip(node.input[1:], ("weight", "bias"), strict=False):
                array = arrays[name]
                named[f"{module}.{leaf}"] = (
                    array.T if node.op_type == "MatMul" and leaf == "weight" else array
                )
    return named


def _module(output: str) -> str:
    """Name of the module that made an output.

    `/conv2/conv2.0/conv1/conv/Conv_output_0` -> `conv2.0.conv1.conv`.
    """
    parts: list[str] = []
    for part in output.strip("/").split("/")[:-1]:
        if parts and part.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(part)
    return ".".join(parts)

"""Read weights files of other frameworks as numpy arrays by name, without torch.

No code in a file is executed.

.pth, .pt, .tar, .bin   torch's two formats. Their pickle is read by an unpickler that knows tensors
                        only. It replaces every other class by an empty one, so nothing in the file
                        is ever called.
.safetensors            arrays by their names.
.onnx                   initialisers by the names of their modules (needs the extra `onnx`).
.npz                    arrays by their names.
"""

import hashlib
import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import ml_dtypes
import numpy as np
from numpy.typing import DTypeLike

ENDINGS = (".pth", ".pt", ".tar", ".bin", ".safetensors", ".onnx", ".npz")
TYPES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}
MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of torch's older format
# keys under which training codes store the arrays
HOLDERS = ("state_dict", "model", "model_state", "model_state_dict", "net", "params", "weights",
           "teacher")  # fmt: skip


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
    readers = {".safetensors": _safetensors, ".onnx": _onnx, ".npz": _npz}
    if path.suffix not in ENDINGS:
        raise ValueError(f"{path}: weights are {', '.join(ENDINGS)}")
    try:
        arrays = readers.get(path.suffix, _torch)(path)
    except ImportError:
        raise
    except Exception as error:  # a broken file can make its reader raise anything
        raise ValueError(
            f"{path} cannot be read, cut short or no {path.suffix} file: {error}"
        ) from error
    if not arrays:
        raise ValueError(f"{path} holds no arrays by name")
    return {name: _whole(array) for name, array in arrays.items()}


def digest(path: str | Path) -> str:
    """Return the first 16 hexadecimal digits of the file's SHA-256."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _whole(array: np.ndarray) -> np.ndarray:
    return (
        array.astype(np.float32)
        if array.dtype in (np.float16, ml_dtypes.bfloat16, np.float64)
        else array
    )


def _npz(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file, np.load(file) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(path)


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
    graph = onnx.load(path).graph
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


class _Storage:
    """The numbers of one or more tensors of a torch file; `data` is empty until they are read."""

    def __init__(self, kind: DTypeLike, count: int) -> None:
        self.kind, self.count = np.dtype(kind), count
        self.data = np.empty(0, self.kind)


class _Tensor(NamedTuple):
    """A view of a storage."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def array(self) -> np.ndarray:
        """Copy the numbers of the view.

        Raises:
            ValueError: the view reaches outside its storage.
        """
        last = self.offset + sum(
            (size - 1) * stride for size, stride in zip(self.size, self.stride, strict=True)
        )
        if min((self.offset, *self.size, *self.stride)) < 0 or (
            0 not in self.size and last >= len(self.storage.data)
        ):
            raise ValueError("a tensor reaches outside its storage")
        if 0 in self.size:
            return np.empty(self.size, self.storage.kind)
        steps = [stride * self.storage.kind.itemsize for stride in self.stride]
        return np.lib.stride_tricks.as_strided(
            self.storage.data[self.offset :], self.size, steps
        ).copy()


class _Hollow:
    """Replaces an unknown class of the file: can be constructed and given a state, does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None: ...
    def __setstate__(self, state: Any) -> None: ...
    def __setitem__(self, key: Any, value: Any) -> None: ...
    def append(self, value: Any) -> None: ...
    def extend(self, values: Any) -> None: ...


def _rebuild(storage: _Storage, offset: int, size: tuple, stride: tuple, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(size), tuple(stride))


def _parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


class _Unpickler(pickle.Unpickler):
    """Unpickler that knows tensors, storages and ordered dictionaries, and calls nothing else."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return the class of that name, or `_Hollow` if it is unknown."""
        if module.startswith("torch") and name in TYPES:
            return TYPES[name]
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
            ("torch._utils", "_rebuild_parameter"): _parameter,
            ("torch", "Size"): tuple,
        }
        return known.get((module, name), _Hollow)

    def persistent_load(self, pid: tuple) -> _Storage:
        """Return the storage of that key, made at its first use."""
        _, kind, key, _, count, *view = pid
        if not isinstance(kind, type) or kind is _Hollow or (view and view[0] is not None):
            raise ValueError(f"unknown type of storage: {pid[:3]}")
        return self.storages.setdefault(str(key), _Storage(kind, count))


def _torch(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file in either of torch's formats."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            (root,) = (
                name.removesuffix("data.pkl")
                for name in archive.namelist()
                if name.endswith("/data.pkl")
            )
            names = set(archive.namelist())
            if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
                raise ValueError("its numbers are big-endian")
            reader = _Unpickler(io.BytesIO(archive.read(f"{root}data.pkl")))
            content = reader.load()
            for key, storage in reader.storages.items():
                storage.data = np.frombuffer(archive.read(f"{root}data/{key}"), storage.kind)
    else:
        with path.open("rb") as file:
            if _Unpickler(file).load() != MAGIC:
                raise ValueError("it is none of torch's formats")
            for _ in ("version", "system"):
                _Unpickler(file).load()
            reader = _Unpickler(file)
            content = reader.load()
            for key in _Unpickler(file).load():
                (count,) = struct.unpack("<q", file.read(8))
                storage = reader.storages[str(key)]
                storage.data = np.frombuffer(
                    file.read(count * storage.kind.itemsize), storage.kind, count
                )
    return {name: tensor.array() for name, tensor in _tensors(content).items()}


def _tensors(content: Any) -> dict[str, _Tensor]:
    """The tensors by name, at the top level or else under a key of HOLDERS."""
    if not isinstance(content, Mapping):
        return {}
    tensors = {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, _Tensor)
    }
    for holder in HOLDERS:
        if not tensors and isinstance(content.get(holder), Mapping):
            tensors = _tensors(content[holder])
    return tensors

"""Weights files of other frameworks as numpy arrays by name, without running what is in them and without torch.

.pth, .pt, .tar   torch's two formats. Their pickle is read by an unpickler that knows tensors and makes every other
                  class a hollow object: nothing in the file is ever called.
.safetensors      as it is.
.onnx             initialisers under the names of the modules that used them (needs the extra `onnx`).
.npz              as it is.
"""

import hashlib
import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

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
HOLDERS = ("state_dict", "model", "model_state", "model_state_dict", "net", "params", "weights")


def read(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a weights file by name; numbers of half precision become f32.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another ending, a file cut short, one that is not what its ending says, or one without arrays.
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
    except Exception as error:  # whatever a broken file makes of its reader
        raise ValueError(f"{path} cannot be read, cut short or no {path.suffix} file: {error}") from error
    if not arrays:
        raise ValueError(f"{path} holds no arrays by name")
    return {name: _whole(array) for name, array in arrays.items()}


def digest(path: str | Path) -> str:
    """The first 16 hexadecimal digits of the file's SHA-256."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _whole(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype in (np.float16, ml_dtypes.bfloat16, np.float64) else array


def _npz(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file, np.load(file) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(path)


def _onnx(path: Path) -> dict[str, np.ndarray]:
    """Arrays keep their names; nameless ones, whose batch normalisation was folded in, take their module's.

    torch's exporter names what a module puts out by its path, "/conv2/conv2.0/conv1/conv/Conv_output_0".
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as missing:
        raise ImportError(f"reading {path} needs onnx: pip install 'reid_jax[onnx]'") from missing
    graph = onnx.load(path).graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    named = {name: array for name, array in held.items() if "::" not in name and not name.startswith("/")}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul") and any("::" in name for name in node.input):
            module = _module(node.output[0])
            for name, leaf in zip(node.input[1:], ("weight", "bias"), strict=False):
                array = held[name]
                named[f"{module}.{leaf}"] = array.T if node.op_type == "MatMul" and leaf == "weight" else array
    return named


def _module(output: str) -> str:
    """`/conv2/conv2.0/conv1/conv/Conv_output_0` -> `conv2.0.conv1.conv`."""
    parts: list[str] = []
    for part in output.strip("/").split("/")[:-1]:
        if parts and part.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(part)
    return ".".join(parts)


class _Storage:
    """Numbers of a torch file, perhaps not read yet."""

    def __init__(self, kind: np.dtype, count: int) -> None:
        self.kind, self.count, self.data = np.dtype(kind), count, None


class _Tensor(NamedTuple):
    """A view of a storage."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def array(self) -> np.ndarray:
        """The numbers, copied; refuses to look outside the storage."""
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.size, self.stride, strict=True))
        if min((self.offset, *self.size, *self.stride)) < 0 or (0 not in self.size and last >= len(self.storage.data)):
            raise ValueError("a tensor reaches outside its numbers")
        if 0 in self.size:
            return np.empty(self.size, self.storage.kind)
        steps = [stride * self.storage.kind.itemsize for stride in self.stride]
        return np.lib.stride_tricks.as_strided(self.storage.data[self.offset :], self.size, steps).copy()


class _Hollow:
    """Stands for a class of the file that is not known: can be made and given a state, and does nothing."""

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
    """Knows tensors, storages and ordered dictionaries, and calls nothing else."""

    def __init__(self, file: Any) -> None:
        super().__init__(file, encoding="latin1")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """The class of that name, hollow where it is not known."""
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
        """The storage of that key."""
        _, kind, key, _, count, *view = pid
        if not isinstance(kind, type) or kind is _Hollow or (view and view[0] is not None):
            raise ValueError(f"numbers of a kind that is not known: {pid[:3]}")
        return self.storages.setdefault(str(key), _Storage(kind, count))


def _torch(path: Path) -> dict[str, np.ndarray]:
    """Either of torch's formats."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            (root,) = (name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("/data.pkl"))
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
                storage.data = np.frombuffer(file.read(count * storage.kind.itemsize), storage.kind, count)
    return {name: tensor.array() for name, tensor in _tensors(content).items()}


def _tensors(content: Any) -> dict[str, _Tensor]:
    """The tensors by name, at the top or under the key where trainers put them."""
    if not isinstance(content, Mapping):
        return {}
    here = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, _Tensor)}
    for holder in HOLDERS:
        if not here and isinstance(content.get(holder), Mapping):
            here = _tensors(content[holder])
    return here

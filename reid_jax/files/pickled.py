"""Arrays of the files of torch.save, in both of its formats, without torch.

Nothing in a file is called. Its pickle is read by an unpickler that knows few operations, and of
classes only tensors, their storages and ordered dictionaries; whatever else is in it, as the
options of a training, becomes an empty object. States are not set, and only plain keys kept.
"""

import math
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import ml_dtypes
import numpy as np

from reid_jax.files import bound

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
NESTED = 8  # holders in holders, at most
# pickle's operations that build plain values; those that name a class are read by `_Unpickler`
PLAIN = """PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2
    LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES
    BINBYTES8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET MEMOIZE
    GLOBAL STACK_GLOBAL BINPERSID"""


def read(path: Path) -> dict[str, np.ndarray]:
    """Read the tensors by name, at the top level or else under a key of HOLDERS.

    Raises:
        ValueError: it is broken or another file; only the reason is said.
        Exception: a broken file can raise anything else.
    """
    tensors = _tensors(_zipped(path) if zipfile.is_zipfile(path) else _older(path))
    bound.check(path, sum(tensor.nbytes for tensor in tensors.values()))
    return {name: tensor.array() for name, tensor in tensors.items()}


class Storage:
    """The numbers of one or more tensors; `data` is empty until they are read."""

    def __init__(self, kind: Any, count: int) -> None:
        self.kind, self.count = np.dtype(kind), count
        self.data = np.empty(0, self.kind)


class Tensor(NamedTuple):
    """A view of a storage."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of a copy; a stride of 0 can make many of few."""
        return math.prod(self.size) * self.storage.kind.itemsize

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
    """Stands for whatever is not known: takes what it is given, keeps nothing."""

    def append(self, value: Any) -> None: ...
    def extend(self, values: Any) -> None: ...


class _Kind(NamedTuple):
    """A class of storages."""

    dtype: Any


class _Known(NamedTuple):
    """A class or a function that files may call: one of ours."""

    call: Callable[..., Any]


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    numbers = (offset, *size, *stride)
    if not isinstance(storage, Storage) or any(type(one) is not int for one in numbers):
        raise ValueError("a tensor is none")
    return Tensor(storage, offset, tuple(size), tuple(stride))


def _ordered(items: Any = ()) -> dict:
    return {key: value for key, value in items if _plain(key)}


def _plain(key: Any) -> bool:
    """Whether a key is quickly hashed; a nest of tuples can take for ever."""
    return key is None or type(key) in (str, int, float, bool, bytes)


_KNOWN = {
    ("collections", "OrderedDict"): _Known(_ordered),
    ("torch._utils", "_rebuild_tensor_v2"): _Known(_tensor),
    ("torch._utils", "_rebuild_parameter"): _Known(lambda tensor, *_: tensor),
    ("torch", "Size"): _Known(lambda sides=(): tuple(sides)),
}


class _Unpickler(pickle._Unpickler):
    """In Python, since the quicker one would call, hash and set whatever a file says."""

    stack: list[Any]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, file: Any) -> None:
        super().__init__(file, encoding="latin1")
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What a file may call by that name; anything else is hollow."""
        if module.startswith("torch") and name in TYPES:
            return _Kind(TYPES[name])
        return _KNOWN.get((module, name), _Hollow())

    def persistent_load(self, pid: Any) -> Storage:
        """Return the storage of that key, made at its first use."""
        _, kind, key, _, count, *view = pid
        if not isinstance(kind, _Kind) or (view and view[0] is not None):
            raise ValueError("it has a storage of an unknown type")
        if type(key) not in (str, int) or type(count) is not int:
            raise ValueError("it has a storage without a name")
        return self.storages.setdefault(str(key), Storage(kind.dtype, count))

    def _called(self) -> None:
        """Of the two topmost values call the lower with the upper, if it is known."""
        arguments, function = self.stack.pop(), self.stack.pop()
        known = isinstance(function, _Known) and isinstance(arguments, tuple)
        self.stack.append(function.call(*arguments) if known else _Hollow())

    def _unset(self) -> None:
        self.stack.pop()  # the state of an object

    def _forgotten(self) -> None:
        self.pop_mark()  # the members of a set

    def _hollow(self) -> None:
        self.stack.append(_Hollow())

    def _hollow_of_many(self) -> None:
        self.pop_mark()
        self._hollow()

    def _hollow_of_three(self) -> None:
        del self.stack[-3:]
        self._hollow()

    def _dictionary(self) -> None:
        items = self.pop_mark()
        self.stack.append(_ordered(zip(items[::2], items[1::2], strict=True)))

    def _one(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._put((key, value))

    def _many(self) -> None:
        self._put(self.pop_mark())

    def _put(self, items: Any) -> None:
        if isinstance(self.stack[-1], dict):
            self.stack[-1].update(_ordered(zip(items[::2], items[1::2], strict=True)))

    dispatch = {  # type: ignore[assignment]
        code[0]: pickle._Unpickler.dispatch[code[0]]
        for code in (getattr(pickle, name) for name in PLAIN.split())
    } | {
        pickle.REDUCE[0]: _called,
        pickle.NEWOBJ[0]: _called,
        pickle.BUILD[0]: _unset,
        pickle.DICT[0]: _dictionary,
        pickle.SETITEM[0]: _one,
        pickle.SETITEMS[0]: _many,
        pickle.EMPTY_SET[0]: _hollow,
        pickle.ADDITEMS[0]: _forgotten,
        pickle.FROZENSET[0]: _hollow_of_many,
        pickle.NEWOBJ_EX[0]: _hollow_of_three,
    }


def _zipped(path: Path) -> Any:
    """What a file of the newer format, an archive, holds."""
    with zipfile.ZipFile(path) as archive:
        bound.check(path, sum(one.file_size for one in archive.infolist()))
        names = set(archive.namelist())
        roots = [one.removesuffix("data.pkl") for one in names if one.endswith("/data.pkl")]
        if len(roots) != 1:
            raise ValueError("it is an archive of something else")
        (root,) = roots
        if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
            raise ValueError("its numbers are big-endian")
        reader = _Unpickler(BytesIO(archive.read(f"{root}data.pkl")))
        content = reader.load()
        for key, storage in reader.storages.items():
            storage.data = np.frombuffer(archive.read(f"{root}data/{key}"), storage.kind)
    return content


class _Left:
    """A file that is asked for no more bytes than it has: the request would be allocated."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size, self.readline = file, size, file.readline

    def read(self, count: int) -> bytes:
        """Read at most `count` bytes."""
        if not 0 <= count <= self.size:
            raise ValueError(f"it claims a piece of {count:.3g} bytes")
        return self.file.read(count)


def _older(path: Path) -> Any:
    """What a file of the older format, several pickles and then numbers, holds."""
    with path.open("rb") as opened:
        file = _Left(opened, path.stat().st_size)
        if _Unpickler(file).load() != MAGIC:
            raise ValueError("it is none of torch's formats")
        for _ in ("version", "system"):
            _Unpickler(file).load()
        reader = _Unpickler(file)
        content = reader.load()
        for key in _Unpickler(file).load():
            (count,) = struct.unpack("<q", file.read(8))
            storage = reader.storages[key]
            storage.data = np.frombuffer(
                file.read(count * storage.kind.itemsize), storage.kind, count
            )
    return content


def _tensors(content: Any, depth: int = 0) -> dict[str, Tensor]:
    if not isinstance(content, Mapping) or depth > NESTED:
        return {}
    tensors = {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
    for holder in HOLDERS:
        if not tensors and isinstance(content.get(holder), Mapping):
            tensors = _tensors(content[holder], depth + 1)
    return tensors

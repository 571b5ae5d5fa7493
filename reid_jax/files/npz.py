"""Arrays of an .npz file: no object in it is unpickled, and no claim of its headers believed.

A member's header states its shape, which must fill the member exactly; all members together may
take `bound.room`.
"""

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from reid_jax.files import bound

KINDS = "biufcSUV"
Wanted = Mapping[str, tuple[str, int]]


def read(path: str | Path, what: str, then: str = "") -> dict[str, np.ndarray]:
    """Read all arrays by name.

    Args:
        path: the file.
        what: it should be, e.g. "an .npz file of weights".
        then: what to do where it is not, for the error.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not what it should be; the line names the file and the reason.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}, {what}")
    try:
        return arrays(path)
    except Exception as error:  # a broken archive can make zipfile and numpy raise anything
        raise _error(path, what, bound.reason(error), then) from error


def columns(path: str | Path, what: str, wanted: Wanted, then: str = "") -> dict[str, np.ndarray]:
    """Read a table: arrays of as many rows each.

    Args:
        path: the file.
        what: it should be.
        wanted: by name (the kinds of numpy that a column may be of, its dimensions); a name that
            ends in "?" may be missing. Other arrays are left out.
        then: what to do where it is not, for the error.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not what it should be; the line names the file and the reason.
    """
    held, found = read(path, what, then), {}
    for name, (kinds, dimensions) in wanted.items():
        plain = name.removesuffix("?")
        if plain not in held:
            if plain == name:
                raise _error(path, what, f"it lacks {name}", then)
            continue
        array = held[plain]
        if array.dtype.kind not in kinds or array.ndim != dimensions:
            told = f"its {plain} is {array.dtype}{list(array.shape)}"
            raise _error(path, what, told, then)
        found[plain] = array
    rows = {name: len(array) for name, array in found.items() if array.ndim}
    if len({*rows.values()}) > 1:
        raise _error(path, what, f"its columns have {rows} rows", then)
    return found


def _error(path: str | Path, what: str, reason: str, then: str) -> ValueError:
    return ValueError(f"{path} is not {what}: {reason}{'; ' if then else ''}{then}")


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays by name.

    Raises:
        ValueError: a header claims what the file cannot hold; only the reason is said.
        Exception: a broken archive can raise anything else.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError("it is empty" if not path.stat().st_size else "it is cut short or no .npz")
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        bound.check(path, sum(one.file_size for one in members))
        found = {}
        for one in members:
            name = one.filename.removesuffix(".npy")
            if name in found:
                raise ValueError(f"it holds {name} twice")
            found[name] = _array(archive.read(one), name)
        return found


def _array(data: bytes, name: str) -> np.ndarray:
    """The array of a member, a copy."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    header = {(1, 0): np.lib.format.read_array_header_1_0}
    shape, fortran, dtype = header.get(version, np.lib.format.read_array_header_2_0)(file)
    if dtype.kind not in KINDS or dtype.hasobject or dtype.fields or dtype.subdtype:
        raise ValueError(f"its {name} holds {dtype}, no numbers or texts")
    if any(not isinstance(side, int) or side < 0 for side in shape):
        raise ValueError(f"its {name} has the shape {shape}")
    size, there = math.prod(shape) * dtype.itemsize, len(data) - file.tell()
    if size != there:
        raise ValueError(f"its {name} claims {size:.3g} bytes and has {there}")
    if not dtype.itemsize or not size:
        return np.zeros(shape if not math.prod(shape) or dtype.itemsize else _few(shape), dtype)
    flat = np.frombuffer(data, dtype, offset=file.tell())
    if dtype.kind == "U":
        letters = flat.view(flat.dtype.str[0].replace("=", "<") + "u4")
        if ((letters > 0x10FFFF) | ((letters >= 0xD800) & (letters < 0xE000))).any():
            raise ValueError(f"its {name} holds what is no text")
    return flat.reshape(shape, order="F" if fortran else "C").copy()


def _few(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of empty texts, which take no byte of the file, if they are few."""
    if math.prod(shape) > bound.LEAST:
        raise ValueError(f"it claims {math.prod(shape):.3g} empty texts")
    return shape

"""Arrays of a .safetensors file, whose header is checked before the library sees it.

The library aborts the process where a header claims sizes that no memory has.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.files import bound, jsons

# bits of a number of each type that numpy can hold
BITS = {"BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32,
        "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64}  # fmt: skip
HEADER = 100_000_000  # bytes, at most, as the library has it


def read(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays by name.

    Raises:
        ValueError: header and file do not agree; only the reason is said.
    """
    _check(path)
    from safetensors.numpy import load_file

    return load_file(path)


def _check(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, HEADER):
            raise ValueError(f"its header claims {length:.3g} bytes and it has {size}")
        entries = jsons.parsed(file.read(length))
    spans = sorted(_span(name, told) for name, told in entries.items() if name != "__metadata__")
    at = 0
    for begin, end in spans:
        if begin != at:
            raise ValueError("its arrays overlap or leave gaps")
        at = end
    if at != size - 8 - length:
        raise ValueError(f"its header claims {at:.3g} bytes of numbers and it has {size}")
    bound.check(path, at)


def _span(name: str, told: Any) -> tuple[int, int]:
    """(begin, end) of an array among the bytes behind the header."""
    try:
        bits, shape, (begin, end) = BITS[told["dtype"]], told["shape"], told["data_offsets"]
        if not all(type(one) is int and 0 <= one < 2**62 for one in (*shape, begin, end)):
            raise ValueError
        if math.prod(shape) * bits != 8 * (end - begin):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"its header is wrong about {name[:80]!r}") from None
    return begin, end

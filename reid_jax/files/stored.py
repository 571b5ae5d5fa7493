"""Arrays as orbax stores them: what their headers claim, summed before anything is allocated.

tensorstore aborts the process where a header claims a size that no memory has.
"""

import json
import math
from pathlib import Path

import numpy as np
import tensorstore

from reid_jax.files import bound

HEADER = ".zarray"
TIMES = 1000  # zeros are packed as tightly as this, and an optimiser begins with them


def check(folder: Path) -> None:
    """Compare what the headers of an item of a checkpoint claim with the size of its files.

    Args:
        folder: of the item.

    Raises:
        ValueError: they claim far more than the files can hold, or they are damaged; only the
            reason is said.
        OSError: this machine cannot read them now.
    """
    size = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())
    most = bound.LEAST + TIMES * size
    claimed = 0
    for told in _headers(folder):
        try:
            kept = json.loads(told)
            each = np.dtype(kept["dtype"]).itemsize if kept["dtype"] != "bfloat16" else 2
            shapes = [[int(one) for one in kept[name]] for name in ("shape", "chunks")]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"a header of its arrays is damaged: {bound.reason(error)}") from None
        claimed += each * max(math.prod(shape) for shape in shapes)
        if claimed > most or any(one < 0 for shape in shapes for one in shape):
            raise ValueError(
                f"its headers claim {claimed:.3g} bytes of numbers, and its files are {size:,}"
            )


def _headers(folder: Path) -> list[bytes]:
    """The headers of all arrays."""
    if not (folder / "manifest.ocdbt").is_file():
        return [path.read_bytes() for path in folder.rglob(HEADER) if path.is_file()]
    spec = {"driver": "ocdbt", "base": f"file://{folder.absolute()}/"}
    try:
        store = tensorstore.KvStore.open(spec).result()
        names = [name for name in store.list().result() if name.endswith(HEADER.encode())]
        return [one.result().value for one in [store.read(name) for name in names]]
    except (ValueError, OSError, NotImplementedError) as error:
        bound.check_machine(folder, error)
        raise ValueError(bound.reason(error)) from None

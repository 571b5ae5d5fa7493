"""Matlab files, of both kinds: up to version 7 by scipy, version 7.3 (HDF5) by h5py."""

import zlib
from pathlib import Path
from typing import Any

HDF5 = b"\x89HDF\r\n\x1a\n"
BROKEN = (ValueError, TypeError, LookupError, EOFError, OSError, NotImplementedError, zlib.error)
START = 512  # bytes of Matlab's own header before an HDF5 file


def is_hdf5(path: Path) -> bool:
    """Whether a file is of version 7.3."""
    with path.open("rb") as file:
        head = file.read(START + len(HDF5))
    return HDF5 in (head[: len(HDF5)], head[START:])


def load(path: Path, *needed: str, kind: str) -> dict[str, Any]:
    """Read a file of up to version 7.

    Args:
        path: the file.
        needed: variables that it must have.
        kind: what it should be, for errors.

    Returns:
        Variables by name, as scipy gives them.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no Matlab file, of another version, or has not these variables.
    """
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} ({kind})")
    if is_hdf5(path):
        raise ValueError(f"{path} is a Matlab file of version 7.3, and {kind} is of an older one")
    try:
        there = [name for name, *_ in whosmat(path)]
        missing = [name for name in needed if name not in there]
        if not missing:
            return loadmat(path, variable_names=needed)
    except (*BROKEN, MatReadError) as error:
        raise ValueError(f"{path} cannot be read as a Matlab file ({kind}): {error}") from None
    raise ValueError(
        f"{path} is another file than {kind}: it has {', '.join(there) or 'nothing'}, "
        f"not {', '.join(missing)}"
    )


def open_hdf5(path: Path, *needed: str, kind: str) -> Any:
    """Open a file of version 7.3 for reading, as `load` reads older ones.

    Raises:
        ImportError: h5py is not installed; it says how to.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} ({kind})")
    if not is_hdf5(path):
        raise ValueError(f"{path} is no Matlab file of version 7.3, which {kind} is")
    try:
        import h5py
    except ImportError:
        raise ImportError(
            f"{path} is a Matlab file of version 7.3, which h5py reads: pip install h5py"
        ) from None
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path} is broken or incomplete ({kind}): {error}") from None
    missing = [name for name in needed if name not in file]
    if missing:
        there = ", ".join(name for name in file if not name.startswith("#"))
        raise ValueError(
            f"{path} is another file than {kind}: it has {there or 'nothing'}, "
            f"not {', '.join(missing)}"
        )
    return file

"""What a tool is to write: made sure of at the start, not after the work."""

import os
import tempfile
from pathlib import Path

from reid_jax.options import expanded


def new(text: str | None, *suffixes: str, flag: str = "--out") -> Path:
    """The path of a file or folder that is to be written, which can be; its folder is made.

    Args:
        text: the value of the flag; `~` and variables are put in.
        suffixes: of which its name must have one; none: any name.
        flag: the flag's name.

    Returns:
        A path where nothing is yet.

    Raises:
        ValueError: none is named, or the name has another suffix.
        FileExistsError: there is something already.
        OSError: it cannot be written there; the message says why.
    """
    if not text:
        raise ValueError(f"name what is to be written with {flag}=PATH")
    path = Path(expanded(text))
    if suffixes and path.suffix not in suffixes:
        words = " or ".join(f"a {one} file" if one else "a new folder" for one in suffixes)
        raise ValueError(f"{flag} is {words}, not {path}")
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists already; choose another {flag}")
    for one in path.parents:
        if one.exists() and not one.is_dir():
            raise NotADirectoryError(f"{flag}={text}: {one} is a file, not a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=".", dir=path.parent):
            pass
    except OSError as error:
        raise OSError(f"{flag}={text}: cannot write in {path.parent}: {error.strerror}") from None
    return path

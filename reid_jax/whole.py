"""Files and folders that are written whole or not at all."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Give a name beside `path` to write a file or a folder to, and rename it to `path` at the end.

    After an error nothing is left at either place that was not there before; a kill leaves the
    unfinished one, which nobody reads.

    Args:
        path: of the file or the folder; a file that is there is replaced, a folder is not.

    Yields:
        The path to write to. Nothing is there yet; its folder exists.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished-{socket.gethostname()}-{os.getpid()}")
    try:
        yield unfinished
        unfinished.rename(path)
    except OSError as error:
        if error.errno and error.filename is None:
            error.filename = str(path)  # a full disk does not say which file
        raise
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
        else:
            unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes of this host left unfinished in a folder, but not below it."""
    for path in folder.glob(f"*.unfinished-{socket.gethostname()}-*"):
        number = path.name.rpartition("-")[2]
        if number.isdigit() and not alive(int(number)):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def alive(process: int) -> bool:
    """Whether a process of this host runs; one that ended and was not waited for does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    with suppress(OSError):  # where there is no /proc, there are no such processes to be seen
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX"
    return True

"""How much memory the arrays of a file may take, and what an error of reading it means."""

from pathlib import Path

LEAST, TIMES = 64 << 20, 20
MACHINE = ("Too many open files", "Cannot allocate memory", "Permission denied", "Stale file")


def room(path: Path) -> int:
    """Bytes that the arrays of a file or a folder may take: 64 MiB and 20 times its size."""
    files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    return LEAST + TIMES * sum(one.stat().st_size for one in files)


def check(path: Path, claimed: int) -> None:
    """Refuse arrays that a file cannot hold.

    Raises:
        ValueError: `claimed` bytes are more than `room`; only the reason is said.
    """
    if claimed > room(path):
        raise ValueError(f"it claims {claimed:.3g} bytes of numbers, far more than it can hold")


def check_machine(path: Path, error: BaseException) -> None:
    """Tell an error of reading a file that is not the file's own from one of its damage.

    Raises:
        OSError: this machine cannot read it now, e.g. too many files are open.
    """
    text = "Cannot allocate memory" if isinstance(error, MemoryError) else str(error)
    for reason in MACHINE:
        if reason in text:
            raise OSError(f"{path} cannot be read now: {reason}") from error


def reason(error: BaseException) -> str:
    """An error of a library as the rest of a line, at most 200 letters of it."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."

"""Memory in pages of 2 MB instead of 4 KB, for a command that computes on a CPU.

XLA asks for the memory of a step anew at every step, and the kernel hands it over page by page:
with small pages that is a tenth to a quarter of the time of a step (benchmarks/README.md). Where
the kernel gives large pages to who asks ("madvise", what most distributions set), glibc asks if
GLIBC_TUNABLES says so, which it reads when a process begins; so the command begins once more. This
module imports nothing heavy: scripts begin with it.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

VARIABLE, ASKED = "GLIBC_TUNABLES", "glibc.malloc.hugetlb"
SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SINCE = (2, 35)  # of glibc


def state() -> str:
    """What there is of it here: asked for, always, never, or not asked for."""
    if f"{ASKED}=1" in os.environ.get(VARIABLE, ""):
        return "asked for"
    given = _given()
    return given if given in ("always", "never") else "not asked for"


def wanted() -> bool:
    """Whether to begin once more: they are there, and the user's GLIBC_TUNABLES is silent."""
    return (
        _given() == "madvise"
        and _glibc() >= SINCE
        and ASKED not in os.environ.get(VARIABLE, "")
        and bool(sys.executable)
    )


def ask() -> None:
    """Begin the process once more with them, where they are wanted; to be called before any work.

    The process keeps its number, its terminal and its command line.
    """
    if not wanted():
        return
    given = [text for text in (os.environ.get(VARIABLE), f"{ASKED}=1") if text]
    command = [sys.executable, *sys.orig_argv[1:]]
    with suppress(OSError):  # then it goes on as it is
        os.execve(sys.executable, command, {**os.environ, VARIABLE: ":".join(given)})


def _given() -> str:
    """The kernel's setting: always, madvise or never; "" where there is none."""
    try:
        words = SETTING.read_text().split()
    except OSError:
        return ""
    return next((word.strip("[]") for word in words if word.startswith("[")), "")


def _glibc() -> tuple[int, ...]:
    """The version of glibc; (0,) where the library is another."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        return tuple(int(part) for part in version.split(".")) if name == "glibc" else (0,)
    except (AttributeError, OSError, ValueError):
        return (0,)

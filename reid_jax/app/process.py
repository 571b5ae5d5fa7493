"""A command that another command runs and waits for."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from reid_jax.app import progress, stop

GRACE = 60.0  # seconds that a training has to save what it did


def call_and_wait(call: Sequence[str], look: Callable[[], None] = lambda: None) -> int:
    """Run a command, and look around meanwhile; the most memory that it had, in bytes.

    Raises:
        ValueError: it stopped or failed.
    """
    process, most = subprocess.Popen(call), 0
    try:
        while True:
            most = max(most, _peak(process.pid))
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            progress.said()  # the command does
            look()
            time.sleep(0.1)
    except BaseException:
        _end(process)
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ValueError(f"stopped or failed: {' '.join(call)}")
    return most or int(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def _peak(process: int) -> int:
    """The most memory that a running process has had, in bytes; 0 where Linux does not say.

    What the system says at its end is at least what this process had when it began the other.
    """
    try:
        told = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", told)
    return int(found[1]) * 1024 if found else 0


def _end(process: subprocess.Popen) -> None:
    """Let a command save what it did, and end."""
    stop.unsaved(True)
    if stop.asked() != 2:  # a terminal's Ctrl-C has reached it as well
        process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()

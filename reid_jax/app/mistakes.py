"""How a command ends: a mistake of the caller in one line, a bug in a traceback, a stop in order.

Exit status 0: finished; 1: a fault, or another process of the run is gone; 2: a mistake; 128 and
the signal's number: stopped (130 by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP, 141 where nobody
reads the output any more).
"""

import dis
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from reid_jax.app import peers, stop

_ROOT = Path(__file__).resolve().parents[2]
# what a system says of a disk; libraries hand it on as errors of other kinds, without the file
DISK = ("No space left on device", "Disk quota exceeded", "Read-only file system")
HANDLES = "Too many open files"
OURS = (f"{_ROOT / 'reid_jax'}{os.sep}", f"{_ROOT / 'experiments'}{os.sep}")


def guarded(body: Callable[[], Any], then: str = stop.ANEW) -> Any:
    """Run; a mistake of the caller ends in one line and exit status 2, a stop in one of its own.

    Such a mistake is an error that a `raise` of this project words, or a file that cannot be
    opened, read or written, or a disk that is full, or too many open files. Whatever else goes
    wrong shows its traceback; REID_TRACEBACK=1 shows all of them.

    Args:
        body: what is run.
        then: after a stop, what the same command does, until `stop.then` is told otherwise.

    Returns:
        What body returns.
    """
    stop.then(then)
    try:
        return body()
    except KeyboardInterrupt as error:
        peers.end(peers.STOPPED)
        number = error.number if isinstance(error, stop.Stopped) else signal.SIGINT
        stop.leave(number, "" if number == signal.SIGPIPE else stop.last_words())
    except BrokenPipeError:
        quiet()
        stop.leave(signal.SIGPIPE)
    except Exception as error:
        told = str(error) if mistake(error) else disk(error)
        if peers.several() and not told:
            if _apart(error):
                peers.wait()
            traceback.print_exc()
            sys.stdout.flush()
            os._exit(1)  # jax would wait for the others, who wait for this one
        if os.environ.get("REID_TRACEBACK") or not told:
            raise
        print(f"error: {told}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(2)  # workers of the input pipeline must not keep the command alive


def _apart(error: BaseException) -> bool:
    """Whether the error may be that another process is gone."""
    return type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError") or "Gloo" in str(error)


def quiet() -> None:
    """Write nothing more to stdout, which nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def disk(error: BaseException) -> str:
    """What the system refuses and where, in a line, if that is the error or behind it; else ""."""
    seen: BaseException | None = error
    while seen is not None:
        text = str(seen)
        if HANDLES in text:
            return f"no further file can be opened ({HANDLES}); `ulimit -n 4096` allows more"
        for reason in DISK:
            if reason in text:
                found = re.findall(r'"(/[^"]+)"|writing (/[^;]+);', text)
                path = next((one or other for one, other in reversed(found)), "")
                return f"cannot write {path or 'a file'}: {reason}"
        seen = seen.__cause__ or seen.__context__
    return ""


def mistake(error: BaseException) -> bool:
    """Whether the caller can mend it: a file, or an error that this project's own code raises."""
    if isinstance(error, OSError) and error.filename is not None:
        return True
    last: TracebackType | None = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or not isinstance(error, ValueError | ImportError | OSError | ArithmeticError):
        return False
    code = last.tb_frame.f_code
    raised = dis.opname[code.co_code[last.tb_lasti]] == "RAISE_VARARGS"
    return raised and code.co_filename.startswith(OURS)

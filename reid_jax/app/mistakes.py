"""Errors: a mistake of the caller ends in one line, everything else in a traceback."""

import dis
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
OURS = (f"{_ROOT / 'reid_jax'}{os.sep}", f"{_ROOT / 'experiments'}{os.sep}")


def guarded(body: Callable[[], Any]) -> Any:
    """Run; a mistake of the caller ends in one line and exit status 2.

    Such a mistake is an error that a `raise` of this project words, or a file that cannot be
    opened, read or written. Whatever else goes wrong shows its traceback; REID_TRACEBACK=1 shows
    all of them.
    """
    try:
        return body()
    except Exception as error:
        if os.environ.get("REID_TRACEBACK") or not mistake(error):
            raise
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(2)  # workers of the input pipeline must not keep the command alive


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

"""Stops: Ctrl-C, SIGTERM and SIGHUP end a command in order, with an exit status of their own.

Asked once, a command ends at the next point where nothing is lost: `Stopped` is raised wherever it
is, except inside `held`, where the owner of unsaved work asks `asked()` between two steps. Asked
twice, it ends at once. This module imports nothing heavy: scripts begin with it.
"""

import ctypes
import os
import select
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial, wraps
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SWALLOWS = ("__del__", "_xla_gc_callback")  # functions whose exceptions Python only prints
TRACKER = "ignore:resource_tracker:UserWarning"  # of semaphores that are left over
ANEW, GOES_ON = "begins anew", "goes on from what is saved"  # the same command, after a stop
CLOSED = "Event loop is closed"
PATIENCE = 5.0  # seconds that a computation without unsaved work may go on after a stop is asked


class Stopped(KeyboardInterrupt):
    """The command was asked to stop, by the signal of this number."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


class _State:
    """What there is once in a process."""

    asked = 0  # the signal's number
    held = 0  # how many `held` the main thread is inside of
    unsaved = False  # whether a stop at once would lose work
    heeded = False
    early = False  # before there is anything that `Stopped` could unwind
    then = ANEW
    others: Callable[[], Any] | None = None  # told of a stop


def heed(*, early: bool = False) -> None:
    """Heed the signals from now on; those that are ignored (nohup) stay so.

    Args:
        early: until the next call of `heed` a stop leaves at once, without a traceback of imports.
    """
    _State.early = early
    if _State.heeded or threading.current_thread() is not threading.main_thread():
        return
    _State.heeded = True
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _ask)
    signal.signal(signal.SIGALRM, _again)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    # who leaves at once cannot tidy what it shares with workers; Python's tracker does, silently
    given = [text for text in (os.environ.get("PYTHONWARNINGS"), TRACKER) if text]
    os.environ["PYTHONWARNINGS"] = ",".join(given)
    os.register_at_fork(after_in_child=_forget)
    sys.unraisablehook = _told(sys.unraisablehook)
    threading.excepthook = _told(threading.excepthook)
    threading.Thread(target=_watch, args=(reader,), name="stop", daemon=True).start()


def asked() -> int:
    """The number of the signal that asked for a stop, or 0."""
    return _State.asked


def ask(number: int) -> None:
    """Ask for a stop as a signal of this number does; it raises `Stopped` outside of `held`."""
    _State.asked = _State.asked or number
    if _State.others is not None:
        _State.others()
    if not _State.held:
        raise Stopped(_State.asked)


@contextmanager
def held() -> Iterator[None]:
    """A stop waits here: it raises nothing until the end, which is after what must not be lost."""
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
        _State.unsaved = False
    if _State.asked and not _State.held:
        raise Stopped(_State.asked)


def unsaved(is_so: bool) -> None:
    """Say whether there is work that a stop at once would lose."""
    _State.unsaved = is_so


def share() -> None:
    """Share stops with jax, which took SIGTERM for itself when this process joined others.

    Its handler notes a preemption, upon which all processes agree on a step to stop at
    (`parallel.preempted`). From now on this module hears SIGTERM again, and any stop is noted so.
    """
    if signal.getsignal(signal.SIGTERM) is not _ask:
        return
    system = ctypes.CDLL(None)
    system.signal.restype, system.signal.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)
    handlers = []  # the one that is there, and then Python's
    for _ in range(2):
        handlers.append(system.signal(int(signal.SIGTERM), None))
        signal.signal(signal.SIGTERM, _ask)
    theirs, ours = handlers
    if theirs != ours:
        _State.others = partial(ctypes.CFUNCTYPE(None, ctypes.c_int)(theirs), int(signal.SIGTERM))


def then(does: str) -> None:
    """Say what the same command does after a stop from now on, e.g. `GOES_ON`."""
    _State.then = does


def at_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that a stop breaks off even inside `held`, e.g. a long look at the data."""

    @wraps(function)
    def breaking(*args: Any, **kwargs: Any) -> Any:
        before, _State.held = _State.held, 0
        try:
            if _State.asked:
                raise Stopped(_State.asked)
            return function(*args, **kwargs)
        finally:
            _State.held = before

    return breaking


def leave(number: int, last: str = "") -> NoReturn:
    """End the process now, with the exit status of a signal; its workers are not waited for."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    if last:
        _tell(last)
    os._exit(128 + number)


def again() -> str:
    """The command line of this process, as a person types it."""
    words = list(sys.orig_argv)
    script = Path(words[1]) if len(words) > 1 else Path()
    if script.is_file() and not script.suffix:  # an installed command
        return shlex.join([script.name, *words[2:]])
    return shlex.join(["python", *words[1:]])


def last_words(does: str = "") -> str:
    """How a stopped command is gone on with; `does`: what the same command does, if not `then`."""
    return f"stopped; the same command {does or _State.then}:\n    {again()}"


def _ask(number: int, frame: FrameType | None) -> None:
    if _State.early:
        leave(number, last_words("begins where this began"))  # nothing is known of what is saved
    while frame is not None:
        if frame.f_code.co_name in SWALLOWS:
            _State.asked = _State.asked or number
            signal.setitimer(signal.ITIMER_REAL, 0.05)  # and _again
            return
        frame = frame.f_back
    ask(number)


def _again(number: int, frame: FrameType | None) -> None:
    """Ask once more, outside of what swallows an exception."""
    _ask(_State.asked, frame)


def _forget() -> None:
    """A worker that was forked dies by a signal, silently; the first process tells of it."""
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        if signal.getsignal(number) is _ask:
            signal.signal(number, signal.SIG_DFL)


def _told(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A hook of exceptions that is silent about other threads where they only follow the main one.

    What that breaks off, by a stop or an error of its own, e.g. a loop of orbax, they go on to
    call.
    """

    def told(error: Any) -> None:
        follows = _State.asked or str(error.exc_value) == CLOSED
        if not follows or threading.get_ident() == threading.main_thread().ident:
            hook(error)

    return told


def _watch(reader: int) -> None:
    """Heed the second signal, and the first where the main thread does not come to heed it.

    A Python handler waits until the main thread leaves a compiler or a C loop; this thread does
    not.
    """
    first = _next(reader)
    waits = " after what must be saved" if _State.unsaved else ""
    _tell(f"asked to stop: ending{waits}; once more ends at once")
    while True:
        ready = select.select([reader], [], [], PATIENCE)[0]
        if ready:
            leave(_next(reader))
        if not _State.unsaved:
            leave(first, last_words())


def _next(reader: int) -> int:
    while True:
        number = os.read(reader, 1)[0]
        if number in SIGNALS:
            return number


def _tell(text: str) -> None:
    """Write a line to stderr without Python's buffers, which the main thread may hold."""
    with suppress(OSError):
        os.write(2, f"\n{text}\n".encode())

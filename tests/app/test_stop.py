"""A command that is asked to stop, from outside, as a terminal or a cluster does."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

BEGIN = """
import hashlib, signal, subprocess, sys, threading, time
from reid_jax.app import mistakes, stop
stop.heed()
stop.PATIENCE = 3.0

def ready():
    print("ready", flush=True)

def busy(rounds):
    '''Some 0.5 s times rounds in C, where no Python handler runs.'''
    hashlib.pbkdf2_hmac("sha256", b"", b"", rounds * 1_000_000)
"""


def started(body, **options):
    """A process that runs `body` under `guarded`, as soon as it says that it is ready."""
    code = BEGIN + "def body():\n" + textwrap.indent(textwrap.dedent(body), "    ")
    code += "\nmistakes.guarded(body, 'goes on')\n"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = ["env", "--default-signal=INT,HUP", sys.executable, "-c", code]  # as in a terminal
    child = subprocess.Popen(command, **pipes, **options)
    assert child.stdout.readline() == "ready\n", child.communicate()[1]
    return child


def ended(child, *signals, pause=0.3):
    """(exit status, stdout, stderr, seconds) after the signals."""
    began = time.monotonic()
    for number in signals:
        child.send_signal(number)
        time.sleep(pause)
    out, err = child.communicate(timeout=60)
    assert "Traceback" not in err, err
    return child.returncode, out, err, time.monotonic() - began


SLEEP = "ready(); time.sleep(60)"
HOLD = """
with stop.held():
    stop.unsaved(True)
    ready()
    while not stop.asked():
        time.sleep(0.01)
    {then}
    print("saved")
print("not reached")
"""


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_each_signal_has_a_status_and_the_command_is_told(number, status):
    found, out, err, _ = ended(started(SLEEP), number)
    assert found == status and out == ""
    assert "stopped; the same command goes on:" in err and "    python -c" in err


def test_what_must_be_saved_is_saved_first():
    status, out, err, _ = ended(started(HOLD.format(then="time.sleep(2)")), signal.SIGTERM)
    assert (status, out) == (143, "saved\n") and "ending after what must be saved" in err


def test_a_second_signal_ends_at_once():
    child = started(HOLD.format(then="busy(100)"))
    status, out, _, seconds = ended(child, signal.SIGINT, signal.SIGINT)
    assert status == 130 and out == "" and seconds < 20


def test_a_compiler_is_not_waited_for_where_nothing_is_lost():
    status, _, err, seconds = ended(
        started("threading.Timer(0.5, ready).start(); busy(100)"), signal.SIGINT
    )
    assert status == 130 and "the same command goes on:" in err and seconds < 20


@pytest.mark.parametrize("asked", [True, False])
def test_other_threads_break_silently_once_a_stop_is_asked(asked):
    body = f"""
        class Closed:
            def __del__(self):  # as a thread of C calls a loop that is closed: nobody can catch it
                raise RuntimeError("Event loop is closed")

        def breaks():
            Closed()
            raise RuntimeError("broken")

        ready()
        try:
            time.sleep(60 if {asked} else 0)
        finally:
            other = threading.Thread(target=breaks)
            other.start()
            other.join()
    """
    child = started(body)
    if asked:
        child.send_signal(signal.SIGTERM)
    err = child.communicate(timeout=60)[1]
    assert child.returncode == (143 if asked else 0)
    assert err.count("Traceback") == (0 if asked else 1), err
    assert asked or "RuntimeError: broken" in err


def test_sigterm_is_heard_after_jax_took_it_for_itself():
    body = """
    import socket
    import jax
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    jax.distributed.initialize(address, 1, 0)
    stop.share()
    ready()
    time.sleep(30)
    """
    status, _, err, seconds = ended(started(body), signal.SIGTERM)
    assert status == 143 and "stopped; the same command goes on:" in err and seconds < 20


def test_before_the_libraries_are_there_nothing_is_said_of_what_is_saved():
    child = started("stop.heed(early=True); ready(); time.sleep(60)")
    status, _, err, _ = ended(child, signal.SIGTERM)
    assert status == 143 and "the same command begins where this began:" in err


@pytest.mark.parametrize(
    "saved, does",
    [
        ("", "goes on"),
        ("checkpoints/7", "goes on from what is saved"),
        ("a/checkpoints/7.tmp", "goes on"),
    ],
)
def test_the_last_line_says_what_the_folder_holds(tmp_path, saved, does):
    (tmp_path / saved).mkdir(parents=True, exist_ok=True)
    body = f"""
    from pathlib import Path
    from reid_jax.app import workdirs
    workdirs.begin(Path({str(tmp_path)!r}))
    threading.Timer(0.5, ready).start()
    busy(100)  # as in the compiler of the first step
    """
    status, _, err, _ = ended(started(body), signal.SIGINT)
    assert status == 130 and f"stopped; the same command {does}:\n" in err


def test_a_long_look_is_broken_off_inside_what_is_held():
    body = """
    with stop.held():
        stop.unsaved(True)
        try:
            stop.at_once(lambda: (ready(), time.sleep(60)))()
        except stop.Stopped:
            print("saved")
            raise
    """
    assert ended(started(body), signal.SIGTERM)[:2] == (143, "saved\n")


def test_a_stop_inside_what_swallows_exceptions_is_asked_again():
    body = """
    class Slow:
        def __del__(self):
            ready()
            time.sleep(0.5)
    Slow()
    time.sleep(60)
    """
    status, out, err, _ = ended(started(body), signal.SIGINT)
    assert status == 130 and out == "" and "ignored" not in err


def test_a_hangup_that_nohup_ignores_stays_ignored():
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + BEGIN
    code += "ready(); time.sleep(1); print('finished')"
    pipes = {"stdout": subprocess.PIPE, "text": True}
    child = subprocess.Popen([sys.executable, "-c", code], **pipes)
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGHUP)
    assert child.communicate()[0] == "finished\n" and child.returncode == 0


def test_a_workers_signal_is_not_a_second_one():
    """Ctrl-C reaches all processes of a terminal; those that were forked die silently."""
    body = """
    import os
    if not os.fork():
        time.sleep(60)
    time.sleep(0.3)  # a signal to a process that is just forked would be lost
    """ + textwrap.indent(HOLD.format(then="time.sleep(1)"), "    ")  # fmt: skip
    child = started(body, start_new_session=True)
    os.killpg(child.pid, signal.SIGINT)
    status, out, err, _ = ended(child)
    assert (status, out) == (130, "saved\n") and err.count("KeyboardInterrupt") == 0


def test_nobody_reads_any_more():
    body = """
    from reid_jax.app import command
    ready()
    while True:
        command.say("x" * 1000)
    """
    child = started(body)
    child.stdout.close()
    assert child.communicate()[1] == "" and child.returncode == 141


def test_what_must_be_saved_is_saved_where_nobody_reads_any_more():
    body = """
    from reid_jax.app import command
    with stop.held():
        stop.unsaved(True)
        ready()
        while not stop.asked():
            command.say("x" * 1000)
        sys.stderr.write("saved")
    """
    child = started(body)
    child.stdout.close()
    assert child.communicate()[1] == "saved" and child.returncode == 141

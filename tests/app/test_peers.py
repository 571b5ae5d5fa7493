"""Of several processes, one that dies or falls silent ends the others in a line."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from reid_jax.app import peers
from tests.experiments.called import QUICK, ROOT, two_domains

# the other process, process 1: it lives until its input ends, and then ends in the way it is told
OTHER = """
import sys, time
from pathlib import Path
from reid_jax.app import peers
one = peers.Peers(Path(sys.argv[1]), 1, 2, 1.0)
one.beat(); one.begin(); print("begun", flush=True)
how = sys.stdin.readline().strip()
if how: one.end(how)
"""


@pytest.fixture
def other(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def _until(mine, seconds=10.0):
    until = time.monotonic() + seconds
    while not (told := mine.lost()) and time.monotonic() < until:
        time.sleep(0.05)
    return told


def _known(mine, other):
    """Wait until a sign of life of the other has been seen, which none of an older run is."""
    while mine.seen[1][2] < 2:
        assert mine.lost() == ""
        time.sleep(0.02)


def test_a_process_that_dies_is_named_at_once(tmp_path, other):
    mine = peers.Peers(tmp_path, 0, 2, 30.0)
    _known(mine, other)
    other.kill()
    other.wait()
    told = _until(mine)
    assert told == f"process 1 ({other.pid} on {socket.gethostname()}) has died"


def test_one_that_is_silent_is_named_after_the_patience(tmp_path, other):
    mine = peers.Peers(tmp_path, 0, 2, 1.0)
    _known(mine, other)
    other.send_signal(signal.SIGSTOP)
    assert "has not been heard of for 1 s" in _until(mine)
    other.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("how, told", [("left", ""), ("stopped", "was stopped for 1 s")])
def test_one_that_ends_in_order_is_not_dead(tmp_path, other, how, told):
    mine = peers.Peers(tmp_path, 0, 2, 1.0)
    _known(mine, other)
    other.stdin.write(f"{how}\n")
    other.stdin.close()
    other.wait()
    assert told in _until(mine, 2.0) and bool(_until(mine, 0.1)) == bool(told)


def test_signs_of_an_older_run_do_not_count(tmp_path):
    (tmp_path / peers.FOLDER).mkdir()
    (tmp_path / peers.FOLDER / "1").write_text(f"7 999999999 {socket.gethostname()}")
    mine = peers.Peers(tmp_path, 0, 2, 0.5)
    assert mine.lost() == "" and "has not been heard of" in _until(mine)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_run_of_two_processes_ends_in_a_line_and_goes_on(tmp_path, killed):
    """Process 0 serves the others: where it dies, the library below would abort."""
    two_domains(tmp_path)
    arguments = [
        f"--workdir={tmp_path}/run", f"--config.data=csv:{tmp_path}/source.csv", "--config.test=",
        "--config.size=32x16", "--config.persons=2", "--config.per_person=2", "--config.warmup=0",
        "--config.iterations=4", QUICK, "--noreport", "--save_minutes=0", "--distributed",
        "--processes=2",
    ]  # fmt: skip

    def begun(*more):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            more = (*arguments, *more, f"--coordinator=localhost:{free.getsockname()[1]}")
        environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
        return [
            subprocess.Popen(
                [sys.executable, "-u", "-m", "experiments.ide", *more, f"--process={which}"],
                cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True,
            )
            for which in (0, 1)
        ]  # fmt: skip

    children = begun("--config.epochs=500", "--config.schedule=constant", "--patience=20")
    for line in children[0].stdout:
        if "epoch 2/" in line:
            break
    children[killed].kill()
    began = time.monotonic()
    err = children[1 - killed].communicate(timeout=60)[1]
    children[killed].communicate()
    assert children[1 - killed].returncode == 1 and time.monotonic() - began < 20
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"error: process {killed} (") and "has died" in last
    assert "go on from what is saved" in last
    children = begun("--config.epochs=500", "--config.schedule=constant")
    for line in children[0].stdout:
        if "going on from epoch" in line:
            break
    else:
        raise AssertionError(children[0].communicate()[1])
    for child in children:
        child.kill()
        child.communicate()

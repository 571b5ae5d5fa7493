"""A training and the page of a gallery at work for minutes: growth of memory, open files.

    python -m benchmarks.soak --minutes=60 --think=0.1 --users=4

Each is started as a person starts it, and looked at every five seconds. Growth is from the median
of the second quarter of the time, when all is compiled, to that of the last. The training saves,
tests and draws after each epoch. The page's users are those of `benchmarks.serving`.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import simplejpeg
from absl import app, flags, logging

from benchmarks import killed, serving
from reid_jax import synthetic

_MINUTES = flags.DEFINE_float("minutes", 60, "of each", 0.1)
_WHAT = flags.DEFINE_list("what", ["training", "serve"], "what is tried")
EVERY = 5.0  # seconds between two looks


class Look(NamedTuple):
    """Bytes of a process that are in memory, and how many files it has open."""

    memory: int
    files: int


def looked(process: int) -> Look:
    """Look at a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return Look(pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(f"/proc/{process}/fd")))


def watched(process: subprocess.Popen, until: float) -> list[Look]:
    """Look at a process again and again."""
    looks = []
    while time.time() < until:
        if process.poll() is not None:
            raise SystemExit(f"it ended with {process.returncode}")
        looks.append(looked(process.pid))
        time.sleep(min(EVERY, max(0.0, until - time.time())))
    return looks


def told(name: str, looks: list[Look]) -> str:
    """A line of the table."""
    quarter = max(1, len(looks) // 4)
    early, late = looks[quarter : 2 * quarter] or looks, looks[-quarter:]
    begun, ended = (statistics.median(one.memory for one in part) for part in (early, late))
    files = [statistics.median(one.files for one in part) for part in (early, late)]
    return (
        f"| {name} | {_MINUTES.value:g} | {begun / 1e6:,.0f} | {ended / 1e6:,.0f} | "
        f"{100 * (ended / begun - 1):+.1f}% | {files[0]:.0f} | {files[1]:.0f} |"
    )


def training(folder: Path) -> list[Look]:
    """A small run that saves, tests and draws after each epoch."""
    killed.draw(folder)
    given = killed.arguments("ide", folder, folder / "run")
    given += ["--config.epochs=100000", "--config.schedule=constant", "--config.iterations=20"]
    command = [sys.executable, "-u", "-m", "experiments.ide", *given]
    with (
        (folder / "said.txt").open("w") as said,
        subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as process,
    ):
        try:
            return watched(process, time.time() + 60 * _MINUTES.value)
        finally:
            process.kill()


def serve(folder: Path) -> list[Look]:
    """The page, with users."""
    gallery = serving.street(folder)
    command = [sys.executable, "-u", "-m", "experiments.serve", f"--gallery={gallery}", "--port=0"]
    people = synthetic.labelled(persons=20, cameras=2, per_camera=1, seed=1)
    pictures = [
        simplejpeg.encode_jpeg(np.ascontiguousarray(one)) for one in map(np.asarray, people.image)
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = next(line.split()[0] for line in server.stdout or () if line[:4] == "http")
            until = time.time() + 60 * _MINUTES.value
            users = serving.Users(address, pictures)
            threads = [
                threading.Thread(target=users.use, args=(one, until), daemon=True)
                for one in range(flags.FLAGS.users)
            ]
            for one in threads:
                one.start()
            looks = watched(server, until)
            count = sum(map(len, users.spent.values()))
            print(f"{count:,} questions, {len(users.errors)} errors {users.errors[:2]}")
            return looks
        finally:
            server.terminate()


def main(_: list[str]) -> None:
    """Try each, and print a table."""
    logging.set_verbosity(logging.WARNING)
    lines = []
    for name in _WHAT.value:
        with tempfile.TemporaryDirectory() as folder:
            lines.append(told(name, {"training": training, "serve": serve}[name](Path(folder))))
        print(lines[-1], flush=True)
    heads = ["what", "minutes", "MB", "MB at the end", "growth", "files", "files at the end"]
    print(f"\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    print("\n".join(lines))


if __name__ == "__main__":
    app.run(main)

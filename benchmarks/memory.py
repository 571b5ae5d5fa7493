"""Peak memory of commands by the number of pictures of a data set.

python -m benchmarks.memory --rows=10000,100000,1000000

Pictures are small jpegs, named by as many links as there are rows; the network is the small ResNet
at 128x64. A training is cut short (an epoch of a few batches), since its memory does not depend on
its length; everything else is the whole command. The last line of each command fits a straight
line: what it takes without data, and bytes a picture.
"""

import csv
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import app, flags
from PIL import Image

_ROWS = flags.DEFINE_list("rows", ["10000", "100000", "1000000"], "pictures of the data sets")
_COMMANDS = flags.DEFINE_list("commands", [], "some of those measured; empty: all")

SOURCES = 100  # pictures; each has many names
PERSON = 50  # pictures of a person
QUERIES = 1000


def data(folder: Path, rows: int) -> Path:
    """Write `rows` names of a few pictures, and a CSV of `PERSON` a person; every second person of
    the first is tested, `QUERIES` at most."""
    rng = np.random.default_rng(0)
    for number in range(SOURCES):
        pixels = rng.integers(0, 256, (16, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        held = io.BytesIO()
        Image.fromarray(pixels).save(held, "JPEG")
        (folder / f"{number}.jpg").write_bytes(held.getvalue())
    (folder / "names").mkdir()
    with (folder / "data.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "person", "camera", "group", "split"))
        for row in range(rows):
            path = f"names/{row}.jpg"
            os.link(folder / f"{row % SOURCES}.jpg", folder / path)
            person = row // PERSON
            split = "train"
            if person % 2 and person < 2 * QUERIES:
                split = "gallery" if row % PERSON else "query"
            writer.writerow((path, person, row % 6, person, split))
    return folder / "data.csv"


def commands(folder: Path, table: Path) -> dict[str, list[str]]:
    """The commands that are measured, by name; later ones need what earlier ones leave."""
    short = (
        "--config.epochs=1",
        "--config.warmup=0",
        "--config.iterations=5",
        "--config.persons=4",
    )
    train = [f"--config.data=csv:{table}", "--config.test=", *short, "--noreport"]
    run = f"--workdir={folder / 'ide'}"
    return {
        "ide": ["ide", run, *train],
        "report": ["report", run],
        "evaluate": ["evaluate", run],
        "embed": ["embed", run, f"--pictures={table}", f"--out={folder / 'out.npz'}"],
        "prepare": ["prepare", f"--source=csv:{table}", f"--out={folder / 'packed'}"],
        "ide, packed": [
            "ide",
            f"--workdir={folder / 'packed-ide'}",
            f"--config.data=packed:{folder / 'packed'}",
            *train[1:],
        ],
    }


def peak(words: Sequence[str]) -> tuple[float, float]:
    """GiB at the peak, of the command and its workers together, and seconds."""
    began, most = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "experiments", *words], stdout=said, stderr=subprocess.STDOUT
        )
        while process.poll() is None:
            most = max(most, sum(map(_resident, [process.pid, *_children(process.pid)])))
            time.sleep(0.05)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(words)} ended so: {said.read()[-2000:]}")
    return most / 2**30, time.monotonic() - began


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    own = [int(word) for word in text.split()]
    return own + [one for child in own for one in _children(child)]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def main(_: list[str]) -> None:
    sizes = [int(rows) for rows in _ROWS.value]
    found: dict[str, list[float]] = {}
    print(f"{'command':14} {'pictures':>10} {'GiB':>7} {'s':>7}")
    for rows in sizes:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            for name, words in commands(folder, data(folder, rows)).items():
                if _COMMANDS.value and name not in _COMMANDS.value:
                    continue
                most, seconds = peak(words)
                found.setdefault(name, []).append(most)
                print(f"{name:14} {rows:10,} {most:7.2f} {seconds:7.0f}", flush=True)
    for name, most in found.items():
        if len(most) > 1:
            slope, base = np.polyfit(sizes, most, 1)
            print(f"{name:14} {base:.2f} GiB and {slope * 2**30:.0f} bytes a picture")


if __name__ == "__main__":
    app.run(main)

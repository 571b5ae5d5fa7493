"""How long a CSV of many lines takes to open, and how much memory.

    python -m benchmarks.table --lines=1000000

It has path, person, camera, split and group; the lines name --files pictures, again and again.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from absl import app, flags

_LINES = flags.DEFINE_integer("lines", 1_000_000, "lines of the CSV", lower_bound=1)
_FILES = flags.DEFINE_integer("files", 50_000, "pictures that there are", lower_bound=1)
PER_FOLDER = 1_000
CHILD = """
import resource, sys, time
from reid_jax.data.table import table

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before, started, cpu = most(), time.perf_counter(), time.process_time()
data = table(sys.argv[1])
taken, cpu = time.perf_counter() - started, time.process_time() - cpu
print(f"{len(data.person):,} lines: {taken:.2f} s, {cpu:.2f} s of one core, {most():.0f} MB at "
      f"most, {before:.0f} MB of them the imports")
"""


def main(_: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, files = Path(name), []
        for row in range(_FILES.value):
            part = f"pictures/{row // PER_FOLDER:05}"
            if row % PER_FOLDER == 0:
                (folder / part).mkdir(parents=True)
            files.append(f"{part}/{row // 12:06}_c{row % 6}_{row:08}.jpg")
            (folder / files[-1]).touch()
        with (folder / "all.csv").open("w") as file:
            file.write("path,person,camera,split,group\n")
            for row in range(_LINES.value):
                path = files[row % len(files)]
                file.write(f"{path},{row // 12},c{row % 6},train,{row // 4}\n")
        # in a process of its own, which has made nothing else
        subprocess.run([sys.executable, "-c", CHILD, str(folder / "all.csv")], check=True)


if __name__ == "__main__":
    app.run(main)

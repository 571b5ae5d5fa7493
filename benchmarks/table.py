"""How long a CSV of many lines takes to open, and how much memory.

python -m benchmarks.table --lines=1000000
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from absl import app, flags

_LINES = flags.DEFINE_integer("lines", 1_000_000, "lines of the CSV", lower_bound=1)
PER_FOLDER = 1_000


def main(_: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, lines = Path(name), []
        for row in range(_LINES.value):
            part = f"pictures/{row // PER_FOLDER:05}"
            if row % PER_FOLDER == 0:
                (folder / part).mkdir(parents=True)
            file = f"{part}/{row // 12:06}_c{row % 6}_{row:08}.jpg"
            (folder / file).touch()
            lines.append(f"{file},{row // 12},c{row % 6},train,{row // 4}\n")
        (folder / "all.csv").write_text("path,person,camera,split,group\n" + "".join(lines))
        del lines
        _measure(folder / "all.csv")


def _measure(path: Path) -> None:
    """In a process of its own, which has made nothing else."""
    code = (
        "import resource, sys, time\n"
        "from reid_jax.data.table import table\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "started = time.perf_counter(); cpu = time.process_time()\n"
        "data = table(sys.argv[1])\n"
        "taken = time.perf_counter() - started; cpu = time.process_time() - cpu\n"
        "most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(f'{len(data.person):,} lines: {taken:.2f} s ({cpu:.2f} s of one core), '\n"
        "      f'{(most - before) / 1024:.0f} MB more than the imports ({before / 1024:.0f} MB)')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


if __name__ == "__main__":
    app.run(main)

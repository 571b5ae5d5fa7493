"""Take the storage of a small run away, give it back, and compare with a run that had it.

    python -m benchmarks.storage                  all faults, once each; the full disk at ten sizes
    python -m benchmarks.storage --faults=full --rounds=30

full: the disk, a tmpfs of a size drawn at random, has no room for all of the run; readonly: it is
mounted anew, to be read only; handles: no further file can be opened; moved: the run's folder is
moved away. Each in a phase drawn at random. The run must end with status 2 and one line, or go on;
when the storage is back, the same command must end, and the folder be that of the unbroken run. The
first two mount a tmpfs, which takes root.
"""

import argparse
import collections
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import killed
from benchmarks.kill import Run, prepared, unbroken

METHOD = "ide"
SIZE = "256m"  # of a disk that is not full


def mounted(place: Path, size: str) -> None:
    """Make a disk of a size at a folder."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True)


def remounted(place: Path, options: str) -> bool:
    """Change a disk; whether it could be: one that is written to cannot become read-only."""
    done = subprocess.run(["mount", "-o", f"remount,{options}", place], capture_output=True)
    return not done.returncode


def used(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


class Fault:
    """What befalls the storage of a run, and how it is mended."""

    def __init__(self, name: str, place: Path, rng: random.Random, size: int):
        self.name, self.place, self.workdir = name, place, place / "run"
        self.rng, self.size, self.away = rng, size, place.with_name(f"{place.name}-away")
        if name in ("full", "readonly"):
            room = rng.randint(4096, size) if name == "full" else 1 << 28
            mounted(place, f"{max(4, room // 1024)}k")
        else:
            place.mkdir()

    def strike(self, run: Run) -> None:
        """Take the storage away from a run that is at work."""
        process = run.process.pid
        if self.name == "readonly":
            # a file that is open to write forbids it, so the disk has no more room instead
            while not remounted(self.place, "ro"):
                disk = os.statvfs(self.place)
                taken = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
                if remounted(self.place, f"size={taken}"):  # not if it wrote more meanwhile
                    break
        elif self.name == "handles":
            numbers = [int(one) for one in os.listdir(f"/proc/{process}/fd")]
            most = max(numbers) + 1
            resource.prlimit(process, resource.RLIMIT_NOFILE, (most, most))
        elif self.name == "moved":
            self.workdir.rename(self.away)

    def mend(self) -> None:
        """Give it back."""
        if self.name in ("full", "readonly"):
            remounted(self.place, f"rw,size={SIZE}")
        elif self.name == "moved" and self.away.exists():
            left = self.workdir
            if left.exists():  # what the run wrote after it was moved
                left.rename(self.away.with_suffix(".rest"))
            self.away.rename(self.workdir)

    def over(self) -> None:
        """Remove the disk."""
        if self.name in ("full", "readonly"):
            subprocess.run(["umount", "-l", self.place], check=True)


def told(status: int | None, said: str) -> str:
    """What is wrong with how a run ended; "" where it is finished, or refused in a line."""
    if status == 0:
        return ""
    last = [line for line in said.splitlines() if line.strip()][-1:]
    if status != 2 or not last or not last[0].startswith("error: "):
        return f"it ends with {status}:\n{said[-3000:]}"
    if "Traceback" in said:
        return f"a traceback before the line:\n{said[-3000:]}"
    return ""


def round_of(
    name: str, data: Path, place: Path, whole: Path, rng: random.Random, say: Callable
) -> list[str]:
    """One fault and its mending: what is wrong."""
    from benchmarks.same_run import differences

    said = place.with_name(f"{place.name}.txt")
    fault = Fault(name, place, rng, used(whole))
    try:
        run, phase = Run(METHOD, data, fault.workdir, said), rng.choice([*killed.PHASES])
        if run.wait_for(phase, 1):
            fault.strike(run)
        status = run.end()
        text = said.read_text()
        wrong = told(status, text)
        say(f"  {name} in {phase}: {status} {text.strip().splitlines()[-1][:160]!r}")
        fault.mend()
        found = [wrong] if wrong else []
        again = Run(METHOD, data, fault.workdir, said)
        if again.end():
            return [*found, f"it does not go on: {said.read_text()[-2000:]}"]
        return [*found, *differences(whole, place)]
    finally:
        fault.over()


def main() -> int:
    """Try faults; the exit status is 1 where one was not survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", default="full,readonly,handles,moved", help="by comma")
    parser.add_argument("--rounds", type=int, default=3, help="of each")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    given = parser.parse_args()
    counts: collections.Counter = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="storage-") as temporary:
        folder = Path(temporary)
        data = prepared(folder)
        whole = folder / "whole"
        whole.mkdir()
        unbroken(METHOD, data, whole / "run")
        for name in given.faults.split(","):
            for number in range(given.seed, given.seed + given.rounds):
                place, rng = folder / f"{name}-{number}", random.Random(f"{name} {number}")
                wrong = round_of(name, data, place, whole, rng, print)
                counts[name] += not wrong
                for line in wrong:
                    print(f"{name}, round {number}: {line}", flush=True)
    print("\n| fault | tried | survived |\n|---|---|---|")
    for name in given.faults.split(","):
        print(f"| {name} | {given.rounds} | {counts[name]} |")
    return int(any(counts[name] < given.rounds for name in given.faults.split(",")))


if __name__ == "__main__":
    result = main()
    sys.stdout.flush()
    os._exit(result)  # the forkserver is not waited for

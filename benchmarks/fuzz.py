"""Damaged and hostile inputs for every reader: each must be read, or refused in one line.

    python -m benchmarks.fuzz --reader=npz --inputs=10000
    python -m benchmarks.fuzz --reader=npz --seed=17 --inputs=1    that one input

Refused is a ValueError or FileNotFoundError of one line that names the input. Each input is read in
a worker that may take LIMIT seconds and MEMORY bytes more than it has; a worker that dies is
reported and replaced. What a file says may start nothing, and opens nothing beside its folder, but
for the pictures that a CSV lists; a link in a folder is followed, as everywhere.
"""

import argparse
import collections
import json
import os
import resource
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

LIMIT = 20.0  # seconds of an input
MEMORY = 2 << 30  # bytes that a worker may map beyond what its imports take
GROWTH = 600 << 20  # bytes by which its memory may really grow
BEGIN = 300.0  # seconds until a worker has imported all


class Worker:
    """A process that reads damaged inputs, by their seeds."""

    def __init__(self, reader: str, sound: Path):
        self.command = [sys.executable, "-m", "benchmarks.fuzz", f"--reader={reader}"]
        self.command += [f"--worker={sound}"]
        self.process: subprocess.Popen | None = None

    def outcome(self, seed: int) -> dict:
        """How an input is read: kind, text and change."""
        if self.process is None:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
            if self._line(BEGIN) != "ready\n":
                raise RuntimeError("a worker does not begin")
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seed}\n")
        self.process.stdin.flush()
        line = self._line(LIMIT)
        if line:
            return json.loads(line)
        ended = self.process.poll()
        self.close()
        if line is None:
            return {"kind": f"hangs above {LIMIT:.0f} s", "text": "", "change": ""}
        return {"kind": f"its worker died ({ended})", "text": "", "change": ""}

    def _line(self, seconds: float) -> str | None:
        """The next line; "" at the end of the process, None where none comes in time."""
        assert self.process is not None and self.process.stdout is not None
        with selectors.DefaultSelector() as chosen:
            chosen.register(self.process.stdout, selectors.EVENT_READ)
            if not chosen.select(seconds):
                return None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
        return line

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            with suppress(BrokenPipeError), self.process:  # which closes its pipes
                pass
            self.process = None


def tried(reader: str, seeds: range, say=print) -> collections.Counter:
    """Read inputs; how many ended in which way. Neither "read" nor "refused" is a fault."""
    from benchmarks.fuzz_readers import READERS

    counts: collections.Counter = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        sound = Path(folder) / "sound"
        sound.mkdir()
        READERS[reader].make(sound)
        worker = Worker(reader, sound)
        try:
            for seed in seeds:
                found = worker.outcome(seed)
                counts[found["kind"]] += 1
                if found["kind"] not in ("read", "refused"):
                    say(f"{reader} {seed}: {found['kind']}: {found['text']} [{found['change']}]")
        finally:
            worker.close()
    return counts


def _serve(reader: str, sound: Path) -> None:
    """Be a worker: a seed a line -> an outcome a line."""
    from benchmarks.fuzz_readers import READERS

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print
    how = READERS[reader]
    how.read(sound)  # imports, and what is compiled
    opened: list[str] = []
    sys.addaudithook(lambda event, given: _heed(event, given, opened, how.lists))
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(_one(how, sound, int(line), opened)), file=out, flush=True)


def _heed(event: str, given: tuple, opened: list[str], lists: bool) -> None:
    """Note what the library would start, and what it opens outside an input's folder."""
    if event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect"):
        opened.append(f"{event} {given}"[:200])
    elif event == "open" and not lists and isinstance(given[0], str | bytes | os.PathLike):
        path = os.path.realpath(os.fsdecode(given[0]))
        if "/outside/" in path or path == "/etc/passwd":
            opened.append(f"opens {path}")


def _one(how, sound: Path, seed: int, opened: list[str]) -> dict:
    from benchmarks.fuzz_changes import changed

    with tempfile.TemporaryDirectory(prefix="input-") as folder:
        (Path(folder) / "outside").mkdir()
        (Path(folder) / "outside" / "secret").write_text('{"a": 1}\n')
        place = Path(folder) / "input"
        shutil.copytree(sound, place)
        change = changed(place, seed)
        opened.clear()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            how.read(place)
            kind, text = "read", ""
        except (ValueError, FileNotFoundError) as error:
            text, kind = str(error), "refused"
            named = how.lists or str(place) in text  # of a list, the picture is named
            if type(error) not in (ValueError, FileNotFoundError):
                kind = type(error).__name__
            elif "\n" in text or not named or "Expecting value" in text:
                kind = "refused without a line that names the file"
            elif not _ours(error):
                kind = "refused by another library"
        except BaseException as error:  # noqa: BLE001
            kind, text = type(error).__name__, str(error)
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        if opened:
            kind, text = "outside", "; ".join(opened)
        elif grown > GROWTH:
            kind, text = "memory", f"{grown >> 20} MiB more"
    return {"kind": kind, "text": " ".join(text.split())[:300], "change": change}


def _ours(error: BaseException) -> bool:
    from reid_jax.app.mistakes import mistake

    return mistake(error)


def main() -> int:
    """Try a reader, or all."""
    from benchmarks.fuzz_readers import READERS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", choices=[*READERS, "all"], default="all")
    parser.add_argument("--inputs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0, help="the first input")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        _serve(given.reader, given.worker)
        return 0
    faults = 0
    for reader in READERS if given.reader == "all" else [given.reader]:
        began = time.monotonic()
        counts = tried(reader, range(given.seed, given.seed + given.inputs))
        told = ", ".join(f"{kind} {count}" for kind, count in counts.most_common())
        print(f"{reader}: {told}; {time.monotonic() - began:.0f} s", flush=True)
        faults += sum(counts[kind] for kind in counts if kind not in ("read", "refused"))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())

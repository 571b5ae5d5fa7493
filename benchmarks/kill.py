"""Kill small runs at random moments, go on with them, and compare with a run that was not killed.

    python -m benchmarks.kill --rounds=10                       ten rounds of each method
    python -m benchmarks.kill --rounds=100 --methods=ide,remix

A round is a workdir: its run is killed (SIGKILL) one to four times, each time after a random pause
in a phase chosen at random (starting, beginning, training, saving, testing, recording, reporting,
ending), and then goes on to its end. It survived if the workdir is then that of the run that was
not killed, file by file: metrics.jsonl, results, each array of the checkpoints, pictures and pages
of the report, events; times and pictures' metadata aside. Nothing may be left over, either.
"""

import argparse
import collections
import multiprocessing
import os
import random
import selectors
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import killed

PROCESSES = multiprocessing.get_context("forkserver")
PRELOAD = [
    *("cv2", "scipy.sparse", "sklearn.cluster", "numba", "jax", "flax.linen", "optax"),
    *("orbax.checkpoint", "grain", "ml_collections.config_flags", "tensorboard.summary"),
    *("matplotlib.pyplot", "benchmarks.killed", "reid_jax.app.stages", "reid_jax.app.domains"),
]
LIMIT = 900.0  # seconds of a run
MOST = 4  # kills of a round


class Run:
    """A run in a process of its own, which has all libraries already."""

    def __init__(self, method: str, data: Path, workdir: Path, said: Path):
        self.reader, writer = os.pipe()
        given = killed.arguments(method, data, workdir)
        self.process = PROCESSES.Process(target=_be, args=(method, given, _Handed(writer), said))
        self.process.start()
        os.close(writer)
        self.phase, self.began = "starting", time.monotonic()
        self.seen: list[tuple[str, float]] = [("starting", self.began)]

    def wait_for(self, phase: str, times: int) -> bool:
        """Wait until a phase has begun so often; False where the run ended before."""
        with selectors.DefaultSelector() as chosen:
            chosen.register(self.reader, selectors.EVENT_READ)
            while sum(one == phase for one, _ in self.seen) < times:
                if not chosen.select(LIMIT):
                    raise TimeoutError(f"a run is silent for {LIMIT:.0f} s")
                text = os.read(self.reader, 1 << 16).decode()
                if not text:
                    return False
                self.seen += [(one, time.monotonic()) for one in text.split()]
                self.phase = self.seen[-1][0]
        return True

    def end(self) -> int | None:
        """Wait for its end; the exit status."""
        self.wait_for("none", 1)
        self.process.join(LIMIT)
        os.close(self.reader)
        return self.process.exitcode

    def kill(self) -> bool:
        """Kill it; whether it was alive."""
        self.process.kill()
        self.process.join()
        os.close(self.reader)
        return self.process.exitcode == -9


class _Handed:
    """A file of this process that a process of the server is given."""

    def __init__(self, file: int):
        self.file = file

    def __getstate__(self) -> Any:
        from multiprocessing import reduction

        return reduction.DupFd(self.file)

    def __setstate__(self, handed: Any) -> None:
        self.file = handed.detach()


def _be(method: str, given: list[str], phases: _Handed, said: Path) -> None:
    killed.be(method, given, phases.file, said)


def lengths(seen: list[tuple[str, float]], end: float) -> dict[str, float]:
    """The longest time of each phase, in seconds."""
    found: dict[str, float] = collections.defaultdict(float)
    for (phase, began), (_, over) in zip(seen, [*seen[1:], ("", end)], strict=True):
        found[phase] = max(found[phase], over - began)
    return dict(found)


def unbroken(method: str, data: Path, workdir: Path) -> dict[str, float]:
    """Do a run that is not killed; how long its phases are, in seconds.

    Raises:
        RuntimeError: it failed by itself.
    """
    said = workdir.parent.with_suffix(".txt")
    one = Run(method, data, workdir, said)
    if one.end():
        raise RuntimeError(f"the run of {method} fails without a kill:\n{said.read_text()}")
    return lengths(one.seen, time.monotonic())


def round_of(
    method: str, data: Path, workdir: Path, phases: dict[str, float], rng: random.Random
) -> tuple[collections.Counter, list[str]]:
    """Kill a run some times and let it end: in which phases, and what differs or went wrong."""
    kills: collections.Counter = collections.Counter()
    said = workdir.parent.with_suffix(".txt")
    for _ in range(rng.randint(1, MOST)):
        one, phase = Run(method, data, workdir, said), rng.choice(list(phases))
        if one.wait_for(phase, rng.choice([1, 1, 2])):
            time.sleep(rng.uniform(0, 1.1 * phases[phase]))
        if one.kill():
            kills[one.phase] += 1
        elif one.process.exitcode:
            return kills, [f"a run fails after {sum(kills.values())} kills:\n{said.read_text()}"]
    one = Run(method, data, workdir, said)
    if one.end():
        return kills, [f"the last run fails:\n{said.read_text()[-3000:]}"]
    return kills, []


def prepared(folder: Path) -> Path:
    """Set up what runs share, in a folder: one device, compiled programs; the data's folder."""
    PROCESSES.set_forkserver_preload(PRELOAD)
    os.environ.setdefault("XLA_FLAGS", "")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", f"{folder}/compiled")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")
    os.environ["JAX_PLATFORMS"] = "cpu"
    data = folder / "data"
    if not data.exists():
        data.mkdir()
        killed.draw(data)
    return data


def tried(method: str, rounds: int, seed: int, folder: Path, say=print) -> tuple[str, int]:
    """All rounds of a method: a line of the table, and how many rounds did not survive."""
    from benchmarks.same_run import differences

    data = prepared(folder)
    whole = folder / f"{method}-whole"
    again = folder / f"{method}-again"
    for place in (whole, again):  # the first compiles, too
        place.mkdir()
        phases = unbroken(method, data, place / "run")
    if wrong := list(differences(whole, again)):
        raise RuntimeError(f"two whole runs of {method} differ: {'; '.join(wrong)}")
    kills: collections.Counter = collections.Counter()
    fallen = 0
    for number in range(rounds):
        rng = random.Random(f"{method} {seed + number}")
        place = folder / f"{method}-{seed + number}"
        place.mkdir()
        found, wrong = round_of(method, data, place / "run", phases, rng)
        wrong = wrong or list(differences(whole, place))
        kills += found
        fallen += bool(wrong)
        for line in wrong:
            say(f"{method}, round {seed + number}: {line}")
    told = ", ".join(f"{phase} {kills[phase]}" for phase in ["starting", *killed.PHASES])
    line = f"| {method} | {rounds} | {sum(kills.values())} | {rounds - fallen} | {told} |"
    return line, fallen


def main() -> int:
    """Try methods; the exit status is 1 where a round did not survive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--methods", default=",".join(killed.METHODS), help="by comma")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--folder", type=Path, help="where the workdirs are kept, to look at them")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-") as temporary:
        folder = given.folder or Path(temporary)
        lines, fallen = [], 0
        for method in given.methods.split(","):
            line, fell = tried(method, given.rounds, given.seed, folder)
            lines.append(line)
            fallen += fell
            print(line, flush=True)
    print("\n| method | rounds | kills | survived | killed while |\n|---|---|---|---|---|")
    print("\n".join(lines), flush=True)
    return int(bool(fallen))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the forkserver is not waited for

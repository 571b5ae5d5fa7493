"""Training and embedding on a CPU beside PyTorch: a step and a forward pass, measured by turns.

Each network is trained by two processes, ours and torch's, one of which works while the other
waits. A turn is a step of ours, one of torch's, a forward pass of ours, one of torch's. Ours is
`parallel.build_step` with the supervised method (smoothed cross-entropy, batch-hard triplet loss
with the soft margin, Adam) and the forward pass of `parallel.build_embed`; torch's is the same
network with the same losses in channels_last, not compiled.

python -m benchmarks.training [--backbones=resnet_small,resnet50] [--turns=31] [--images=64]
python -m benchmarks.training --network=efficientnet_lite0 --size=256x128
python -m benchmarks.training --pythons=python3.13:python3.11   other interpreters, by their paths
python -m benchmarks.training --cpus=1   where other work keeps the machine busy
python -m benchmarks.training --whole     the steps of a run beside bare ones, without torch

Where other work takes the cores, the wall tells how patient the threads of each are, and little of
the work that is done; then only processor time on one core can be compared. Both have their memory
in large pages, where the kernel gives them (`reid_jax/app/hugepages.py`); with
GLIBC_TUNABLES=glibc.malloc.hugetlb=0 neither has.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import app, flags

from reid_jax.app import hugepages

ROOT = Path(__file__).parents[1]
PARTS = ("step", "forward")
STEPS, CLASSES = 8, 751
_BACKBONES = flags.DEFINE_list(
    "backbones",
    [
        *("resnet_small", "resnet50", "osnet_x0_25", "osnet_x1_0"),
        *("efficientnet_lite0", "mobilenet_v2"),
    ],
    "what is measured",
)
flags.DEFINE_alias("network", "backbones")
_SIZE = flags.DEFINE_string("size", "128x64", "height x width of a picture")
_IMAGES = flags.DEFINE_integer("images", 64, "rows of a batch, four of each person", lower_bound=8)
_FEWER = flags.DEFINE_integer("fewer", 16, "rows of a batch of resnet50", lower_bound=8)
_WHOLE = flags.DEFINE_bool(
    "whole", False, "instead of torch: a run's steps, with plan and reading, beside bare steps"
)
_CPUS = flags.DEFINE_integer("cpus", 1000, "cores to use, at most", lower_bound=1)
_TURNS = flags.DEFINE_integer("turns", 31, "measured turns of each network", lower_bound=1)
_PYTHONS = flags.DEFINE_string(
    "pythons", sys.executable, "interpreters that ours runs in, by ':'; torch's runs in the first"
)


class Worker:
    """A process that measures one step or forward pass at a time, on the first `cores` cores."""

    def __init__(self, python: str, module: str, arguments: list[str], cores: int):
        self.process = subprocess.Popen(
            [python, "-m", f"benchmarks.{module}", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            preexec_fn=lambda: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores]),
        )
        self.name = ""

    def ready(self) -> None:
        """Wait until it has compiled; its first line is its name."""
        self.name = self._answer()

    def run(self, part: str) -> list[float]:
        """Milliseconds of a step or a forward pass: of the wall, and of the processor."""
        self.process.stdin.write(part + "\n")
        return [float(one) for one in self._answer().split()]

    def close(self) -> None:
        self.process.communicate()

    def _answer(self) -> str:
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{' '.join(self.process.args)} ended before it answered")
        return line


class Ours(NamedTuple):
    """What is measured, as functions without arguments."""

    step: object
    forward: object
    whole: object


def people(picture: tuple[int, int]):
    """Records of 751 JPEGs of smooth noise, one of each person."""
    import cv2

    from reid_jax.data import records

    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (CLASSES, 8, 4, 3), np.uint8)
    files = [cv2.imencode(".jpg", cv2.resize(one, picture[::-1]))[1].tobytes() for one in coarse]
    return records.make(np.array(files, object), np.arange(CLASSES))


def ours(backbone: str, picture: tuple[int, int], rows: int) -> Ours:
    """Build all; the state stays on the device, the pictures come from the host as in a run.

    `whole` is a step as the loop does it: an epoch of STEPS steps, with its plan, its pictures,
    decoded and augmented, and its metrics, over STEPS.
    """
    import jax

    from reid_jax import encoders, optimise, parallel, train
    from reid_jax.data import augment
    from reid_jax.data import batch as batching
    from reid_jax.methods.ide import ide
    from reid_jax.types import Batch, Tags

    model = encoders.build(encoders.Network(backbone=backbone, size="x".join(map(str, picture))))
    method = ide(model, persons=rows // 4, per_person=4, iterations=STEPS)
    pixels = np.random.default_rng(0).integers(0, 256, (rows, *picture, 3), np.uint8)
    number, none = np.arange(rows, dtype=np.int32), np.zeros(rows, np.int32)
    batch = Batch(pixels[:, None], Tags(number // 4, number, none, none, none))
    optimiser, one, records = optimise.adam(3.5e-4), jax.local_devices()[:1], people(picture)
    state = train.create(method, optimiser, jax.random.key(0), records)
    states = [parallel.replicate(state, one), parallel.replicate(state, one)]
    encoder = parallel.replicate(method.encoder(state.variables, state.carry), one)
    do = parallel.build_step(method, optimiser, seed=0, devices=one)
    embed = parallel.build_embed(model, devices=one)
    view = augment.Augment(flip=0.5, pad=5, erase=0.3)

    def batches(plan, epoch, start):
        return batching.batches(
            records, plan, views=(view,), input=model.input, seed=0, epoch=epoch, start=start
        )

    def step() -> None:
        states[0], metrics = do(states[0], batch)
        jax.block_until_ready((states[0], metrics))

    moments = train.epochs(
        method, optimiser, do, None, batches, records, states[1], count=10**9, seed=0
    )
    return Ours(step, lambda: embed(encoder, pixels), lambda: next(moments))


def work(backbone: str, height: str, width: str, rows: str) -> None:
    """Be our worker: print a name when ready, then milliseconds for each line on the input."""
    import jax

    runs = ours(backbone, (int(height), int(width)), int(rows))
    for run in (runs.step, runs.forward):
        run()
        run()
    answer(f"jax {jax.__version__}", runs)


def answer(name: str, runs: object) -> None:
    """Print the name, then the milliseconds of what each line on the input names."""
    print(name, flush=True)
    for line in sys.stdin:
        run = getattr(runs, line.strip())
        start, spent = time.perf_counter(), time.process_time()
        run()
        wall, spent = time.perf_counter() - start, time.process_time() - spent
        print(1e3 * wall, 1e3 * spent, flush=True)


def measure(
    pythons: list[str], arguments: list[str], turns: int, cores: int
) -> tuple[list[str], np.ndarray]:
    """The workers' names, torch's last, and milliseconds f64[turns parts workers 2]."""
    workers = [Worker(python, "training", ["--", "work", *arguments], cores) for python in pythons]
    workers.append(Worker(pythons[0], "training_torch", arguments, cores))
    for worker in workers:
        worker.ready()
    times = [[[worker.run(part) for worker in workers] for part in PARTS] for _ in range(turns + 1)]
    for worker in workers:
        worker.close()
    return [worker.name for worker in workers], np.array(times[1:])


def whole(python: str, arguments: list[str], turns: int, cores: int) -> np.ndarray:
    """Milliseconds of a bare step and of one in a run, f64[turns 2], by the wall."""
    worker = Worker(python, "training", ["--", "work", *arguments], cores)
    worker.ready()
    worker.run("whole")
    times = []
    for _ in range(turns):
        bare = np.median([worker.run("step")[0] for _ in range(STEPS)])
        times.append([bare, worker.run("whole")[0] / STEPS])
    worker.close()
    return np.array(times)


def table(names: list[str], times: np.ndarray, rows: int) -> list[str]:
    """Lines of the table: medians, and the median and the quartiles of the ratios by turns."""
    lines = []
    for number, name in enumerate(names):
        cells = []
        for own, torch in zip(
            times[:, :, number].transpose(1, 2, 0), times[:, :, -1].transpose(1, 2, 0), strict=True
        ):
            cells.append(f"{1e3 * rows / np.median(own[0]):.0f}")
            for clock in range(2):
                ratio = np.percentile(torch[clock] / own[clock], [50, 25, 75])
                cells.append("{:.2f} ({:.2f}-{:.2f})".format(*ratio))
        lines.append(" | ".join([name, *cells]))
    return lines


def main(arguments: list[str]) -> None:
    """Print a table: images a second, and ours : torch's."""
    if arguments[1:2] == ["work"]:
        work(*arguments[2:])
        return
    pythons = _PYTHONS.value.split(":")
    cores = min(_CPUS.value, len(os.sched_getaffinity(0)))
    print(f"{cores} cores, {_SIZE.value}, medians of {_TURNS.value} turns (quartiles)\n")
    if not _WHOLE.value:
        parts = [f"{part}, images/s | : torch, wall | : torch, processor" for part in PARTS]
        print(f"| network, batch | | {' | '.join(parts)} |\n|{'---|' * 8}")
    for backbone in _BACKBONES.value:
        rows = _FEWER.value if backbone.startswith("resnet50") else _IMAGES.value
        options = [backbone, *_SIZE.value.split("x"), str(rows)], _TURNS.value, cores
        if _WHOLE.value:
            times = whole(pythons[0], *options)
            ratio = np.percentile(times[:, 0] / times[:, 1], [50, 25, 75])
            rates = 1e3 * rows / np.median(times, 0)
            print("{}, {}: {:.0f} images/s bare, {:.0f} in a run".format(backbone, rows, *rates))
            print("in a run : bare {:.2f} ({:.2f}-{:.2f})".format(*ratio), flush=True)
            continue
        names, times = measure(pythons, *options)
        for line in table(names, times, rows):
            print(f"| {backbone}, {rows} | {line} |", flush=True)


if __name__ == "__main__":
    hugepages.ask()
    app.run(main)

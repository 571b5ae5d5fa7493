"""The weight gradient of `models/conv.py` in slices or as a product, beside the plain gradient.

Measures single layers, in processor time of all cores, and the effect of slices and of XLA's
YNNPACK fusions (`reid_jax/xla.py`) on a whole network, on this machine's CPU.

python -m benchmarks.convolution [--turns=31]
"""

import os
import subprocess
import sys
import time

import jax
import numpy as np
from absl import app, flags

from reid_jax import xla
from reid_jax.models import conv, embedder, resnet
from reid_jax.types import Input

_TURNS = flags.DEFINE_integer("turns", 31, "measurements of each kind of network")
_KIND = flags.DEFINE_integer(
    "kind", None, "measure this kind of network only; the script starts such processes itself"
)

# height, width, channels in and out, stride, size of the kernel
SHAPES = [
    (64, 32, 32, 32, 1, 3),
    (32, 16, 48, 32, 1, 3), (32, 16, 32, 32, 1, 3), (32, 16, 32, 64, 2, 3), (32, 16, 32, 64, 2, 1),
    (16, 8, 64, 64, 1, 3), (8, 4, 128, 128, 1, 3), (8, 4, 256, 256, 1, 3), (8, 4, 128, 256, 1, 1),
]  # fmt: skip
BATCH = 64
# fusions, rows per slice
KINDS = [(True, 8), (False, 2), (False, 8), (False, 10**9)]


def milliseconds(run, *arguments, calls: int = 9, clock=time.perf_counter) -> float:
    """Median time of a call, after one that compiles."""
    jax.block_until_ready(run(*arguments))
    times = []
    for _ in range(calls):
        start = clock()
        jax.block_until_ready(run(*arguments))
        times.append(1e3 * (clock() - start))
    return float(np.median(times))


def small_network():
    """A step and a forward pass of the small ResNet at 128x64, as functions without arguments."""
    model = embedder.model(embedder.Embedder(resnet.resnet_small(), Input((128, 64))))
    variables = model.init(jax.random.key(0))
    image = np.random.default_rng(0).integers(0, 256, (BATCH, 128, 64, 3), np.uint8)

    def loss(params, image):
        out, _ = model.apply({**variables, "params": params}, image, True)
        return (out.embedding**2).sum()

    step = jax.jit(jax.grad(loss))
    forward = jax.jit(lambda variables, image: model.apply(variables, image, False)[0].embedding)
    return (lambda: step(variables["params"], image)), (lambda: forward(variables, image))


def measure(kind: int) -> None:
    """Print images per second of a step and of a forward pass for each line on the input."""
    fusions, conv.ROWS = KINDS[kind]
    os.environ["XLA_FLAGS"] = "" if fusions else f"{xla.FLAG}="  # read at the first computation
    runs = small_network()
    for _ in sys.stdin:
        rates = [BATCH / milliseconds(run, calls=3) * 1e3 for run in runs]
        print(*rates, flush=True)


def by_turns(turns: int) -> np.ndarray:
    """Images per second, f64[turns kinds 2]: one process per kind, measured in turn."""
    command = [sys.executable, "-m", "benchmarks.convolution"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    workers = [
        subprocess.Popen([*command, f"--kind={kind}"], **pipes) for kind in range(len(KINDS))
    ]
    rates = []
    for _ in range(turns + 1):  # the first turn compiles
        row = []
        for worker in workers:
            worker.stdin.write("\n")
            row.append([float(rate) for rate in worker.stdout.readline().split()])
        rates.append(row)
    for worker in workers:
        worker.communicate()
    return np.array(rates[1:])


def layers() -> None:
    """Print the table of single layers."""
    rng = np.random.default_rng(0)
    print("| layer, batch 64 | plain, ms | ours, ms | ratio |\n|---|---|---|---|")
    for height, width, into, out, stride, size in SHAPES:
        padding = ((size // 2, size // 2),) * 2
        x = rng.normal(size=(BATCH, height, width, into)).astype(np.float32)
        kernel = rng.normal(size=(size, size, into, out)).astype(np.float32)
        gradient = rng.normal(size=(BATCH, height // stride, width // stride, out)).astype(
            np.float32
        )
        times = []
        for operation in (conv._plain, conv.convolve):

            def weight(x, kernel, gradient, operation=operation, options=(stride, padding)):
                return jax.vjp(lambda kernel: operation(x, kernel, *options), kernel)[1](gradient)

            times.append(
                milliseconds(jax.jit(weight), x, kernel, gradient, clock=time.process_time)
            )
        layer = f"{height}x{width}, {into} to {out}, {size}x{size}, stride {stride}"
        print(f"| {layer} | {times[0]:.1f} | {times[1]:.1f} | {times[0] / times[1]:.1f} |")


def main(_) -> None:
    """Print the tables."""
    if _KIND.value is not None:
        measure(_KIND.value)
        return
    layers()
    rates = by_turns(_TURNS.value)
    print("\n| small ResNet | step, images/s | forward, images/s | step, ratio | forward, ratio |")
    print("|---|---|---|---|---|")
    for kind, (fusions, of) in enumerate(KINDS):
        name = f"{'with' if fusions else 'without'} fusions, "
        name += f"slices of {of} rows" if of < 10**9 else "plain"
        figures = [*np.median(rates[:, kind], 0), *np.median(rates[:, kind] / rates[:, 0], 0)]
        print("| {} | {:.0f} | {:.0f} | {:.2f} | {:.2f} |".format(name, *figures))


if __name__ == "__main__":
    app.run(main)

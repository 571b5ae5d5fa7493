"""The weight gradient of `models/conv.py`, summed over slices of the batch, beside the plain one, on this machine's CPU.

python -m benchmarks.convolution
"""

import time

import jax
import numpy as np

from reid_jax.models import conv, embedder, resnet
from reid_jax.types import Input

# height, width, channels in and out, stride
SHAPES = [
    (32, 16, 48, 32, 1), (32, 16, 32, 32, 1), (32, 16, 32, 64, 2), (16, 8, 64, 64, 1), (8, 4, 128, 128, 1), (8, 4, 256, 256, 1),
]  # fmt: skip
BATCH = 64


def milliseconds(run, *arguments) -> float:
    """The median of nine calls, compiled and warmed up."""
    jax.block_until_ready(run(*arguments))
    times = []
    for _ in range(9):
        start = time.perf_counter()
        jax.block_until_ready(run(*arguments))
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times))


def whole_step(slices: bool) -> float:
    """Images a second of forward and backward of the small ResNet at 128x64."""
    kept, conv.POSITIONS = conv.POSITIONS, conv.POSITIONS if slices else 10**9
    model = embedder.model(embedder.Embedder(resnet.resnet_small(), Input((128, 64))))
    variables = model.init(jax.random.key(0))
    image = np.random.default_rng(0).integers(0, 256, (BATCH, 128, 64, 3), np.uint8)

    @jax.jit
    def step(params):
        out, _ = model.apply({**variables, "params": params}, image, True)
        return (out.embedding**2).sum()

    took = milliseconds(jax.jit(jax.grad(step)), variables["params"])
    conv.POSITIONS = kept
    return BATCH / took * 1e3


def main() -> None:
    """Print the tables."""
    rng = np.random.default_rng(0)
    print("| layer, batch 64 | plain, ms | slices, ms | ratio |\n|---|---|---|---|")
    for height, width, into, out, stride in SHAPES:
        x = rng.normal(size=(BATCH, height, width, into)).astype(np.float32)
        kernel = rng.normal(size=(3, 3, into, out)).astype(np.float32)
        gradient = rng.normal(size=(BATCH, height // stride, width // stride, out)).astype(np.float32)
        times = []
        for operation in (conv._plain, conv.convolve):

            def weight(x, kernel, gradient, operation=operation, stride=stride):
                return jax.vjp(lambda kernel: operation(x, kernel, stride, ((1, 1), (1, 1))), kernel)[1](gradient)

            times.append(milliseconds(jax.jit(weight), x, kernel, gradient))
        layer = f"{height}x{width}, {into} to {out}, stride {stride}"
        print(f"| {layer} | {times[0]:.1f} | {times[1]:.1f} | {times[0] / times[1]:.1f} |")
    rates = [whole_step(slices) for slices in (False, True)]
    print(f"\nsmall ResNet, forward and backward: {rates[0]:.0f} images/s plain, {rates[1]:.0f} in slices")


if __name__ == "__main__":
    main()

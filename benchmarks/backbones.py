"""Parameters, operations and time per image of every backbone, on one core.

export XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
taskset -c 0 python -m benchmarks.backbones

On a GPU use neither: there the time is that of a batch of 64, divided by 64.
"""

import time

import jax
import numpy as np
from absl import app, flags

from experiments import mgn
from reid_jax import encoders

_ONLY = flags.DEFINE_list("only", [], "the backbones to measure; empty: all")


def main(_: list[str]) -> None:
    """Print one line per backbone."""
    cpu = jax.default_backend() == "cpu"
    print(jax.devices()[0].device_kind)
    print(f"{'backbone':16} {'size':8} {'params, M':>10} {'GFLOP':>7} {'ms per image':>13}")
    for name in _ONLY.value or [*encoders.BACKBONES, "mgn"]:
        size = "384x128" if name == "mgn" else "128x64" if name == "resnet_small" else "256x128"
        config = (
            mgn.Config(size=size)
            if name == "mgn"
            else encoders.Network(backbone=name, size=size, neck=False)
        )
        model = encoders.build(config)
        shapes = jax.eval_shape(model.init, jax.random.key(0))
        variables = jax.tree.map(lambda leaf: np.full(leaf.shape, 0.01, leaf.dtype), shapes)
        image = np.zeros((4 if cpu else 64, *model.input.size, 3), np.uint8)
        lowered = jax.jit(
            lambda variables, image, model=model: model.apply(variables, image, False)[0].embedding
        )
        run = lowered.lower(variables, image).compile()
        times = []
        run(variables, image).block_until_ready()
        for _ in range(5):
            start = time.perf_counter()
            run(variables, image).block_until_ready()
            times.append(time.perf_counter() - start)
        parameters = sum(leaf.size for leaf in jax.tree.leaves(shapes["params"])) / 1e6
        operations = run.cost_analysis()["flops"] / len(image) / 1e9
        spent = 1e3 * float(np.median(times)) / len(image)
        print(f"{name:16} {size:8} {parameters:10.2f} {operations:7.2f} {spent:13.1f}", flush=True)


if __name__ == "__main__":
    app.run(main)

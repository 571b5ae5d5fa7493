"""Time the encoder of a run on one core of this machine's CPU, as ReMix's tables 11 and 12 do.

    python -m experiments.tables.clock --workdir=runs/street --out=clock.json

A picture at a time, from pixels in memory to its embedding, the median of some; one thread.
"""

import os

if hasattr(os, "sched_setaffinity"):  # before jax counts the cores
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
    " --xla_force_host_platform_device_count=1"
)

import json
import time

import jax
import numpy as np
from absl import flags

from reid_jax.app import command, loaded, outputs
from reid_jax.types import Model, Variables

_OUT = flags.DEFINE_string("out", None, "a new .json file for the figure, in milliseconds")

PICTURES, SECONDS = 30, 20.0  # that are timed, at most


def main() -> None:
    """Load, time, and print the figure."""
    out = outputs.new(_OUT.value, ".json") if _OUT.value else None
    encoder = loaded.encoder()
    model = encoder.model
    cpu = 1000 * seconds(model, encoder.variables)
    print(f"{cpu:.1f} ms a picture of {model.input.size[0]}x{model.input.size[1]} on one core")
    if out:
        out.write_text(json.dumps({"cpu": cpu}) + "\n")


def seconds(model: Model, variables: Variables) -> float:
    """The median time of one picture."""
    embed = jax.jit(lambda variables, image: model.apply(variables, image, False)[0].embedding)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1, *model.input.size, 3), dtype=np.uint8)
    embed(variables, image).block_until_ready()
    times: list[float] = []
    while len(times) < PICTURES and sum(times) < SECONDS:
        began = time.perf_counter()
        embed(variables, image).block_until_ready()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


if __name__ == "__main__":
    command.plain(main)

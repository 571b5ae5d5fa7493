"""The cost of GDS: time of a step of the baseline, with GDS and with GDS-H, measured in turn.

python -m benchmarks.separation
python -m benchmarks.separation --backbone=resnet50_stride2 --size=256x128 --images=128
"""

import time

import jax
import numpy as np
import optax
from absl import app, flags

from reid_jax import encoders, parallel, train
from reid_jax.data import records
from reid_jax.methods.gds import gds
from reid_jax.methods.theory import theory
from reid_jax.types import Batch, Tags

_BACKBONE = flags.DEFINE_string("backbone", "resnet_small", "of experiments/encoders.py")
_SIZE = flags.DEFINE_string("size", "128x64", "height x width")
_IMAGES = flags.DEFINE_integer("images", 64, "per batch, 4 of each person", lower_bound=8)
_STEPS = flags.DEFINE_integer("steps", 41, "measured steps of each method", lower_bound=3)


def main(_: list[str]) -> None:
    """Print the medians and the median ratio of neighbouring steps."""
    encoder = encoders.Network(
        backbone=_BACKBONE.value, size=_SIZE.value, neck=False, second_feature=True
    )
    model, count = encoders.build(encoder), _IMAGES.value
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, *model.input.size, 3), np.uint8)
    number = np.arange(count, dtype=np.int32)
    target = records.make(records.Held(pixels), number // 4 + 1)._replace(
        domain=np.arange(count, dtype=np.int32) % 2
    )
    batch = Batch(pixels[:, None], Tags(number // 4, number, *[np.zeros(count, np.int32)] * 3))
    base, times = theory(model), []
    runs = []
    for method in (base, gds(base, lambda_h=0.0), gds(base)):
        optimiser = optax.adam(6e-5)
        state = parallel.replicate(train.create(method, optimiser, jax.random.key(0), target))
        runs.append((parallel.build_step(method, optimiser, seed=0), state))
    for _ in range(_STEPS.value + 2):
        row = []
        for number, (step, state) in enumerate(runs):
            start = time.perf_counter()
            state, metrics = step(state, batch)
            jax.block_until_ready((state, metrics))
            row.append(1e3 * (time.perf_counter() - start))
            runs[number] = step, state
        times.append(row)
    times = np.array(times[2:])  # the first two compile and warm up
    print(f"{_BACKBONE.value}, {_SIZE.value}, {count} images, {jax.devices()[0].device_kind}")
    for name, own in zip(("baseline", "GDS", "GDS-H"), times.T, strict=True):
        print(
            f"{name:10} {np.median(own):8.1f} ms   "
            f"{np.median(own / times[:, 0]):.3f} of the baseline"
        )


if __name__ == "__main__":
    app.run(main)

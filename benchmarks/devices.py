"""How far trainings on other numbers of devices are apart, and whether that is rounding alone.

    python -m benchmarks.devices            in float32, as trainings compute
    python -m benchmarks.devices --wide     in float64: what is not rounding would stay

The same batches on one device, on two and on four, by SGD (0.05) and by Adam (1e-3): the loss's
difference after some steps, and the largest of a weight in the end.
"""

import os

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
)

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import app, flags

_WIDE = flags.DEFINE_boolean("wide", False, "compute in float64")
_BACKBONE = flags.DEFINE_string("backbone", "resnet_small", "of experiments/encoders.py")
_SIZE = flags.DEFINE_string("size", "32x16", "height x width")
_STEPS = flags.DEFINE_integer("steps", 80, "of each training", lower_bound=1)
_OTHERS = flags.DEFINE_list("others", ["2", "4"], "numbers of devices beside one")
_OPTIMISERS = flags.DEFINE_list("optimisers", ["sgd", "adam"], "those to train by")
SHOWN = (1, 5, 20, 40, 80)
PERSONS, PICTURES, BATCH = 12, 8, 16
MADE = {"sgd": optax.sgd(0.05), "adam": optax.adam(1e-3)}


def trained(devices: int, optimiser: optax.GradientTransformation) -> tuple[list[float], list]:
    """The loss of each step, and the weights at the end."""
    # after `--wide` has been heard: defaults of functions name jnp.float32
    from reid_jax import encoders, parallel, train
    from reid_jax.data import records
    from reid_jax.methods.ide import ide
    from reid_jax.types import Batch, Tags

    model = encoders.build(encoders.Network(backbone=_BACKBONE.value, size=_SIZE.value))
    rng = np.random.default_rng(0)
    colour = rng.integers(40, 216, (PERSONS, 1, 1, 1, 3))
    noise = rng.normal(0, 12, (PERSONS, PICTURES, *model.input.size, 3))
    pixels = np.clip(colour + noise, 0, 255).astype(np.uint8)
    rows = records.make(
        records.Held(pixels.reshape(-1, *model.input.size, 3)),
        np.repeat(np.arange(1, PERSONS + 1), PICTURES),
    )
    method = ide(model, persons=PERSONS, per_person=4)
    used = jax.devices()[:devices]
    state = train.create(method, optimiser, jax.random.key(0), rows)
    state = jax.tree.map(_as_told, state)
    state, losses = parallel.replicate(state, used), []
    step = parallel.build_step(method, optimiser, seed=0, devices=used)
    for _ in range(_STEPS.value):
        persons = rng.permutation(PERSONS)[: BATCH // 4].repeat(4)
        takes = np.concatenate([rng.permutation(PICTURES)[:4] for _ in range(BATCH // 4)])
        zeros = np.zeros(BATCH, np.int32)
        tags = Tags(
            persons.astype(np.int32),
            (persons * PICTURES + takes).astype(np.int32),
            zeros,
            zeros,
            zeros,
        )
        batch = Batch(pixels[persons, takes][:, None], tags)
        state, metrics = step(state, batch)
        losses.append(float(np.mean(metrics["loss"])))
    return losses, jax.tree.leaves(parallel.first(state).variables["params"])


def _as_told(leaf):
    """A leaf in the precision that is asked for."""
    single = getattr(leaf, "dtype", None) == np.float32
    return leaf.astype(np.float64) if single and _WIDE.value else leaf


def main(_: list[str]) -> None:
    """Print a table."""
    if _WIDE.value:
        jax.config.update("jax_enable_x64", True)
        jnp.float32 = jnp.float64  # which the library names where it wants full precision
    shown = [step for step in SHOWN if step <= _STEPS.value]
    print(
        f"{_BACKBONE.value}, {_SIZE.value}, {jnp.float32.__name__}; loss after "
        f"{', '.join(map(str, shown))} steps, and the weights"
    )
    for name in _OPTIMISERS.value:
        losses, weights = trained(1, MADE[name])
        print(f"{name}, 1 device: " + ", ".join(f"{losses[step - 1]:.3f}" for step in shown))
        for devices in map(int, _OTHERS.value):
            others, theirs = trained(devices, MADE[name])
            apart = max(float(np.abs(a - b).max()) for a, b in zip(weights, theirs, strict=True))
            told = ", ".join(f"{abs(losses[step - 1] - others[step - 1]):.1e}" for step in shown)
            print(f"{name}, {devices} devices, difference: {told}; {apart:.1e}", flush=True)


if __name__ == "__main__":
    app.run(main)

"""What a loss costs beside its network: every device takes the loss of all devices' rows.

python -m benchmarks.loss_share
python -m benchmarks.loss_share --whole

Floating-point operations of one device, as XLA counts them in its program. Nothing runs, so the
devices may be fake, and other work on the machine changes nothing. With --whole, what is computed
of each row by itself is not dealt to the devices (`dealt.py`).
"""

import os
from contextlib import nullcontext
from functools import partial
from typing import Any

import jax
import numpy as np
from absl import app, flags

from reid_jax import dealt, encoders, parallel
from reid_jax.data import records
from reid_jax.methods.cycas import cycas
from reid_jax.methods.ide import ide
from reid_jax.methods.remix import remix
from reid_jax.methods.spcl import spcl
from reid_jax.types import Batch, Method, Tags

_BACKBONE = flags.DEFINE_string("backbone", "resnet50", "of experiments/encoders.py")
_SIZE = flags.DEFINE_string("size", "256x128", "height x width")
_WHOLE = flags.DEFINE_bool("whole", False, "each device computes all rows")
_DEVICES = flags.DEFINE_list("devices", "1,2,4,8,16,32", "numbers of devices, ascending, from 1 on")

PERSONS, CAMERAS, TARGET = 1041, 6, 32_621  # MSMT17's; its pictures
METHODS = {  # what: (rows of a batch, method, options of its encoder)
    "ide": (64, ide, {}),
    "remix, 32 + 32": (64, remix, {}),
    "remix, 64 + 64": (128, partial(remix, multi=(16, 4), single=(16, 4)), {}),
    "spcl, 64 + 64": (128, spcl, {"neck": False}),
    "cycas, 8 groups": (256, partial(cycas, groups=8), {"projection": 512, "neck": False}),
}
ROWS = 8  # of the program whose network is counted


def data() -> records.Records:
    """All persons in all cameras, and pictures without labels; one pixel each."""
    person = np.concatenate([np.repeat(np.arange(1, PERSONS + 1), CAMERAS), np.full(TARGET, -1)])
    pixels = np.zeros((len(person), 1, 1, 3), np.uint8)
    hidden = (person < 0).astype(np.int32)
    number = np.arange(len(person), dtype=np.int32)
    return records.make(records.Held(pixels), person, number % CAMERAS, group=number)._replace(
        domain=hidden
    )


def lowered(function: Any, *arguments: Any, devices: int = 1) -> Any:
    """The program of a function of shapes with a leading axis of devices."""
    axes = (0,) * len(arguments)
    program = parallel.mapped(function, axes, devices=jax.devices()[:devices])
    return program.lower(*arguments)


def copied(tree: Any, devices: int) -> Any:
    """Shapes with a leading axis of devices."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct((devices, *x.shape), x.dtype), tree)


class Costs:
    """The operations of a method's network and of its loss."""

    def __init__(self, method: Method, size: tuple[int, int], world: records.Records):
        self.method = method
        start = jax.eval_shape(lambda key: method.init(key, world), jax.random.key(0))
        self.variables, self.carry = start
        number = jax.ShapeDtypeStruct((ROWS,), np.int32)
        image = jax.ShapeDtypeStruct((ROWS, method.views, *size, 3), np.uint8)
        self.batch = Batch(image, Tags(*[number] * 5))

    def _forward(self, params: Any, variables: Any, carry: Any, batch: Batch) -> Any:
        key = jax.random.key(0)
        return self.method.forward({**variables, "params": params}, carry, batch, key)

    def network(self) -> float:
        """Forward and backward, of a row."""

        def run(*arguments: Any) -> Any:
            def total(params: Any) -> Any:
                outputs, stats = self._forward(params, *arguments[1:])
                return sum(leaf.sum() for leaf in jax.tree.leaves(outputs)), stats

            return jax.grad(total, has_aux=True)(arguments[0])

        return lowered(run, *copied(self._arguments(), 1)).cost_analysis()["flops"] / ROWS

    def loss(self, rows: int, devices: int) -> float:
        """Loss and gradient, on a device that has `rows` rows."""

        def run(outputs: Any, tags: Tags, carry: Any, step: Any) -> Any:
            def value(outputs: Any) -> Any:
                everyone = parallel.gather(outputs), parallel.gather(tags)
                with nullcontext() if _WHOLE.value else dealt.by(parallel.deal):
                    return self.method.loss(*everyone, carry, step)

            return jax.value_and_grad(value, has_aux=True)(outputs)

        mapped = parallel.mapped(self._forward, (0,) * 4, devices=jax.devices()[:1])
        shapes = jax.eval_shape(mapped, *copied(self._arguments(), 1))[0]
        outputs, tags = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct((devices, rows, *x.shape[2:]), x.dtype),
            (shapes, copied(self.batch.tags, 1)),
        )
        step = jax.ShapeDtypeStruct((), np.int32)
        others = copied((self.carry, step), devices)
        program = lowered(run, outputs, tags, *others, devices=devices)
        return program.compile().cost_analysis()["flops"]  # without what is there twice

    def _arguments(self) -> tuple:
        return self.variables["params"], self.variables, self.carry, self.batch


def crossing(devices: list[int], shares: list[float], limit: float = 0.03) -> str:
    """Where the shares pass the limit, on straight lines between logarithms."""
    if max(shares) < limit:
        return f"below {limit:.0%} up to {devices[-1]}"
    return f"{limit:.0%} at {np.exp(np.interp(np.log(limit), np.log(shares), np.log(devices))):.0f}"


def main(_: list[str]) -> None:
    """Print a line for each method and each way to grow."""
    devices = [int(text) for text in _DEVICES.value]
    count = f"--xla_force_host_platform_device_count={devices[-1]}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {count}"
    world = data()
    print(f"{_BACKBONE.value}, {_SIZE.value}; shares of the loss on {devices} devices")
    for name, (rows, make, options) in METHODS.items():
        config = encoders.Network(backbone=_BACKBONE.value, size=_SIZE.value, **options)
        model = encoders.build(config)
        costs = Costs(make(model), model.input.size, world)
        network = costs.network()
        alone = costs.loss(rows, 1)
        print(f"{name}: network {network / 1e9:.2f} GFLOP a row; loss of {rows} rows "
              f"{alone / 1e9:.3f} GFLOP")  # fmt: skip
        for what, own in (
            ("a batch dealt to all", lambda n, rows=rows: rows // n),
            ("a batch on each device", lambda n, rows=rows: rows),
        ):
            shares = [costs.loss(own(n), n) / (network * own(n)) for n in devices]
            told = "  ".join(f"{share:7.3%}" for share in shares)
            print(f"  {what:23} {told}   {crossing(devices, shares)}", flush=True)


if __name__ == "__main__":
    app.run(main)

"""The number of devices changes a training by rounding only, and a checkpoint fits any number.

What SGD makes of the rounding stays as small as it is; Adam divides a gradient by its own size, so
that one near zero, whose sign is rounding, moves its weight by up to the learning rate.
"""

import re
import subprocess
import sys

import jax
import numpy as np
import optax
import pytest

from reid_jax import checkpoint, parallel
from reid_jax.methods.ide import ide
from tests.tiny import Run, difference


def _run(devices, optimiser):
    return Run(
        lambda model: ide(model, persons=4, per_person=4), devices=devices, optimiser=optimiser
    )


def _ended(devices, optimiser, steps=20):
    """Losses and weights after so many steps."""
    losses = []
    for moment in _run(devices, optimiser).moments(count=steps, every=1):
        losses.append(moment.metrics["loss"])
        if len(losses) == steps:
            return np.array(losses), parallel.first(moment.state).variables["params"]


@pytest.mark.parametrize("devices", [2, 8])
def test_twenty_steps_of_sgd_are_the_same_on_any_number_of_devices(devices):
    losses, weights = _ended(1, optax.sgd(0.05))
    others, other_weights = _ended(devices, optax.sgd(0.05))
    np.testing.assert_allclose(others, losses, atol=1e-5)
    assert difference(weights, other_weights) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 4, 8])
def test_twenty_steps_of_adam_differ_by_less_than_one_step_moves_a_weight(devices):
    rate = 1e-3
    losses, weights = _ended(1, optax.adam(rate))
    others, other_weights = _ended(devices, optax.adam(rate))
    np.testing.assert_allclose(others, losses, atol=1e-4)
    assert difference(weights, other_weights) < rate


@pytest.mark.slow
def test_in_float64_nothing_is_left_of_the_difference():
    options = ["--wide", "--steps=3", "--others=2", "--optimisers=sgd"]
    command = [sys.executable, "-m", "benchmarks.devices", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    apart = re.search(r"2 devices, difference: (.*)", done.stdout)[1]
    assert max(map(float, re.split("[,;] ", apart))) < 1e-12


@pytest.mark.parametrize("devices", [1, 2, 8])
def test_a_checkpoint_of_four_devices_goes_on_with_others(tmp_path, devices):
    optimiser = optax.sgd(0.05, momentum=0.9)
    four = _run(4, optimiser)
    with checkpoint.manager(tmp_path / "checkpoints") as checkpoints:
        for number, moment in enumerate(four.moments(count=2, every=2)):
            if number == 0:  # in the middle of the first epoch
                encoder = parallel.first(
                    four.method.encoder(moment.state.variables, moment.state.carry)
                )
                checkpoint.save(checkpoints, moment, encoder, four.model.input)
        checkpoints.wait_until_finished()
        unbroken = jax.tree.map(np.asarray, parallel.first(moment.state))
        other = _run(devices, optimiser)
        state, position = checkpoint.restore(checkpoints, other.start())
    assert position.epoch == 0 and not position.whole
    ended = other.end(state=state, resume=position, count=2)
    assert difference(unbroken, ended) < 1e-5

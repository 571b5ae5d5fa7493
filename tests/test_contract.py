"""The exam that every method of the folder sits: a new file in methods/ is found and examined.

A method's own test file may say how it is built, in `tests/methods/test_NAME.py: EXAM = [lambda model: method(...)]`;
`WORLD`, if there, makes the records that it trains on.
"""

import importlib
import pkgutil

import jax
import numpy as np
import optax
import pytest

from reid_jax import checkpoint, methods, parallel
from tests import tiny
from tests.tiny import Run

NAMES = [module.name for module in pkgutil.iter_modules(methods.__path__)]


def _exams():
    for name in NAMES:
        tests = importlib.import_module(f"tests.methods.test_{name}")
        world = getattr(tests, "WORLD", tiny.world)
        for number, make in enumerate(tests.EXAM):
            yield pytest.param((make, world), id=f"{name}-{number}")


EXAMS = list(_exams())


@pytest.mark.parametrize("make", EXAMS)
def test_state_keeps_its_tree_shapes_and_dtypes(make):
    run = Run(make)
    before = run.start()
    described = [(x.shape, x.dtype) for x in map(np.asarray, jax.tree.leaves(before))]
    after = run.end()
    assert jax.tree.structure(after) == jax.tree.structure(before)
    assert [(x.shape, x.dtype) for x in jax.tree.leaves(after)] == described


@pytest.mark.parametrize("make", EXAMS)
def test_one_trace_over_several_epochs(make):
    run = Run(make)
    run.end(count=4)
    assert run.traces <= 2  # value_and_grad may look at a forward twice within its one trace
    seen = run.traces
    again = Run(make)
    again.end(count=1)
    assert seen == again.traces


@pytest.mark.parametrize("make", EXAMS)
def test_four_devices_equal_one(make):
    four, one = Run(make, 4), Run(make, 1)
    assert tiny.difference(four.end(), one.end()) < 1e-5
    assert int(four.last.state.step[0]) > 10


@pytest.mark.parametrize("make", EXAMS)
def test_stopped_at_any_step_it_goes_on_bit_for_bit(make, tmp_path):
    straight = Run(make, optimiser=optax.adam(1e-2)).end()
    first = Run(make, optimiser=optax.adam(1e-2))
    with checkpoint.manager(tmp_path) as checkpoints:
        for moment in first.moments(every=1):
            if moment.epoch == 1 and moment.done == 1:  # in the middle of an epoch
                checkpoint.save(checkpoints, moment, parallel.first(moment.state.variables), tiny.INPUT)
                break
        checkpoints.wait_until_finished()
        second = Run(make, optimiser=optax.adam(1e-2))
        state, resume = checkpoint.restore(checkpoints, second.start())
    assert resume[:2] == (1, 1)
    assert tiny.difference(second.end(state=state, resume=resume), straight) == 0


@pytest.mark.parametrize("make", EXAMS)
def test_the_loss_falls_on_separable_persons(make):
    losses = [moment.metrics["loss"] for moment in Run(make, optimiser=optax.adam(2e-2)).moments(count=8)]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("make", EXAMS)
def test_every_row_of_a_plan_has_a_label_or_the_method_needs_none(make):
    run = Run(make)
    for moment in run.moments(count=1):
        labels = moment.plan.label[moment.plan.rows]
        assert (labels >= 0).all() or (moment.plan.label == -1).all()

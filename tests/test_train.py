import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from reid_jax import parallel, train
from reid_jax.methods.ide import ide
from reid_jax.types import Aux
from tests import tiny
from tests.tiny import Run

SMALL = {"persons": 4, "per_person": 4}


def _poisoned(model):
    method = ide(model, **SMALL)

    def loss(outputs, tags, carry, step):
        value, aux = method.loss(outputs, tags, carry, step)
        bad = value + np.float32(np.nan) * (step >= 7)
        return bad, Aux({**aux.metrics, "classify": bad}, aux.arrays)

    return method._replace(loss=loss)


def test_a_nan_stops_the_run_and_names_epoch_step_and_term():
    with pytest.raises(train.Diverged, match=r"epoch 1, step 2: .*classify = nan"):
        Run(_poisoned, optimiser=optax.sgd(0.0)).end()


def test_a_loss_that_runs_away_stops_the_run_while_it_is_a_number():
    with pytest.raises(train.Diverged, match=r"epoch \d, step \d: loss = .*last checkpoint"):
        Run(lambda model: ide(model, **SMALL), optimiser=optax.sgd(1e9)).end(count=3)


def test_moments_come_every_few_steps_and_at_the_end_of_an_epoch():
    run = Run(lambda model: ide(model, **SMALL))
    positions = [moment.position for moment in run.moments(count=2, every=4)]
    assert [(position.epoch, position.done, position.whole) for position in positions] == [
        (0, 4, False),
        (0, 6, True),
        (1, 4, False),
        (1, 6, True),
    ]


def _plan_epoch(optimiser, reset):
    """(method's parameters, state of the optimiser) after training an epoch and planning another.

    reset: whether the plan resets the optimiser.
    """

    def make(model):
        method = ide(model, **SMALL)

        def plan(*arguments):
            state, plan = method.plan(*arguments)
            return state, plan._replace(reset_optimiser=reset)

        return method._replace(plan=plan)

    run = Run(make, devices=2, optimiser=optimiser)
    state = parallel.replicate(run.end(count=1), run.devices)
    state, _ = train.plan_epoch(
        run.method, optimiser, run.embed, run.records, state, seed=run.seed, epoch=1
    )
    return parallel.first(state.variables["params"]), parallel.first(state.opt)


def _from_seven():
    """A transformation that does nothing but count, from seven."""

    def update(updates, count, params=None):
        return updates, count + 1

    return optax.GradientTransformation(lambda params: jnp.int32(7), update)


@pytest.mark.parametrize("optimiser", [optax.adam(0.1), optax.chain(_from_seven(), optax.sgd(0.1))])
def test_a_plan_that_resets_the_optimiser_gives_it_its_first_state(optimiser):
    params, opt = _plan_epoch(optimiser, reset=True)
    first = optimiser.init(params)
    assert jax.tree.structure(opt) == jax.tree.structure(first)
    assert tiny.difference(opt, first) == 0
    _, opt = _plan_epoch(optimiser, reset=False)
    assert tiny.difference(opt, first) > 0

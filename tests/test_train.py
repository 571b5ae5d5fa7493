import numpy as np
import optax
import pytest

from reid_jax import train
from reid_jax.methods.ide import ide
from reid_jax.types import Aux
from tests.tiny import Run


def _poisoned(model):
    method = ide(model, persons=4, per_person=4)

    def loss(outputs, tags, carry, step):
        value, aux = method.loss(outputs, tags, carry, step)
        bad = value + np.float32(np.nan) * (step >= 7)
        return bad, Aux({**aux.metrics, "classify": bad}, aux.moved)

    return method._replace(loss=loss)


def test_a_nan_stops_the_run_and_names_epoch_step_and_term():
    with pytest.raises(train.Diverged, match=r"epoch 1, step 2: .*classify = nan"):
        Run(_poisoned, optimiser=optax.sgd(0.0)).end()


def test_moments_come_every_few_steps_and_at_the_end_of_an_epoch():
    run = Run(lambda model: ide(model, persons=4, per_person=4))
    seen = [(moment.epoch, moment.done, moment.whole) for moment in run.moments(count=2, every=4)]
    assert seen == [(0, 4, False), (0, 6, True), (1, 4, False), (1, 6, True)]

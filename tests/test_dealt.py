"""Rows dealt to four devices give the losses and gradients of one device, with less work."""

import jax
import numpy as np
import pytest

from reid_jax import dealt, mapped, parallel
from reid_jax.losses import contrast, memory, xbm

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((4, 2, 64), np.float32)
LABEL = np.array([[0, 1], [1, -1], [2, 5], [5, 3]], np.int32)
TABLE = RNG.standard_normal((40, 64), np.float32)
OF_TABLE, CAMERA = np.arange(40, dtype=np.int32) // 3, np.arange(40, dtype=np.int32) % 3
LOSSES = {
    "centroid": lambda f, label: contrast.centroid(f, label, TABLE),
    "camera_centroid": lambda f, label: contrast.camera_centroid(
        f, label, label % 2, TABLE, OF_TABLE, CAMERA, negatives=9
    ),
    "memory": lambda f, label: memory.memory(f, label, TABLE, OF_TABLE, temperature=0.5),
    "negatives": lambda f, label: xbm.negatives(f, label, TABLE, OF_TABLE),
}


def _step(loss, deal):
    """The function of four devices: value and gradient of a device's rows, by `deal`."""

    def one(rows, label):
        def value(rows):
            with dealt.by(deal):
                return loss(parallel.gather(rows), parallel.gather(label))

        return jax.value_and_grad(value)(rows)

    return mapped.mapped(one, (0, 0))


def _work(step):
    return step.lower(ROWS, LABEL).cost_analysis()["flops"]


@pytest.mark.parametrize("name", LOSSES)
def test_losses_against_a_table_are_dealt(name):
    def alone(rows):
        return LOSSES[name](rows, LABEL.reshape(-1))

    want, slope = jax.value_and_grad(alone)(ROWS.reshape(8, -1))
    assert abs(want) > 0.1 and np.abs(slope).max() > 1e-3
    step = _step(LOSSES[name], parallel.deal)
    value, gradient = step(ROWS, LABEL)
    np.testing.assert_allclose(value, np.full(4, want), rtol=1e-5)
    # the transpose of the gathering sums over four devices, of which `build_step` takes the mean
    np.testing.assert_allclose(gradient, 4 * slope.reshape(ROWS.shape), rtol=1e-4, atol=1e-6)
    assert _work(step) < 0.4 * _work(_step(LOSSES[name], lambda function, *rows: function(*rows)))


def test_rows_that_the_devices_do_not_divide_are_computed_by_each():
    def one(rows):
        every = parallel.gather(rows)[:6]
        return parallel.deal(lambda part: part.sum(1), every)

    got = mapped.mapped(one, (0,))(ROWS)
    want = np.broadcast_to(ROWS.reshape(8, -1)[:6].sum(1), (4, 6))
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_without_devices_all_rows_are_computed():
    assert dealt.each(lambda rows: rows + 1, 1) == 2
    with dealt.by(lambda function, rows: function(rows) + 5):
        assert dealt.each(lambda rows: rows + 1, 1) == 7
    assert dealt.each(lambda rows: rows + 1, 1) == 2

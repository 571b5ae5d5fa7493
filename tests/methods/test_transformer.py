"""Every method trains a vision transformer in the tiny world, on two devices."""

from functools import partial

import numpy as np
import optax
import pytest

from reid_jax import parallel
from reid_jax.models import embedder, vit
from reid_jax.models.norm import BatchNorm
from tests import test_contract, tiny

TRUNK = vit.ViT(12, 1, 2, 4, registers=2, scale=0.1)
# MGN is a network of its own, and theory's first exam makes its own
ASIDE = ("mgn-0", "theory-0")
EXAMS = [
    exam
    for exam in test_contract._exams()
    if exam.id == "theory-1" or (exam.id.endswith("-0") and exam.id not in ASIDE)
]


def _model():
    norm = partial(BatchNorm, average=parallel.average)
    return embedder.model(embedder.Embedder(TRUNK, tiny.INPUT, "tokens", norm=norm))


@pytest.mark.slow
@pytest.mark.parametrize("exam", [pytest.param(*one.values, id=one.id) for one in EXAMS])
def test_it_trains(exam):
    run = tiny.Run(exam.make, devices=2, optimiser=optax.adam(1e-3), model=_model())
    start = run.start()
    moments = list(run.moments(state=start, count=2))
    assert all(np.isfinite(list(moment.metrics.values())).all() for moment in moments)
    before = run.method.encoder(start.variables, start.carry)
    state = parallel.first(moments[-1].state)
    after = run.method.encoder(state.variables, state.carry)
    for name in ("cls_token", "register_tokens", "pos_embed"):
        moved = tiny.difference(*(one["params"]["trunk"][name] for one in (before, after)))
        assert 1e-5 < moved < 1, name

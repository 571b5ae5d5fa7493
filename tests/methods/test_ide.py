import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.methods.ide import ide
from reid_jax.types import Tags
from tests import tiny

SMALL = {"persons": 4, "per_person": 4}
EXAM = [
    lambda model: ide(model, **SMALL),
    lambda model: ide(model, **SMALL, margin=0.3, centres=0.01),
    lambda model: ide(model, persons=16, per_person=1, triplet=0.0),
]


def _outputs(method, records):
    variables, carry = method.init(jax.random.key(0), records)
    rng = np.random.default_rng(0)
    outputs = {
        "feature": jnp.asarray(rng.normal(size=(8, 12)), jnp.float32),
        "logits": jnp.asarray(rng.normal(size=(8, 12)), jnp.float32),
    }
    label = jnp.repeat(jnp.arange(2, dtype=jnp.int32), 4)
    return outputs, Tags(label, *([label] * 4)), carry


def test_the_loss_is_the_sum_of_its_terms():
    method = ide(tiny.encoder(), **SMALL, triplet=0.5, centres=0.1)
    outputs, tags, carry = _outputs(method, tiny.world())
    value, aux = method.loss(outputs, tags, carry, 0)
    assert set(aux.metrics) == {"classify", "triplet", "centre", "accuracy"}
    assert float(value) == pytest.approx(sum(float(aux.metrics[name]) for name in ("classify", "triplet", "centre")))


def test_centres_move_towards_the_features_and_carry_is_empty_without_them():
    records = tiny.world()
    method = ide(tiny.encoder(), **SMALL, centres=0.1)
    outputs, tags, carry = _outputs(method, records)
    _, aux = method.loss(outputs, tags, carry, 0)
    moved = method.update(carry, {}, aux)["centres"]
    mean = outputs["feature"][:4].mean(0)
    np.testing.assert_allclose(moved[0], 0.5 * 4 / 5 * mean, rtol=1e-5)  # Wen et al., eq. 4: rate * sum / (1 + n)
    assert float(jnp.abs(moved[2:]).max()) == 0
    assert ide(tiny.encoder(), **SMALL).init(jax.random.key(0), records)[1] == {}


def test_plan_depends_on_its_generator_alone():
    records = tiny.world()
    method = ide(tiny.encoder(), **SMALL, iterations=5)
    plans = [method.plan(None, records, None, np.random.default_rng((3, epoch)))[1] for epoch in (0, 0, 1)]
    assert plans[0].rows.shape == (5, 16)
    assert (plans[0].rows == plans[1].rows).all()
    assert (plans[0].rows != plans[2].rows).any()

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax import parallel
from reid_jax.data import records
from reid_jax.methods.ide import ide
from reid_jax.models.norm import alone
from reid_jax.types import Batch, Tags
from tests import tiny

SMALL = {"persons": 4, "per_person": 4}
EXAM = [
    lambda model: ide(model, **SMALL),
    lambda model: ide(model, **SMALL, margin=0.3, centres=0.01),
    lambda model: ide(model, persons=16, per_person=1, triplet=0.0),
]
MOVES = [{}, {"update": ["carry/centres"]}, {}]


WITH_BESIDE = (lambda model: ide(model, **SMALL, beside=True, iterations=3), tiny.mixture)


def test_rows_beside_change_batch_statistics_and_nothing_else():
    """Other pictures of domain 1 change the statistics, but not the loss or the weights."""
    run, changed = tiny.Run(WITH_BESIDE), tiny.Run(WITH_BESIDE)
    pixels = changed.records.image.pixels.copy()
    pixels[changed.records.domain == 1] = 255 - pixels[changed.records.domain == 1]
    changed.records = changed.records._replace(image=records.Held(pixels))
    first, second = (next(iter(one.moments(every=1))) for one in (run, changed))
    assert first.metrics == second.metrics
    one, other = (parallel.first(moment.state.variables) for moment in (first, second))
    assert tiny.difference(one["params"], other["params"]) == 0
    assert tiny.difference(one["batch_stats"], other["batch_stats"]) > 0.01
    plan, domain = first.position.plan, run.records.domain
    assert (domain[plan.rows[:, ::2]] == 0).all() and (domain[plan.rows[:, 1::2]] == 1).all()
    assert (plan.label[domain == 1] == -1).all()


def test_rows_beside_have_a_forward_of_their_own_after_the_others():
    """Running statistics move to those of the annotated rows, then to those of the others."""
    model, world = tiny.encoder(alone), tiny.mixture()
    method = WITH_BESIDE[0](model)
    variables, _ = method.init(jax.random.key(0), world)
    _, plan = method.plan(None, world, None, np.random.default_rng(0))
    rows = plan.rows[0]
    image = jnp.asarray(world.image.pixels[rows])
    columns = (plan.label, np.arange(len(plan.label)), world.camera, world.domain, world.group)
    tags = Tags(*(jnp.asarray(column[rows]) for column in columns))
    _, stats = method.forward(variables, {}, Batch(image[:, None], tags), jax.random.key(1))
    expected = variables["batch_stats"]["encoder"]["neck"]["mean"]
    for half in (image[::2], image[1::2]):
        params = {
            "params": variables["params"]["encoder"],
            "batch_stats": variables["batch_stats"]["encoder"],
        }
        expected = 0.9 * expected + 0.1 * model.apply(params, half, False)[0].feature.mean(0)
    np.testing.assert_allclose(stats["encoder"]["neck"]["mean"], expected, rtol=1e-4, atol=1e-6)


def test_further_rows_of_a_person_come_from_other_cameras_if_asked():
    world = tiny.world()
    _, plan = ide(tiny.encoder(), persons=4, per_person=3, iterations=20, other_cameras=True).plan(
        None, world, None, np.random.default_rng(0)
    )
    camera = world.camera[plan.rows].reshape(-1, 3)
    assert (camera[:, 1:] != camera[:, :1]).all()


def test_beside_needs_pictures_of_domain_1():
    with pytest.raises(ValueError, match="pictures of domain 1"):
        WITH_BESIDE[0](tiny.encoder()).init(jax.random.key(0), tiny.world())


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
    assert float(value) == pytest.approx(
        sum(float(aux.metrics[name]) for name in ("classify", "triplet", "centre"))
    )


def test_centres_move_towards_the_features_and_carry_is_empty_without_them():
    records = tiny.world()
    method = ide(tiny.encoder(), **SMALL, centres=0.1)
    outputs, tags, carry = _outputs(method, records)
    _, aux = method.loss(outputs, tags, carry, 0)
    centres = method.update(carry, {}, aux)["centres"]
    mean = outputs["feature"][:4].mean(0)
    # Wen et al., eq. 4: rate * sum / (1 + n).
    np.testing.assert_allclose(centres[0], 0.5 * 4 / 5 * mean, rtol=1e-5)
    assert float(jnp.abs(centres[2:]).max()) == 0
    assert ide(tiny.encoder(), **SMALL).init(jax.random.key(0), records)[1] == {}


def test_plan_depends_on_its_generator_alone():
    records = tiny.world()
    method = ide(tiny.encoder(), **SMALL, iterations=5)
    plans = [
        method.plan(None, records, None, np.random.default_rng((3, epoch)))[1]
        for epoch in (0, 0, 1)
    ]
    assert plans[0].rows.shape == (5, 16)
    assert (plans[0].rows == plans[1].rows).all()
    assert (plans[0].rows != plans[2].rows).any()

"""GDS around other methods; its losses and moments have their own tests."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.losses import separate
from reid_jax.memory.moments import Moments, move_moments
from reid_jax.methods.gds import gds
from reid_jax.methods.ide import ide
from reid_jax.methods.remix import remix
from reid_jax.methods.spcl import spcl
from reid_jax.methods.theory import theory
from reid_jax.types import Aux, Method, Plan, Tags
from tests import tiny
from tests.methods import test_domainmix, test_mmt, test_remix, test_spcl, test_theory

WORLD = tiny.mixture
EXAM = [lambda model: gds(theory(model, **test_theory.SMALL))]
MOVES = [
    {"plan": ["carry/base/label", "carry/base/eps"], "update": ["carry/mean", "carry/variance"]}
]


def _plain(embedding="f"):
    """A method whose loss is the mean of its embedding and whose carry counts its updates."""

    def init(key, records):
        return {"params": {"encoder": {}}}, {"count": jnp.int32(0)}

    def plan(state, records, embed, rng):
        return state, Plan(np.zeros((1, 2), np.int32), np.zeros(2, np.int32), {"one": 1.0})

    def loss(outputs, tags, carry, step):
        return outputs[embedding].mean(), Aux({"mean": outputs[embedding].mean()}, jnp.int32(3))

    def update(carry, variables, aux):
        return {"count": carry["count"] + aux.arrays}

    def forward(variables, carry, batch, key):
        return {embedding: batch}, {}

    return Method(init, plan, forward, loss, update, lambda variables, carry: carry["count"])


def _tags(label, domain):
    return Tags(
        jnp.asarray(label),
        *[jnp.zeros(len(label), jnp.int32)] * 2,
        jnp.asarray(domain),
        jnp.zeros(len(label)),
    )


X = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
LABEL, DOMAIN = np.array([0, 0, 1, 0, 0, 1]), np.array([0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lambda_h": 0.0},
        {"lambda_sigma": 2.0, "kappa": 1.0, "lambda_h": 0.7},
        {"beta": 0.3, "around": "old", "straight": True, "metric": "euclidean"},
    ],
)
def test_losses_are_added_and_moments_are_kept_beside_the_carry_of_the_base(options):
    method = gds(_plain(), **options)
    variables, carry = method.init(jax.random.key(0), None)
    np.testing.assert_allclose(carry["mean"], 0.5)
    np.testing.assert_allclose(carry["variance"], 1 / 6)
    value, aux = method.loss({"f": X}, _tags(LABEL, DOMAIN), carry, 0)
    distance, same, other = separate.pairs(X, LABEL, DOMAIN, metric=options.get("metric", "cosine"))
    # No pair is of two domains, although their labels are the same numbers.
    assert int(same.sum()) == 2 and int(other.sum()) == 4
    rule = {"momentum": options.get("beta", 0.9), "around": options.get("around", "new")}
    moments = move_moments(Moments(carry["mean"], carry["variance"]), distance, same, other, **rule)
    expected = X.mean() + separate.separation(
        *moments, lambda_sigma=options.get("lambda_sigma", 1.0)
    )
    weight = options.get("lambda_h", 0.5)
    if weight:
        expected += weight * separate.tails(*moments, kappa=options.get("kappa", 3.0))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert ("tails" in aux.metrics) == bool(weight) and "mean" in aux.metrics
    after = method.update(carry, variables, aux)
    np.testing.assert_allclose([after["mean"], after["variance"]], list(moments), rtol=1e-6)
    assert after["base"]["count"] == 3 and method.encoder(variables, after) == 3


@pytest.mark.parametrize(
    "label, none", [([0, 1, 2, 3, 4, 5], (1, 0)), ([0] * 6, (0, 1)), ([-1] * 6, (1, 1))]
)
def test_a_batch_without_pairs_keeps_the_moments_and_reports_it(label, none):
    method = gds(_plain())
    variables, carry = method.init(jax.random.key(0), None)
    _, aux = method.loss({"f": X}, _tags(np.array(label), 0 * DOMAIN), carry, 0)
    assert (aux.metrics["no_same"], aux.metrics["no_other"]) == none
    after = method.update(carry, variables, aux)
    for side in range(2):
        stays = (
            after["mean"][side] == carry["mean"][side]
            and after["variance"][side] == carry["variance"][side]
        )
        assert bool(stays) == bool(none[side])


@pytest.mark.parametrize(
    "options",
    [{}, {"lambda_h": 0.0}, {"lambda_sigma": 0.0, "lambda_h": 2.0, "metric": "euclidean"}],
)
def test_the_gradient_is_that_of_the_terms(options):
    """A step along the gradient changes the loss as the gradient predicts, so no term lacks it."""
    method = gds(_plain(), beta=0.5, **options)
    _, carry = method.init(jax.random.key(0), None)

    def added(x):
        return method.loss({"f": x}, _tags(LABEL, DOMAIN), carry, 0)[0] - x.mean()

    gradient = jax.grad(added)(jnp.asarray(X))
    size = float(jnp.linalg.norm(gradient))
    step = 0.05 * gradient / size
    assert size > 0.01
    np.testing.assert_allclose(added(X + step) - added(X - step), 0.1 * size, rtol=0.02)


def test_the_moments_have_no_gradient_but_through_the_batch():
    method = gds(_plain(), beta=1.0)
    _, carry = method.init(jax.random.key(0), None)
    gradient = jax.grad(lambda x: method.loss({"f": x}, _tags(LABEL, DOMAIN), carry, 0)[0])(
        jnp.asarray(X)
    )
    np.testing.assert_allclose(gradient, 1 / X.size, rtol=1e-6)


OTHERS = ("spcl", "remix", "domainmix", "mmt")
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in OTHERS]


@pytest.mark.parametrize("name", ["ide", *SLOW])
def test_around_each_method(name):
    base = {
        "ide": lambda model: ide(model, persons=2, per_person=2),
        "spcl": lambda model: spcl(model, **test_spcl.SMALL),
        "remix": lambda model: remix(model, **test_remix.SMALL),
        "domainmix": test_domainmix.EXAM[0],
        "mmt": test_mmt.EXAM[0],
    }[name]
    run = tiny.Run((lambda model: gds(_with_own_loss(base(model))), tiny.mixture))
    metrics = [moment.metrics for moment in run.moments(count=1, every=1)]
    for one in metrics:
        apart = one["mean_same"] - one["mean_other"]
        narrow = one["variance_same"] + one["variance_other"]
        far = 3 * (one["variance_same"] ** 0.5 + one["variance_other"] ** 0.5)
        added = np.logaddexp(0, apart) + narrow + 0.5 * np.logaddexp(0, apart + far)
        assert one["loss"] - one["base"] == pytest.approx(added, abs=1e-5 * (1 + abs(one["base"])))
    assert np.mean([one["no_same"] for one in metrics]) < 1
    assert metrics[-1]["mean_same"] < 0.5 and metrics[-1]["mean_same"] < metrics[-1]["mean_other"]


def _with_own_loss(base):
    """The method with its own loss among its metrics."""

    def loss(*arguments):
        value, aux = base.loss(*arguments)
        return value, aux._replace(metrics={**aux.metrics, "base": value})

    return base._replace(loss=loss)


def test_a_method_without_the_output_f_is_refused():
    method = gds(_plain("g"))
    _, carry = method.init(jax.random.key(0), None)
    with pytest.raises(ValueError, match="as the method's output f, and it has g"):
        method.loss({"g": X}, _tags(LABEL, DOMAIN), carry, 0)

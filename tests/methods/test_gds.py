"""GDS around other methods; its losses and moments have tests of their own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.carry.moments import Moments, move_moments
from reid_jax.losses import separate
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
MOVES = [{"plan": ["carry/base/label", "carry/base/eps"], "update": ["carry/mean", "carry/variance"]}]


def _plain(embedding="f"):
    """A method whose loss is the mean of its embedding and whose carry counts its updates."""

    def init(key, records):
        return {"params": {"encoder": {}}}, {"count": jnp.int32(0)}

    def plan(state, records, see, rng):
        return state, Plan(np.zeros((1, 2), np.int32), np.zeros(2, np.int32), {"one": 1.0})

    def loss(outputs, tags, carry, step):
        return outputs[embedding].mean(), Aux({"mean": outputs[embedding].mean()}, jnp.int32(3))

    def update(carry, variables, aux):
        return {"count": carry["count"] + aux.moved}

    return Method(init, plan, lambda variables, carry, batch, key: ({embedding: batch}, {}), loss, update,
                  lambda variables, carry: carry["count"])  # fmt: skip


def _tags(label, domain):
    return Tags(jnp.asarray(label), *[jnp.zeros(len(label), jnp.int32)] * 2, jnp.asarray(domain), jnp.zeros(len(label)))


X = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
LABEL, DOMAIN = np.array([0, 0, 1, 0, 0, 1]), np.array([0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize("options", [{}, {"lambda_h": 0.0}, {"lambda_sigma": 2.0, "kappa": 1.0, "lambda_h": 0.7},
                                     {"beta": 0.3, "around": "old", "straight": True, "metric": "euclidean"}])  # fmt: skip
def test_losses_are_added_and_moments_move_beside_the_bases_carry(options):
    method = gds(_plain(), **options)
    variables, carry = method.init(jax.random.key(0), None)
    np.testing.assert_allclose(carry["mean"], 0.5)
    np.testing.assert_allclose(carry["variance"], 1 / 6)
    value, aux = method.loss({"f": X}, _tags(LABEL, DOMAIN), carry, 0)
    distance, same, other = separate.pairs(X, LABEL, DOMAIN, metric=options.get("metric", "cosine"))
    assert int(same.sum()) == 2 and int(other.sum()) == 4  # none of two domains, whose labels are the same numbers
    rule = {"momentum": options.get("beta", 0.9), "around": options.get("around", "new")}
    moments = move_moments(Moments(carry["mean"], carry["variance"]), distance, same, other, **rule)
    expected = X.mean() + separate.separation(*moments, lambda_sigma=options.get("lambda_sigma", 1.0))
    weight = options.get("lambda_h", 0.5)
    if weight:
        expected += weight * separate.tails(*moments, kappa=options.get("kappa", 3.0))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert ("tails" in aux.metrics) == bool(weight) and "mean" in aux.metrics
    after = method.update(carry, variables, aux)
    np.testing.assert_allclose([after["mean"], after["variance"]], list(moments), rtol=1e-6)
    assert after["base"]["count"] == 3 and method.encoder(variables, after) == 3


@pytest.mark.parametrize("label, none", [([0, 1, 2, 3, 4, 5], (1, 0)), ([0] * 6, (0, 1)), ([-1] * 6, (1, 1))])
def test_a_batch_without_pairs_leaves_the_moments_alone_and_says_so(label, none):
    method = gds(_plain())
    variables, carry = method.init(jax.random.key(0), None)
    _, aux = method.loss({"f": X}, _tags(np.array(label), 0 * DOMAIN), carry, 0)
    assert (aux.metrics["no_same"], aux.metrics["no_other"]) == none
    after = method.update(carry, variables, aux)
    for side in range(2):
        stays = after["mean"][side] == carry["mean"][side] and after["variance"][side] == carry["variance"][side]
        assert bool(stays) == bool(none[side])


@pytest.mark.parametrize(
    "options", [{}, {"lambda_h": 0.0}, {"lambda_sigma": 0.0, "lambda_h": 2.0, "metric": "euclidean"}]
)
def test_the_gradient_is_that_of_the_terms(options):
    """A step along the gradient changes the loss as the gradient says: no term is added without it."""
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
    gradient = jax.grad(lambda x: method.loss({"f": x}, _tags(LABEL, DOMAIN), carry, 0)[0])(jnp.asarray(X))
    np.testing.assert_allclose(gradient, 1 / X.size, rtol=1e-6)


@pytest.mark.parametrize("name", ["ide", "spcl", "remix", "domainmix", "mmt"])
def test_around_each_method(name):
    base = {
        "ide": lambda model: ide(model, persons=2, per_person=2),
        "spcl": lambda model: spcl(model, **test_spcl.SMALL),
        "remix": lambda model: remix(model, **test_remix.SMALL),
        "domainmix": test_domainmix.EXAM[0],
        "mmt": test_mmt.EXAM[0],
    }[name]
    run = tiny.Run((lambda model: gds(_telling(base(model))), tiny.mixture))
    seen = [moment.metrics for moment in run.moments(count=1, every=1)]
    for told in seen:
        apart = told["mean_same"] - told["mean_other"]
        narrow = told["variance_same"] + told["variance_other"]
        far = 3 * (told["variance_same"] ** 0.5 + told["variance_other"] ** 0.5)
        added = np.logaddexp(0, apart) + narrow + 0.5 * np.logaddexp(0, apart + far)
        assert told["loss"] - told["base"] == pytest.approx(added, abs=1e-5 * (1 + abs(told["base"])))
    assert np.mean([told["no_same"] for told in seen]) < 1
    assert seen[-1]["mean_same"] < 0.5 and seen[-1]["mean_same"] < seen[-1]["mean_other"]


def _telling(base):
    """The method with its own loss among its figures."""

    def loss(*arguments):
        value, aux = base.loss(*arguments)
        return value, aux._replace(metrics={**aux.metrics, "base": value})

    return base._replace(loss=loss)


def test_an_output_that_is_not_there_is_told():
    method = gds(_plain("g"))
    _, carry = method.init(jax.random.key(0), None)
    with pytest.raises(ValueError, match="as the method's output f, and it has g"):
        method.loss({"g": X}, _tags(LABEL, DOMAIN), carry, 0)

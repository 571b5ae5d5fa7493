"""GDS: two distributions of distances, of pairs of one person and of pairs of two, kept apart; beside any method's loss.

Jin et al., "Global Distance-distributions Separation for Unsupervised Person Re-identification", ECCV 2020. The
distributions are those of the whole data set, as running moments tell them; each batch moves the moments, and its gradient
goes through what it moved. GDS-H keeps their hard tails apart as well.

What the supplement tells is followed: the momentum rule and what the variance is around, lambda_sigma, lambda_h, the tails
at 3 standard deviations, the first moments, moments that are never begun anew. The losses' form is from memory; beta and
the distance are not told: see `losses.separate` and `carry.moments`.
"""

import jax
import jax.numpy as jnp

from reid_jax.carry.moments import Moments, move_moments
from reid_jax.losses import separate
from reid_jax.types import Aux, Method


def gds(
    base: Method,
    *,
    beta: float = 0.9,
    lambda_sigma: float = 1.0,
    lambda_h: float = 0.5,
    kappa: float = 3.0,
    metric: str = "cosine",
    around: str = "new",
    straight: bool = False,
    start: tuple[float, float] = (0.5, 1 / 6),
) -> Method:
    """A method like `base` whose loss is base's + separation + lambda_h * tails, for pairs of rows of one domain.

    Distances are those of base's output `f`, the embedding that is ranked by (behind a neck, where there is one).

    beta: of the running moments. lambda_sigma: of the variances. lambda_h: of the hard tails, 0 is GDS without H; at
        kappa standard deviations.
    metric: cosine (half the cosine distance) or euclidean. around, straight: see `carry.moments.move_moments`.
    start: mean and variance of both distributions before the first batch.

    The metrics tell the moments, their overlap, and no_same and no_other: the part of the batches that had no pair of one
    person, or of two, and left those moments alone. The carry is base's under `base`, and the moments.

    Raises ValueError where base has no output f.

    Departs from the paper: rows of two domains are no pair, as their labels say nothing about each other; the paper's
    batches have one.
    """

    def init(key, records):
        variables, carry = base.init(key, records)
        mean, variance = (jnp.full(2, value, jnp.float32) for value in start)
        return variables, {"base": carry, "mean": mean, "variance": variance}

    def plan(state, records, see, rng):
        def look(rows, of=base.encoder):
            return see(rows, lambda variables, carry: of(variables, carry["base"]))

        inner, plan = base.plan(state._replace(carry=state.carry["base"]), records, look, rng)
        return inner._replace(carry={**state.carry, "base": inner.carry}), plan

    def forward(variables, carry, batch, key):
        return base.forward(variables, carry["base"], batch, key)

    def loss(outputs, tags, carry, step):
        if "f" not in outputs:
            raise ValueError(f"gds needs the embedding as the method's output f, and it has {', '.join(outputs)}")
        value, aux = base.loss(outputs, tags, carry["base"], step)
        distance, same, other = separate.pairs(outputs["f"], tags.label, tags.domain, metric=metric)
        old = Moments(carry["mean"], carry["variance"])
        rule = {"momentum": beta, "around": around, "straight": straight}
        moments = move_moments(old, distance, same, other, **rule)
        terms = {"separation": separate.separation(*moments, lambda_sigma=lambda_sigma)}
        if lambda_h:
            terms["tails"] = lambda_h * separate.tails(*moments, kappa=kappa)
        moved = jax.tree.map(jax.lax.stop_gradient, moments)
        told = {**aux.metrics, **terms, **_figures(moved, same, other)}
        return value + sum(terms.values()), Aux(told, (aux.moved, moved._asdict()))

    def update(carry, variables, aux):
        inner, moments = aux.moved
        return {"base": base.update(carry["base"], variables, aux._replace(moved=inner)), **moments}

    def encoder(variables, carry):
        return base.encoder(variables, carry["base"])

    return Method(init, plan, forward, loss, update, encoder)


def _figures(moments: Moments, same: jax.Array, other: jax.Array) -> dict[str, jax.Array]:
    return {
        "mean_same": moments.mean[0],
        "mean_other": moments.mean[1],
        "variance_same": moments.variance[0],
        "variance_other": moments.variance[1],
        "overlap": separate.overlap(*moments),
        "no_same": 1.0 - same.any(),
        "no_other": 1.0 - other.any(),
    }

"""GDS: separates the distances of pairs of one person from those of pairs of two persons.

It adds its losses to those of any other method. The two distributions of distances are those of
the whole data set, estimated by running moments. Each batch moves the moments, and the gradient
goes through the batch's part of them. GDS-H also separates the tails of the two distributions.

These follow the paper's supplement: the momentum rule, which mean the variance is around,
lambda_sigma, lambda_h, tails at 3 standard deviations, the first moments, and that moments are
never reset. The form of the losses is written from memory. beta and the distance are not stated
in the paper: see `losses.separate` and `memory.moments`.

Reference:
    Jin et al., "Global Distance-distributions Separation for Unsupervised Person
    Re-identification", ECCV 2020.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax.losses import separate
from reid_jax.memory.moments import Moments, move_moments
from reid_jax.types import (
    Array,
    Aux,
    Batch,
    Carry,
    EmbedRows,
    EncoderOf,
    Method,
    Outputs,
    Plan,
    Records,
    Tags,
    TrainState,
    Variables,
)


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
    """Build a Method that adds the losses of GDS to those of `base`.

    loss = base's loss + separation + lambda_h * tails, for pairs of rows of one domain

    Distances are those of base's output `f`, the embedding that is ranked by (behind the neck, if
    the encoder has one). The metrics report the moments, their overlap, and `no_same` and
    `no_other`: the fraction of the batches without a pair of one person, or of two persons, which
    did not change those moments. The carry is base's under `base`, and the moments.

    Args:
        base: the method that is extended.
        beta: momentum of the running moments.
        lambda_sigma: weight of the variances.
        lambda_h: weight of the tails; 0 is GDS without H.
        kappa: where the tails begin, in standard deviations.
        metric: "cosine" (half the cosine distance) or "euclidean".
        around: see `memory.moments.move_moments`.
        straight: see `memory.moments.move_moments`.
        start: mean and variance of both distributions before the first batch.

    Raises:
        ValueError: in `loss`, if base has no output `f`.

    Departs from the paper:
        rows of two domains are not a pair, since their labels say nothing about each other; the
        paper's batches have one domain.
    """

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        variables, carry = base.init(key, records)
        mean, variance = (jnp.full(2, value, jnp.float32) for value in start)
        return variables, {"base": carry, "mean": mean, "variance": variance}

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        def embed_base(rows: np.ndarray, encoder: EncoderOf = base.encoder) -> np.ndarray:
            return embed(rows, lambda variables, carry: encoder(variables, carry["base"]))

        before = state._replace(carry=state.carry["base"])
        after, plan = base.plan(before, records, embed_base, rng)
        return after._replace(carry={**state.carry, "base": after.carry}), plan

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, Any]:
        return base.forward(variables, carry["base"], batch, key)

    def loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        if "f" not in outputs:
            raise ValueError(
                f"gds needs the embedding as the method's output f, and it has {', '.join(outputs)}"
            )
        value, aux = base.loss(outputs, tags, carry["base"], step)
        distance, same, other = separate.pairs(outputs["f"], tags.label, tags.domain, metric=metric)
        old = Moments(carry["mean"], carry["variance"])
        moments = move_moments(
            old, distance, same, other, momentum=beta, around=around, straight=straight
        )
        terms = {"separation": separate.separation(*moments, lambda_sigma=lambda_sigma)}
        if lambda_h:
            terms["tails"] = lambda_h * separate.tails(*moments, kappa=kappa)
        kept = jax.tree.map(jax.lax.stop_gradient, moments)
        metrics = {**aux.metrics, **terms, **_figures(kept, same, other)}
        return value + sum(terms.values()), Aux(metrics, (aux.arrays, kept._asdict()))

    def update(carry: Carry, variables: Variables, aux: Aux) -> Carry:
        arrays, moments = aux.arrays
        inner = base.update(carry["base"], variables, aux._replace(arrays=arrays))
        return {"base": inner, **moments}

    def encoder(variables: Variables, carry: Carry) -> Variables:
        return base.encoder(variables, carry["base"])

    return Method(init, plan, forward, loss, update, encoder, model=base.model, views=base.views)


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

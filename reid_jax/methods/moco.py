"""MoCo v3, the general self-supervised method that CycAs is compared with.

Each picture is a class of its own.

Reference:
    Chen, Xie and He, "An Empirical Study of Training Self-Supervised Vision Transformers", ICCV
    2021, in the form that its code has for ResNets.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax.data import sample
from reid_jax.losses.contrast import instance
from reid_jax.memory.ema import ema
from reid_jax.models.mlp import Head
from reid_jax.types import (
    Array,
    Aux,
    Batch,
    Carry,
    EmbedRows,
    Method,
    Model,
    Outputs,
    Plan,
    Records,
    Tags,
    TrainState,
    Variables,
    joined,
)

SLOW = ("encoder", "projector")  # the parts of the momentum encoder


def moco(
    model: Model,
    projector: Head,
    predictor: Head,
    *,
    batch: int = 4096,
    iterations: int = 0,
    length: int = 0,
    temperature: float = 1.0,
    momentum: float = 0.99,
) -> Method:
    """Build MoCo v3 as a Method, for batches of two views. It uses only the pictures of Records.

    loss = 2 T (CE(q0 k1 / T) + CE(q1 k0 / T)),  q = queries, k = keys of views 0 and 1

    Args:
        model: the encoder.
        projector: the head behind the encoder.
        predictor: the head behind the projector, for the queries.
        batch: number of pictures.
        iterations: batches of an epoch; 0 is one pass over the data.
        length: steps of the whole run, in which the momentum rises to 1 by half a cosine; 0 keeps
            it constant.
        temperature: T.
        momentum: of the momentum encoder, at step 0.

    Departs from the paper:
        nowhere; the loss is that of its code.
    """

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        keys = jax.random.split(key, 3)
        variables = joined(
            encoder=model.init(keys[0]),
            projector=projector.init(keys[1]),
            predictor=predictor.init(keys[2]),
        )
        copies = {
            collection: {
                name: jax.tree.map(jnp.copy, parts[name]) for name in SLOW if name in parts
            }
            for collection, parts in variables.items()
        }
        variables["batch_stats"]["teacher"] = copies["batch_stats"]
        return variables, {"teacher": copies["params"]}

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        rows = sample.uniform(
            np.zeros(len(records.person), int), batch=batch, steps=iterations, rng=rng
        )
        return state, Plan(rows, np.full(len(records.person), -1, np.int32), {})

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, dict[str, Any]]:
        params, fast = variables["params"], {**variables["batch_stats"]}
        slow = fast.pop("teacher")
        outputs: dict[str, Array] = {}
        for view in (0, 1):
            image, tags = batch.image[:, view], batch.tags
            outputs[f"k{view}"], slow = _project(
                model, projector, carry["teacher"], slow, image, tags, key
            )
            y, fast = _project(model, projector, params, fast, image, tags, key)
            part = {"params": params["predictor"], "batch_stats": fast["predictor"]}
            outputs[f"q{view}"], stats = predictor.apply(part, y, True)
            fast = {**fast, "predictor": stats}
        return outputs, {**fast, "teacher": slow}

    def loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        own = jnp.arange(len(tags.index))
        pairs = (("q0", "k1"), ("q1", "k0"))
        terms = [instance(outputs[q], outputs[k], own, temperature=temperature) for q, k in pairs]
        # The momentum encoder moves after this step, before the keys of the next step are
        # computed, so it takes the momentum of step + 1.
        progress = jnp.minimum((step + 1) / length, 1.0) if length else 0.0
        rate = 1.0 - 0.5 * (1.0 + jnp.cos(jnp.pi * progress)) * (1.0 - momentum)
        return 2 * temperature * sum(terms), Aux({"momentum": rate}, rate)

    def update(carry: Carry, variables: Variables, aux: Aux) -> Carry:
        student = {name: variables["params"][name] for name in SLOW}
        return {"teacher": ema(carry["teacher"], student, momentum=aux.arrays)}

    return Method(init, plan, forward, loss, update, model=model, views=2)


def _project(
    model: Model,
    projector: Head,
    params: Variables,
    stats: Variables,
    image: Array,
    tags: Tags,
    key: Array,
) -> tuple[Array, dict[str, Any]]:
    """(outputs of the projector behind the encoder, new batch statistics), from those by part."""
    encoder = {"params": params["encoder"]}
    if "encoder" in stats:
        encoder["batch_stats"] = stats["encoder"]
    out, encoder_stats = model.apply(encoder, image, True, key, tags)
    y, projector_stats = projector.apply(
        {"params": params["projector"], "batch_stats": stats["projector"]}, out.embedding, True
    )
    new = {"encoder": encoder_stats} if "encoder" in stats else {}
    return y, {**stats, **new, "projector": projector_stats}

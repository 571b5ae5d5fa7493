"""MoCo v3, the general self-supervised learner that CycAs is held against: each picture is a class of its own.

Chen, Xie and He, "An Empirical Study of Training Self-Supervised Vision Transformers", ICCV 2021, in the form that its code
has for ResNets.
"""

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax.carry.ema import ema
from reid_jax.data import sample
from reid_jax.losses.contrast import instance
from reid_jax.models.mlp import Head
from reid_jax.types import Aux, Method, Model, Plan

SLOW = ("encoder", "projector")  # what the momentum encoder consists of


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
    """MoCo v3 as a Method, for batches of two views. Nothing but the pictures of Records is looked at.

    projector, predictor: behind the encoder, and behind both. batch: pictures. iterations: batches an epoch, 0: one pass.
    length: steps of the whole run, in which the momentum rises to 1 by half a cosine; 0: it stays.

    Departs from the paper: nowhere; its loss, 2 T (CE(q1 k2 / T) + CE(q2 k1 / T)), is that of its code.
    """

    def init(key, records):
        keys = jax.random.split(key, 3)
        made = {
            "encoder": model.init(keys[0]),
            "projector": projector.init(keys[1]),
            "predictor": predictor.init(keys[2]),
        }
        variables = {
            collection: {name: part[collection] for name, part in made.items() if collection in part}
            for collection in ("params", "batch_stats")
        }
        copies = {
            collection: {name: jax.tree.map(jnp.copy, parts[name]) for name in SLOW if name in parts}
            for collection, parts in variables.items()
        }
        variables["batch_stats"]["teacher"] = copies["batch_stats"]
        return variables, {"teacher": copies["params"]}

    def plan(state, records, see, rng):
        rows = sample.uniform(np.zeros(len(records.person), int), batch=batch, steps=iterations, rng=rng)
        return state, Plan(rows, np.full(len(records.person), -1, np.int32), {})

    def forward(variables, carry, batch, key):
        fast = {**variables["batch_stats"]}
        slow = fast.pop("teacher")
        seen = {}
        for view in (0, 1):
            image = batch.image[:, view]
            key_of, slow = _project(carry["teacher"], slow, image, batch.tags, key)
            query, fast = _project(variables["params"], fast, image, batch.tags, key)
            part = {"params": variables["params"]["predictor"], "batch_stats": fast["predictor"]}
            query, moved = predictor.apply(part, query, True)
            fast = {**fast, "predictor": moved}
            seen |= {f"q{view}": query, f"k{view}": key_of}
        return seen, {**fast, "teacher": slow}

    def _project(params, stats, image, tags, key):
        encoder = {"params": params["encoder"]}
        if "encoder" in stats:
            encoder["batch_stats"] = stats["encoder"]
        out, moved = model.apply(encoder, image, True, key, tags)
        stats = {**stats, "encoder": moved} if "encoder" in stats else stats
        y, moved = projector.apply(
            {"params": params["projector"], "batch_stats": stats["projector"]}, out.embedding, True
        )
        return y, {**stats, "projector": moved}

    def loss(outputs, tags, carry, step):
        own = jnp.arange(len(tags.index))
        both = (("q0", "k1"), ("q1", "k0"))
        terms = [instance(outputs[q], outputs[k], own, temperature=temperature) for q, k in both]
        # moved behind the step, which is before the next one's keys: its momentum
        through = jnp.minimum((step + 1) / length, 1.0) if length else 0.0
        rate = 1.0 - 0.5 * (1.0 + jnp.cos(jnp.pi * through)) * (1.0 - momentum)
        return 2 * temperature * sum(terms), Aux({"momentum": rate}, rate)

    def update(carry, variables, aux):
        now = {name: variables["params"][name] for name in SLOW}
        return {"teacher": ema(carry["teacher"], now, momentum=aux.moved)}

    return Method(init, plan, forward, loss, update)

"""Fine-tuning of MGN: eight classifiers and five triplet losses over parts of the body.

Reference:
    Wang et al., "Learning Discriminative Features with Multiple Granularities", ACM MM 2018, in
    the form of LUPerson's code (Fu et al., CVPR 2021), which CycAs's fine-tuning follows: circle
    softmax and batch-hard triplets with a soft margin, all on the features behind the heads'
    batch normalisation.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax.data import records as columns
from reid_jax.data import sample
from reid_jax.distance import normalise
from reid_jax.losses.classify import circle, cross_entropy
from reid_jax.losses.triplet import batch_hard
from reid_jax.models.mgn import HEADS
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
    student,
)

# The heads whose features each triplet loss takes, concatenated.
GROUPS = (("b1",), ("b2",), ("b3",), ("b21", "b22"), ("b31", "b32", "b33"))


def mgn(
    model: Model,
    *,
    freeze: int = 0,
    persons: int = 4,
    per_person: int = 16,
    iterations: int = 0,
    smoothing: float = 0.1,
    scale: float = 64.0,
    margin: float = 0.35,
) -> Method:
    """Build MGN as a Method: the mean of eight classifications plus that of five triplet losses.

    Args:
        model: of `models.mgn.MGN`.
        freeze: number of first steps in which trunk and branches normalise by their running
            statistics and do not change them, like a frozen module of LUPerson's code (in
            evaluation mode). The optimiser must not change their weights in these steps either.
        persons: P, a batch is P x K rows.
        per_person: K.
        iterations: batches of an epoch; 0 is one pass over the data.
        smoothing: of the labels.
        scale: of the circle softmax.
        margin: of the circle softmax.

    Departs from the paper:
        smoothing spreads over all classes; LUPerson's code excludes the true one. The original
        MGN (max pooling, plain softmax, margin 1.2) is another recipe.
    """
    width = model.width // len(HEADS)

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        to_encoder, to_classifier = jax.random.split(key)
        variables = joined(encoder=model.init(to_encoder))
        classes = int(columns.relabel(records.person).max()) + 1
        shape = (len(HEADS), width, classes)
        variables["params"]["classifiers"] = 0.001 * jax.random.normal(
            to_classifier, shape, jnp.float32
        )
        return variables, {"step": jnp.zeros((), jnp.int32)}

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        label = columns.relabel(records.person)
        rows = sample.identities(
            label, persons=persons, per_person=per_person, steps=iterations, rng=rng
        )
        return state, Plan(rows, label, {})

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, dict[str, Any]]:
        train = carry["step"] >= freeze if freeze else True
        out, stats = model.apply(
            student(variables, carry), batch.image[:, 0], train, key, batch.tags
        )
        heads = out.embedding.reshape(-1, len(HEADS), width)
        classes = jnp.moveaxis(
            normalise(jnp.moveaxis(variables["params"]["classifiers"], 1, 2)), 2, 1
        )
        cosine = jnp.einsum("bhd,hdc->bhc", normalise(heads), classes)
        return {"heads": heads, "cosine": cosine}, {"encoder": stats}

    def loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        heads, cosine = outputs["heads"], outputs["cosine"]
        logits = [
            circle(cosine[:, head], tags.label, scale=scale, margin=margin)
            for head in range(len(HEADS))
        ]
        classify = sum(cross_entropy(one, tags.label, smoothing=smoothing) for one in logits)
        classify = classify / len(HEADS)
        parts = [
            jnp.concatenate([heads[:, HEADS.index(name)] for name in group], -1) for group in GROUPS
        ]
        triplet = sum(batch_hard(part, tags.label, margin=None) for part in parts) / len(GROUPS)
        accuracy = jnp.mean((cosine.sum(1).argmax(-1) == tags.label).astype(jnp.float32))
        metrics = {"classify": classify, "triplet": triplet, "accuracy": accuracy}
        return classify + triplet, Aux(metrics)

    def update(carry: Carry, variables: Variables, aux: Aux) -> Carry:
        return {"step": carry["step"] + 1}

    return Method(init, plan, forward, loss, update, model=model)

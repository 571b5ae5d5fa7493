"""Fine-tuning of MGN: eight classifiers and five triplet losses over parts of the body.

Wang et al., "Learning Discriminative Features with Multiple Granularities", ACM MM 2018, in the form that LUPerson's code
(Fu et al., CVPR 2021) gave it and CycAs's fine-tuning follows: circle softmax, batch-hard triplets with a soft margin, all
of them on what is behind the heads' normalisation.
"""

import jax
import jax.numpy as jnp

from reid_jax.data import records as columns
from reid_jax.data import sample
from reid_jax.distance import normalise
from reid_jax.losses.classify import circle, cross_entropy
from reid_jax.losses.triplet import batch_hard
from reid_jax.models.mgn import HEADS
from reid_jax.types import Aux, Method, Model, Plan

GROUPS = (("b1",), ("b2",), ("b3",), ("b21", "b22"), ("b31", "b32", "b33"))  # what each triplet loss sees


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
    """MGN as a Method: the mean of eight classifications and the mean of five triplet losses.

    model: of `models.mgn.MGN`. freeze: for so many steps trunk and branches normalise by their running statistics, which stay
    as they are, as a frozen module of LUPerson's code (in evaluation mode) does. The optimiser has to let them rest as long.
    persons, per_person: a batch is persons x per_person rows.
    iterations: batches an epoch; 0 is a pass over the data.
    smoothing: of the labels. scale, margin: of the circle softmax.

    Departs from the paper: smoothing spreads over all classes; LUPerson's code leaves the true one out. The original MGN
    (max pooling, plain softmax, margin 1.2) is another recipe.
    """
    width = model.width // len(HEADS)

    def init(key, records):
        to_encoder, to_classifier = jax.random.split(key)
        encoder = model.init(to_encoder)
        classes = int(columns.relabel(records.person).max()) + 1
        variables = {name: {"encoder": collection} for name, collection in encoder.items()}
        shape = (len(HEADS), width, classes)
        variables["params"]["classifiers"] = 0.001 * jax.random.normal(to_classifier, shape, jnp.float32)
        return variables, {"step": jnp.zeros((), jnp.int32)}

    def plan(state, records, see, rng):
        label = columns.relabel(records.person)
        rows = sample.identities(label, persons=persons, per_person=per_person, steps=iterations, rng=rng)
        return state, Plan(rows, label, {})

    def forward(variables, carry, batch, key):
        encoder = {name: collection["encoder"] for name, collection in variables.items()}
        learns = carry["step"] >= freeze if freeze else True
        out, stats = model.apply(encoder, batch.image[:, 0], learns, key, batch.tags)
        heads = out.embedding.reshape(-1, len(HEADS), width)
        classes = jnp.moveaxis(normalise(jnp.moveaxis(variables["params"]["classifiers"], 1, 2)), 2, 1)
        return {"heads": heads, "cosine": jnp.einsum("bhd,hdc->bhc", normalise(heads), classes)}, {"encoder": stats}

    def loss(outputs, tags, carry, step):
        heads, cosine = outputs["heads"], outputs["cosine"]
        each = [circle(cosine[:, head], tags.label, scale=scale, margin=margin) for head in range(len(HEADS))]
        classified = sum(cross_entropy(logits, tags.label, smoothing=smoothing) for logits in each) / len(HEADS)
        parts = [jnp.concatenate([heads[:, HEADS.index(name)] for name in group], -1) for group in GROUPS]
        apart = sum(batch_hard(part, tags.label, margin=None) for part in parts) / len(GROUPS)
        right = jnp.mean((cosine.sum(1).argmax(-1) == tags.label).astype(jnp.float32))
        return classified + apart, Aux({"classify": classified, "triplet": apart, "accuracy": right})

    def update(carry, variables, aux):
        return {"step": carry["step"] + 1}

    return Method(init, plan, forward, loss, update)

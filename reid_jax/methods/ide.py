"""IDE, the supervised baseline: a classifier over the training persons, with a triplet and a centre loss beside it.

Zheng et al., "Person Re-identification: Past, Present and Future", 2016 (the name); Luo et al., "Bag of Tricks and a
Strong Baseline", CVPRW 2019 (smoothed labels, BNNeck, the losses' places).
"""

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax.carry.centres import move_centres
from reid_jax.data import records as columns
from reid_jax.data import sample
from reid_jax.losses.centre import centre
from reid_jax.losses.classify import cross_entropy
from reid_jax.losses.restitution import dual_causality
from reid_jax.losses.triplet import batch_hard
from reid_jax.types import Aux, Method, Model, Plan

BESIDE = 1  # Records.domain


def ide(
    model: Model,
    *,
    persons: int = 16,
    per_person: int = 4,
    iterations: int = 0,
    smoothing: float = 0.1,
    triplet: float = 1.0,
    margin: float | None = None,
    centres: float = 0.0,
    restitution: float = 0.0,
    other_cameras: bool = False,
    beside: bool = False,
) -> Method:
    """The baseline as a Method: loss = cross-entropy + triplet * batch-hard + centres * centre loss.

    persons, per_person: a batch is persons x per_person rows; per_person 1 draws uniformly over the pictures.
    iterations: batches an epoch; 0 is a pass over the data.
    smoothing:  of the labels (Szegedy et al., CVPR 2016). margin: of the triplet loss, None is the soft margin.
    centres:    weight of the centre loss; Bag of Tricks' 5e-4 of the squared distance is 1e-3 here, of half of it. The
                centres live in `carry`.
    restitution: weight of SNR's dual causality loss, summed over its stages, for an encoder that has them.
    other_cameras: a person's further rows in a batch come from other cameras than its first, where it has any.
    beside: as many rows of domain 1, drawn uniformly, are seen after those of domain 0, and move batch statistics and
        nothing else: the training on a source as MMT's code has it, whose target is domain 1. The persons of domain 1 are
        never looked at.
    An encoder with a second feature (Theory's) is classified on that.

    Raises ValueError in `init` where nobody is annotated, or there is no row of domain 1 to see beside the others.

    Departs from the paper: Bag of Tricks moves the centres by SGD at rate 0.5; here they follow Wen et al., eq. 4.
    """

    def init(key, records):
        to_encoder, to_classifier = jax.random.split(key)
        classes = int(_annotated(records, beside).max(initial=-1)) + 1
        if not classes or (beside and not (records.domain == BESIDE).any()):
            raise ValueError("expected annotated persons and, to be seen beside them, pictures of domain 1")
        kernel = 0.001 * jax.random.normal(to_classifier, (model.width, classes), jnp.float32)
        variables = {name: {"encoder": collection} for name, collection in model.init(to_encoder).items()}
        variables["params"]["classifier"] = kernel
        return variables, {"centres": jnp.zeros((classes, model.width), jnp.float32)} if centres else {}

    def plan(state, records, see, rng):
        label = _annotated(records, beside)
        size = {"persons": persons, "per_person": per_person, "steps": iterations, "rng": rng}
        rows = _draw(label, records.camera if other_cameras else None, **size)
        if beside:
            drawn = np.where(records.domain == BESIDE, 0, -1)
            rows = sample.mixed(rows, sample.uniform(drawn, batch=rows.shape[1], steps=len(rows), rng=rng))
        return state, Plan(rows, label, {})

    def forward(variables, carry, batch, key):
        encoder = {name: collection["encoder"] for name, collection in variables.items()}
        if beside:
            out, stats = _one_after_the_other(model, encoder, batch, key)
        else:
            out, stats = model.apply(encoder, batch.image[:, 0], True, key, batch.tags)
        aside = dict(out.aside)
        logits = aside.pop("second", out.embedding) @ variables["params"]["classifier"]
        return {"f": out.embedding, "feature": out.feature, "logits": logits, "aside": aside}, {"encoder": stats}

    def loss(outputs, tags, carry, step):
        feature, logits = outputs["feature"], outputs["logits"]
        terms = {"classify": cross_entropy(logits, tags.label, smoothing=smoothing)}
        if triplet:
            terms["triplet"] = triplet * batch_hard(feature, tags.label, margin=margin)
        if centres:
            terms["centre"] = centres * centre(feature, tags.label, carry["centres"])
        if restitution:
            parts = outputs["aside"].values()
            terms["restitution"] = restitution * sum(dual_causality(part, tags.label) for part in parts)
        right = ((logits.argmax(-1) == tags.label) & (tags.label >= 0)).sum() / jnp.maximum((tags.label >= 0).sum(), 1)
        moved = (jax.lax.stop_gradient(feature), tags.label)
        return sum(terms.values()), Aux({**terms, "accuracy": right}, moved)

    def update(carry, variables, aux):
        return {"centres": move_centres(carry["centres"], *aux.moved)} if centres else carry

    return Method(init, plan, forward, loss, update)


def _annotated(records, beside):
    """Label of each row, i32[n]; with `beside`, -1 for those of domain 1."""
    person = np.where(records.domain == BESIDE, -1, records.person) if beside else records.person
    return columns.relabel(person)


def _draw(label, camera, *, persons, per_person, steps, rng):
    """The rows of an epoch, [t persons * per_person]."""
    if per_person == 1:
        return sample.uniform(label, batch=persons, steps=steps, rng=rng)
    return sample.identities(label, persons=persons, per_person=per_person, steps=steps, camera=camera, rng=rng)


def _one_after_the_other(model, encoder, batch, key):
    """As Model.apply on a batch whose even rows are annotated and whose odd ones are not: two forwards, one after the other,
    each with batch statistics of its own, and both move the running ones.
    """
    halves = [jax.tree.map(lambda leaf, first=first: leaf[first::2], batch) for first in (0, 1)]
    outputs = []
    for half in halves:
        out, stats = model.apply(encoder, half.image[:, 0], True, key, half.tags)
        encoder = {**encoder, **({"batch_stats": stats} if "batch_stats" in encoder else {})}
        outputs.append(out)
    # rows of domain 1 have no label, so no loss looks at them
    return jax.tree.map(lambda a, b: jnp.stack([a, b], 1).reshape(-1, *a.shape[1:]), *outputs), stats

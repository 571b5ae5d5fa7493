"""IDE, the supervised baseline: a classifier of the training persons, with optional further losses.

Reference:
    Zheng et al., "Person Re-identification: Past, Present and Future", 2016 (the name); Luo et
    al., "Bag of Tricks and a Strong Baseline", CVPRW 2019 (smoothed labels, the BNNeck, and which
    loss gets the feature before or behind it).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax.data import records as columns
from reid_jax.data import sample
from reid_jax.losses.centre import centre
from reid_jax.losses.classify import cross_entropy
from reid_jax.losses.restitution import dual_causality
from reid_jax.losses.triplet import batch_hard
from reid_jax.memory.centres import move_centres
from reid_jax.types import (
    Array,
    Aux,
    Batch,
    Carry,
    Domain,
    Embedded,
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
    """Build the supervised baseline as a Method.

    loss = cross-entropy + triplet * batch-hard triplet loss + centres * centre loss
           + restitution * dual causality loss

    If the encoder has a second feature (Theory's), the classifier takes that feature.

    Args:
        model: the encoder.
        persons: P, a batch is P x K rows.
        per_person: K; 1 draws the rows uniformly over the pictures.
        iterations: batches of an epoch; 0 is one pass over the data.
        smoothing: of the labels (Szegedy et al., CVPR 2016).
        triplet: weight of the triplet loss.
        margin: of the triplet loss; None is the soft margin.
        centres: weight of the centre loss. Bag of Tricks' 5e-4 of the squared distance is 1e-3
            here, of half of it. The centres are in the carry.
        restitution: weight of SNR's dual causality loss, summed over the stages of an encoder
            that has SNR.
        other_cameras: the further rows of a person in a batch are from other cameras than its
            first row, if the person has any.
        beside: add as many rows of Domain.UNLABELLED, drawn uniformly, to each batch. They pass
            through the encoder after the labelled rows, change the batch statistics and nothing
            else. MMT's code trains on a source in this way, with its target as Domain.UNLABELLED.
            The persons of Domain.UNLABELLED are not used.

    Raises:
        ValueError: in `init`, if no person is annotated, or `beside` finds no row of
            Domain.UNLABELLED.

    Departs from the paper:
        Bag of Tricks moves the centres by SGD at rate 0.5; here they follow Wen et al., eq. 4.
    """

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        to_encoder, to_classifier = jax.random.split(key)
        classes = int(_annotated(records, beside).max(initial=-1)) + 1
        if not classes or (beside and not (records.domain == Domain.UNLABELLED).any()):
            raise ValueError(
                "expected annotated persons and, with `beside`, also pictures of domain 1"
            )
        kernel = 0.001 * jax.random.normal(to_classifier, (model.width, classes), jnp.float32)
        variables = joined(encoder=model.init(to_encoder))
        variables["params"]["classifier"] = kernel
        return variables, {
            "centres": jnp.zeros((classes, model.width), jnp.float32)
        } if centres else {}

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        label = _annotated(records, beside)
        camera = records.camera if other_cameras else None
        rows = _draw(label, camera, persons, per_person, iterations, rng)
        if beside:
            unlabelled = np.where(records.domain == Domain.UNLABELLED, 0, -1)
            rows = sample.mixed(
                rows, sample.uniform(unlabelled, batch=rows.shape[1], steps=len(rows), rng=rng)
            )
        return state, Plan(rows, label, {})

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, dict[str, Any]]:
        encoder = student(variables, carry)
        if beside:
            out, stats = _apply_in_turn(model, encoder, batch, key)
        else:
            out, stats = model.apply(encoder, batch.image[:, 0], True, key, batch.tags)
        aside = dict(out.aside)
        logits = aside.pop("second", out.embedding) @ variables["params"]["classifier"]
        outputs = {"f": out.embedding, "feature": out.feature, "logits": logits, "aside": aside}
        return outputs, {"encoder": stats}

    def loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        feature, logits = outputs["feature"], outputs["logits"]
        terms = {"classify": cross_entropy(logits, tags.label, smoothing=smoothing)}
        if triplet:
            terms["triplet"] = triplet * batch_hard(feature, tags.label, margin=margin)
        if centres:
            terms["centre"] = centres * centre(feature, tags.label, carry["centres"])
        if restitution:
            parts = outputs["aside"].values()
            terms["restitution"] = restitution * sum(
                dual_causality(part, tags.label) for part in parts
            )
        labelled = jnp.maximum((tags.label >= 0).sum(), 1)
        accuracy = (logits.argmax(-1) == tags.label).sum() / labelled
        return sum(terms.values()), Aux(
            {**terms, "accuracy": accuracy}, (jax.lax.stop_gradient(feature), tags.label)
        )

    def update(carry: Carry, variables: Variables, aux: Aux) -> Carry:
        return {"centres": move_centres(carry["centres"], *aux.arrays)} if centres else carry

    return Method(init, plan, forward, loss, update, model=model)


def _annotated(records: Records, beside: bool) -> np.ndarray:
    """Label of each row, i32[n]; with `beside`, -1 for the rows of Domain.UNLABELLED."""
    unlabelled = records.domain == Domain.UNLABELLED
    return columns.relabel(np.where(unlabelled, -1, records.person) if beside else records.person)


def _draw(
    label: np.ndarray,
    camera: np.ndarray | None,
    persons: int,
    per_person: int,
    steps: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """The rows of an epoch, i32[t persons * per_person]."""
    if per_person == 1:
        return sample.uniform(label, batch=persons, steps=steps, rng=rng)
    return sample.identities(
        label, persons=persons, per_person=per_person, steps=steps, camera=camera, rng=rng
    )


def _apply_in_turn(
    model: Model, encoder: Variables, batch: Batch, key: Array
) -> tuple[Embedded, Any]:
    """Apply the encoder to the even rows of a batch (labelled), then to the odd ones (unlabelled).

    Each of the two forwards has its own batch statistics, and both move the running statistics.
    """
    halves = [jax.tree.map(lambda leaf, first=first: leaf[first::2], batch) for first in (0, 1)]
    outputs = []
    for half in halves:
        out, stats = model.apply(encoder, half.image[:, 0], True, key, half.tags)
        encoder = {**encoder, **({"batch_stats": stats} if "batch_stats" in encoder else {})}
        outputs.append(out)
    # The odd rows have no label, so every loss ignores them.
    return jax.tree.map(
        lambda a, b: jnp.stack([a, b], 1).reshape(-1, *a.shape[1:]), *outputs
    ), stats

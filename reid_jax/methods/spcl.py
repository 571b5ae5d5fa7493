"""SpCL: contrast against a memory of the source's classes and of each target image.

At the start of each epoch the target's rows of the memory are clustered by DBSCAN on the
k-reciprocal Jaccard distance at three radii. Images for which the three do not agree, and
outliers, are labels of their own. With a source it is domain adaptation, without one unsupervised.

Reference:
    Ge et al., "Self-paced Contrastive Learning with Hybrid Memory for Domain Adaptive Object
    Re-ID", NeurIPS 2020.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax import distance
from reid_jax.clustering import dbscan, jaccard, report
from reid_jax.clustering.centroids import centroids
from reid_jax.clustering.refine import renumber
from reid_jax.clustering.reliability import keep, reliability, singletons, threshold
from reid_jax.data import records as columns
from reid_jax.data import sample
from reid_jax.losses.memory import memory
from reid_jax.memory.bank import move_bank
from reid_jax.types import (
    Array,
    Aux,
    Batch,
    Carry,
    Domain,
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


class Clusters(NamedTuple):
    """How the target is clustered.

    Attributes:
        eps: radius of DBSCAN.
        gap: the other two radii are eps - gap and eps + gap.
        min_samples: of DBSCAN.
        k1: of the Jaccard distance.
        k2: of the Jaccard distance.
        part: of `cluster.reliability.threshold`, which is computed in the first epoch and kept.
    """

    eps: float = 0.6
    gap: float = 0.02
    min_samples: int = 4
    k1: int = 30
    k2: int = 6
    part: float = 0.9


def spcl(
    model: Model,
    *,
    persons: int = 16,
    per_person: int = 4,
    iterations: int = 400,
    clusters: Clusters = Clusters(),  # noqa: B008, a tuple
    momentum: float = 0.2,
    temperature: float = 0.05,
    other_cameras: bool = True,
) -> Method:
    """Build SpCL as a Method.

    Records of Domain.UNLABELLED are the target, those of Domain.LABELLED the source, if any. The
    target's persons are not used, except for the purity in the report where they are known.

    Args:
        model: the encoder.
        persons: P; a batch has P x K rows of each domain that is present.
        per_person: K. A target image that is alone with its label gives one row; its batch then
            has more labels.
        iterations: batches of an epoch.
        clusters: how the target is clustered.
        momentum: of the old row of the memory.
        temperature: of the loss.
        other_cameras: the further rows of a label in a batch are from other cameras than its
            first row, if the label has any (as in its code).

    Raises:
        ValueError: in `init`, if there is no target.

    Departs from the paper:
        see `memory.bank.move_bank`.
    """

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        encoder, place = model.init(key), _places(records)[0]
        rows = place.max() + 1
        carry = {
            "bank": jnp.zeros((rows, model.width), jnp.float32),
            "bank_label": jnp.full(rows, -1, jnp.int32),
            "place": jnp.asarray(place),
            "threshold": jnp.float32(-1),  # not computed yet
        }
        return joined(encoder=encoder), carry

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        place, classes = _places(records)
        first = state.carry["threshold"] < 0
        bank = _first_bank(records, embed, place, classes) if first else state.carry["bank"]
        kept, limit = self_paced(
            bank[classes:], None if first else state.carry["threshold"], clusters
        )
        bank_label = np.concatenate([np.arange(classes), classes + singletons(kept)]).astype(
            np.int32
        )
        label = np.where(place >= 0, bank_label[place], -1).astype(np.int32)
        source, target = (np.where(records.domain == domain, label, -1) for domain in Domain)
        camera = records.camera if other_cameras else None
        rows = sample.filled(
            target,
            batch=persons * per_person,
            per_person=per_person,
            steps=iterations,
            camera=camera,
            rng=rng,
        )
        if classes:
            source_rows = sample.identities(
                source,
                persons=persons,
                per_person=per_person,
                steps=iterations,
                camera=camera,
                rng=rng,
            )
            rows = sample.mixed(source_rows, rows)
        figures = report.brief(kept, records.person[records.domain == Domain.UNLABELLED])
        carry = {**state.carry, "bank": bank, "bank_label": bank_label, "threshold": limit}
        return state._replace(carry=carry), Plan(rows, label, figures)

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, dict[str, Any]]:
        encoder = student(variables, carry)
        out, stats = model.apply(encoder, batch.image[:, 0], True, key, batch.tags)
        return {"f": distance.normalise(out.embedding)}, {"encoder": stats}

    def loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        f, terms = outputs["f"], {}
        for name, domain in (("source", Domain.LABELLED), ("target", Domain.UNLABELLED)):
            label = jnp.where(tags.domain == domain, tags.label, -1)
            terms[name] = memory(
                f, label, carry["bank"], carry["bank_label"], temperature=temperature
            )
        return sum(terms.values()), Aux(
            terms, (jax.lax.stop_gradient(f), carry["place"][tags.index])
        )

    def update(carry: Carry, variables: Variables, aux: Aux) -> Carry:
        return {**carry, "bank": move_bank(carry["bank"], *aux.arrays, momentum=momentum)}

    return Method(init, plan, forward, loss, update, model=model)


def _places(records: Records) -> tuple[np.ndarray, int]:
    """(the bank's row of each row of records, number of the source's classes).

    The source's classes are the first rows of the bank. -1: the row of records is not in the bank.
    """
    label = columns.relabel(np.where(records.domain == Domain.LABELLED, records.person, -1))
    classes, target = int(label.max(initial=-1)) + 1, records.domain == Domain.UNLABELLED
    if not target.any():
        raise ValueError("there is no target image; SpCL needs some of domain 1")
    place = label.astype(np.int32)
    place[target] = classes + np.arange(target.sum())
    return place, classes


def self_paced(
    target: np.ndarray, limit: np.float32 | None, clusters: Clusters
) -> tuple[np.ndarray, np.float32]:
    """Label the rows whose DBSCAN clusters at three radii agree, see `cluster.reliability`.

    Args:
        target: f32[n d], rows of length one.
        limit: threshold of the independence; None: it is computed from these rows.
        clusters: options of the clustering.

    Returns:
        (label i64[n], -1 where a row has no cluster, the threshold).
    """
    near = jaccard.distance(
        target, k1=clusters.k1, k2=clusters.k2, reach=clusters.eps + clusters.gap
    )
    radii = (clusters.eps, clusters.eps - clusters.gap, clusters.eps + clusters.gap)
    label, tight, loose = dbscan.dbscan(near, eps=radii, min_samples=clusters.min_samples)
    compact, independent = reliability(label, tight, loose)
    limit = np.float32(threshold(label, independent, clusters.part) if limit is None else limit)
    return renumber(keep(label, compact, independent, float(limit))), limit


def _first_bank(records: Records, embed: EmbedRows, place: np.ndarray, classes: int) -> np.ndarray:
    """The mean embedding of each of the source's classes, then the target's embeddings.

    All rows have length one.
    """
    source, target = (
        np.flatnonzero((records.domain == domain) & (place >= 0)) for domain in Domain
    )
    parts = [distance.unit(embed(target))]
    if classes:
        embedding = distance.unit(embed(source))
        parts.insert(0, centroids(embedding, place[source], normalise=True))
    return np.concatenate(parts)

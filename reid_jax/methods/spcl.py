"""SpCL: contrast against a memory of the source's classes and of every target image, grouped anew each epoch.

Ge et al., "Self-paced Contrastive Learning with Hybrid Memory for Domain Adaptive Object Re-ID", NeurIPS 2020. The target's
rows of the memory are clustered by DBSCAN on the k-reciprocal Jaccard distance at three radii; images about which the three
disagree, and outliers, are labels of their own. With a source it adapts, without one it is unsupervised.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax import distance
from reid_jax.carry.bank import move_bank
from reid_jax.cluster import dbscan, jaccard, report
from reid_jax.cluster.centroids import centroids
from reid_jax.cluster.refine import renumber
from reid_jax.cluster.reliability import keep, reliability, singletons, threshold
from reid_jax.data import records as columns
from reid_jax.data import sample
from reid_jax.losses.memory import memory
from reid_jax.types import Aux, Method, Model, Plan

SOURCE, TARGET = 0, 1  # Records.domain


class Clusters(NamedTuple):
    """eps, gap, min_samples: of DBSCAN at eps and eps -+ gap; k1, k2: of the Jaccard distance.

    part: of `cluster.reliability.threshold`, which is taken in the first morning and kept.
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
    """SpCL as a Method. Records of domain 0 are the labelled source, if there is one, of domain 1 the target.

    A batch holds persons x per_person rows of each of the domains that are there; a target image that is alone with its
    label gives one row, and more labels fill its place. The persons of domain 1 are never looked at, but for the purity
    in the log where they are known.

    iterations: batches an epoch. momentum: of a row of the memory. temperature: of the loss.
    other_cameras: a label's further rows in a batch come from other cameras than its first, where it has any (its code).

    Raises ValueError in `init` where there is no target.

    Departs from the paper: see `carry.bank.move_bank`.
    """

    def init(key, records):
        encoder, place = model.init(key), _places(records)[0]
        rows = place.max() + 1
        carry = {
            "bank": jnp.zeros((rows, model.width), jnp.float32),
            "bank_label": jnp.full(rows, -1, jnp.int32),
            "place": jnp.asarray(place),
            "threshold": jnp.float32(-1),  # none yet
        }
        return {name: {"encoder": collection} for name, collection in encoder.items()}, carry

    def plan(state, records, see, rng):
        place, classes = _places(records)
        first = state.carry["threshold"] < 0
        bank = _first_bank(records, see, place, classes) if first else state.carry["bank"]
        kept, limit = self_paced(bank[classes:], None if first else state.carry["threshold"], clusters)
        bank_label = np.concatenate([np.arange(classes), classes + singletons(kept)]).astype(np.int32)
        label = np.where(place >= 0, bank_label[place], -1).astype(np.int32)
        source, target = (np.where(records.domain == domain, label, -1) for domain in (SOURCE, TARGET))
        size = {"per_person": per_person, "steps": iterations, "camera": records.camera if other_cameras else None}
        rows = sample.filled(target, batch=persons * per_person, rng=rng, **size)
        if classes:
            of_source = sample.identities(source, persons=persons, rng=rng, **size)
            rows = sample.mixed(of_source, rows)
        told = report.brief(kept, records.person[records.domain == TARGET])
        moved = {"bank": bank, "bank_label": bank_label, "threshold": limit}
        return state._replace(carry={**state.carry, **moved}), Plan(rows, label, told)

    def forward(variables, carry, batch, key):
        encoder = {name: collection["encoder"] for name, collection in variables.items()}
        out, stats = model.apply(encoder, batch.image[:, 0], True, key, batch.tags)
        return {"f": distance.normalise(out.embedding)}, {"encoder": stats}

    def loss(outputs, tags, carry, step):
        f, terms = outputs["f"], {}
        for name, domain in (("source", SOURCE), ("target", TARGET)):
            label = jnp.where(tags.domain == domain, tags.label, -1)
            terms[name] = memory(f, label, carry["bank"], carry["bank_label"], temperature=temperature)
        return sum(terms.values()), Aux(terms, (jax.lax.stop_gradient(f), carry["place"][tags.index]))

    def update(carry, variables, aux):
        return {**carry, "bank": move_bank(carry["bank"], *aux.moved, momentum=momentum)}

    return Method(init, plan, forward, loss, update)


def _places(records):
    """(the bank's row of each row of records, the source's classes first, -1: none; how many classes)."""
    label = columns.relabel(np.where(records.domain == SOURCE, records.person, -1))
    classes, target = int(label.max(initial=-1)) + 1, records.domain == TARGET
    if not target.any():
        raise ValueError("there is no target image; SpCL needs some of domain 1")
    place = label.astype(np.int32)
    place[target] = classes + np.arange(target.sum())
    return place, classes


def self_paced(target: np.ndarray, limit: np.float32 | None, clusters: Clusters) -> tuple[np.ndarray, np.float32]:
    """Labels of the rows that DBSCAN at three radii agrees on, and the threshold of what is agreement.

    target: f32[n d], of length one. limit: the threshold, None: taken from these rows. Returns (label i64[n], -1 where a
    row is alone, the threshold). See `cluster.reliability`.
    """
    near = jaccard.distance(target, k1=clusters.k1, k2=clusters.k2, reach=clusters.eps + clusters.gap)
    radii = (clusters.eps, clusters.eps - clusters.gap, clusters.eps + clusters.gap)
    found, tight, loose = dbscan.labels(near, eps=radii, min_samples=clusters.min_samples)
    compact, independent = reliability(found, tight, loose)
    limit = np.float32(threshold(found, independent, clusters.part) if limit is None else limit)
    return renumber(keep(found, compact, independent, limit)), limit


def _first_bank(records, see, place, classes):
    """The mean embedding of each of the source's classes, then the target's embeddings; rows of length one."""
    source, target = (np.flatnonzero((records.domain == domain) & (place >= 0)) for domain in (SOURCE, TARGET))
    parts = [np.asarray(distance.normalise(see(target)))]
    if classes:
        embedding = np.asarray(distance.normalise(see(source)))
        parts.insert(0, centroids(embedding, place[source], normalise=True))
    return np.concatenate(parts)

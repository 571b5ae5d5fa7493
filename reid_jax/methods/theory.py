"""Theory, the baseline of GDS: cluster the target, fine-tune on the labels, and repeat.

The encoder is trained on a source before (stage 1; `ide` with an encoder that has a second
feature). Each iteration labels the target by DBSCAN on the k-reciprocal Jaccard distance and the
distance to the source (stage 2), then trains for some epochs with two triplet losses, one for each
of the network's two features (stage 3).

Reference:
    Song et al., "Unsupervised Domain Adaptive Re-Identification: Theory and Practice", Pattern
    Recognition 2020.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from absl import logging

from reid_jax import distance
from reid_jax.clustering import dbscan, hdbscan, jaccard, kmeans, report
from reid_jax.clustering.refine import across
from reid_jax.data import sample
from reid_jax.losses.triplet import semi_hard
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

BY = ("dbscan", "hdbscan", "kmeans")


class Clusters(NamedTuple):
    """How the target is clustered.

    Attributes:
        by: "dbscan", "hdbscan" or "kmeans".
        rho: of `cluster.dbscan.radius`, which computes DBSCAN's eps in the first epoch.
        min_samples: of DBSCAN, and the least size of HDBSCAN's clusters.
        k: number of clusters of k-means. None of the three papers states it; 500 is MMT's.
        k1: of the Jaccard distance.
        k2: of the Jaccard distance.
        weight: lambda, of the distance to the source, in [0, 1).
        normalise: cluster embeddings of length one. Embeddings as the encoder gives them are often
            so long that exp(-|x - q|^2) is 0 for all; then the distance to the source is 1 for
            all and carries no information. The report's `source` is its mean.
        cameras: labels of fewer cameras are dropped; 1, the paper's, keeps all.
    """

    by: str = "dbscan"
    rho: float = 1.6e-3
    min_samples: int = 4
    k: int = 500
    k1: int = 20
    k2: int = 6
    weight: float = 0.1
    normalise: bool = False
    cameras: int = 1


def theory(
    model: Model,
    *,
    persons: int = 32,
    per_person: int = 4,
    iterations: int = 0,
    epochs: int = 70,
    margin: float = 0.5,
    other_cameras: bool = False,
    clusters: Clusters = Clusters(),  # noqa: B008, a tuple
) -> Method:
    """Build stages 2 and 3 of Theory as a Method.

    Records of Domain.UNLABELLED are the target. Those of Domain.LABELLED are the source, which the
    target is compared with and which is not trained on. The target's persons are not used, except
    for the purity in the report where they are known.

    Args:
        model: the encoder; without a second feature it has one triplet loss.
        persons: P, a batch is P x K rows of the target. If there are fewer labels than P, some
            come twice in a batch.
        per_person: K.
        iterations: batches of an epoch; 0 is one pass over the target (GDS's supplement). Theory's
            code takes `per_person` images of each label once, which is some 20 batches on
            Market-1501 and DukeMTMC-reID.
        epochs: number of epochs from one clustering to the next; the labels are in the carry.
        margin: of the triplet losses.
        other_cameras: the further rows of a label in a batch are from other cameras than its
            first row, if the label has any. This is not in the paper, nor is `clusters.cameras`.
            Where cameras differ more than persons do, the paper's batches teach the encoder to
            tell cameras apart: on the synthetic street they made it worse than before.
        clusters: how the target is clustered.

    Raises:
        ValueError: `clusters` is out of range; in `init`, if there is no target, or no source to
            compare with; in the first `plan`, if the clustering gives fewer than two labels.
            Later ones then keep the labels of the last clustering, with a warning.

    Departs from the paper:
        its code computes distances in float16 and draws a label's images anew for each epoch. GDS
        does not state the losses of its baseline; they are assumed to be Theory's. For HDBSCAN,
        pairs that share no neighbour are farther apart than all pairs that do.
    """
    if clusters.by not in BY or not 0 <= clusters.weight < 1:
        raise ValueError(
            f"clusters are by {clusters.by!r} with weight {clusters.weight}, expected one of "
            f"{', '.join(BY)} and a weight from 0 and below 1"
        )

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        _check(records, clusters)
        label = jnp.full(len(records.person), -1, jnp.int32)
        carry = {"label": label, "eps": jnp.float32(-1)}  # not computed yet
        return joined(encoder=model.init(key)), carry

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        target = np.flatnonzero(records.domain == Domain.UNLABELLED)
        steps = iterations or max(1, len(target) // (persons * per_person))
        carry = state.carry
        figures: dict[str, float] = {}
        if int(state.step) // steps % epochs == 0:
            carry, figures = _label(carry, records, embed, clusters, int(rng.integers(2**31)))
        label = np.array(carry["label"])
        figures = report.brief(label[target], records.person[target]) | figures
        camera = records.camera if other_cameras else None
        rows = _draw(label, camera, persons, per_person, steps, rng)
        return state._replace(carry=carry), Plan(rows, label, figures)

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, dict[str, Any]]:
        encoder = student(variables, carry)
        out, stats = model.apply(encoder, batch.image[:, 0], True, key, batch.tags)
        aside = dict(out.aside)
        second = {"second": aside["second"]} if "second" in aside else {}
        return {"f": out.embedding, "feature": out.feature, **second}, {"encoder": stats}

    def loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        names = {"feature": "triplet", "second": "second_triplet"}
        terms = {
            term: semi_hard(outputs[name], tags.label, margin=margin)
            for name, term in names.items()
            if name in outputs
        }
        return sum(terms.values()), Aux(terms)

    return Method(init, plan, forward, loss, model=model)


def _check(records: Records, clusters: Clusters) -> None:
    if not (records.domain == Domain.UNLABELLED).any():
        raise ValueError("there is no target image; Theory needs some of domain 1")
    needs_source = clusters.by != "kmeans" and clusters.weight > 0
    if needs_source and not (records.domain == Domain.LABELLED).any():
        raise ValueError("there is no source image to compare the target with; set the weight to 0")


def _label(
    carry: Carry, records: Records, embed: EmbedRows, clusters: Clusters, seed: int
) -> tuple[Carry, dict[str, float]]:
    """Stage 2: (carry with new labels and, the first time, eps; figures)."""
    source, target = (np.flatnonzero(records.domain == domain) for domain in Domain)
    features = _embedded(embed, target, clusters)
    figures: dict[str, float] = {}
    eps = float(carry["eps"])
    if clusters.by == "kmeans":
        own = kmeans.kmeans(distance.unit(features), min(clusters.k, len(target)), seed=seed)
    else:
        term = np.zeros(len(target), np.float32)
        if clusters.weight:
            term = jaccard.source_term(features, _embedded(embed, source, clusters))
            figures["source"] = float(term.mean())
        own, eps = _by_density(features, term, eps, clusters)
        figures |= {"eps": eps} if clusters.by == "dbscan" else {}
    own = across(own, records.camera[target], cameras=clusters.cameras)
    labels = own.max(initial=-1) + 1
    if labels < 2 and carry["label"].max() < 1:
        raise ValueError(
            f"clustering gave {labels} labels of {len(target)} images; choose a larger rho, a "
            "smaller k1 or fewer cameras"
        )
    if labels < 2:
        logging.warning("Clustering gave %d labels; those of the last clustering are kept", labels)
        return carry, figures
    label = np.full(len(records.person), -1, np.int32)
    label[target] = own
    return {**carry, "label": label, "eps": np.array(eps, np.float32)}, figures


def _by_density(
    features: np.ndarray, term: np.ndarray, eps: float, clusters: Clusters
) -> tuple[np.ndarray, float]:
    """(labels, eps) of DBSCAN or HDBSCAN.

    Rows are compared by the weighted sum of the Jaccard distance and the source term.
    eps: of the clusterings before; below 0: DBSCAN's eps is computed.
    """
    weight = clusters.weight
    known = clusters.by == "dbscan" and eps > 0
    # Pairs that are farther apart than eps need not be stored.
    reach = min(1.0, eps / (1 - weight) * (1 + 1e-5)) if known else 1.0
    near = jaccard.distance(features, k1=clusters.k1, k2=clusters.k2, variant="Z", reach=reach)
    near = jaccard.add_source(near, term, weight)
    if clusters.by == "hdbscan":
        size = clusters.min_samples
        return hdbscan.hdbscan(near, min_cluster_size=size, missing=1 + weight + 1e-3), eps
    if not known:
        eps = dbscan.radius(
            near,
            rho=clusters.rho,
            missing=(1 - weight) / 2 + weight * term,
            farthest=1 - weight,
        )
        eps = float(np.float32(eps))  # as the carry holds it
    return dbscan.dbscan(near, eps=eps, min_samples=clusters.min_samples), eps


def _embedded(embed: EmbedRows, rows: np.ndarray, clusters: Clusters) -> np.ndarray:
    embedding = embed(rows)
    return distance.unit(embedding) if clusters.normalise else embedding


def _draw(
    label: np.ndarray,
    camera: np.ndarray | None,
    persons: int,
    per_person: int,
    steps: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """P x K rows; where there are fewer labels than P, whole labels, some of them twice."""
    if len(np.unique(label[label >= 0])) < persons:
        return sample.filled(
            label,
            batch=persons * per_person,
            per_person=per_person,
            steps=steps,
            camera=camera,
            rng=rng,
        )
    return sample.identities(
        label, persons=persons, per_person=per_person, steps=steps, camera=camera, rng=rng
    )

"""Theory, the baseline of GDS: cluster the target, fine-tune on the labels, and cluster anew.

Song et al., "Unsupervised Domain Adaptive Re-Identification: Theory and Practice", Pattern Recognition 2020. The encoder
comes trained on a source (stage 1; `ide` with an encoder that has a second feature). Each iteration labels the target by
DBSCAN on the k-reciprocal Jaccard distance and the distance to the source (stage 2), then trains for some epochs on two
triplet losses, one for each of the network's two features (stage 3).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from absl import logging

from reid_jax import distance
from reid_jax.cluster import dbscan, hdbscan, jaccard, kmeans, report
from reid_jax.cluster.refine import across
from reid_jax.data import sample
from reid_jax.losses.triplet import semi_hard
from reid_jax.types import Array, Aux, Method, Model, Plan

SOURCE, TARGET = 0, 1  # Records.domain
BY = ("dbscan", "hdbscan", "kmeans")


class Clusters(NamedTuple):
    """How the target is labelled.

    by: dbscan, hdbscan or kmeans. rho: of `cluster.dbscan.radius`, which gives DBSCAN's eps in the first morning.
    min_samples: of DBSCAN, and the least size of HDBSCAN's clusters. k: clusters of k-means; it is told of none of the
    three papers, 500 is MMT's. k1, k2: of the Jaccard distance. weight: lambda, of the distance to the source, in [0, 1).
    normalise: cluster rows of length one. On rows as they are, exp(-|x - q|^2) is 0 wherever features are long, and then
    the distance to the source is 1 for all and tells nothing: the log's `source` is its mean.
    cameras: labels of fewer are left out; 1, the paper's, keeps all.
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
    """Stages 2 and 3 as a Method. Records of domain 0 are the source, which is only compared with, of domain 1 the target.

    A batch holds persons x per_person rows of the target; where there are fewer labels than persons, some come again. An
    encoder without a second feature has one triplet loss. The persons of domain 1 are never looked at, but for the purity
    in the log where they are known.

    iterations: batches an epoch; 0 is a pass over the target (GDS's supplement). Theory's code takes `per_person` images
        of each label once, which is some 20 on Market-1501 and DukeMTMC-reID.
    epochs: from one clustering to the next; the labels between live in `carry`.
    margin: of the triplet losses.
    other_cameras: a label's further rows in a batch come from other cameras than its first, where it has any; not the
        paper's. Nor is leaving out labels of one camera. Where cameras differ more than people do, its batches teach to
        tell cameras apart: on the synthetic street they made a network worse than it came.

    Raises ValueError in `init` where there is no target, or no source to compare with, and in the first `plan` where the
    clustering gives fewer than two labels; later ones then keep the labels that they have, with a warning.

    Departs from the paper: its code computes distances in float16, and draws a label's images afresh for each epoch.
    GDS does not tell the losses of its baseline: they are taken to be Theory's. HDBSCAN takes pairs that share no
    neighbour as farther than all that do.
    """
    if clusters.by not in BY or not 0 <= clusters.weight < 1:
        raise ValueError(
            f"clusters are by {clusters.by!r} with weight {clusters.weight}, expected one of {', '.join(BY)} and a "
            "weight from 0 and below 1"
        )

    def init(key, records):
        if not (records.domain == TARGET).any():
            raise ValueError("there is no target image; Theory needs some of domain 1")
        if clusters.by != "kmeans" and clusters.weight and not (records.domain == SOURCE).any():
            raise ValueError("there is no source image to compare the target with; set the weight to 0")
        variables = {name: {"encoder": collection} for name, collection in model.init(key).items()}
        label = jnp.full(len(records.person), -1, jnp.int32)
        return variables, {"label": label, "eps": jnp.float32(-1)}  # none yet

    def plan(state, records, see, rng):
        target = np.flatnonzero(records.domain == TARGET)
        steps = iterations or max(1, len(target) // (persons * per_person))
        carry, figures = state.carry, {}
        if int(state.step) // steps % epochs == 0:
            carry, figures = _label(carry, records, see, clusters, int(rng.integers(2**31)))
        label = np.array(carry["label"])
        figures = report.brief(label[target], records.person[target]) | figures
        camera = records.camera if other_cameras else None
        rows = _draw(label, persons, rng=rng, per_person=per_person, steps=steps, camera=camera)
        return state._replace(carry=carry), Plan(rows, label, figures)

    def forward(variables, carry, batch, key):
        encoder = {name: collection["encoder"] for name, collection in variables.items()}
        out, stats = model.apply(encoder, batch.image[:, 0], True, key, batch.tags)
        second = {"second": out.aside["second"]} if "second" in out.aside else {}
        return {"f": out.embedding, "feature": out.feature, **second}, {"encoder": stats}

    def loss(outputs, tags, carry, step):
        names = {"feature": "triplet", "second": "second_triplet"}
        terms = {
            term: semi_hard(outputs[name], tags.label, margin=margin) for name, term in names.items() if name in outputs
        }
        return sum(terms.values()), Aux(terms)

    return Method(init, plan, forward, loss)


def _label(carry, records, see, clusters: Clusters, seed: int) -> tuple[dict, dict[str, float]]:
    """Stage 2: (carry with new labels and, the first time, eps; figures)."""
    source, target = (np.flatnonzero(records.domain == domain) for domain in (SOURCE, TARGET))
    features, figures = _embedded(see, target, clusters), {}
    eps = float(carry["eps"])
    if clusters.by == "kmeans":
        found = kmeans.labels(np.asarray(distance.normalise(features)), min(clusters.k, len(target)), seed=seed)
    else:
        term = np.zeros(len(target), np.float32)
        if clusters.weight:
            term = jaccard.source_term(features, _embedded(see, source, clusters))
            figures["source"] = float(term.mean())
        found, eps = _by_density(features, term, eps, clusters)
        figures |= {"eps": eps} if clusters.by == "dbscan" else {}
    found = across(found, records.camera[target], cameras=clusters.cameras)
    labels = found.max(initial=-1) + 1
    if labels < 2 and carry["label"].max() < 1:
        raise ValueError(
            f"clustering gave {labels} labels of {len(target)} images; choose a larger rho, a smaller k1 or fewer cameras"
        )
    if labels < 2:
        logging.warning("Clustering gave %d labels; those of the last one stay", labels)
        return carry, figures
    label = np.full(len(records.person), -1, np.int32)
    label[target] = found
    return {**carry, "label": label, "eps": np.array(eps, np.float32)}, figures


def _by_density(features: Array, term: Array, eps: float, clusters: Clusters) -> tuple[np.ndarray, float]:
    """(labels, eps) by the weighted sum of the Jaccard distance and the source term; eps is chosen where it is below 0."""
    weight = clusters.weight
    known = clusters.by == "dbscan" and eps > 0
    reach = min(1.0, eps / (1 - weight) * (1 + 1e-5)) if known else 1.0  # what is farther is not within eps
    near = jaccard.distance(features, k1=clusters.k1, k2=clusters.k2, variant="Z", reach=reach)
    near = jaccard.add_source(near, term, weight)
    if clusters.by == "hdbscan":
        size = clusters.min_samples
        return hdbscan.labels(near, min_cluster_size=size, missing=1 + weight + 1e-3), eps
    if not known:
        eps = dbscan.radius(near, rho=clusters.rho, missing=(1 - weight) / 2 + weight * term)
        if eps >= 1 - weight:
            raise ValueError(f"eps is {eps:.3f}, as far as images that share no neighbour; choose a smaller rho")
        eps = float(np.float32(eps))  # as it is kept
    return dbscan.labels(near, eps=eps, min_samples=clusters.min_samples), eps


def _embedded(see, rows: np.ndarray, clusters: Clusters) -> np.ndarray:
    embedding = see(rows)
    return np.asarray(distance.normalise(embedding)) if clusters.normalise else embedding


def _draw(label: np.ndarray, persons: int, *, per_person: int, **how: Any) -> np.ndarray:
    """P x K rows; of whole labels, some of them twice, where there are fewer than P."""
    if len(np.unique(label[label >= 0])) < persons:
        return sample.filled(label, batch=persons * per_person, per_person=per_person, **how)
    return sample.identities(label, persons=persons, per_person=per_person, **how)

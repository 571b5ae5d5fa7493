"""MMT: two networks that learn from pseudo labels, and each from what the other's slow teacher believes.

Ge, Chen and Li, "Mutual Mean-Teaching: Pseudo Label Refinery for Unsupervised Domain Adaptation on Person
Re-identification", ICLR 2020, as its code has it. Both networks come trained on a labelled source; each morning the target is
clustered by what the two teachers see in it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging

from reid_jax import distance
from reid_jax.carry.ema import ema
from reid_jax.cluster import dbscan, jaccard, kmeans, report
from reid_jax.cluster.centroids import centroids
from reid_jax.data import sample
from reid_jax.losses.classify import cross_entropy, soft_cross_entropy
from reid_jax.losses.triplet import batch_hard, softened
from reid_jax.types import Aux, Method, Model, Plan

TARGET = 1  # Records.domain
NETWORKS = ("first", "second")


class Clusters(NamedTuple):
    """k: labels that k-means gives, the paper's 500, 700 or 900; 0: DBSCAN on the k-reciprocal Jaccard distance instead.

    eps, min_samples: of DBSCAN. eps 0 is the rule of its code: the mean of the nearest `rho` of the pairs
        (`cluster.dbscan.radius`), in the first morning, and kept. k1, k2: of the Jaccard distance (variant M; SpCL's eps of
        0.6 belongs to variant F, whose distances are others).
    room: labels that an epoch can hold with DBSCAN, what is more is dropped; 0: a label for each min_samples images.
    """

    k: int = 500
    eps: float = 0.0
    rho: float = 1.6e-3
    min_samples: int = 4
    k1: int = 20
    k2: int = 6
    room: int = 0


def mmt(
    model: Model,
    *,
    second: Model | None = None,
    persons: int = 16,
    per_person: int = 4,
    iterations: int = 400,
    clusters: Clusters = Clusters(),  # noqa: B008, a tuple
    soft_classify: float = 0.5,
    soft_triplet: float = 0.8,
    smoothing: float = 0.1,
    momentum: float = 0.999,
    other_cameras: bool = True,
) -> Method:
    """MMT as a Method. Records of domain 1 are the target; others, and its persons, are not looked at, but for the purity
    in the log where persons are known. A batch has two views, one for each network and its teacher.

    second: the same encoder with the weights that the second network starts from; None: as `model`, with another key.
    persons, per_person: a batch is persons x per_person rows; a label with one image gives one row, and more labels fill
        its place.
    iterations: batches an epoch. smoothing: of the labels.
    soft_classify, soft_triplet: how much of either loss has the other teacher's belief as its target, the rest the labels.
    other_cameras: a label's further rows in a batch come from other cameras than its first, where it has any (its code).
    momentum: of the teachers, at most; at step t no more than 1 - 1 / (t + 1). Their batch statistics are their own.

    Each epoch has a new optimiser: the morning sets its state to zero, which is how `optimise.adam` begins, its schedule
    included (the paper's rate is constant). An optimiser whose state does not begin at zero will not do.

    Raises ValueError for options out of range; in `init` where there is no target, or k-means is asked for more labels
    than it has images; in `plan` where DBSCAN finds no label.

    Departs from the paper: k-means starts once, not ten times, and from other centres each morning. Its code tests the
    better teacher; here the first one speaks.
    """
    for name, value in (("soft_classify", soft_classify), ("soft_triplet", soft_triplet), ("momentum", momentum)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} is {value}, expected a number in [0, 1]")
    _check(clusters)
    parts = {"classify": 1 - soft_classify, "soft_classify": soft_classify}
    parts |= {"triplet": 1 - soft_triplet, "soft_triplet": soft_triplet}
    apply = jax.jit(model.apply, static_argnums=2)  # traced once for all four encoders

    def init(key, records):
        return _start((model, second or model), _room(records, clusters), key)

    def plan(state, records, see, rng):
        rows = np.flatnonzero(records.domain == TARGET)
        seen = [np.asarray(distance.normalise(see(rows, teacher(name)))) for name in NETWORKS]
        mean, room = (seen[0] + seen[1]) / 2, _room(records, clusters)
        own, means, eps = _label(mean, clusters, float(state.carry["eps"]), room, rng)
        label = np.full(len(records.person), -1, np.int32)
        label[rows] = own
        size = {"per_person": per_person, "steps": iterations, "camera": records.camera if other_cameras else None}
        drawn = sample.filled(label, batch=persons * per_person, rng=rng, **size)
        figures = report.brief(own, records.person[rows]) | ({} if clusters.k else {"eps": eps})
        return _renewed(state, means, eps), Plan(drawn, label, figures)

    def forward(variables, carry, batch, key):
        outputs, stats = {}, {}
        for role, weights in (("student", variables["params"]), ("teacher", carry["teacher"])):
            outputs[role], stats[role] = {}, {}
            for view, name in enumerate(NETWORKS):
                encoder, noise = _encoder(weights, variables, role, name), jax.random.fold_in(key, view)
                out, stats[role][name] = apply(encoder, batch.image[:, view], True, noise, batch.tags)
                logits = out.embedding @ weights[name]["classifier"]
                outputs[role][name] = {"f": out.embedding, "feature": out.feature, "logits": logits}
        outputs["f"] = jnp.concatenate([one["f"] for one in outputs["student"].values()], axis=1)
        return outputs, stats

    def loss(outputs, tags, carry, step):
        terms = _terms(outputs, tags.label, carry["active"], smoothing)
        return sum(parts[name] * term for name, term in terms.items()), Aux(terms, step)

    def update(carry, variables, aux):
        slow = jnp.minimum(1.0 - 1.0 / (aux.moved + 1.0), momentum)
        return {**carry, "teacher": ema(carry["teacher"], variables["params"], momentum=slow)}

    return Method(init, plan, forward, loss, update, teacher(NETWORKS[0]))


def _check(clusters):
    if clusters.k < 0 or not 0 <= clusters.eps < 1 or not 0 < clusters.rho <= 1 or clusters.min_samples < 1:
        raise ValueError(
            f"{clusters}: expected k from 0, eps from 0 and below 1, rho above 0 and up to 1, and min_samples from 1"
        )


def teacher(name: str) -> Callable:
    """(variables, carry) -> the encoder of the first or the second teacher."""
    return lambda variables, carry: _encoder(carry["teacher"], variables, "teacher", name)


def _encoder(weights, variables, role, name):
    """One of the four encoders."""
    stats = {"batch_stats": variables["batch_stats"][role][name]} if "batch_stats" in variables else {}
    return {"params": weights[name]["encoder"], **stats}


def _start(models, room, key):
    """(variables, carry) before the first morning, which fills the classifiers."""
    starts = [model.init(key) for model, key in zip(models, jax.random.split(key), strict=True)]
    kernel = jnp.zeros((models[0].width, room), jnp.float32)
    both = list(zip(NETWORKS, starts, strict=True))
    variables = {"params": {name: {"encoder": start["params"], "classifier": kernel} for name, start in both}}
    if "batch_stats" in starts[0]:
        stats = {name: start["batch_stats"] for name, start in both}
        variables["batch_stats"] = {"student": stats, "teacher": jax.tree.map(jnp.copy, stats)}
    carry = {"teacher": jax.tree.map(jnp.copy, variables["params"]), "active": jnp.int32(0)}
    return variables, {**carry, "eps": jnp.float32(-1)}  # none chosen yet


def _terms(outputs, label, active, smoothing):
    """The four losses by name, of both networks together, not weighted."""
    terms = {"classify": 0.0, "soft_classify": 0.0, "triplet": 0.0, "soft_triplet": 0.0}
    for name, other in (NETWORKS, NETWORKS[::-1]):
        mine, believed = outputs["student"][name], outputs["teacher"][other]
        terms["classify"] += cross_entropy(mine["logits"], label, smoothing=smoothing, active=active)
        terms["soft_classify"] += soft_cross_entropy(mine["logits"], believed["logits"], active=active)
        terms["triplet"] += batch_hard(mine["feature"], label, margin=None)
        terms["soft_triplet"] += softened(mine["feature"], believed["feature"], label)
    return terms


def _renewed(state, means, eps):
    """The state with the labels' centroids as all four classifiers, the radius, and a new optimiser."""
    params = state.variables["params"]
    kernel = np.zeros_like(params["first"]["classifier"])
    kernel[:, : len(means)] = means.T

    def classified(weights):
        return {name: {**weights[name], "classifier": kernel} for name in NETWORKS}

    return state._replace(
        variables={**state.variables, "params": classified(params)},
        opt=jax.tree.map(np.zeros_like, state.opt),
        carry={
            "teacher": classified(state.carry["teacher"]),
            "active": np.array(len(means), np.int32),
            "eps": np.array(eps, np.float32),
        },
    )


def _room(records, clusters):
    """Columns of the classifiers."""
    there = int((records.domain == TARGET).sum())
    if not there:
        raise ValueError("there is no target image; MMT needs some of domain 1")
    if clusters.k > there:
        raise ValueError(f"k-means is asked for {clusters.k} labels of {there} target images; choose a smaller k")
    return clusters.k or clusters.room or max(1, there // clusters.min_samples)


def _label(embedding, clusters, eps, room, rng):
    """(label of each row of the target, -1 for none; the labels' centroids, of length one; DBSCAN's radius).

    eps: the radius of the mornings before, below 0 in the first.
    """
    if clusters.k:
        found = kmeans.labels(embedding, clusters.k, seed=int(rng.integers(2**31)))
    else:
        embedding = np.asarray(distance.normalise(embedding))
        found, eps = _dense(embedding, clusters, clusters.eps or eps)
    if found.max() >= room:
        logging.warning("%d pseudo labels and room for %d; the rest is dropped", found.max() + 1, room)
        found = np.where(found < room, found, -1)
    return found, centroids(embedding, found, normalise=True), eps


def _dense(unit, clusters, eps):
    """(labels by DBSCAN, its radius, which is chosen where it is below 0)."""
    options = {"k1": clusters.k1, "k2": clusters.k2, "variant": "M"}
    near = jaccard.distance(unit, reach=eps if eps > 0 else 1.0, **options)
    if eps <= 0:
        eps = float(np.float32(dbscan.radius(near, rho=clusters.rho)))  # as it is kept
        if eps >= 1:
            raise ValueError(f"eps is {eps:.3f}, as far as images that share no neighbour; choose a smaller rho")
    found = dbscan.labels(near, eps=eps, min_samples=clusters.min_samples)
    if found.max() < 0:
        raise ValueError(f"DBSCAN found no label among {len(found)} target images; choose an eps above {eps:.3f}")
    return found, eps

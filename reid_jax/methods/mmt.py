"""MMT: two networks that learn from pseudo labels, and each from the other's momentum encoder.

The momentum encoders are called teachers. Both networks are trained on a labelled source before.
At the start of each epoch the target is clustered by the mean of the two teachers' embeddings.

Reference:
    Ge, Chen and Li, "Mutual Mean-Teaching: Pseudo Label Refinery for Unsupervised Domain
    Adaptation on Person Re-identification", ICLR 2020, in the form of its code.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax import distance
from reid_jax.clustering import dbscan, jaccard, kmeans, report
from reid_jax.clustering.centroids import centroids
from reid_jax.clustering.refine import within
from reid_jax.data import sample
from reid_jax.losses.classify import cross_entropy, soft_cross_entropy
from reid_jax.losses.triplet import batch_hard, softened
from reid_jax.memory.ema import ema
from reid_jax.types import (
    Array,
    Aux,
    Batch,
    Carry,
    Domain,
    EmbedRows,
    EncoderOf,
    Method,
    Model,
    Outputs,
    Plan,
    Records,
    Tags,
    TrainState,
    Variables,
)

NETWORKS = ("first", "second")


class Clusters(NamedTuple):
    """How the target is clustered.

    Attributes:
        k: number of labels of k-means, the paper's 500, 700 or 900; 0: DBSCAN on the k-reciprocal
            Jaccard distance instead.
        eps: of DBSCAN, in [0, 1). 0 is the rule of its code: the mean of the nearest `rho` of the
            pairs (`cluster.dbscan.radius`), computed in the first epoch and kept. SpCL's 0.6
            belongs to variant F of the Jaccard distance; here it is variant M, which differs.
        rho: fraction of the pairs, in (0, 1].
        min_samples: of DBSCAN.
        k1: of the Jaccard distance.
        k2: of the Jaccard distance.
        capacity: number of labels that DBSCAN can give in an epoch, the rest is dropped; 0: one
            label for each min_samples images.
    """

    k: int = 500
    eps: float = 0.0
    rho: float = 1.6e-3
    min_samples: int = 4
    k1: int = 20
    k2: int = 6
    capacity: int = 0


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
    """Build MMT as a Method, for batches of two views, one for each network and its teacher.

    Records of Domain.UNLABELLED are the target; the others are not used, nor are the target's
    persons, except for the purity in the report where they are known. The optimiser is reset at
    the start of each epoch, its schedule included (the paper's rate is constant).

    Args:
        model: the encoder, with the weights that the first network starts from.
        second: the same with those of the second network; None: `model` with another key.
        persons: P, a batch is P x K rows.
        per_person: K. A label with one image gives one row; its batch then has more labels.
        iterations: batches of an epoch.
        clusters: how the target is clustered.
        soft_classify: weight, in [0, 1], of the classification loss whose target is the other
            teacher's output; the loss against the pseudo labels has the rest.
        soft_triplet: the same for the triplet loss.
        smoothing: of the labels.
        momentum: of the teachers, in [0, 1]; at step t at most 1 - 1 / (t + 1). The teachers have
            their own batch statistics.
        other_cameras: the further rows of a label in a batch are from other cameras than its
            first row, if the label has any (as in its code).

    Raises:
        ValueError: an option is out of range; in `init`: there is no target, or it has fewer
            images than k-means shall give labels; in `plan`: DBSCAN finds no label.

    Departs from the paper:
        k-means starts once, not ten times, and from new centres in each epoch. Its code tests the
        better teacher; here the first one is tested.
    """
    for name, value in (
        ("soft_classify", soft_classify),
        ("soft_triplet", soft_triplet),
        ("momentum", momentum),
    ):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} is {value}, expected a number in [0, 1]")
    _check(clusters)
    weights = {"classify": 1 - soft_classify, "soft_classify": soft_classify}
    weights |= {"triplet": 1 - soft_triplet, "soft_triplet": soft_triplet}
    apply = jax.jit(model.apply, static_argnums=2)  # traced once for all four encoders

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        return _start((model, second or model), _capacity(records, clusters), key)

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        target = np.flatnonzero(records.domain == Domain.UNLABELLED)
        one, other = (distance.unit(embed(target, teacher(name))) for name in NETWORKS)
        capacity, eps = _capacity(records, clusters), float(state.carry["eps"])
        own, means, eps = _label((one + other) / 2, clusters, eps, capacity, rng)
        label = np.full(len(records.person), -1, np.int32)
        label[target] = own
        rows = sample.filled(
            label,
            batch=persons * per_person,
            per_person=per_person,
            steps=iterations,
            camera=records.camera if other_cameras else None,
            rng=rng,
        )
        figures = report.brief(own, records.person[target]) | ({} if clusters.k else {"eps": eps})
        return _renewed(state, means, eps), Plan(rows, label, figures, reset_optimiser=True)

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, dict[str, Any]]:
        outputs: dict[str, Any] = {}
        stats: dict[str, Any] = {}
        for role, networks in (("student", variables["params"]), ("teacher", carry["teacher"])):
            outputs[role], stats[role] = {}, {}
            for view, name in enumerate(NETWORKS):
                encoder = _encoder(networks, variables, role, name)
                noise = jax.random.fold_in(key, view)
                out, stats[role][name] = apply(
                    encoder, batch.image[:, view], True, noise, batch.tags
                )
                logits = out.embedding @ networks[name]["classifier"]
                outputs[role][name] = {"f": out.embedding, "feature": out.feature, "logits": logits}
        outputs["f"] = jnp.concatenate([one["f"] for one in outputs["student"].values()], axis=1)
        return outputs, stats

    def loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        terms = _terms(outputs, tags.label, carry["active"], smoothing)
        return sum(weights[name] * term for name, term in terms.items()), Aux(terms, step)

    def update(carry: Carry, variables: Variables, aux: Aux) -> Carry:
        slow: Array = jnp.minimum(1.0 - 1.0 / (aux.arrays + 1.0), momentum)
        return {**carry, "teacher": ema(carry["teacher"], variables["params"], momentum=slow)}

    return Method(init, plan, forward, loss, update, teacher(NETWORKS[0]), model=model, views=2)


def _check(clusters: Clusters) -> None:
    if (
        clusters.k < 0
        or not 0 <= clusters.eps < 1
        or not 0 < clusters.rho <= 1
        or clusters.min_samples < 1
    ):
        raise ValueError(
            f"{clusters}: expected k from 0, eps from 0 and below 1, rho above 0 and up to 1, and "
            "min_samples from 1"
        )


def teacher(name: str) -> EncoderOf:
    """Return the function (variables, carry) -> encoder of the "first" or the "second" teacher."""
    return lambda variables, carry: _encoder(carry["teacher"], variables, "teacher", name)


def _encoder(networks: Variables, variables: Variables, role: str, name: str) -> Variables:
    """The variables of one of the four encoders."""
    encoder = {"params": networks[name]["encoder"]}
    if "batch_stats" in variables:
        encoder["batch_stats"] = variables["batch_stats"][role][name]
    return encoder


def _start(models: tuple[Model, Model], capacity: int, key: Array) -> tuple[Variables, Carry]:
    """(variables, carry) before the first epoch, whose plan fills the classifiers."""
    starts = [model.init(key) for model, key in zip(models, jax.random.split(key), strict=True)]
    kernel = jnp.zeros((models[0].width, capacity), jnp.float32)
    both = list(zip(NETWORKS, starts, strict=True))
    params = {name: {"encoder": start["params"], "classifier": kernel} for name, start in both}
    variables = {"params": params}
    if "batch_stats" in starts[0]:
        stats = {name: start["batch_stats"] for name, start in both}
        variables["batch_stats"] = {"student": stats, "teacher": jax.tree.map(jnp.copy, stats)}
    carry = {"teacher": jax.tree.map(jnp.copy, params), "active": jnp.int32(0)}
    return variables, {**carry, "eps": jnp.float32(-1)}  # not computed yet


def _terms(outputs: Outputs, label: Array, active: Array, smoothing: float) -> dict[str, Array]:
    """The four losses by name, of both networks together, not weighted."""
    terms = {"classify": 0.0, "soft_classify": 0.0, "triplet": 0.0, "soft_triplet": 0.0}
    for name, other in (NETWORKS, NETWORKS[::-1]):
        mine, target = outputs["student"][name], outputs["teacher"][other]
        terms["classify"] += cross_entropy(
            mine["logits"], label, smoothing=smoothing, active=active
        )
        terms["soft_classify"] += soft_cross_entropy(
            mine["logits"], target["logits"], active=active
        )
        terms["triplet"] += batch_hard(mine["feature"], label, margin=None)
        terms["soft_triplet"] += softened(mine["feature"], target["feature"], label)
    return terms


def _renewed(state: TrainState, means: np.ndarray, eps: float) -> TrainState:
    """The state with the labels' centroids as all four classifiers, and with DBSCAN's radius."""
    params = state.variables["params"]
    kernel = np.zeros_like(params["first"]["classifier"])
    kernel[:, : len(means)] = means.T

    def classified(networks: Variables) -> Variables:
        return {name: {**networks[name], "classifier": kernel} for name in NETWORKS}

    return state._replace(
        variables={**state.variables, "params": classified(params)},
        carry={
            "teacher": classified(state.carry["teacher"]),
            "active": np.array(len(means), np.int32),
            "eps": np.array(eps, np.float32),
        },
    )


def _capacity(records: Records, clusters: Clusters) -> int:
    """The number of columns of the classifiers."""
    images = int((records.domain == Domain.UNLABELLED).sum())
    if not images:
        raise ValueError("there is no target image; MMT needs some of domain 1")
    if clusters.k > images:
        raise ValueError(
            f"k-means is asked for {clusters.k} labels of {images} target images; "
            "choose a smaller k"
        )
    return clusters.k or clusters.capacity or max(1, images // clusters.min_samples)


def _label(
    embedding: np.ndarray,
    clusters: Clusters,
    eps: float,
    capacity: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, float]:
    """(label of each row of the target, the labels' centroids of length one, DBSCAN's radius).

    eps: the radius of the epochs before; below 0 in the first epoch.
    """
    if clusters.k:
        label = kmeans.kmeans(embedding, clusters.k, seed=int(rng.integers(2**31)))
    else:
        embedding = distance.unit(embedding)
        label, eps = _by_density(embedding, clusters, clusters.eps or eps)
    label = within(label, capacity, what="pseudo labels")
    return label, centroids(embedding, label, normalise=True), eps


def _by_density(embedding: np.ndarray, clusters: Clusters, eps: float) -> tuple[np.ndarray, float]:
    """(labels of DBSCAN, its radius, which is computed if `eps` is not above 0)."""
    reach = eps if eps > 0 else 1.0
    near = jaccard.distance(embedding, k1=clusters.k1, k2=clusters.k2, variant="M", reach=reach)
    if eps <= 0:
        eps = dbscan.radius(near, rho=clusters.rho, farthest=1.0)
        eps = float(np.float32(eps))  # as the carry holds it
    label = dbscan.dbscan(near, eps=eps, min_samples=clusters.min_samples)
    if label.max() < 0:
        raise ValueError(
            f"DBSCAN found no label among {len(label)} target images; choose an eps above {eps:.3f}"
        )
    return label, eps

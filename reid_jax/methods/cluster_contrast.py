"""Cluster Contrast: a memory of cluster centroids, without a label and without a source.

Dai et al., "Cluster Contrast for Unsupervised Person Re-Identification", ACCV 2022. At the start of
each epoch the pictures are clustered by DBSCAN on the k-reciprocal Jaccard distance, and the memory
becomes the centroids of the clusters. A picture is compared with all centroids, and each centroid
moves towards the batch's pictures of its cluster, or towards the hardest of them.
"""

import jax
import jax.numpy as jnp
import numpy as np

from reid_jax import distance
from reid_jax.clustering import jaccard, report
from reid_jax.clustering.centroids import centroids
from reid_jax.clustering.dbscan import dbscan
from reid_jax.clustering.refine import within
from reid_jax.data import sample
from reid_jax.losses.contrast import centroid
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


def cluster_contrast(
    model: Model,
    *,
    persons: int = 16,
    per_person: int = 16,
    iterations: int = 400,
    eps: float = 0.6,
    min_samples: int = 4,
    k1: int = 30,
    k2: int = 6,
    capacity: int = 0,
    momentum: float = 0.1,
    temperature: float = 0.05,
    hardest_only: bool = False,
    other_cameras: bool = True,
) -> Method:
    """Cluster Contrast as a Method, of the records of Domain.UNLABELLED.

    L = mean_i -log( exp(<f_i, c_{y_i}> / t) / sum_k exp(<f_i, c_k> / t) )
    c_y <- momentum c_y + (1 - momentum) f_i,  then c_y <- c_y / |c_y|,  for each i of label y

    Persons are never looked at, but for the purity in the log where they are known.

    Args:
        model: the encoder; f are its embeddings of length one.
        persons: pseudo labels of a batch.
        per_person: pictures of each of them; a label that has fewer pictures repeats them.
        iterations: batches of an epoch.
        eps: radius of DBSCAN; the paper's is 0.4 to 0.6, by data set.
        min_samples: pictures that make a core of DBSCAN.
        k1: neighbours of the Jaccard distance.
        k2: neighbours over which it averages.
        capacity: clusters that the memory holds; further ones are dropped. 0: one for each
            min_samples pictures.
        momentum: of the old centroid.
        temperature: t.
        hardest_only: only the picture of a label that is least similar to its centroid moves it.
        other_cameras: a label's further pictures come from other cameras than the first, where
            there are any, as in its code.

    Returns:
        The method.

    Raises:
        ValueError: there is no unlabelled picture, or the first clustering finds no cluster.

    Reference:
        Equations 1 to 3 of the paper; the update by the hardest picture is its section 3.3 and its
        code's `use_hard`.

    Departs from the paper:
        an epoch whose clustering finds nothing keeps the labels and centroids of the last one. The
        centroids move behind the optimiser's step, with the features from before it, as in its
        code. A batch with fewer clusters than `persons` draws some clusters twice.
    """

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        pictures = int((records.domain == Domain.UNLABELLED).sum())
        if not pictures:
            raise ValueError("there is no unlabelled picture; Cluster Contrast needs some")
        clusters = capacity or max(1, pictures // min_samples)
        carry = {
            "centroids": jnp.zeros((clusters, model.width), jnp.float32),
            "label": jnp.full(len(records.person), -1, jnp.int32),
            "active": jnp.int32(0),
        }
        return joined(encoder=model.init(key)), carry

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        carry = dict(state.carry)
        rows = np.flatnonzero(records.domain == Domain.UNLABELLED)
        features = distance.unit(embed(rows))
        near = jaccard.distance(features, k1=k1, k2=k2, reach=eps)
        clusters = within(dbscan(near, eps=eps, min_samples=min_samples), len(carry["centroids"]))
        if clusters.max() >= 0:
            means = centroids(features, clusters, normalise=True)
            carry["centroids"] = np.zeros_like(carry["centroids"])
            carry["centroids"][: len(means)] = means
            carry["label"] = np.full(len(records.person), -1, np.int32)
            carry["label"][rows] = clusters
            carry["active"] = np.array(len(means), np.int32)
        elif not carry["active"]:
            raise ValueError(f"DBSCAN found no cluster in {len(rows)} pictures; a larger eps may")
        label = carry["label"]
        drawn = sample.filled(
            label,
            batch=persons * per_person,
            per_person=per_person,
            steps=iterations,
            camera=records.camera if other_cameras else None,
            rng=rng,
        )
        figures = report.brief(clusters, records.person[rows])
        return state._replace(carry=carry), Plan(drawn, label, figures)

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, Variables]:
        encoder = student(variables, carry)
        out, stats = model.apply(encoder, batch.image[:, 0], True, key, batch.tags)
        return {"f": distance.normalise(out.embedding)}, {"encoder": stats}

    def loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        means = carry["centroids"]
        f = outputs["f"]
        value = centroid(f, tags.label, means, active=carry["active"], temperature=temperature)
        moving = _hardest(f, tags.label, means) if hardest_only else tags.label
        return value, Aux({}, (jax.lax.stop_gradient(f), moving))

    def update(carry: Carry, variables: Variables, aux: Aux) -> Carry:
        return {**carry, "centroids": move_bank(carry["centroids"], *aux.arrays, momentum=momentum)}

    return Method(init, plan, forward, loss, update, model=model)


def _hardest(f: Array, label: Array, means: Array) -> Array:
    """The labels of the rows that are least similar to their centroid; -1 elsewhere.

    Of equally similar rows of a label the first is taken.
    """
    similarity = (f * means[label]).sum(1)
    same = label[:, None] == label[None]
    earlier = jnp.arange(len(label))[None] < jnp.arange(len(label))[:, None]
    harder = (similarity[None] < similarity[:, None]) | (
        (similarity[None] == similarity[:, None]) & earlier
    )
    return jnp.where((same & harder).any(1), -1, label)

"""ReMix: labelled multi-camera images and unlabelled single-camera videos in one batch.

Mamedov, Konushin and Konushin, "ReMix: Training Generalized Person Re-identification on a Mixture of Data", WACV 2025. Each
morning a momentum encoder embeds some of the videos, DBSCAN labels the persons inside each of them (Algorithm 2), and
centroids are taken; a batch is then P x K of both kinds, and four losses compare the encoder's embeddings with the
momentum encoder's.

What the paper's supplement tells is followed to the letter: Algorithm 2, the batch, eps 0.8. The losses, the momentum,
the temperatures and the schedule are from memory, and checked against ICE (Chen et al., ICCV 2021), whose optimiser,
temperatures, momentum encoder and camera term ReMix shares. Where that leaves a choice, it is an option.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging

from reid_jax import distance
from reid_jax.carry.ema import ema
from reid_jax.cluster import report, videos
from reid_jax.cluster.centroids import camera_centroids, centroids
from reid_jax.data import records as columns
from reid_jax.data import sample
from reid_jax.losses import contrast
from reid_jax.types import Aux, Method, Model, Plan, student

ANNOTATED, UNLABELLED = 0, 1  # Records.domain


class Terms(NamedTuple):
    """The four losses' options, in their order: instance, augmentation, centroid, camera centroid.

    weight, temperature: of each; the last weight is the paper's gamma.
    apart:   in the first two, rows of the two kinds of data are not compared with each other.
    own:     in the instance loss, the row's own image counts among the positives.
    against: what the augmentation loss's negatives are: "original" images or "augmented" ones.
    unit: see `losses.contrast.centroid`; with False centroids are plain means of embeddings of length one.
    own_camera, together, by_camera, negatives: see `losses.contrast.camera_centroid`.
    """

    weight: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 0.5)
    temperature: tuple[float, float, float, float] = (0.1, 0.1, 0.5, 0.07)
    apart: bool = True
    own: bool = True
    against: str = "original"
    unit: bool = True
    own_camera: bool = False
    together: bool = True
    by_camera: bool = False
    negatives: int = 50


def remix(
    model: Model,
    *,
    multi: tuple[int, int] = (8, 4),
    single: tuple[int, int] = (8, 4),
    videos_a_batch: int = 0,
    iterations: int = 400,
    images: int = 0,
    room: int = 0,
    labeller: Callable[..., videos.Labelled] = videos.labels,
    momentum: float = 0.999,
    terms: Terms = Terms(),  # noqa: B008, a tuple
) -> Method:
    """ReMix as a Method. Records of domain 0 are the multi-camera data, of domain 1 the videos (`group` is which).

    A batch has two views, augmented and original, or three: augmented for either encoder, and original. (That the momentum
    encoder sees another augmentation is ICE's code; which of the two ReMix does is not in the part of it that was at hand.)
    The persons of domain 1 are never looked at, but for the purity in the log where they are known.

    multi, single: (labels, images of each) in a batch; single (0, 0) is the plain baseline without videos.
    videos_a_batch: how many videos a batch's pseudo labels come from; 0: any, as the paper has it. Persons of many videos
        can be told apart by their backgrounds and the cameras' colours; persons of one video only by what they are.
    iterations: batches an epoch. images: that get pseudo labels each morning; 0: as many as an epoch's batches hold of
        both kinds, Algorithm 2's limit.
    room: pseudo labels that an epoch can hold, what is more is dropped; 0: a quarter of `images`.
    labeller: `cluster.videos.labels` with its options bound.
    momentum: of the momentum encoder; its batch statistics are its own, of its own forwards.

    Raises ValueError where no person is annotated, in `plan` where there is no video.

    Departs from the paper: an epoch in which the videos give too few labels fills their places with images that sit out.
    """
    if terms.against not in ("original", "augmented"):
        raise ValueError(f"against is {terms.against!r}, expected original or augmented")
    images = images or (multi[0] * multi[1] + single[0] * single[1]) * iterations
    room = (room or max(1, images // 4)) if single[0] else 0

    def init(key, records):
        return _start(model, records, room, key)

    def plan(state, records, see, rng):
        label, means, cameras = _annotated_means(records, see, terms.unit)
        drawn = sample.identities(label, persons=multi[0], per_person=multi[1], steps=iterations, rng=rng)
        figures = {}
        if single[0]:
            label, more, figures = _morning(records, see, labeller, images, room, label, rng, terms.unit)
            means = np.concatenate([means, more])
            drawn = sample.mixed(drawn, _draw(records, label, *single, videos_a_batch, iterations, rng))
        moved = {"centroids": np.zeros_like(state.carry["centroids"]), "camera_centroids": cameras}
        moved["centroids"][: len(means)] = means
        moved["active"] = np.array(len(means), np.int32)
        return state._replace(carry={**state.carry, **moved}), Plan(drawn, label, figures)

    def forward(variables, carry, batch, key):
        image = batch.image
        out, stats = model.apply(student(variables, carry), image[:, 0], True, key, batch.tags)
        slow = teacher(variables, carry)
        augmented, moved = model.apply(slow, image[:, -2], True, key, batch.tags)
        original, moved = model.apply({**slow, "batch_stats": moved}, image[:, -1], True, key, batch.tags)
        seen = {"f": out, "augmented": augmented, "original": original}
        return {name: one.embedding for name, one in seen.items()}, {"encoder": stats, "teacher": moved}

    def loss(outputs, tags, carry, step):
        values = _losses(terms, outputs, tags, carry)
        total = sum(weight * values[name] for weight, name in zip(terms.weight, values, strict=True))
        return total, Aux(values)

    def update(carry, variables, aux):
        return {**carry, "teacher": ema(carry["teacher"], variables["params"]["encoder"], momentum=momentum)}

    return Method(init, plan, forward, loss, update, teacher)


def _start(model, records, room, key):
    """(variables, carry) before the first morning, which takes the centroids."""
    encoder = model.init(key)
    variables = {name: {"encoder": collection} for name, collection in encoder.items()}
    if "batch_stats" in encoder:
        variables["batch_stats"]["teacher"] = jax.tree.map(jnp.copy, encoder["batch_stats"])
    label = _annotated(records)
    pairs = np.stack([label, records.camera])[:, (label >= 0) & (records.camera >= 0)]
    camera_label, camera = np.unique(pairs, axis=1).astype(np.int32)  # in the order of camera_centroids
    carry = {
        "teacher": jax.tree.map(jnp.copy, encoder["params"]),
        "centroids": jnp.zeros((label.max() + 1 + room, model.width), jnp.float32),
        "active": jnp.int32(0),
        "camera_centroids": jnp.zeros((len(camera), model.width), jnp.float32),
        "camera_label": jnp.asarray(camera_label),
        "camera": jnp.asarray(camera),
    }
    return variables, carry


def teacher(variables, carry):
    """The momentum encoder."""
    stats = {"batch_stats": variables["batch_stats"]["teacher"]} if "batch_stats" in variables else {}
    return {"params": carry["teacher"], **stats}


def _losses(terms: Terms, outputs, tags, carry):
    """The four by name, not weighted."""
    f, original = outputs["f"], outputs["original"]
    against = original if terms.against == "original" else outputs["augmented"]
    scope = tags.domain if terms.apart else None
    t = terms.temperature
    anchor = jnp.where(tags.domain == ANNOTATED, tags.label, -1)
    places = carry["camera_centroids"], carry["camera_label"], carry["camera"]
    camera = {name: getattr(terms, name) for name in ("negatives", "own_camera", "together", "by_camera")}
    means = {"active": carry["active"], "unit": terms.unit}
    return {
        "instance": contrast.instance(
            f, outputs["augmented"], tags.label, scope=scope, own=terms.own, temperature=t[0]
        ),
        "augmentation": contrast.augmentation(f, original, tags.label, against=against, scope=scope, temperature=t[1]),
        "centroid": contrast.centroid(f, tags.label, carry["centroids"], temperature=t[2], **means),
        "camera_centroid": contrast.camera_centroid(f, anchor, tags.camera, *places, temperature=t[3], **camera),
    }


def _annotated(records):
    """Label of each row, i32[n]: the persons of the annotated data, -1 elsewhere."""
    label = columns.relabel(np.where(records.domain == ANNOTATED, records.person, -1))
    if label.max(initial=-1) < 0:
        raise ValueError("there is no annotated person; ReMix needs labelled images beside the videos")
    return label


def _annotated_means(records, see, unit):
    """(label of each row, centroids of the annotated persons, and of each in each camera)."""
    label = _annotated(records)
    rows = np.flatnonzero(label >= 0)
    embedding = _unit(see(rows))
    known = records.camera[rows] >= 0
    cameras = camera_centroids(embedding[known], label[rows][known], records.camera[rows][known], normalise=True)
    return label, centroids(embedding, label[rows], normalise=unit), cameras.mean


def _morning(records, see, labeller, images, room, label, rng, unit):
    """Algorithm 2: (labels of all rows, the pseudo labels' centroids, figures)."""
    rows = np.flatnonzero(records.domain == UNLABELLED)
    found = labeller(records.group[rows], lambda some: _unit(see(rows[some])), images, rng=rng)
    kept = found.label < room
    if not kept.all():
        logging.warning("%d pseudo labels and room for %d; the rest is dropped", found.label.max() + 1, room)
    own = np.full(len(rows), -1)
    own[found.rows[kept]] = found.label[kept]
    drawn = np.isin(records.group[rows], found.videos)
    figures = report.brief(own[drawn], records.person[rows][drawn])
    first = label.max() + 1
    label = label.copy()
    label[rows[own >= 0]] = first + own[own >= 0]
    means = centroids(found.embedding[kept], found.label[kept], normalise=unit)
    return label, means, {"videos": float(len(found.videos)), **figures}


def _draw(records, label, labels, per_label, videos_a_batch, iterations, rng):
    """Rows [iterations, labels * per_label] of the videos; where labels are too few, some without one."""
    pseudo = np.where(records.domain == UNLABELLED, label, -1)
    there = min(labels, len(np.unique(pseudo[pseudo >= 0])))
    rows = np.empty((iterations, 0), np.int32)
    if there:
        few = {"group": records.group, "groups": videos_a_batch}
        rows = sample.identities(pseudo, persons=there, per_person=per_label, steps=iterations, rng=rng, **few)
    if there < labels:
        logging.warning(
            "The videos gave %d labels of the %d that a batch holds: %d of its images sit out this epoch, the labelled "
            "data train on; a larger eps finds more", there, labels, (labels - there) * per_label,
        )  # fmt: skip
        idle = np.flatnonzero((records.domain == UNLABELLED) & (label < 0))
        idle = idle if len(idle) else np.flatnonzero(pseudo >= 0)
        more = rng.choice(idle, (iterations, (labels - there) * per_label)).astype(np.int32)
        rows = np.concatenate([rows, more], axis=1)
    return rows


def _unit(embedding):
    return np.asarray(distance.normalise(embedding))

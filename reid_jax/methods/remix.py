"""ReMix: labelled multi-camera images and unlabelled single-camera videos in one batch.

At the start of each epoch a momentum encoder embeds some videos, DBSCAN labels the persons inside
each of them (Algorithm 2), and centroids are computed. A batch is P x K rows of both kinds of
data, and four losses compare the encoder's embeddings with those of the momentum encoder.

Algorithm 2, the batch and eps 0.8 are those of the paper's supplement. Losses, momentum,
temperatures and schedule are from memory, checked against ICE (Chen et al., ICCV 2021), whose
optimiser, temperatures, momentum encoder and camera term ReMix shares. Open choices are options.

Reference:
    Mamedov, Konushin and Konushin, "ReMix: Training Generalized Person Re-identification on a
    Mixture of Data", WACV 2025.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging

from reid_jax import distance
from reid_jax.clustering import report, videos
from reid_jax.clustering.centroids import camera_centroids, centroids
from reid_jax.clustering.refine import within
from reid_jax.data import records as columns
from reid_jax.data import sample
from reid_jax.losses import contrast
from reid_jax.memory.ema import ema
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
    part_of,
    student,
)


class Terms(NamedTuple):
    """Options of the four losses: instance, augmentation, centroid, camera centroid.

    Attributes:
        weight, temperature: of each loss, in this order; the last weight is the paper's gamma.
        apart: rows of the two domains are not compared with each other in the first two losses.
        own: the row's own image is one of the positives of the instance loss.
        against: the negatives of the augmentation loss, "original" images or "augmented" ones.
        unit: see `losses.contrast.centroid`; False: centroids are plain means of unit embeddings.
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
    capacity: int = 0,
    labeller: Callable[..., videos.Labelled] = videos.label_videos,
    momentum: float = 0.999,
    terms: Terms = Terms(),  # noqa: B008, a tuple
) -> Method:
    """Build ReMix as a Method.

    Records of Domain.LABELLED are the multi-camera data, those of Domain.UNLABELLED the videos,
    which `group` numbers. The persons in the videos are not used, except for the purity in the
    report where they are known.

    A batch has two views, augmented and original, or three: augmented for the encoder, augmented
    for the momentum encoder, and original. (ICE's code has three; the part of ReMix that was
    available does not state how many it has.)

    Args:
        model: the encoder.
        multi: (labels, images of each) of the labelled data in a batch.
        single: the same of the videos; (0, 0) is the plain baseline without videos.
        videos_a_batch: number of videos that the pseudo labels of a batch are from; 0: any, as in
            the paper. Persons of many videos can be told apart by their backgrounds and by the
            cameras' colours; persons of one video only by their own appearance.
        iterations: batches of an epoch.
        images: images that get pseudo labels for an epoch; 0: as many as its batches hold of both
            kinds, Algorithm 2's limit.
        capacity: pseudo labels of an epoch, the rest is dropped; 0: a quarter of `images`.
        labeller: `clustering.videos.label_videos` with its options bound.
        momentum: of the momentum encoder. It has its own batch statistics, from its own forwards.
        terms: options of the losses.

    Raises:
        ValueError: `terms.against` is unknown; in `init`: nobody is annotated; in `plan`: no video.

    Departs from the paper:
        if the videos give too few labels for an epoch, images without a label, which the losses
        ignore, fill their places.
    """
    if terms.against not in ("original", "augmented"):
        raise ValueError(f"against is {terms.against!r}, expected original or augmented")
    images = images or (multi[0] * multi[1] + single[0] * single[1]) * iterations
    capacity = (capacity or max(1, images // 4)) if single[0] else 0

    def init(key: Array, records: Records) -> tuple[Variables, Carry]:
        return _start(model, records, capacity, key)

    def draw_videos(records: Records, label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Rows of the videos, i32[t b]; rows without a label if there are too few labels."""
        labels, size = single
        unlabelled, group = records.domain == Domain.UNLABELLED, records.group
        pseudo = np.where(unlabelled, label, -1)
        count = min(labels, len(np.unique(pseudo[pseudo >= 0])))
        rows = np.empty((iterations, 0), np.int32)
        if count:
            rows = sample.identities(
                pseudo,
                persons=count,
                per_person=size,
                steps=iterations,
                rng=rng,
                group=group,
                groups=videos_a_batch,
            )
        if count < labels:
            missing = (labels - count) * size
            logging.warning(
                f"The videos gave {count} labels of the {labels} that a batch holds: {missing} of "
                "its images are ignored in this epoch; a larger eps gives more labels"
            )
            others = np.flatnonzero(unlabelled & (label < 0))
            others = others if len(others) else np.flatnonzero(pseudo >= 0)
            more = rng.choice(others, (iterations, missing)).astype(np.int32)
            rows = np.concatenate([rows, more], axis=1)
        return rows

    def plan(
        state: TrainState, records: Records, embed: EmbedRows, rng: np.random.Generator
    ) -> tuple[TrainState, Plan]:
        label, means, camera_means = _annotated_means(records, embed, terms.unit)
        drawn = sample.identities(
            label, persons=multi[0], per_person=multi[1], steps=iterations, rng=rng
        )
        figures: dict[str, float] = {}
        if single[0]:
            rows = np.flatnonzero(records.domain == Domain.UNLABELLED)
            labelled = labeller(
                records.group[rows], lambda some: distance.unit(embed(rows[some])), images, rng=rng
            )
            label, more, figures = _add_pseudo(records, label, labelled, capacity, terms.unit)
            means = np.concatenate([means, more])
            drawn = sample.mixed(drawn, draw_videos(records, label, rng))
        padded = np.zeros_like(state.carry["centroids"])
        padded[: len(means)] = means
        active = np.array(len(means), np.int32)
        new = {"centroids": padded, "camera_centroids": camera_means, "active": active}
        return state._replace(carry={**state.carry, **new}), Plan(drawn, label, figures)

    def forward(
        variables: Variables, carry: Carry, batch: Batch, key: Array
    ) -> tuple[Outputs, dict[str, Any]]:
        image = batch.image
        out, stats = model.apply(student(variables, carry), image[:, 0], True, key, batch.tags)
        slow = teacher(variables, carry)
        augmented, slow_stats = model.apply(slow, image[:, -2], True, key, batch.tags)
        slow = {**slow, "batch_stats": slow_stats}
        original, slow_stats = model.apply(slow, image[:, -1], True, key, batch.tags)
        each = {"f": out, "augmented": augmented, "original": original}
        outputs = {name: one.embedding for name, one in each.items()}
        return outputs, {"encoder": stats, "teacher": slow_stats}

    def loss(outputs: Outputs, tags: Tags, carry: Carry, step: Array) -> tuple[Array, Aux]:
        values = _losses(terms, outputs, tags, carry)
        total = sum(w * values[name] for w, name in zip(terms.weight, values, strict=True))
        return total, Aux(values)

    def update(carry: Carry, variables: Variables, aux: Aux) -> Carry:
        params = variables["params"]["encoder"]
        return {**carry, "teacher": ema(carry["teacher"], params, momentum=momentum)}

    return Method(init, plan, forward, loss, update, teacher, model=model, views=2)


def _start(model: Model, records: Records, capacity: int, key: Array) -> tuple[Variables, Carry]:
    """(variables, carry) before the first epoch, whose plan computes the centroids."""
    encoder = model.init(key)
    variables = joined(encoder=encoder)
    if "batch_stats" in encoder:
        variables["batch_stats"]["teacher"] = jax.tree.map(jnp.copy, encoder["batch_stats"])
    label = _annotated(records)
    pairs = np.stack([label, records.camera])[:, (label >= 0) & (records.camera >= 0)]
    camera_label, camera = np.unique(pairs, axis=1).astype(np.int32)  # ordered by both
    carry = {
        "teacher": jax.tree.map(jnp.copy, encoder["params"]),
        "centroids": jnp.zeros((label.max() + 1 + capacity, model.width), jnp.float32),
        "active": jnp.int32(0),
        "camera_centroids": jnp.zeros((len(camera), model.width), jnp.float32),
        "camera_label": jnp.asarray(camera_label),
        "camera": jnp.asarray(camera),
    }
    return variables, carry


def teacher(variables: Variables, carry: Carry) -> Variables:
    """Return the variables of the momentum encoder."""
    return {"params": carry["teacher"], **part_of(variables, "teacher")}


def _losses(terms: Terms, outputs: Outputs, tags: Tags, carry: Carry) -> dict[str, Array]:
    """The four losses by name, not weighted."""
    f, original, augmented = outputs["f"], outputs["original"], outputs["augmented"]
    against = original if terms.against == "original" else augmented
    label, scope, t = tags.label, tags.domain if terms.apart else None, terms.temperature
    camera_means = carry["camera_centroids"], carry["camera_label"], carry["camera"]
    return {
        "instance": contrast.instance(
            f, augmented, label, scope=scope, own=terms.own, temperature=t[0]
        ),
        "augmentation": contrast.augmentation(
            f, original, label, against=against, scope=scope, temperature=t[1]
        ),
        "centroid": contrast.centroid(
            f, label, carry["centroids"], active=carry["active"], unit=terms.unit, temperature=t[2]
        ),
        "camera_centroid": contrast.camera_centroid(
            f,
            jnp.where(tags.domain == Domain.LABELLED, label, -1),
            tags.camera,
            *camera_means,
            negatives=terms.negatives,
            own_camera=terms.own_camera,
            together=terms.together,
            by_camera=terms.by_camera,
            temperature=t[3],
        ),
    }


def _annotated(records: Records) -> np.ndarray:
    """Label of each row, i32[n]: the persons of the labelled data, -1 elsewhere."""
    label = columns.relabel(np.where(records.domain == Domain.LABELLED, records.person, -1))
    if label.max(initial=-1) < 0:
        raise ValueError("there is no annotated person; ReMix needs labelled images beside videos")
    return label


def _annotated_means(
    records: Records, embed: EmbedRows, unit: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(label of each row, centroids of the annotated persons, and of each in each camera)."""
    label = _annotated(records)
    rows = np.flatnonzero(label >= 0)
    embedding = distance.unit(embed(rows))
    known = records.camera[rows] >= 0
    by_camera = camera_centroids(
        embedding[known], label[rows][known], records.camera[rows][known], normalise=True
    )
    return label, centroids(embedding, label[rows], normalise=unit), by_camera.mean


def _add_pseudo(
    records: Records, label: np.ndarray, labelled: videos.Labelled, capacity: int, unit: bool
) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """(labels of all rows, the pseudo labels' centroids, figures).

    The pseudo labels of Algorithm 2 follow `label`, i[n], the labels of the annotated rows.
    """
    rows = np.flatnonzero(records.domain == Domain.UNLABELLED)
    number = within(labelled.label, capacity, what="pseudo labels")
    kept = number >= 0
    pseudo = np.full(len(rows), -1)
    pseudo[labelled.rows[kept]] = number[kept]
    drawn = np.isin(records.group[rows], labelled.videos)
    figures = report.brief(pseudo[drawn], records.person[rows][drawn])
    label = label.copy()
    label[rows[pseudo >= 0]] = label.max() + 1 + pseudo[pseudo >= 0]
    means = centroids(labelled.embedding[kept], number[kept], normalise=unit)
    return label, means, {"videos": float(len(labelled.videos)), **figures}

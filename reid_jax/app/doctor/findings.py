"""What the measurements mean, in words, with the usual cause."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from reid_jax.app.doctor.exam import RESIZED, Exam
from reid_jax.app.doctor.patient import Patient

COLLAPSED = 0.9  # mean cosine of two pictures
SAME = 0.999  # cosine of twins that an encoder does not tell apart
# the least of the way from another picture to the same one that a twin must keep
KEEPS = {
    "mirrored": 0.5, "one pixel to the right": 0.6, RESIZED: 0.6, "JPEG of quality 50": 0.3,
    "half the size": 0.2,
}  # fmt: skip
CAUSES = {
    "mirrored": "trained without mirrored pictures, or overfitted to where things are",
    "one pixel to the right": "the network copies single pixels: too little training or "
    "augmentation, or strides without averaging",
    RESIZED: "it learnt how its training pictures were resized: give `resize` as it was trained",
    "JPEG of quality 50": "trained on clean pictures alone, such as drawn ones",
    "half the size": "trained on sharp pictures alone; far people are small",
}
ALONE = 1e-3  # of an embedding of length one, by the pictures beside it
OVERLAP = 0.9  # of the distances of same and other persons
FITS = 0.8  # BGR's move of the statistics over RGB's, below which BGR fits
AHEAD = 0.02  # mean AP of BGR pictures above that of the pictures


class Finding(NamedTuple):
    """Something that is not as it should be.

    Attributes:
        name: a word for programs.
        alarm: whether it makes embeddings worse; else it is only to be known.
        text: what was found.
        cause: the usual one, or what to do.
    """

    name: str
    alarm: bool
    text: str
    cause: str


def findings(patient: Patient, exam: Exam) -> list[Finding]:
    """All that is to be said, alarms first."""
    found = [
        *_weights(patient, exam),
        *_contract(patient, exam),
        *_embeddings(exam),
        *_colours(patient, exam),
        *_twins(exam),
        *_others(exam),
    ]
    return sorted(found, key=lambda one: not one.alarm)


def _weights(patient: Patient, exam: Exam) -> Iterator[Finding]:
    if patient.missing:
        yield Finding(
            "missing", True,
            f"{len(patient.missing)} arrays are missing, and random numbers stand in their place: "
            f"{_first(patient.missing)}",
            "weights of another backbone, or a part of a network saved by itself",
        )  # fmt: skip
    flaws = exam.flaws
    if names := flaws.get("broken"):
        yield Finding(
            "broken_weights", True, f"{len(names)} arrays hold NaN or infinity: {_first(names)}",
            "the training diverged; take an earlier checkpoint and a lower learning rate",
        )  # fmt: skip
    if names := flaws.get("zero"):
        yield Finding(
            "zero_weights", True, f"{len(names)} kernels are all zero: {_first(names)}",
            "arrays that were never filled, or a layer that weight decay has ended",
        )  # fmt: skip
    if names := flaws.get("untrained"):
        yield Finding(
            "untrained", True,
            f"the running variances of all {len(names)} batch normalisations are still 1",
            "the network was never trained, or its weights were not loaded",
        )  # fmt: skip


def _contract(patient: Patient, exam: Exam) -> Iterator[Finding]:
    input = patient.input
    height, width = input.size
    if width > height:
        yield Finding(
            "wide", True, f"pictures are resized to {height}x{width}, wider than high",
            "people are high: a size is height x width; were the two exchanged?",
        )  # fmt: skip
    if not all(0 <= one <= 1 for one in input.mean) or not all(0.01 < x <= 1 for x in input.std):
        yield Finding(
            "scale", True, f"mean {input.mean} and std {input.std} are not of pixels in [0, 1]",
            "they were given for pixels in 0 to 255: divide them by 255",
        )  # fmt: skip
    elif abs(exam.pixels[0]) > 2.5 or not 0.2 < exam.pixels[1] < 4:
        yield Finding(
            "pixels", True,
            f"pixels have mean {exam.pixels[0]:.2f} and deviation {exam.pixels[1]:.2f} behind the "
            "normalisation, far from 0 and 1",
            "mean and std of other data (`normalise`), or very dark, bright or flat pictures",
        )  # fmt: skip


def _embeddings(exam: Exam) -> Iterator[Finding]:
    known = exam.health
    if len(known.broken):
        yield Finding(
            "nan", True,
            f"{len(known.broken):,} of {known.rows:,} embeddings hold NaN or infinity",
            "NaN in the weights, float16 that overflows, or a division by a length of zero",
        )  # fmt: skip
    if len(known.broken) == known.rows:
        return
    if known.zero:
        yield Finding(
            "zero", True, f"{known.zero:,} embeddings are zero",
            "a last layer whose ReLU is dead, or weights of zero",
        )  # fmt: skip
    if len(known.dead) == known.width:
        yield Finding(
            "constant", True, "all pictures have the same embedding",
            "weights that were not loaded, a dead layer, or an input that is lost on the way",
        )  # fmt: skip
        return
    if known.cosine > COLLAPSED:
        yield Finding(
            "collapsed", True,
            f"cosines of random pairs are {known.cosine:.2f} in the mean: collapsed",
            "a network that was not trained, a learning rate that is too high, a loss that one "
            "point satisfies, or features without the normalisation (neck) that centres them",
        )  # fmt: skip
    if len(known.dead):
        rectified = bool(np.nanmin(exam.embedding) >= 0)
        few = ", ".join(map(str, known.dead[:10])) + (", ..." if len(known.dead) > 10 else "")
        yield Finding(
            "dead", not rectified,
            f"{len(known.dead)} of {known.width} dimensions are dead, the same for every picture: "
            f"{few}",
            "units of the ReLU before the embedding that never fire, which costs room and no "
            "accuracy"
            if rectified
            else "arrays that were not filled, or a layer before the embedding that has died",
        )  # fmt: skip
    least = min(8.0, known.width / 4, (known.rows - 1) / 4)
    if 0 < known.rank < least:
        yield Finding(
            "rank", True,
            f"embeddings vary in {known.rank:.1f} directions of {known.width} (effective rank)",
            "dimensional collapse: too few persons in training, a loss on distances alone, or "
            "pictures that are all alike",
        )  # fmt: skip


def _colours(patient: Patient, exam: Exam) -> Iterator[Finding]:
    if exam.health.cosine > SAME or np.isnan(exam.health.cosine):
        return
    if exam.twins["BGR"] > SAME:
        sees = "any colour from grey" if exam.twins["grey"] > SAME else "red from blue"
        yield Finding(
            "colour_blind", True,
            f"BGR and RGB give the same embedding: it does not tell {sees}",
            "pictures were made grey on the way, or channels are averaged or sorted before it",
        )  # fmt: skip
    turned = "BGR" if patient.input.channels == "RGB" else "RGB"
    cause = (
        f"the weights were trained on {turned} pictures, as OpenCV reads BGR, or `channels` is "
        f"wrong: it is {patient.input.channels}"
    )
    labelled, fit = exam.labelled, exam.fit
    if fit is not None and fit[1] < FITS * fit[0]:
        yield Finding(
            "bgr", True,
            "its batch statistics fit pictures with red and blue exchanged better than these: they "
            f"move by {fit[1]:.2g} deviations, by these {fit[0]:.2g}: it is fed BGR for RGB or the "
            "reverse",
            cause,
        )  # fmt: skip
    elif labelled and labelled.bgr[0] > max(AHEAD, labelled.bgr[1]):
        yield Finding(
            "bgr", True,
            "with red and blue exchanged it ranks better, by "
            f"{100 * labelled.bgr[0]:.1f} ± {100 * labelled.bgr[1]:.1f} mAP: it is fed BGR for RGB "
            "or the reverse",
            cause,
        )  # fmt: skip


def _twins(exam: Exam) -> Iterator[Finding]:
    """How much of the way from a random pair to the same picture its twins keep."""
    base = exam.health.cosine
    if np.isnan(base) or base > COLLAPSED:
        return
    for name, least in KEEPS.items():
        kept = (exam.twins.get(name, 1.0) - base) / (1 - base)
        if kept < least:
            yield Finding(
                "twin", True,
                f"a picture and its twin, {name}, have a cosine of {exam.twins[name]:.2f} in the "
                f"mean, and random pairs {base:.2f}",
                CAUSES[name],
            )  # fmt: skip


def _others(exam: Exam) -> Iterator[Finding]:
    if exam.alone > ALONE:
        yield Finding(
            "batch", True,
            f"an embedding depends on the pictures beside it in a batch, by up to {exam.alone:.1g}",
            "batch normalisation in training mode, or a program that was exported so",
        )  # fmt: skip
    labelled = exam.labelled
    one = len(exam.health.dead) == exam.health.width  # which is said already
    if labelled and labelled.counts.overlap > OVERLAP and not one:
        yield Finding(
            "blind", True,
            "pictures of one person are as far apart as those of different persons (overlap "
            f"{labelled.counts.overlap:.2f})",
            "an encoder that was not trained, wrong labels, or data of quite another kind",
        )  # fmt: skip
    if exam.copies:
        yield Finding(
            "copies", False,
            f"{exam.copies:,} of {exam.looked:,} pictures are copies of another one, and were left "
            "out",
            "frames of a standing person, or a file saved twice",
        )  # fmt: skip


def _first(names: tuple[str, ...] | list[str], most: int = 5) -> str:
    return ", ".join([*names[:most], *(["..."] if len(names) > most else [])])

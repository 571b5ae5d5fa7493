"""What is measured of an encoder on some pictures."""

from typing import NamedTuple

import numpy as np

from reid_jax import distance
from reid_jax.app import command, progress
from reid_jax.app.doctor import labelled as labelling
from reid_jax.app.doctor import weights
from reid_jax.app.doctor.patient import Patient, embedded
from reid_jax.data import records
from reid_jax.data.augment import RESIZES, resize
from reid_jax.data.copies import alike
from reid_jax.data.twins import TWINS
from reid_jax.retrieval.health import Health, health
from reid_jax.types import Input, Records

TWINNED = 200  # pictures that get twins
ALONE = 16  # pictures that are embedded one by one
RESIZED = "resized in another way"


class Exam(NamedTuple):
    """All that was measured.

    Attributes:
        total: pictures that were given, without those of training where there is a query.
        looked: pictures that were looked at.
        copies: how many of these are copies of another one; they are left out of the rest.
        health: of the embeddings.
        embedding: f32[n d].
        twins: mean cosine of a picture and its twin, by the kind of twin.
        alone: largest difference of an embedding, of length one, by the pictures beside it in the
            batch.
        pixels: mean and deviation of the pixels as the network takes them.
        fit: how far batch statistics move by RGB and by BGR pictures; None: it has none, or they
            are not of pictures.
        flaws: of the weights, by what is wrong: names of arrays.
        labelled: None where no person is seen twice.
    """

    total: int
    looked: int
    copies: int
    health: Health
    embedding: np.ndarray
    twins: dict[str, float]
    alone: float
    pixels: tuple[float, float]
    fit: tuple[float, float] | None
    flaws: dict[str, list[str]]
    labelled: labelling.Labelled | None


def tested(data: Records) -> np.ndarray:
    """Rows of query and gallery; where there is no query, all."""
    inside = np.flatnonzero(np.isin(data.split, ("query", "gallery")))
    return inside if (data.split == "query").any() else np.arange(len(data.person))


def chosen(data: Records, rows: np.ndarray, most: int, seed: int = 0) -> np.ndarray:
    """At most so many of the rows: all of some persons', or random ones where none is known."""
    if not most or len(rows) <= most:
        return rows
    rng = np.random.default_rng(seed)
    persons, number = np.unique(data.person[rows], return_inverse=True)
    if (persons >= 1).sum() < 2:
        return np.sort(rng.permutation(rows)[:most])
    order = rng.permutation(len(persons))
    order = order[np.argsort(persons[order] < 1, kind="stable")]  # the unknown come last
    place = np.argsort(order)[number]
    return np.sort(rows[np.argsort(place, kind="stable")][:most])


def examined(patient: Patient, data: Records, *, most: int) -> tuple[Exam, Records, np.ndarray]:
    """Measure.

    Args:
        patient: the encoder.
        data: pictures of any splits.
        most: pictures that are looked at; 0: all.

    Returns:
        What was found, the pictures without copies, and which of `data` they are.

    Raises:
        ValueError: there are not two different pictures; or one, which is named, cannot be read.
    """
    given = tested(data)
    rows = chosen(data, given, most)
    looked = len(rows)
    part = records.take(data, rows)
    with progress.doing("looking for copies"):
        first = np.flatnonzero(alike(part) == np.arange(looked))
    if len(first) < 2:
        many = "are copies of one picture" if looked > 1 else "are too few"
        raise ValueError(
            f"the {looked:,} pictures that were looked at {many}; name two different ones or more"
        )
    part, rows = records.take(part, first), rows[first]
    image = _seen(part, patient.input)
    embedding = embedded(patient, image)
    some = np.linspace(0, len(image) - 1, min(len(image), TWINNED)).astype(int)
    exam = Exam(
        total=len(given),
        looked=looked,
        copies=looked - len(first),
        health=health(embedding),
        embedding=embedding,
        twins=_twins(patient, part, image, embedding, some),
        alone=_alone(patient, image, embedding),
        pixels=_pixels(image[some], patient.input),
        fit=weights.fit(patient, image),
        flaws=weights.flaws(patient.variables),
        labelled=labelling.labelled(part, image, embedding, patient),
    )
    return exam, part, rows


def _seen(part: Records, input: Input, kind: str = "") -> np.ndarray:
    """The pictures in the encoder's size, uint8 [n h w 3]."""
    n = len(part.person)
    image = np.empty((n, *input.size, 3), np.uint8)
    with progress.doing("reading pictures") as watch:
        for row in range(n):
            image[row] = resize(records.read(part, row), input.size, kind or input.resize)
            watch(row + 1, n)
    return image


def _twins(
    patient: Patient, part: Records, image: np.ndarray, embedding: np.ndarray, some: np.ndarray
) -> dict[str, float]:
    """The mean cosine of some pictures and their twins."""
    found = {}
    for name, change in TWINS.items():
        twin = np.stack([change(one) for one in image[some]])
        found[name] = cosine(embedding[some], embedded(patient, twin))
    other = next(kind for kind in ("bilinear", *RESIZES) if kind != patient.input.resize)
    again = _seen(records.take(part, some), patient.input, other)
    if (again != image[some]).any():  # pictures of the encoder's size are not resized
        found[RESIZED] = cosine(embedding[some], embedded(patient, again))
    return found


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """The mean cosine of rows that are finite and not zero; NaN where none is."""
    with np.errstate(invalid="ignore"):
        each = (distance.unit(one) * distance.unit(other)).sum(1)
    fine = np.isfinite(each) & (np.abs(one).max(1) > 0)
    return float(each[fine].mean()) if fine.any() else np.nan


def _alone(patient: Patient, image: np.ndarray, embedding: np.ndarray) -> float:
    """How far an embedding moves when a picture is embedded by itself, or as few as devices do."""
    few = embedded(patient, image[:ALONE], batch=1)
    with np.errstate(invalid="ignore"):
        apart = np.abs(distance.unit(few) - distance.unit(embedding[:ALONE]))
    return float(np.nanmax(apart, initial=0.0))


def _pixels(image: np.ndarray, input: Input) -> tuple[float, float]:
    """Mean and deviation of normalised pixels."""
    image = image[..., ::-1] if input.channels == "BGR" else image
    values = (image / 255.0 - np.array(input.mean)) / np.array(input.std)
    return float(values.mean()), float(values.std())


def tell(exam: Exam) -> None:
    """Say what was looked at."""
    if exam.looked < exam.total:
        command.say(f"{exam.looked:,} of {exam.total:,} pictures are looked at; --most=0: all")
    if exam.copies:
        command.say(f"{exam.copies:,} of them are copies of another one, and are left out")
    if exam.labelled and exam.labelled.same_camera:
        command.say("one camera saw all matches, so matches by the query's own camera count")

"""Distances of pairs of the same person and of others, their threshold, and how GDS moves them."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid_jax import evaluate
from reid_jax.app import canvas, markdown
from reid_jax.app.curves import Moments
from reid_jax.app.job import Job
from reid_jax.app.page.blocks import AREA, Block, Chart, Mark, Series, Text
from reid_jax.app.page.inks import RIGHT, WRONG
from reid_jax.retrieval import point
from reid_jax.retrieval.distances import DistanceCounts, count_distances
from reid_jax.types import Records, Variables

RATES = (0.001, 0.01, 0.1)  # false match rates; the first that there are pairs enough for
SAMPLE = 2000  # training pictures that are looked at
READING = (
    "How far two pictures are apart, by the network. The better it is, the further left the same "
    "person lies and the smaller is the overlap (0: apart, 1: no difference)."
)
PAIRS = f"{RIGHT.word} = the same person, {WRONG.word} = different persons"


def measured(
    job: Job, look: Callable[[np.ndarray], np.ndarray], embedding: np.ndarray, config: Any
) -> dict[str, DistanceCounts]:
    """Count the distances on the test data and, where persons are known, on the training data.

    Of two domains of training data it takes the target. All processes must call it together.

    Args:
        job: what is trained.
        look: rows of the training data -> their embeddings.
        embedding: of all rows of the test data.
        config: the configuration.

    Returns:
        Counts by the name of the data; none where no person is known.
    """
    same_camera = config.same_camera
    counts = {}
    if len(job.test.person):
        counts[f"test data: `{markdown.tested_on(config)}`"] = evaluate.record_distances(
            embedding, job.test, same_camera=same_camera
        )
    chosen = sample(job.train)
    if len(chosen):
        rows = look(chosen)
        query, gallery = slice(0, None, 2), slice(1, None, 2)
        person, camera = job.train.person[chosen], job.train.camera[chosen]
        counts[f"training data: `{markdown.looked_at(config)}`"] = count_distances(
            rows[query],
            rows[gallery],
            query_person=person[query],
            query_camera=camera[query],
            gallery_person=person[gallery],
            gallery_camera=camera[gallery],
            same_camera=True,
        )
    return counts


def sample(train: Records) -> np.ndarray:
    """Rows of known persons of the last domain, all of a person's, in a random order."""
    known = (train.person >= 1) & (train.domain == train.domain.max(initial=0))
    rng = np.random.default_rng(0)
    persons = rng.permutation(np.unique(train.person[known]))
    size = np.bincount(train.person[known], minlength=1)[persons]
    few = persons[: np.searchsorted(np.cumsum(size), SAMPLE) + 1]
    return rng.permutation(np.flatnonzero(known & np.isin(train.person, few)))


class Threshold(NamedTuple):
    """An operating point, or why there is none, and where it is from."""

    point: point.Point | None
    source: str

    def marks(self) -> list[Mark]:
        """Where half the cosine distance reaches it."""
        if self.point is None:
            return []
        cosine = self.point.threshold
        return [Mark(0.5 - cosine / 2, f"threshold: cosine {cosine:.3f}")]

    def told(self) -> list[Block]:
        """It in words."""
        if self.point is None:
            return [Text(f"There is no threshold: {self.source}")]
        one = self.point
        words = (
            f"**Threshold** (dotted): from a cosine of {one.threshold:.4f} on ({one.low:.4f} to "
            f"{one.high:.4f}, 95%) two pictures are taken to show one person. So are {one.fmr:g} "
            f"of {one.other:,} pairs of different persons"
        )
        if one.same:
            words += (
                f" and {one.tpr:.1%} ({one.tpr_low:.1%} to {one.tpr_high:.1%}) of {one.same:,} "
                f"pairs of one person; where both errors are as frequent, each is {one.eer:.1%}"
            )
        return [Text(f"{words}. {self.source}")]


def threshold(
    workdir: Path, variables: Variables, embedding: np.ndarray, test: Records, *, same_camera: bool
) -> Threshold:
    """The operating point kept with a run, or one of its test data; all processes call it together.

    Args:
        workdir: of the run.
        variables: of the encoder, on the host.
        embedding: of all rows of the test data.
        test: query and gallery; without a row there is no point but a kept one.
        same_camera: pairs of one camera count.
    """
    try:
        kept = point.load(workdir, variables)
    except ValueError:  # of the run when it was shorter
        kept = None
    if kept is not None:
        return Threshold(kept, "It is kept in operating.json.")
    if not len(test.person):
        return Threshold(None, "it needs a test set.")
    why = ""
    try:
        known = evaluate.curves(embedding, test, same_camera=same_camera)
        for rate in RATES:
            try:
                at = shlex.quote(str(workdir))
                keeps = f"`reid-jax evaluate --workdir={at} --fmr={rate:g}` keeps it"
                return Threshold(point.rates(known, rate), f"Not in operating.json; {keeps}.")
            except ValueError as error:
                why = str(error)
    except ValueError as error:
        why = str(error)
    return Threshold(None, f"{why}.")


def histograms(counts: dict[str, DistanceCounts], path: Path) -> None:
    """Draw a panel for each data set (GDS's figures 1 and 3); nothing where there is none."""
    if counts:
        compared([counts], path, "Distances")


def compared(rows: Sequence[Mapping[str, DistanceCounts]], path: Path, title: str) -> None:
    """Draw a line of panels for each of `rows`, counts by what they are of."""
    charts = [[panel(name, count) for name, count in row.items()] for row in rows]
    canvas.save(path, canvas.charted(charts, f"{title}: {PAIRS}", READING))


def panel(name: str, count: DistanceCounts, marks: Sequence[Mark] = ()) -> Chart:
    """The two histograms of one data set, with marks at half cosine distances."""
    bins = len(count.same)
    edges, series, means = np.arange(bins + 1) / bins, [], []
    for side, word, ink in (
        (count.other, "different persons", WRONG),
        (count.same, "the same person", RIGHT),
    ):
        if side.any():
            density = bins * side / side.sum()
            label = f"{word} ({side.sum():,} pairs)"
            series.append(Series(label, edges, density, ink, AREA))
            mean = (side * (edges[:-1] + edges[1:]) / 2).sum() / side.sum()
            means.append(f"{mean:.3f} for {word}")
    overlap = "" if np.isnan(count.overlap) else f"\noverlap {count.overlap:.3f}"
    words = f"Mean {' and '.join(means)}." if means else "There is no pair."
    axis = "half the cosine distance (0: alike, 1: opposite)"
    return Chart(f"{name}{overlap}", words, axis, "density of the pairs", series, marks)


def trend(moments: Moments, path: Path, name: str) -> None:
    """Draw means, tails and variances of GDS's distributions by epoch (its figure 2).

    Args:
        moments: of a run; without GDS nothing is drawn.
        path: of the picture.
        name: of the training data.
    """
    charts = moved(moments)
    if charts:
        title = f"GDS by epoch on {name}: {PAIRS}"
        canvas.save(path, canvas.charted([charts], title, GDS))


GDS = (
    "Running means and variances that GDS keeps of the training pairs. It works where the two "
    "means part, the dashed tails stop crossing, and the variances fall."
)


def moved(moments: Moments) -> list[Chart]:
    """Means and tails, and variances, of GDS's distributions by epoch; none without GDS."""
    means, variances = [], []
    for side, word, sign, ink in (
        ("same", "the same person", 1, RIGHT),
        ("other", "different persons", -1, WRONG),
    ):
        epoch, mean = moments.by_epoch(f"mean_{side}")
        variance = moments.by_epoch(f"variance_{side}")[1]
        if not len(epoch):
            return []
        tail = mean + sign * 3 * np.sqrt(variance)
        means.append(Series(f"{word}: mean", epoch, mean, ink))
        means.append(Series(f"{word}: 3 standard deviations on", epoch, tail, ink, other=1))
        variances.append(Series(word, epoch, variance, ink))
    return [
        Chart(
            "GDS: distances by epoch", GDS, "epoch", "distance, as GDS takes it", means, whole=True
        ),
        Chart("GDS: variances by epoch", GDS, "epoch", "its variance", variances, whole=True),
    ]

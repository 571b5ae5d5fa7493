"""Pictures of distances: of pairs of the same person and of others, and how GDS moves them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from reid_jax import evaluate, parallel
from reid_jax.app import canvas, markdown
from reid_jax.app.embedding import embed_rows
from reid_jax.app.job import Job
from reid_jax.retrieval.distances import DistanceCounts, count_distances
from reid_jax.types import Records, Variables

matplotlib.use("agg")

SAMPLE = 2000  # training pictures that are looked at


def measured(
    job: Job, embed: parallel.Embed, encoder: Variables, embedding: np.ndarray, config: Any
) -> dict[str, DistanceCounts]:
    """Count the distances on the test data and, where persons are known, on the training data.

    Of two domains of training data it takes the target. All processes must call it together.

    Args:
        job: what is trained.
        embed: of the job's model.
        encoder: replicated variables.
        embedding: of all rows of the test data.
        config: the configuration.

    Returns:
        Counts by the name of the data; none where no person is known.
    """
    same_camera = config.same_camera
    counts = {}
    if len(job.test.person):
        counts[f"test data: {markdown.tested_on(config)}"] = evaluate.record_distances(
            embedding, job.test, same_camera=same_camera
        )
    chosen = sample(job.train)
    if len(chosen):
        rows = embed_rows(embed, job.model, job.train, encoder, chosen)
        query, gallery = slice(0, None, 2), slice(1, None, 2)
        person, camera = job.train.person[chosen], job.train.camera[chosen]
        counts[f"training data: {markdown.looked_at(config)}"] = count_distances(
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


def histograms(counts: dict[str, DistanceCounts], path: Path) -> None:
    """Draw a panel for each data set (GDS's figures 1 and 3); nothing where there is none."""
    if counts:
        compared([counts], path, "Distances")


def compared(rows: Sequence[Mapping[str, DistanceCounts]], path: Path, title: str) -> None:
    """Draw a line of panels for each of `rows`, counts by what they are of."""
    from matplotlib import pyplot

    wide = max(map(len, rows))
    size = (6.5 * wide, 4 * len(rows))
    figure, panels = pyplot.subplots(len(rows), wide, figsize=size, squeeze=False)
    for line, row in zip(panels, rows, strict=True):
        for axes, (name, count) in zip(line, row.items(), strict=False):
            _panel(axes, name, count)
        for axes in line[len(row) :]:
            axes.set_axis_off()
    text = "How far two pictures are apart, by the network. The better it is, the further "
    text += "left the same person lies and the smaller is the overlap (0: apart, 1: no difference)."
    canvas.save(path, canvas.captioned(canvas.plotted(figure), f"{title}: {_pairs()}", text))


def _panel(axes: Any, name: str, count: DistanceCounts) -> None:
    """The two histograms of one data set."""
    bins = len(count.same)
    for side, word, ink in (
        (count.other, "different persons", canvas.WRONG),
        (count.same, "the same person", canvas.RIGHT),
    ):
        if side.any():
            density, places = bins * side / side.sum(), (np.arange(bins) + 0.5) / bins
            label = f"{word} ({side.sum():,} pairs)"
            axes.bar(places, density, 1 / bins, alpha=0.6, label=label, color=ink.plotted)
    overlap = "" if np.isnan(count.overlap) else f"\noverlap {count.overlap:.3f}"
    axes.set_title(name + overlap)
    axes.set_xlabel("half the cosine distance (0: alike, 1: opposite)")
    axes.set_ylabel("density of the pairs")
    if axes.patches:
        axes.legend()


def trend(metrics: Path, path: Path, name: str) -> None:
    """Draw means, tails and variances of GDS's distributions by epoch (its figure 2).

    Args:
        metrics: the metrics.jsonl of a run; without GDS nothing is drawn.
        path: of the picture.
        name: of the training data.
    """
    from matplotlib import pyplot

    lines = (
        [json.loads(line) for line in metrics.read_text().splitlines()] if metrics.is_file() else []
    )
    lines = [line for line in lines if line["kind"] == "train" and "mean_same" in line]
    if not lines:
        return
    last = {line["epoch"]: line for line in lines}  # the last of each epoch
    epoch = np.array(list(last)) + 1
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4))
    for side, word, sign, ink in (
        ("same", "the same person", 1, canvas.RIGHT),
        ("other", "different persons", -1, canvas.WRONG),
    ):
        mean = np.array([line[f"mean_{side}"] for line in last.values()])
        variance = np.array([line[f"variance_{side}"] for line in last.values()])
        tail = mean + sign * 3 * np.sqrt(variance)
        style = {"color": ink.plotted, "marker": "."}
        left.plot(epoch, mean, label=f"{word}: mean", **style)
        left.plot(epoch, tail, linestyle="--", label=f"{word}: 3 standard deviations on", **style)
        right.plot(epoch, variance, label=word, **style)
    for axes, what in ((left, "distance, as GDS takes it"), (right, "its variance")):
        axes.set_xlabel("epoch")
        axes.set_ylabel(what)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize="small")
    text = "Running means and variances that GDS keeps of the training pairs. It works where the "
    text += "two means part, the dashed tails stop crossing, and the variances fall."
    title = f"GDS by epoch on {name}: {_pairs()}"
    canvas.save(path, canvas.captioned(canvas.plotted(figure), title, text))


def _pairs() -> str:
    """The colours in words."""
    return f"{canvas.RIGHT.word} = the same person, {canvas.WRONG.word} = different persons"

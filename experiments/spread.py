"""Pictures of distances: those of one person's pairs beside those of others, and how GDS's two distributions move."""

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from reid_jax import evaluate, parallel
from reid_jax.retrieval.spread import Spread, spread
from reid_jax.types import Records

matplotlib.use("agg")

SAMPLE = 2000  # training pictures that are looked at


def measured(job: Any, embed: parallel.Embed, encoder: Any, embedding: np.ndarray, config: Any) -> dict[str, Spread]:
    """The distances on the test data and, where persons are known, on the training data (the target's, if there is one).

    All processes must call it together. embedding: of all rows of the test data.
    """
    told = {"test data": evaluate.spread_records(embedding, job.test, same_camera=config.same_camera)}
    chosen = sample(job.train)
    if len(chosen):
        rows = evaluate.embed_rows(embed, encoder, job.train, chosen, taken=job.model.input)
        halves = {"query": slice(0, None, 2), "gallery": slice(1, None, 2)}
        split = {
            f"{side}_{column}": getattr(job.train, column)[chosen][half]
            for side, half in halves.items()
            for column in ("person", "camera")
        }
        told["training data"] = spread(*(rows[half] for half in halves.values()), **split, same_camera=True)
    return told


def sample(train: Records) -> np.ndarray:
    """Rows of known persons of the last domain, whole persons, in a random order."""
    known = (train.person >= 1) & (train.domain == train.domain.max(initial=0))
    rng = np.random.default_rng(0)
    persons = rng.permutation(np.unique(train.person[known]))
    size = np.bincount(train.person[known], minlength=1)[persons]
    few = persons[: np.searchsorted(np.cumsum(size), SAMPLE) + 1]
    return rng.permutation(np.flatnonzero(known & np.isin(train.person, few)))


def histograms(told: dict[str, Spread], path: Path) -> None:
    """A panel for each data set (GDS's figures 1 and 3)."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(told), figsize=(6.5 * len(told), 4), squeeze=False)
    for axes, (name, counts) in zip(panels[0], told.items(), strict=True):
        bins = len(counts.same)
        for side, label, colour in (
            (counts.other, "different persons", "tab:green"),
            (counts.same, "the same person", "tab:red"),
        ):
            if side.any():
                density, places = bins * side / side.sum(), (np.arange(bins) + 0.5) / bins
                label = f"{label} ({side.sum():,} pairs)"
                axes.bar(places, density, 1 / bins, alpha=0.6, label=label, color=colour)
        axes.set_title(f"{name}, overlap {counts.overlap:.3f}")
        axes.set_xlabel("half the cosine distance")
        axes.set_ylabel("density")
        axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def trend(metrics: Path, path: Path) -> None:
    """Means, tails and variances of GDS's two distributions over the epochs (its figure 2); nothing without GDS."""
    from matplotlib import pyplot

    lines = [json.loads(line) for line in metrics.read_text().splitlines()] if metrics.is_file() else []
    lines = [line for line in lines if line["kind"] == "train" and "mean_same" in line]
    if not lines:
        return
    last = {line["epoch"]: line for line in lines}  # the last of each epoch
    epoch = np.array(list(last)) + 1
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4))
    for name, sign, colour in (("same", 1, "tab:red"), ("other", -1, "tab:green")):
        mean, variance = (np.array([line[f"{what}_{name}"] for line in last.values()]) for what in ("mean", "variance"))
        left.plot(epoch, mean, color=colour, label=f"mean, {name}")
        left.plot(epoch, mean + sign * 3 * np.sqrt(variance), "--", color=colour, label="3 standard deviations on")
        right.plot(epoch, variance, color=colour, label=f"variance, {name}")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)

"""metrics.jsonl as curves: losses, tests, the health of pseudo labels, by epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.app.log import LINE
from reid_jax.app.page.blocks import Chart, Series, Table
from reid_jax.app.page.inks import SEVERAL
from reid_jax.files import jsons

TESTED = {"mAP": "mAP", "rank1": "rank-1", "rank5": "rank-5", "mINP": "mINP"}
HEALTH = {
    "purity": "purity",
    "recall": "recall",
    "outlier_part": "outliers",
    "accuracy": "accuracy in training",
}
COUNTS = {"labels": "labels", "videos": "videos looked at"}
PICTURES = {"labelled": "pictures with a label"}
SPEED = "images_per_second"
CURVES = 7  # of a chart, at most: there are so many colours
LINES = 12  # of a table of numbers, at most


class Moments:
    """The lines of a run's metrics.jsonl; none where there is no such file, or an empty one."""

    def __init__(self, path: Path):
        self.lines: Sequence[Mapping[str, Any]] = jsons.lines(path, LINE)[0]

    def names(self, kind: str = "train") -> list[str]:
        """The figures of lines of a kind, in the order of their first time."""
        found = (name for line in self.lines if line["kind"] == kind for name in line)
        return [name for name in dict.fromkeys(found) if name not in LINE]

    def by_epoch(self, name: str, kind: str = "train") -> tuple[np.ndarray, np.ndarray]:
        """The last value of a figure in each epoch: epochs from 1 f64[k], values f64[k]."""
        last = {
            line["epoch"] + 1: float(line[name])
            for line in self.lines
            if line["kind"] == kind and isinstance(line.get(name), int | float)
        }
        return np.array([*last], np.float64), np.array([*last.values()], np.float64)

    def speed(self) -> float:
        """The median of the pictures a second; NaN where none is known."""
        known = [line[SPEED] for line in self.lines if isinstance(line.get(SPEED), int | float)]
        return float(np.median(known)) if known else float("nan")


def losses(moments: Moments, name: str) -> list[Chart]:
    """The curves of what a training on `name` lowers, the whole loss first."""
    known = {*HEALTH, *COUNTS, *PICTURES, SPEED}
    others = [one for one in moments.names() if one not in known]
    others = [one for one in others if not one.startswith(("mean_", "variance_"))]
    first = [one for one in others if one == "loss"]
    terms = [one for one in others if one != "loss"]
    text = "The last look at each epoch."
    charts = [_chart(moments, dict.fromkeys(first), f"Loss on {name}", text, "loss")]
    for at in range(0, len(terms), CURVES):
        part = {one: one.replace("_", " ") for one in terms[at : at + CURVES]}
        charts.append(
            _chart(moments, part, f"Its terms, and other figures, on {name}", text, "value")
        )
    return [one for one in charts if one]


def tests(moments: Moments, name: str, kind: str = "test") -> list[Chart]:
    """The curves of the evaluations on the way on `name`; none where there was one only."""
    title = f"{kind.capitalize()}s on the way on {name}"
    text = "Each evaluation of the run, of all queries."
    made = _chart(moments, TESTED, title, text, "%", kind=kind, percent=True)
    return [made] if made and len(made.series[0].x) > 1 else []


def health(moments: Moments, name: str) -> list[Chart]:
    """The health of the labels of `name` by epoch: shares, and counts."""
    if not len(moments.by_epoch("labels")[0]):
        right = {"accuracy": HEALTH["accuracy"]}
        text = "How many pictures of a batch the classifier names right."
        made = [_chart(moments, right, f"Accuracy on {name}", text, "%", percent=True)]
        return [one for one in made if one]
    text = "Outliers: the share of the pictures looked at that have no label."
    if len(moments.by_epoch("purity")[0]):
        text += (
            " Purity: of those that have one, the share that shows its commonest person. Recall: of"
            " the pairs of one person, the share whose two pictures have one label."
        )
    shares = _chart(moments, HEALTH, f"Pseudo labels of {name}: shares", text, "%", percent=True)
    title, text = f"Pseudo labels of {name}: how many", "They should near the number of persons."
    counts = _chart(moments, COUNTS, title, text, "how many", zero=True)
    title = f"Pseudo labels of {name}: pictures with one"
    text = "The more the better, if a label stays one person."
    pictures = _chart(moments, PICTURES, title, text, "pictures", zero=True)
    return [one for one in (shares, counts, pictures) if one]


def _chart(
    moments: Moments,
    names: Mapping[str, str | None],
    title: str,
    text: str,
    axis: str,
    *,
    kind: str = "train",
    percent: bool = False,
    zero: bool = False,
) -> Chart | None:
    """Curves of figures, by what the legend calls them; None where none was logged."""
    series = []
    for (name, word), ink in zip(names.items(), SEVERAL * len(names), strict=False):
        epoch, value = moments.by_epoch(name, kind)
        if np.isfinite(value).any():
            series.append(Series(word or name, epoch, 100 * value if percent else value, ink))
    if not series:
        return None
    return Chart(
        title, text, "epoch", axis, series, table=_table(series), whole=True, zero=zero or percent
    )


def _table(series: Sequence[Series]) -> Table:
    """The numbers of some epochs, the first and the last among them."""
    epochs = np.unique(np.concatenate([one.x for one in series]))
    chosen = epochs[np.unique(np.linspace(0, len(epochs) - 1, LINES).astype(int))]
    rows = []
    for epoch in chosen:
        cells = [f"{epoch:.0f}"]
        for one in series:
            value = one.y[one.x == epoch]
            cells.append(f"{value[0]:.4g}" if len(value) else "")
        rows.append(cells)
    return Table("The numbers, of some epochs", ["epoch", *(one.name for one in series)], rows)

"""The report of a run as sections, which the page and its text are both written of."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid_jax.app import best, curves, distances, markdown, planar, recorded, sources
from reid_jax.app.about import About
from reid_jax.app.job import Experiment, Figures, Job
from reid_jax.app.page.blocks import Block, Lines, Section, Sheet, Table, Text
from reid_jax.data.check import summary, survey
from reid_jax.retrieval import bootstrap, ranking
from reid_jax.retrieval.distances import DistanceCounts
from reid_jax.types import Plan, Variables


class Seen(NamedTuple):
    """All that a report is made of.

    Attributes:
        job: what was trained.
        config: its configuration.
        experiment: whose; None: unknown.
        about: where the run comes from.
        workdir: of the run.
        epochs: that were trained.
        plan: of the last epoch.
        variables: of the encoder, on the host.
        table: figures by row; empty without a test set.
        rankings: that they are of.
        sheets: by the name of their file.
        counts: of distances, by the name of the data.
        threshold: of the cosine, and where it is from.
        parts: of embeddings, for the map.
    """

    job: Job
    config: Any
    experiment: Experiment | None
    about: About
    workdir: Path
    epochs: int
    plan: Plan | None
    variables: Variables
    table: Mapping[str, Figures]
    rankings: Mapping[str, ranking.Ranking]
    sheets: Mapping[str, Sheet]
    counts: Mapping[str, DistanceCounts]
    threshold: distances.Threshold
    parts: Sequence[planar.Part]

    @property
    def when(self) -> str:
        """Of which training and when figures are."""
        return f"seed {self.config.seed}, after epoch {self.epochs}"


def sections(seen: Seen) -> list[Section]:
    """All sections, in their order; those of which a run has nothing are left out."""
    moments = curves.Moments(seen.workdir / "metrics.jsonl")
    learnt = markdown.trained_on(seen.config).replace("`", "")
    opening = markdown.opening(seen.job, seen.config, seen.about, epochs=seen.epochs)
    workdir = shlex.quote(str(seen.workdir))
    opening += markdown.validated(best.read(seen.workdir / best.FOLDER), workdir, seen.config)
    found: dict[str, Sequence[Block]] = {
        "What was trained": [Lines(opening)],
        "Figures": _figures(seen) if seen.table else markdown.no_test(workdir),
        "Training by epoch": _training(seen, moments, learnt),
        "Pseudo labels of the last epoch": _labels(seen, moments),
        "Ranked lists": _sheet(seen, "ranked"),
        "Worst queries": _sheet(seen, "worst"),
        "Nearest neighbours": _sheet(seen, "neighbours"),
        "Distances": _distances(seen),
        "Map of the embeddings": _map(seen),
        "What the network looks at": _sheet(seen, "activation"),
        "Data": [Lines(_counted(seen)), *_sheet(seen, "data")],
        "Configuration": recorded.configuration(seen.config, seen.experiment, seen.about),
        "Command, machine and hashes": [
            *recorded.command(seen.config, seen.experiment, seen.about, seen.workdir),
            *recorded.hardware(seen.about, moments.speed()),
            recorded.hashes(seen.workdir, seen.variables),
        ],
        "What to do next": markdown.following(workdir, seen.config, seen.about, bool(seen.table)),
    }
    return [Section(title, blocks) for title, blocks in found.items() if blocks]


def _figures(seen: Seen) -> list[Block]:
    """The figures with their spread, and a sentence where a baseline is as good."""
    counts = survey(seen.job.test)
    said = (
        f"Percent, with 95% intervals, on `{markdown.tested_on(seen.config)}` "
        f"({counts.queries:,} queries, {counts.images['gallery']:,} gallery pictures), {seen.when}"
    )
    text = (
        f"The intervals are of {bootstrap.DRAWS:,} draws of as many queries: how far a figure may "
    )
    text += "be from that of other queries of these cameras. Other trainings differ besides."
    verdict = markdown.verdict(seen.table)
    table = tabled(said, seen.table, seen.rankings)
    return [table, Text(text), *([Text(verdict)] if verdict else [])]


def tabled(
    caption: str, table: Mapping[str, Figures], rankings: Mapping[str, ranking.Ranking]
) -> Table:
    """The figures in percent, a row for each embedding, with the intervals of its ranking."""
    rows = []
    for name, row in table.items():
        cells = [f"**{name}**" if name == markdown.TRAINED else name]
        low, high = 100 * _interval(rankings[name])
        for place, figure in enumerate(curves.TESTED):
            cells.append(f"{100 * row[figure]:.1f} ({low[place]:.1f} to {high[place]:.1f})")
        rows.append(cells)
    return Table(caption, ["embedding", *curves.TESTED.values()], rows)


def _interval(result: ranking.Ranking) -> np.ndarray:
    """The intervals f64[2 4] of mAP, rank-1, rank-5 and mINP."""
    valid = ~np.isnan(result.ap)
    first = result.first[valid]
    values = np.stack([result.ap[valid], first <= 1, first <= 5, result.inp[valid]], 1)
    return bootstrap.interval(values)


def _training(seen: Seen, moments: curves.Moments, learnt: str) -> list[Block]:
    """Losses, tests on the way, accuracy, and GDS's distributions."""
    name = f"`{learnt}`, seed {seen.config.seed}"
    charts: list[Block] = [*curves.losses(moments, name)]
    charts += curves.tests(moments, f"`{markdown.tested_on(seen.config)}`, seed {seen.config.seed}")
    charts += curves.tests(moments, f"persons held out of {name}", best.KIND)
    if not len(moments.by_epoch("labels")[0]):
        charts += curves.health(moments, name)
    charts += distances.moved(moments)
    return charts or [Text("metrics.jsonl has no line of this training, so there are no curves.")]


def _labels(seen: Seen, moments: curves.Moments) -> list[Block]:
    """The health of pseudo labels, in sentences of the last epoch and in curves; pictures."""
    lines = markdown.health(seen.plan, seen.job.train)
    blocks: list[Block] = [Lines(lines)] if lines else []
    if advice := markdown.radius(seen.plan, seen.job.train, seen.config) if lines else "":
        blocks.append(Text(advice))
    if len(moments.by_epoch("labels")[0]):
        name = f"`{markdown.looked_at(seen.config)}`, seed {seen.config.seed}"
        blocks += curves.health(moments, name)
    return [*blocks, *_sheet(seen, "clusters")]


def _sheet(seen: Seen, name: str) -> list[Block]:
    """A sheet, if the run has it."""
    return [seen.sheets[name]] if name in seen.sheets else []


def _distances(seen: Seen) -> list[Block]:
    """The histograms, with the threshold."""
    if not seen.counts:
        return []
    marks = seen.threshold.marks()
    charts = []
    for name, count in seen.counts.items():
        chart = distances.panel(name, count, marks)
        charts.append(chart._replace(title=chart.title.replace("\n", ", ") + f", {seen.when}"))
    return [
        Text(f"{distances.READING} Colours: {distances.PAIRS}."),
        *charts,
        *seen.threshold.told(),
    ]


def _map(seen: Seen) -> list[Block]:
    """The map of embeddings by kind of data and by camera."""
    charts = planar.charts(seen.parts) if seen.parts else []
    count = sum(len(one.camera) for one in seen.parts)
    if not charts:
        return []
    text = (
        f"{count:,} pictures, chosen at random, {seen.when}, laid out by t-SNE, which keeps near "
    )
    text += "what is near; how far apart two clouds are says nothing."
    return [Text(text), *charts]


def _counted(seen: Seen) -> list[str]:
    """What the data hold, in lines."""
    ways = {"same_camera": bool(seen.config.same_camera)}
    lines = summary(survey(seen.job.train)).splitlines()
    if len(seen.job.test.person):
        lines += summary(survey(seen.job.test), **ways).splitlines()
    return [*(line.strip() for line in lines), *sources.left_out]

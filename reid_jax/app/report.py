"""The report of a run: a page, report/report.html, its text, report.md, and pictures beside them.

The page is one file that needs no other and no script; `contents` says what is in it, and
`reid_jax.app.page` writes it. A training ends with its report, and experiments.report draws it
again from the weights.

The pictures, each below a caption: with a test set, ranked.png has ranked lists, worst.png those of
the worst queries, and distances.png how far pictures of the same and of different persons are
apart, in the test and in the training data. Without one there are no figures and no ranked lists;
neighbours.png then has random training pictures, each with its nearest ones. Always there are
data.png, what was trained on, and activation.png, what the network looks at. A training with pseudo
labels adds clusters.png, pictures of some labels of its last epoch; one with GDS adds trend.png,
how its distributions moved; DomainMix adds domains.png. Evaluations on the way leave their
distances-EPOCH.png. In all of them blue is right, or the same person, and orange wrong, or another
one (`reid_jax.app.page.inks`).
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from reid_jax import encoders, evaluate, parallel
from reid_jax.app import (
    about,
    baselines,
    canvas,
    command,
    contents,
    curves,
    distances,
    domains,
    lists,
    markdown,
    planar,
    sheets,
)
from reid_jax.app.embedding import embed_rows
from reid_jax.app.job import Experiment, Figures, Job
from reid_jax.app.page import html, text
from reid_jax.app.page.blocks import Sheet
from reid_jax.data import records as reading
from reid_jax.retrieval import ranking
from reid_jax.types import Domain, Plan, Records, Variables
from reid_jax.whole import whole

LOOKED_AT = 2000  # training pictures among which neighbours are sought, at most
KINDS = {Domain.LABELLED: "labelled training data", Domain.UNLABELLED: "unlabelled training data"}
PAGE, TEXT = "report.html", "report.md"

Look = Callable[[np.ndarray], np.ndarray]  # rows of the training data -> their embeddings


def write(
    job: Job,
    config: Any,
    embed: parallel.Embed,
    encoder: Variables,
    folder: Path,
    plan: Plan | None = None,
    *,
    epochs: int | None = None,
    embedding: np.ndarray | None = None,
    ranked: ranking.Ranking | None = None,
    experiment: Experiment | None = None,
) -> Mapping[str, Figures]:
    """Embed the test data three ways, rank, draw, and write the report; all processes call it.

    Args:
        job: what was trained; without test data nothing is ranked.
        config: its configuration.
        embed: of the job's model.
        encoder: replicated variables.
        folder: of the report, in that of the run.
        plan: of the last epoch, whose pseudo labels are drawn.
        epochs: that were trained; None: all of them.
        embedding: of all rows of the test data by `encoder`, if that is known.
        ranked: the ranking of `embedding`, if that is known.
        experiment: whose configuration it is; None: that of its class.

    Returns:
        The figures by row of the table; none without test data.
    """
    began, origin = time.monotonic(), about.read(folder.parent)
    ways = {"metric": config.rank_by, "same_camera": config.same_camera}
    embeddings = baselines.embeddings(job, config, embed, encoder, origin, embedding)
    known = {markdown.TRAINED: ranked} if ranked else {}
    rankings = {
        name: known[name] if name in known else evaluate.rank_records(embedding, job.test, **ways)
        for name, embedding in embeddings.items()
    }
    table = {name: dict(evaluate.figures(ranked)) for name, ranked in rankings.items()}
    trained = embeddings.get(markdown.TRAINED, np.zeros((0, job.model.width), np.float32))
    look, variables = _look(job, embed, encoder), parallel.first(encoder)
    counts = distances.measured(job, look, trained, config)
    same_camera = config.same_camera
    at = distances.threshold(folder.parent, variables, trained, job.test, same_camera=same_camera)
    own = some(job.train)
    near = look(own) if not table else trained[:0]
    parts = _parts(job, look, trained)
    if jax.process_index():
        return table
    count = config.epochs if epochs is None else epochs
    drawn = _sheets(job, config, variables, rankings, trained, own, near, plan)
    when = f", seed {config.seed}, after epoch {count}"
    seen = contents.Seen(
        job,
        config,
        experiment or about.experiment(config),
        origin,
        folder.parent,
        count,
        plan,
        variables,
        table,
        rankings,
        {
            name: one._replace(
                title=one.title + ("" if name == "data" else when), file=f"{name}.png"
            )
            for name, one in drawn.items()
        },
        counts,
        at,
        parts,
    )
    _write(seen, folder, began)
    return table


def _write(seen: contents.Seen, folder: Path, began: float) -> None:
    """Write the pictures, the page and its text."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sheet in seen.sheets.items():
        canvas.save(folder / f"{name}.png", canvas.drawn(sheet))
    _plots(seen.counts, seen.config, folder)
    sections = contents.sections(seen)
    sections += domains.shown(folder)
    title = folder.parent.absolute().name
    opening = (
        "A report of `reid_jax`. Blue is right, or the same person; orange, in dashed frames, "
    )
    opening += "is wrong, or another person."
    foot = f"Written on {time.strftime('%Y-%m-%d %H:%M')} in {time.monotonic() - began:.0f} s."
    for name, made in ((TEXT, text.text), (PAGE, html.page)):
        with whole(folder / name) as unfinished:
            written = made(title, sections, opening=opening, foot=foot)
            unfinished.write_text(written, encoding="utf-8")
    if seen.table:
        lines = text.tabled(contents.tabled("", seen.table, seen.rankings))
    else:
        lines = "\n".join(markdown.health(seen.plan, seen.job.train))
    said = f"{lines}\n\n" if lines else ""
    command.say(f"\n{said}report: {folder / PAGE}, and in words {folder / TEXT}")


def _plots(counts: Any, config: Any, folder: Path, name: str = "distances") -> None:
    """The pictures of distances, and of how GDS moved them."""
    distances.histograms(counts, folder / f"{name}.png")
    learnt = markdown.trained_on(config).replace("`", "")
    moments = curves.Moments(folder.parent / "metrics.jsonl")
    distances.trend(moments, folder / "trend.png", learnt)


def _sheets(
    job: Job,
    config: Any,
    variables: Variables,
    rankings: Mapping[str, ranking.Ranking],
    trained: np.ndarray,
    own: np.ndarray,
    near: np.ndarray,
    plan: Plan | None,
) -> dict[str, Sheet]:
    """The sheets of pictures, by the name of their file."""
    seen, drawn, seed = reading.take(job.train, own), _pseudo(job, config, plan), config.seed
    name, tested = markdown.looked_at(config), markdown.tested_on(config)
    if rankings:
        result = rankings[markdown.TRAINED]
        test = lists.Tested(job.test, trained, result, config.rank_by, config.same_camera, tested)
        drawn |= {"ranked": lists.ranked(test), "worst": lists.worst(test)}
    elif len(own):
        drawn["neighbours"] = sheets.neighbours(near, seen, config.rank_by, seed, name)
    if len(own):
        learnt = markdown.trained_on(config)
        drawn["data"] = sheets.data_sheet(job.train, seed, f"Training data: {learnt}")
    shown, name = (job.test, tested) if rankings else (seen, name)
    drawn["activation"] = sheets.activation(job.model, variables, shown, seed, name)
    return drawn


def _look(job: Job, embed: parallel.Embed, encoder: Variables) -> Look:
    """Embeddings of rows of the training data, each of which is embedded once."""
    known: dict[int, np.ndarray] = {}

    def look(rows: np.ndarray) -> np.ndarray:
        new = np.array([row for row in rows.tolist() if row not in known], np.int64)
        if len(new):
            made = embed_rows(embed, job.model, job.train, encoder, new)
            known.update(zip(new.tolist(), made, strict=True))
        return np.array([known[row] for row in rows.tolist()], np.float32).reshape(
            len(rows), job.model.width
        )

    return look


def _parts(job: Job, look: Look, trained: np.ndarray) -> list[planar.Part]:
    """Some pictures of each kind of data, for the map; where possible, of those embedded before."""
    train, test = job.train, job.test
    kinds = [kind for kind in Domain if (train.domain == kind).any()]
    count, parts = len(kinds) + bool(len(trained)), []
    if len(trained):
        rows = planar.chosen(len(trained), count)
        parts.append(planar.Part("test data", trained[rows], test.camera[rows], test.person[rows]))
    for kind in kinds:
        rows = distances.sample(train) if kind == kinds[-1] else np.zeros(0, int)
        rows = rows if len(rows) else np.flatnonzero(train.domain == kind)
        rows = rows[planar.chosen(len(rows), count)]
        parts.append(planar.Part(KINDS[kind], look(rows), train.camera[rows], train.person[rows]))
    return parts


def _pseudo(job: Job, config: Any, plan: Plan | None) -> dict[str, Sheet]:
    """The sheet of pseudo labels, if there are any."""
    if plan is None:
        return {}
    label = markdown.pseudo(plan, job.train)
    name = markdown.looked_at(config)
    return (
        {"clusters": sheets.clusters(label, job.train, config.seed, name)}
        if (label >= 0).any()
        else {}
    )


def some(train: Records) -> np.ndarray:
    """Random rows of the last domain of the training data, at most `LOOKED_AT`."""
    rows = np.flatnonzero(train.domain == train.domain.max(initial=0))
    return np.sort(np.random.default_rng(0).permutation(rows)[:LOOKED_AT])


def midway(
    job: Job,
    config: Any,
    embed: parallel.Embed,
    encoder: Variables,
    embedding: np.ndarray,
    folder: Path,
    epoch: int,
) -> None:
    """Draw the distances after this epoch, and how GDS's distributions moved up to it.

    Arguments are as of `write`; embedding is that of all rows of the test data.
    """
    counts = distances.measured(job, _look(job, embed, encoder), embedding, config)
    if not jax.process_index():
        folder.mkdir(parents=True, exist_ok=True)
        _plots(counts, config, folder, midway_file(folder, epoch).stem)


def midway_file(folder: Path, epoch: int) -> Path:
    """The picture that an evaluation on the way leaves last."""
    return folder / f"distances-{epoch:04}.png"


def first_line(config: Any, recipe: str) -> str:
    """The first line of a training: what will be done, with what, on what."""
    length = f"{config.epochs} epochs" + (
        f" of {config.iterations} batches" if getattr(config, "iterations", 0) else ""
    )
    begun = "" if config.weights in encoders.WORDS else f" from {config.weights}"
    return (
        f"recipe {recipe}: {config.backbone}{begun} at {config.size}, {length}, trained on "
        f"{markdown.trained_on(config)}, tested on `{markdown.tested_on(config)}`"
    )

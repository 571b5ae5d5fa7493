"""The report of a run: report/report.md and the pictures beside it, each below its caption.

report.md says what was trained, on what, tested on what; the figures beside two baselines, a colour
histogram and the same network as it began; the health of pseudo labels; what each picture is to be
looked at for; and what to do next. A training ends with its report, and experiments.report draws it
again from the weights.

With a test set, ranked.png has ranked lists, and distances.png how far pictures of the same and of
different persons are apart, in the test and in the training data. Without one there are no figures
and no ranked lists; neighbours.png then has random training pictures, each with its nearest ones.
Always there are data.png, what was trained on, and activation.png, what the network looks at. A
training with pseudo labels adds clusters.png, pictures of some labels of its last epoch; one with
GDS adds trend.png, how its distributions moved; DomainMix adds domains.png. Evaluations on the way
leave their distances-EPOCH.png. In all of them blue is right, or the same person, and orange wrong,
or another one (`reid_jax.app.canvas`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from reid_jax import encoders, evaluate, parallel
from reid_jax.app import about, canvas, command, distances, markdown, progress, sheets
from reid_jax.app.embedding import embed_rows
from reid_jax.app.job import Figures, Job
from reid_jax.data import records as reading
from reid_jax.data.augment import resize
from reid_jax.retrieval import histogram
from reid_jax.types import Plan, Records, Variables

LOOKED_AT = 2000  # training pictures among which neighbours are sought, at most
HISTOGRAMS = 50_000  # test pictures that get one, of 12 KB


def write(
    job: Job,
    config: Any,
    embed: parallel.Embed,
    encoder: Variables,
    folder: Path,
    plan: Plan | None = None,
    *,
    epochs: int | None = None,
) -> Mapping[str, Figures]:
    """Embed the test data three ways, rank, draw, and write report.md; all processes call it.

    Args:
        job: what was trained; without test data nothing is ranked.
        config: its configuration.
        embed: of the job's model.
        encoder: replicated variables.
        folder: of the report, in that of the run.
        plan: of the last epoch, whose pseudo labels are drawn.
        epochs: that were trained; None: all of them.

    Returns:
        The figures by row of the table; none without test data.
    """
    origin = about.read(folder.parent)
    ways = {"metric": config.rank_by, "same_camera": config.same_camera}
    embeddings = _embeddings(job, config, embed, encoder, origin)
    rankings = {
        name: evaluate.rank_records(embedding, job.test, **ways)
        for name, embedding in embeddings.items()
    }
    table = {name: dict(evaluate.figures(ranked)) for name, ranked in rankings.items()}
    trained = embeddings.get(markdown.TRAINED, np.zeros((0, job.model.width), np.float32))
    counts = distances.measured(job, embed, encoder, trained, config)
    own = some(job.train)
    if not table and len(own):
        near = embed_rows(embed, job.model, job.train, encoder, own)
    if jax.process_index():
        return table
    folder.mkdir(parents=True, exist_ok=True)
    seen, drawn = reading.take(job.train, own), _pseudo(job, config, plan)
    name, seed = markdown.looked_at(config), config.seed
    learnt = markdown.trained_on(config).replace("`", "")
    if table:
        tested = markdown.tested_on(config)
        ranked = rankings[markdown.TRAINED]
        drawn["ranked"] = sheets.ranked_lists(trained, job.test, name=tested, result=ranked, **ways)
    elif len(own):
        drawn["neighbours"] = sheets.neighbours(near, seen, config.rank_by, seed, name)
    if len(own):
        drawn["data"] = sheets.data_sheet(job.train, seed, f"Training data: {learnt}")
    shown, name = (job.test, markdown.tested_on(config)) if table else (seen, name)
    variables = parallel.first(encoder)
    drawn["activation"] = sheets.activation(job.model, variables, shown, seed, name)
    for picture, sheet in drawn.items():
        canvas.save(folder / f"{picture}.png", sheet)
    distances.histograms(counts, folder / "distances.png")
    distances.trend(folder.parent / "metrics.jsonl", folder / "trend.png", learnt)
    count = config.epochs if epochs is None else epochs
    text = markdown.written(table, job, config, origin, folder, plan=plan, epochs=count)
    (folder / "report.md").write_text(text)
    lines = [markdown.tabled(table)] if table else markdown.health(plan, job.train)
    said = "\n".join([*lines, ""]) + "\n" if lines else ""
    command.say(f"\n{said}report: {folder / 'report.md'}, with pictures")
    return table


def _embeddings(
    job: Job, config: Any, embed: parallel.Embed, encoder: Variables, origin: about.About
) -> dict[str, np.ndarray]:
    """Embeddings of the test data by row of the table; none without test data."""
    rows = np.arange(len(job.test.person))
    if not len(rows):
        return {}
    first = parallel.replicate(job.model.init(jax.random.key(config.seed)))
    networks = {_began(about.started(job), origin.start): first, markdown.TRAINED: encoder}
    if len(rows) <= HISTOGRAMS:
        trivial = {"colour histogram, 6 stripes": histograms(job.test)}
    else:
        trivial = {}
        command.say(f"no colour histograms of {len(rows):,} test pictures; up to {HISTOGRAMS:,}")
    return trivial | {
        name: embed_rows(embed, job.model, job.test, variables, rows)
        for name, variables in networks.items()
    }


def _began(start: str, its: str | None) -> str:
    """The name of the untrained network, that begins with `start`, as the run did with `its`."""
    if start:
        return f"the network, as it began ({start})"
    if its:
        return f"the network, from random numbers; its start, {its}, is gone"
    if its is None:
        return "the network, from random numbers; what the run began with is not known"
    return "the network, as it began (random numbers)"


def _pseudo(job: Job, config: Any, plan: Plan | None) -> dict[str, np.ndarray]:
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
    counts = distances.measured(job, embed, encoder, embedding, config)
    if not jax.process_index():
        folder.mkdir(parents=True, exist_ok=True)
        distances.histograms(counts, folder / f"distances-{epoch:04}.png")
        learnt = markdown.trained_on(config).replace("`", "")
        distances.trend(folder.parent / "metrics.jsonl", folder / "trend.png", learnt)


def histograms(test: Records) -> np.ndarray:
    """The colour histograms of every row, f32[n d], which are the trivial baseline."""
    n = len(test.person)
    with progress.doing("making colour histograms") as watch:
        for row in range(n):
            one = histogram.stripes(resize(reading.read(test, row), canvas.SIZE))
            if not row:
                made = np.empty((n, len(one)), np.float32)
            made[row] = one
            watch(row + 1, n)
    return made


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

"""The report of a run: pictures, and its figures beside two baselines.

The baselines are a colour histogram and the same network as it began. A training ends with a
report, and experiments.report draws it again. It leaves report/report.md, and beside it data.png (a
person in each row), ranked.png (ranked lists: green is right, red is wrong), distances.png (of the
same and of different persons, in the test and in the training data) and activation.png (what the
encoder looks at). A training with pseudo labels adds clusters.png, four random pictures of each of
some labels of its last epoch; one with GDS adds trend.png, how its distributions moved. Evaluations
on the way leave their distances-EPOCH.png.
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from reid_jax import encoders, evaluate, parallel
from reid_jax.app import command, distances, sheets
from reid_jax.app.job import Job
from reid_jax.data import records as reading
from reid_jax.data.augment import resize
from reid_jax.retrieval import histogram
from reid_jax.types import Domain, Plan, Records, Variables

SHOWN = ("mAP", "rank1", "rank5", "mINP")  # figures of report.md


def write(
    job: Job,
    config: Any,
    embed: parallel.Embed,
    encoder: Variables,
    folder: Path,
    plan: Plan | None = None,
) -> dict[str, dict[str, float]]:
    """Embed the test data three ways, rank, draw, and write report.md; all processes call it.

    Args:
        job: what was trained.
        config: its configuration.
        embed: of the job's model.
        encoder: replicated variables.
        folder: of the report.
        plan: of the last epoch, whose pseudo labels are drawn.

    Returns:
        The figures by row of the table.
    """
    rows = np.arange(len(job.test.person))
    first = parallel.replicate(job.model.init(jax.random.key(config.seed)))
    embeddings = {
        "colour histogram, 6 stripes": histograms(job.test),
        "the network, as it began": evaluate.embed_rows(
            embed, first, job.test, rows, input=job.model.input
        ),
        "the network, trained": evaluate.embed_rows(
            embed, encoder, job.test, rows, input=job.model.input
        ),
    }
    ways = {"metric": config.rank_by, "same_camera": config.same_camera}
    table = {
        name: dict(evaluate.figures(evaluate.rank_records(embedding, job.test, **ways)))
        for name, embedding in embeddings.items()
    }
    trained = embeddings["the network, trained"]
    counts = distances.measured(job, embed, encoder, trained, config)
    if jax.process_index():
        return table
    folder.mkdir(parents=True, exist_ok=True)
    own = job.train if len(job.train.person) else job.test
    model, variables = job.model, parallel.first(encoder)
    drawn = {
        "data": sheets.data_sheet(own, config.seed),
        "ranked": sheets.ranked_lists(trained, job.test, **ways),
        "activation": sheets.activation(model, variables, job.test, config.seed),
    }
    if plan is not None:
        pseudo = np.where(job.train.domain == Domain.UNLABELLED, plan.label, -1)
        if (pseudo >= 0).any():
            drawn["clusters"] = sheets.clusters(pseudo, job.train, config.seed)
    for name, sheet in drawn.items():
        sheets.save(folder / f"{name}.png", sheet)
    distances.histograms(counts, folder / "distances.png")
    distances.trend(folder.parent / "metrics.jsonl", folder / "trend.png")
    text = _markdown(table, config)
    (folder / "report.md").write_text(text)
    command.say(f"\n{text}\npictures: {', '.join(map(str, sorted(folder.glob('*.png'))))}")
    return table


def progress(
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
        distances.trend(folder.parent / "metrics.jsonl", folder / "trend.png")


def histograms(test: Records) -> np.ndarray:
    """The colour histograms of every row, f32[n d], which are the trivial baseline."""
    return np.stack(
        [
            histogram.stripes(resize(reading.read(test, row), sheets.SIZE))
            for row in range(len(test.person))
        ]
    )


def _markdown(table: dict[str, dict[str, float]], config: Any) -> str:
    tested = config.test or getattr(config, "target", "") or config.data
    lines = [f"Tested on `{tested}`, trained on {trained_on(config)}, seed {config.seed}.", ""]
    lines += ["| | mAP | rank-1 | rank-5 | mINP |", "|---|---|---|---|---|"]
    for name, row in table.items():
        cells = " | ".join(f"{100 * row[figure]:.1f}" for figure in SHOWN)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines) + "\n"


def opening(config: Any, recipe: str) -> str:
    """The first line of a training: what will be done, with what, on what."""
    length = f"{config.epochs} epochs" + (
        f" of {config.iterations} batches" if getattr(config, "iterations", 0) else ""
    )
    tested = config.test or getattr(config, "target", "") or config.data
    begun = "" if config.weights in encoders.WORDS else f" from {config.weights}"
    return (
        f"recipe {recipe}: {config.backbone}{begun} at {config.size}, {length}, trained on "
        f"{trained_on(config)}, tested on `{tested}`"
    )


def trained_on(config: Any) -> str:
    """What a run of this configuration is trained on, in words."""
    parts = [] if getattr(config, "first", "") or not config.data else [f"`{config.data}`"]
    if target := getattr(config, "target", ""):
        labelled = getattr(config, "pseudo_labels", "") == "given"
        parts.append(f"`{target}`" if labelled else f"`{target}` without its labels")
    if (videos := getattr(config, "videos", "")) and config.labels:
        parts.append(f"the videos of `{videos}`")
    if getattr(config, "labels", 0) and config.labelled < 1:
        parts.append(f"{1 - config.labelled:.0%} of its persons without their labels")
    return " and ".join(parts)

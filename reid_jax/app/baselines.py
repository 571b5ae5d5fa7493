"""The embeddings that a test is reported of: the trained network's, and those of two baselines."""

import functools
from typing import Any

import jax
import numpy as np

from reid_jax import parallel
from reid_jax.app import about, canvas, command, markdown, progress
from reid_jax.app.embedding import embed_rows
from reid_jax.app.job import Job
from reid_jax.data import records as reading
from reid_jax.data.augment import resize
from reid_jax.retrieval import histogram
from reid_jax.types import Records, Variables

HISTOGRAMS = 50_000  # test pictures that get one, of 12 KB


def embeddings(
    job: Job,
    config: Any,
    embed: parallel.Embed,
    encoder: Variables,
    origin: about.About,
    trained: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Embeddings of the test data by row of the table; none without test data."""
    rows = np.arange(len(job.test.person))
    if not len(rows):
        return {}
    made = functools.partial(embed_rows, embed, job.model, job.test)
    first = parallel.replicate(job.model.init(jax.random.key(config.seed)))
    if len(rows) <= HISTOGRAMS:
        trivial = {"colour histogram, 6 stripes": histograms(job.test)}
    else:
        trivial = {}
        command.say(f"no colour histograms of {len(rows):,} test pictures; up to {HISTOGRAMS:,}")
    return {
        **trivial,
        began(about.started(job), origin.start): made(first, rows),
        markdown.TRAINED: made(encoder, rows) if trained is None else trained,
    }


def began(start: str, its: str | None) -> str:
    """The name of the untrained network, that begins with `start`, as the run did with `its`."""
    if start:
        return f"the network, as it began ({start})"
    if its:
        return f"the network, from random numbers; its start, {its}, is gone"
    if its is None:
        return "the network, from random numbers; what the run began with is not known"
    return "the network, as it began (random numbers)"


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

"""Embeddings of pictures, by the flags of the command line, with progress."""

from typing import Any

import numpy as np

from reid_jax import evaluate, parallel
from reid_jax.app import command, progress
from reid_jax.retrieval.ranking import Ranking
from reid_jax.types import Model, Records, Variables


def embed_rows(
    embed: parallel.Embed, model: Model, records: Records, variables: Variables, rows: np.ndarray
) -> np.ndarray:
    """Embeddings f32[len(rows) d] of rows of `records`, by a model's replicated variables."""
    with progress.doing("embedding pictures") as watch:
        return evaluate.embed_rows(
            embed,
            variables,
            records,
            rows,
            input=model.input,
            workers=command.workers(),
            watch=watch,
        )


def ranked(
    test: Records, model: Model, config: Any, embed: parallel.Embed, encoder: Variables
) -> tuple[np.ndarray, dict[str, float], Ranking | None]:
    """Embeddings f32[n d] of test data, the figures of their ranking, and it; none without data.

    Args:
        test: n pictures, query and gallery.
        model: whose encoder it is.
        config: says how is ranked, with the fields rank_by and same_camera.
        embed: of the model.
        encoder: replicated variables.
    """
    rows = np.arange(len(test.person))
    if not len(rows):
        return np.zeros((0, model.width), np.float32), {}, None
    embedding = embed_rows(embed, model, test, encoder, rows)
    ways = {"metric": config.rank_by, "same_camera": config.same_camera}
    found = evaluate.rank_records(embedding, test, **ways)
    return embedding, dict(evaluate.measured(embedding, test, ranked=found, **ways)), found

"""Embeddings of pictures, by the flags of the command line, with progress."""

import numpy as np

from reid_jax import evaluate, parallel
from reid_jax.app import command, progress
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

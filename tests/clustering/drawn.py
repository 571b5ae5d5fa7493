"""Embeddings to cluster, drawn at random."""

import numpy as np
from scipy import sparse


def people(
    count: int, *, seed: int = 0, width: int = 64, noise: float = 0.8, bias: float = 0.3
) -> tuple:
    """(features f32[count width] of length one, person, camera) of persons of long-tailed size.

    Each camera shifts the features by a bias.
    """
    rng = np.random.default_rng(seed)
    person = np.sort(rng.zipf(1.6, count) % max(1, count // 8))
    camera = rng.integers(0, 5, count)
    rows = rng.normal(size=(count, width))[person] + bias * rng.normal(size=(5, width))[camera]
    rows = rows + noise * np.exp(0.5 * rng.normal(size=(count, 1))) * rng.normal(
        size=(count, width)
    )
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), person, camera


def coarse(count: int, *, seed: int = 0, width: int = 3, levels: int = 3) -> np.ndarray:
    """f32[count width] of small whole numbers: many distances are exactly equal, many are 0."""
    return np.random.default_rng(seed).integers(0, levels, (count, width)).astype(np.float32)


def filled(graph: sparse.csr_array, missing: float = 1.0) -> np.ndarray:
    """The dense matrix, with `missing` where nothing is stored."""
    whole = np.full(graph.shape, missing, graph.dtype)
    whole[np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr)), graph.indices] = graph.data
    return whole

"""Galleries of drawn people, and an exact search to compare with."""

import numpy as np

from reid_jax.gallery import moment
from reid_jax.gallery.store import Store, make

WIDTH = 32
HASH = "0123456789abcdef"
BEGIN = moment.micro("2026-05-01T08:00:00Z")


def people(n, seed=0, width=WIDTH, apart=0.7):
    """Embeddings f32[n width] of length one, ten of a person."""
    rng = np.random.default_rng(seed)
    centre = rng.standard_normal((-(-n // 10), width))
    rows = np.repeat(centre, 10, axis=0)[:n] + apart * rng.standard_normal((n, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def seconds(n):
    """A moment for each of n rows, one a second."""
    return [(BEGIN + one * 1_000_000) / 1e6 for one in range(n)]


def jpeg(number):
    """Bytes that only this thumbnail has."""
    return b"\xff\xd8" + np.random.default_rng([7, number]).bytes(64)


def opened(folder, width=WIDTH, **options):
    make(folder, HASH, width, name="drawn")
    return Store(folder, **options)


def exact(query, rows, numbers, k):
    """The k nearest by cosine in float64, ties by number: [(number, cosine)]."""
    cosine = rows.astype(np.float64) @ query.astype(np.float64)
    pairs = sorted(zip(-cosine, numbers, strict=True))[:k]
    return [(number, -cosine) for cosine, number in pairs]


def files_with(folder, needle):
    """Names of the files below a folder that hold some bytes."""
    return [
        str(path) for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()
    ]

"""Pictures that users search for: in memory, for an hour at most, never on the disk."""

import secrets
import threading
import time
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

MOST = 1_000  # pictures; of more the oldest go
SECONDS = 3_600.0


class Query(NamedTuple):
    """What is kept of a user's picture: embedding f32[d], a thumbnail (JPEG), and until when."""

    embedding: np.ndarray
    jpeg: bytes
    until: float


class Queries:
    """Queries by names that nobody guesses."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Query] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, embedding: np.ndarray, jpeg: bytes) -> str:
        """Keep one; returns its name."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[name] = Query(embedding, jpeg, time.monotonic() + SECONDS)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return name

    def get(self, name: str) -> Query:
        """The query of a name.

        Raises:
            ValueError: it is no longer kept.
        """
        with self._lock:
            found = self._kept.get(name)
            if found is not None and found.until < time.monotonic():
                found = self._kept.pop(name) and None
        if found is None:
            raise ValueError("the picture is no longer kept; give it once more")
        return found

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()

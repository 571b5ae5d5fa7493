"""The queue against Python's deque."""

from collections import deque

import jax
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.memory import queue

push = jaxtyped(typechecker=beartype)(queue.push)


@pytest.mark.parametrize("length", [1, 5, 8, 30])
def test_agrees_with_a_deque(length):
    """Batches with invalid rows; some are larger than the queue."""
    rng, kept, state = np.random.default_rng(0), deque(maxlen=length), queue.empty(length, 3)
    assert (np.asarray(state.video) == -1).all()
    for step in range(9):
        rows = rng.standard_normal((7, 3), np.float32)
        video = np.where(rng.random(7) < 0.3, -1, step * 10 + np.arange(7)).astype(np.int32)
        state = jax.jit(queue.push)(state, rows, video)
        kept.extend((v, row) for v, row in zip(video, rows, strict=True) if v >= 0)
        by_age = np.roll(np.arange(length), -int(state.next))  # places, oldest first
        places = [place for place in by_age if state.video[place] >= 0]
        assert [int(state.video[place]) for place in places] == [v for v, _ in kept]
        for place, (_, row) in zip(places, kept, strict=True):
            np.testing.assert_array_equal(state.embedding[place], row)


def test_a_batch_without_valid_rows_changes_nothing():
    before = push(queue.empty(4, 3), np.ones((2, 3), np.float32), np.array([5, 6], np.int32))
    after = push(before, np.zeros((3, 3), np.float32), np.full(3, -1, np.int32))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_refusals():
    with pytest.raises(ValueError, match=r"embedding \[b 3\]"):
        queue.push(queue.empty(4, 3), np.zeros((2, 5)), np.zeros(2, np.int32))

from collections import deque

import jax
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.carry import queue

push = jaxtyped(typechecker=beartype)(queue.push)


@pytest.mark.parametrize("length", [1, 5, 8, 30])
def test_it_is_a_deque(length):
    """Batches with holes, some larger than the queue, against Python's own."""
    rng, kept, mine = np.random.default_rng(0), deque(maxlen=length), queue.empty(length, 3)
    assert (np.asarray(mine.video) == -1).all()
    for step in range(9):
        rows = rng.standard_normal((7, 3), np.float32)
        video = np.where(rng.random(7) < 0.3, -1, step * 10 + np.arange(7)).astype(np.int32)
        mine = jax.jit(queue.push)(mine, rows, video)
        kept.extend((v, row) for v, row in zip(video, rows, strict=True) if v >= 0)
        there = np.asarray(mine.video) >= 0
        oldest = np.roll(np.arange(length), -int(mine.next))
        got = [int(mine.video[place]) for place in oldest if there[place]]
        assert got == [v for v, _ in kept]
        for place, (_, row) in zip([place for place in oldest if there[place]], kept, strict=True):
            np.testing.assert_array_equal(mine.embedding[place], row)


def test_a_batch_of_nothing_moves_nothing():
    before = push(queue.empty(4, 3), np.ones((2, 3), np.float32), np.array([5, 6], np.int32))
    after = push(before, np.zeros((3, 3), np.float32), np.full(3, -1, np.int32))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_mistakes_are_told():
    with pytest.raises(ValueError, match=r"embedding \[b 3\]"):
        queue.push(queue.empty(4, 3), np.zeros((2, 5)), np.zeros(2, np.int32))

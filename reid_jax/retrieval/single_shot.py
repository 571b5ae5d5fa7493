"""Galleries with one picture of each person, as the classic CUHK03 is tested."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int


def galleries(
    person: Int[np.ndarray, " m"], draws: int = 100, seed: int = 0
) -> Iterator[Int[np.ndarray, " k"]]:
    """Draw galleries that have one picture of each person.

    Args:
        person: i32[m], of the gallery's rows. All distractors (0) stay, each a person of its own;
            rows of person -1 are in no gallery.
        draws: how many galleries.
        seed: of the draws; a draw does not depend on how many there are.

    Yields:
        i64[k], rows of a gallery in ascending order; each row of a person is as likely.

    Raises:
        ValueError: draws is below 1.

    Reference:
        Li et al., "DeepReID: Deep Filter Pairing Neural Network for Person Re-identification", CVPR
        2014, section 5: the mean over 100 draws for each of 20 lists of test persons (recalled).

    Departs from the paper:
        nowhere known. Others, as open-reid, draw for each query anew, which has the same mean.
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}, expected at least 1")
    others = np.flatnonzero(person == 0)
    for draw in range(draws):
        order = np.random.default_rng((seed, draw)).permutation(len(person))
        order = order[person[order] >= 1]
        _, first = np.unique(person[order], return_index=True)
        yield np.sort(np.concatenate([order[first], others]))

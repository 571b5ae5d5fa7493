"""Exponential moving average, the update of a momentum encoder."""

from typing import Any

import jax


def ema(old: Any, new: Any, *, momentum: float) -> Any:
    """Compute momentum * old + (1 - momentum) * new for each leaf of a tree.

    Args:
        old: tree of arrays, the average so far.
        new: tree of the same structure.
        momentum: weight of the old tree, in [0, 1].

    Returns:
        The new average, a tree of the same structure.

    Reference:
        He et al., "Momentum Contrast", CVPR 2020, equation 2.

    Departs from the paper:
        nowhere.
    """
    return jax.tree.map(lambda slow, fast: momentum * slow + (1.0 - momentum) * fast, old, new)

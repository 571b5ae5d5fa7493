"""The exponential moving average that a momentum encoder is."""

from typing import Any

import jax


def ema(old: Any, new: Any, *, momentum: float) -> Any:
    """A tree of arrays a step nearer to another: momentum * old + (1 - momentum) * new, leaf by leaf.

    Reference: He et al., "Momentum Contrast", CVPR 2020, equation 2. Departs from the paper: nowhere.
    """
    return jax.tree.map(lambda slow, fast: momentum * slow + (1.0 - momentum) * fast, old, new)

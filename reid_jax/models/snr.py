"""Style normalisation and restitution (SNR): what instance normalisation removes, given back as far as it is identity.

Jin et al., "Style Normalization and Restitution for Generalizable Person Re-identification", CVPR 2020.
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from reid_jax.models.norm import InstanceNorm
from reid_jax.types import Array


class Restitution(nn.Module):
    """x+ = IN(x) + a (x - IN(x)), a the channels' share of identity in what IN removed: sigmoid of two dense layers.

    In training it lays aside the pooled IN(x), x+ and x- = IN(x) + (1 - a) (x - IN(x)) as [b 3 c], for
    `losses.restitution`. The authors' re-ID code is not public; this is that of their code for classification.
    """

    dtype: Any = jnp.float32
    reduction: int = 16

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[b h w c] -> [b h w c]."""
        width = x.shape[-1]
        plain = InstanceNorm(name="IN")(x)
        removed = x - plain
        share = nn.relu(nn.Dense(width // self.reduction, dtype=self.dtype, name="fc1")(removed.mean((1, 2))))
        share = nn.sigmoid(nn.Dense(width, dtype=self.dtype, name="fc2")(share))[:, None, None, :]
        useful, rest = plain + share * removed, plain + (1 - share) * removed
        pooled = (part.astype(jnp.float32).mean((1, 2)) for part in (plain, useful, rest))
        self.sow("aside", "restitution", jnp.stack(list(pooled), axis=1))
        return useful

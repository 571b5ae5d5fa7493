"""Style normalisation and restitution (SNR).

Instance normalisation removes style and some identity information; restitution adds the identity
information back.

Jin et al., "Style Normalization and Restitution for Generalizable Person Re-identification",
CVPR 2020.
"""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from reid_jax.models.norm import InstanceNorm
from reid_jax.types import Array


class Restitution(nn.Module):
    """Instance normalisation that adds back the channels which carry identity.

    x+ = IN(x) + a (x - IN(x)), where a [b c] in (0, 1) is the share of identity information in what
    IN removed: the sigmoid of two dense layers on the pooled difference.

    In training it stores the pooled IN(x), x+ and x- = IN(x) + (1 - a) (x - IN(x)) as [b 3 c] under
    "restitution" in the collection "aside", for `losses.restitution`. The authors' re-ID code is
    not public; this follows their code for classification.

    Attributes:
        dtype: of the dense layers' computation.
        reduction: the first dense layer has c // reduction outputs.
    """

    dtype: DTypeLike = jnp.float32
    reduction: int = 16

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map x [b h w c] to x+ [b h w c]."""
        width = x.shape[-1]
        plain = InstanceNorm(name="IN")(x)
        removed = x - plain
        share = nn.relu(
            nn.Dense(width // self.reduction, dtype=self.dtype, name="fc1")(removed.mean((1, 2)))
        )
        share = nn.sigmoid(nn.Dense(width, dtype=self.dtype, name="fc2")(share))[:, None, None, :]
        useful, rest = plain + share * removed, plain + (1 - share) * removed
        pooled = (part.astype(jnp.float32).mean((1, 2)) for part in (plain, useful, rest))
        self.sow("aside", "restitution", jnp.stack(list(pooled), axis=1))
        return useful

"""Swin Transformer for feature maps whose size is no multiple of its windows.

Liu et al., "Swin Transformer", ICCV 2021; the weights of Microsoft's release fit. The release
accepts one square image size only. Here each block pads its feature map to whole windows after the
normalisation, masks the padding in the attention, and crops it off afterwards. So images of people,
256x128 (feature maps of 64x32 down to 8x4), work with windows of 7 and the trained position biases.
"""

from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.typing import DTypeLike

from reid_jax.models import depth
from reid_jax.types import Array

MASKED = -100.0  # added to the logit of a masked token, as in the release
INIT = nn.initializers.truncated_normal(0.02)


class Swin(nn.Module):
    """Trunk: image f32[b h w 3], h and w multiples of 32 -> feature map [b h/32 w/32 8 * width].

    Attributes:
        width: channels of the first stage; each further stage doubles them.
        depths: blocks per stage.
        heads: attention heads per stage.
        window: side of a window, in tokens.
        drop: share of images that skip the last block in training (stochastic depth); it grows
            linearly from 0 in the first block.
        dtype: of the computation; weights are float32.
    """

    width: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = 7
    drop: float = 0.2
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Run the trunk on normalised pixels.

        Raises:
            ValueError: h or w is no multiple of 32.
        """
        if x.shape[1] % 32 or x.shape[2] % 32:
            raise ValueError(
                f"Swin takes pictures in multiples of 32 pixels, not {x.shape[1]}x{x.shape[2]}"
            )
        x = nn.Conv(self.width, (4, 4), (4, 4), "VALID", dtype=self.dtype, name="patch_embed_proj")(
            x.astype(self.dtype)
        )
        x = self._norm("patch_embed_norm")(x)
        rates = iter(depth.rates(self.drop, sum(self.depths)))
        for stage, (blocks, heads) in enumerate(zip(self.depths, self.heads, strict=True)):
            for place in range(blocks):
                name = f"layers_{stage}_blocks_{place}"
                x = Block(heads, self.window, bool(place % 2), next(rates), self.dtype, name=name)(
                    x, train
                )
            if stage < len(self.depths) - 1:
                x = self._merge(f"layers_{stage}_downsample", x)
        return self._norm("norm")(x)

    def _norm(self, name: str) -> nn.Module:
        return nn.LayerNorm(1e-5, dtype=self.dtype, name=name)

    def _merge(self, name: str, x: Array) -> Array:
        """Merge each 2x2 tokens into one of twice the width."""
        quarters = [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        x = self._norm(f"{name}_norm")(jnp.concatenate(quarters, -1))
        width = x.shape[-1] // 2
        return nn.Dense(
            width, use_bias=False, dtype=self.dtype, kernel_init=INIT, name=f"{name}_reduction"
        )(x)


class Block(nn.Module):
    """Attention in windows, then two dense layers, each with a shortcut.

    Attributes:
        heads: attention heads.
        window: side of a window, in tokens.
        shifted: whether the windows are shifted by half their side, as in every other block.
        drop: share of images that skip each of the two parts in training.
        dtype: of the computation.
    """

    heads: int
    window: int
    shifted: bool
    drop: float
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Map x [b h w c] to [b h w c]."""
        width = x.shape[-1]
        # if one side of the feature map is no larger than the window, nothing is shifted
        shift = self.window // 2 if self.shifted and min(x.shape[1:3]) > self.window else 0
        y = nn.LayerNorm(1e-5, dtype=self.dtype, name="norm1")(x)
        attention = Attention(self.heads, self.window, self.dtype, name="attn")
        x = x + depth.skip(self, attention(y, shift), self.drop, train)
        y = nn.LayerNorm(1e-5, dtype=self.dtype, name="norm2")(x)
        y = nn.Dense(4 * width, dtype=self.dtype, kernel_init=INIT, name="mlp_fc1")(y)
        y = nn.Dense(width, dtype=self.dtype, kernel_init=INIT, name="mlp_fc2")(
            nn.gelu(y, approximate=False)
        )
        return x + depth.skip(self, y, self.drop, train)


class Attention(nn.Module):
    """Self-attention inside windows, with a learned bias for each relative position.

    Attributes:
        heads: attention heads.
        window: side of a window, in tokens; the feature map is padded to whole windows.
        dtype: of the computation.
    """

    heads: int
    window: int
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Array, shift: int) -> Array:
        """Map x [b h w c] to [b h w c], with windows shifted by `shift` tokens."""
        side, (b, height, width, c) = self.window, x.shape
        down, right = -height % side, -width % side
        x = jnp.pad(x, ((0, 0), (0, down), (0, right), (0, 0)))
        tall, wide = (height + down) // side, (width + right) // side
        x = jnp.roll(x, (-shift, -shift), (1, 2))
        x = (
            x.reshape(b, tall, side, wide, side, c)
            .transpose(0, 1, 3, 2, 4, 5)
            .reshape(b, tall * wide, side**2, c)
        )
        qkv = nn.Dense(3 * c, dtype=self.dtype, kernel_init=INIT, name="qkv")(x)
        q, k, v = jnp.moveaxis(qkv.reshape(*qkv.shape[:-1], 3, self.heads, c // self.heads), -3, 0)
        table = self.param(
            "relative_position_bias_table", INIT, ((2 * side - 1) ** 2, self.heads), jnp.float32
        )
        bias = table[_offsets(side)].transpose(2, 0, 1)
        logits = jnp.einsum("bwqhd,bwkhd->bwhqk", q * (c // self.heads) ** -0.5, k).astype(
            jnp.float32
        )
        logits = (
            logits + bias[None, None] + MASKED * _mask(height, width, side, shift)[None, :, None]
        )
        weight = nn.softmax(logits).astype(self.dtype)
        x = jnp.einsum("bwhqk,bwkhd->bwqhd", weight, v).reshape(b, tall, wide, side, side, c)
        x = nn.Dense(c, dtype=self.dtype, kernel_init=INIT, name="proj")(x)
        x = x.transpose(0, 1, 3, 2, 4, 5).reshape(b, height + down, width + right, c)
        return jnp.roll(x, (shift, shift), (1, 2))[:, :height, :width]


@cache
def _offsets(side: int) -> np.ndarray:
    """Row of the bias table for each pair of tokens of a window, [side^2 side^2]."""
    place = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij")).reshape(2, -1)
    offset = place[:, :, None] - place[:, None, :] + side - 1
    return offset[0] * (2 * side - 1) + offset[1]


@cache
def _mask(height: int, width: int, side: int, shift: int) -> np.ndarray:
    """Mask of pairs of tokens without attention, f32[windows side^2 side^2].

    It is 1 where the second token is padding, or where the shift brought the two together from
    opposite edges of the feature map.
    """

    def regions(size: int) -> tuple[np.ndarray, np.ndarray]:
        place = np.arange(size + -size % side)
        region = (
            np.where(place < len(place) - side, 0, np.where(place < len(place) - shift, 1, 2))
            if shift
            else 0 * place
        )
        return region, np.roll(place >= size, -shift)

    (row, below), (column, beside) = regions(height), regions(width)
    region = row[:, None] * 3 + column[None, :]
    padded = below[:, None] | beside[None, :]

    def windows(grid: np.ndarray) -> np.ndarray:
        tall, wide = grid.shape[0] // side, grid.shape[1] // side
        return (
            grid.reshape(tall, side, wide, side).transpose(0, 2, 1, 3).reshape(tall * wide, side**2)
        )

    region, padded = windows(region), windows(padded)
    return ((region[:, :, None] != region[:, None, :]) | padded[:, None, :]).astype(np.float32)


def swin_t(**options: Any) -> Swin:
    """Build a Swin-T, 768 channels."""
    return Swin(**options)


def swin_s(**options: Any) -> Swin:
    """Build a Swin-S, 768 channels."""
    return Swin(**{"depths": (2, 2, 18, 2), "drop": 0.3, **options})


def swin_b(**options: Any) -> Swin:
    """Build a Swin-B, 1024 channels."""
    return Swin(
        **{"width": 128, "depths": (2, 2, 18, 2), "heads": (4, 8, 16, 32), "drop": 0.5, **options}
    )

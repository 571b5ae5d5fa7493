"""Vision transformers for pictures of people, in the shapes that published weights have.

Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021; patches that overlap as in TransReID
(He et al., ICCV 2021). The files of timm, DINOv2 (Oquab et al., 2023), TransReID-SSL (Luo et al.,
2021), PASS (Zhu et al., ECCV 2022) and CLIP's visual tower (Radford et al., 2021) fit by
`models/vit_files.py`. TransReID's side information and its jigsaw patches are not here.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from reid_jax.models import depth
from reid_jax.models.conv import Conv
from reid_jax.models.norm import IBN, BatchNorm
from reid_jax.models.pool import Tokens
from reid_jax.types import Array

INIT = nn.initializers.truncated_normal(0.02)


class ViT(nn.Module):
    """Trunk: image f32[b h w 3] -> Tokens.

    Attributes:
        width: of a token.
        blocks: how many.
        heads: attention heads.
        patch: side of a patch in pixels.
        stride: between patches; 0: the side of a patch. A smaller one makes them overlap.
        registers: tokens beside the class token: DINOv2's registers, PASS's parts.
        scale: the first value of LayerScale (Touvron et al., ICCV 2021); 0: no such layer.
        clip: CLIP's variant: a normalisation before the blocks, none of the biases of the patches,
            x sigmoid(1.702 x) for GELU, epsilon 1e-5.
        project: width of CLIP's projection behind the trunk; 0: left out.
        stem: whether three convolutions with IBN come before the patches, as TransReID-SSL's ICS.
        drop: share of pictures that skip the last block in training (stochastic depth); it grows
            linearly from 0 in the first block.
        remat: whether the backward pass computes each block again instead of keeping what is
            inside it.
        norm: makes the batch normalisations of the stem.
        dtype: of the computation; weights are float32.
    """

    width: int = 384
    blocks: int = 12
    heads: int = 6
    patch: int = 16
    stride: int = 0
    registers: int = 0
    scale: float = 0.0
    clip: bool = False
    project: int = 0
    stem: bool = False
    drop: float = 0.1
    remat: bool = False
    norm: Callable[..., nn.Module] = BatchNorm
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Tokens:
        """Run the trunk on normalised pixels.

        Raises:
            ValueError: patches do not fill the picture: h or w less `patch` is no multiple of
                `stride`.
        """
        stride = self.stride or self.patch
        over = [(side - self.patch) % stride for side in x.shape[1:3]]
        if min(x.shape[1:3]) < self.patch or (not self.stride and any(over)):
            raise ValueError(
                f"patches of {self.patch} pixels, every {stride}, do not fill pictures of "
                f"{x.shape[1]}x{x.shape[2]}: give a size in multiples of {self.patch}"
            )
        x = self._patches(x.astype(self.dtype), stride, train)
        b, h, w, c = x.shape
        where = self.param("pos_embed", INIT, (1, h, w, c), jnp.float32)
        own = [self.param("cls_token", INIT, (1, 1, c), jnp.float32)]
        if self.registers:
            own.append(self.param("register_tokens", INIT, (1, self.registers, c), jnp.float32))
        added = jnp.concatenate([*own, where.reshape(1, h * w, c)], 1).astype(x.dtype)
        x = jnp.pad(x.reshape(b, h * w, c), ((0, 0), (1 + self.registers, 0), (0, 0))) + added
        epsilon = 1e-5 if self.clip else 1e-6
        if self.clip:
            x = nn.LayerNorm(epsilon, dtype=self.dtype, name="norm_pre")(x)
        make = nn.remat(Block, static_argnums=(2,)) if self.remat else Block
        for place, drop in enumerate(depth.rates(self.drop, self.blocks)):
            options = (self.heads, drop, self.scale, self.clip, epsilon, self.dtype)
            x = make(*options, name=f"blocks_{place}")(x, train)
        x = nn.LayerNorm(epsilon, dtype=self.dtype, name="norm")(x)
        if self.project:
            x = nn.Dense(self.project, use_bias=False, dtype=self.dtype, name="proj")(x)
        x = x.astype(jnp.float32)
        patches = x[:, 1 + self.registers :].reshape(b, h, w, -1)
        return Tokens(patches, x[:, 0], x[:, 1 : 1 + self.registers])

    def _patches(self, x: Array, stride: int, train: bool) -> Array:
        """Pixels [b h w 3] to a vector for each patch, [b h' w' width]."""
        patch = self.patch
        if self.stem:
            patch, stride = patch // 2, stride // 2
            for place, (side, step) in enumerate(((7, 2), (3, 1), (3, 1))):
                name = f"patch_embed_conv_{3 * place}"
                x = Conv(64, side, step, self.dtype, name=name)(x)
                name = f"patch_embed_conv_{3 * place + 1}"
                last = place == 2
                x = self.norm(name=name)(x, train) if last else IBN(self.norm, name=name)(x, train)
                x = nn.relu(x)
        return nn.Conv(
            self.width, (patch, patch), (stride, stride), "VALID", use_bias=not self.clip,
            dtype=self.dtype, name="patch_embed_proj",
        )(x)  # fmt: skip


class Block(nn.Module):
    """Attention of all tokens to all, then two dense layers, each with a shortcut.

    Attributes:
        heads: attention heads.
        drop: share of pictures that skip each of the two parts in training.
        scale: the first value of LayerScale; 0: no such layer.
        quick: whether GELU is x sigmoid(1.702 x).
        epsilon: of the normalisations.
        dtype: of the computation.
    """

    heads: int
    drop: float
    scale: float
    quick: bool
    epsilon: float
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Map tokens x [b t c] to [b t c]."""
        y = nn.LayerNorm(self.epsilon, dtype=self.dtype, name="norm1")(x)
        y = Attention(self.heads, self.dtype, name="attn")(y)
        x = x + depth.skip(self, self._scaled("ls1", y), self.drop, train)
        y = nn.LayerNorm(self.epsilon, dtype=self.dtype, name="norm2")(x)
        y = nn.Dense(4 * x.shape[-1], dtype=self.dtype, kernel_init=INIT, name="mlp_fc1")(y)
        y = y * nn.sigmoid(1.702 * y) if self.quick else nn.gelu(y, approximate=False)
        y = nn.Dense(x.shape[-1], dtype=self.dtype, kernel_init=INIT, name="mlp_fc2")(y)
        return x + depth.skip(self, self._scaled("ls2", y), self.drop, train)

    def _scaled(self, name: str, y: Array) -> Array:
        return Scale(self.scale, name=name)(y) if self.scale else y


class Scale(nn.Module):
    """LayerScale: a learned factor for each channel.

    Attributes:
        start: its first value.
    """

    start: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Scale x [b t c]."""
        gamma = self.param("gamma", nn.initializers.constant(self.start), x.shape[-1:], jnp.float32)
        return x * gamma[None, None].astype(x.dtype)


class Attention(nn.Module):
    """Self-attention of all tokens, by jax's own `dot_product_attention`.

    Attributes:
        heads: attention heads.
        dtype: of the computation.
    """

    heads: int
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map tokens x [b t c] to [b t c]."""
        b, t, c = x.shape
        qkv = nn.Dense(3 * c, dtype=self.dtype, kernel_init=INIT, name="qkv")(x)
        q, k, v = jnp.moveaxis(qkv.reshape(b, t, 3, self.heads, c // self.heads), 2, 0)
        y = jax.nn.dot_product_attention(q, k, v).reshape(b, t, c)
        return nn.Dense(c, dtype=self.dtype, kernel_init=INIT, name="proj")(y)


TINY = {"width": 192, "heads": 3}
SMALL = {"width": 384, "heads": 6}
BASE = {"width": 768, "heads": 12}
DINOV2 = {"patch": 14, "scale": 1e-5}
CLIP = {**BASE, "clip": True}
# the published networks by name, each with what it differs in from `ViT`'s defaults
VITS: dict[str, dict[str, Any]] = {
    "vit_mini": {"width": 64, "blocks": 2, "heads": 2, "drop": 0.0},
    "vit_t16": TINY,
    "vit_s16": SMALL,
    "vit_b16": BASE,
    "vit_s16_stride12": {**SMALL, "stride": 12},
    "vit_b16_stride12": {**BASE, "stride": 12},
    "vit_s16_ics": {**SMALL, "stem": True},
    "vit_b16_ics": {**BASE, "stem": True},
    "vit_s16_pass": {**SMALL, "registers": 3},
    "vit_b16_pass": {**BASE, "registers": 3},
    "dinov2_s14": {**SMALL, **DINOV2},
    "dinov2_b14": {**BASE, **DINOV2},
    "dinov2_s14_reg": {**SMALL, **DINOV2, "registers": 4},
    "dinov2_b14_reg": {**BASE, **DINOV2, "registers": 4},
    "clip_b16": CLIP,
    "clip_b16_project": {**CLIP, "project": 512},
    "clip_b16_stride12": {**CLIP, "stride": 12},
}

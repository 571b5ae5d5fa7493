"""OSNet and OSNet-IBN: streams of several receptive fields, weighed by one gate.

Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification", ICCV 2019, in the arrangement of torchreid, whose
weights fit. Behind the pooling it has a layer of its own, `embedder.Embedder(project=512)`.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from reid_jax.models.conv import Conv, Depthwise
from reid_jax.models.norm import BatchNorm, InstanceNorm
from reid_jax.types import Array

FULL = (64, 256, 384, 512)  # channels at width 1


class OSNet(nn.Module):
    """Pictures f32[b h w 3] -> a map [b h/16 w/16 512 * width].

    width: 1, 0.75, 0.5 or 0.25 of the channels.
    ibn:   instance normalisation in the stem and behind the first stage's sums, OSNet-IBN as torchreid builds it.
    norm:  makes a normalisation layer: BatchNorm with its group bound.
    dtype: what the trunk computes in; weights and statistics stay float32.
    """

    width: float = 1.0
    ibn: bool = False
    norm: Callable[..., nn.Module] = BatchNorm
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Run the trunk on normalised pixels."""
        stem, *widths = (int(channels * self.width) for channels in FULL)
        x = Conv(stem, 7, 2, self.dtype, name="conv1_conv")(x.astype(self.dtype))
        x = InstanceNorm(name="conv1_bn")(x) if self.ibn else self.norm(name="conv1_bn")(x, train)
        x = nn.max_pool(nn.relu(x), (3, 3), (2, 2), ((1, 1), (1, 1)))
        for stage, channels in enumerate(widths, 2):
            for place in range(2):
                ibn = self.ibn and stage == 2
                x = Block(channels, ibn, self.norm, self.dtype, name=f"conv{stage}_{place}")(x, train)
            if stage < 4:
                x = nn.relu(_conv(self, f"conv{stage}_2_0", x, channels, train))
                x = nn.avg_pool(x, (2, 2), (2, 2))
        return nn.relu(_conv(self, "conv5", x, widths[-1], train))


class Block(nn.Module):
    """1x1 to a quarter, four streams of 1 to 4 light 3x3 convolutions, their gated sum, 1x1 back, and the shortcut."""

    width: int
    ibn: bool
    norm: Callable[..., nn.Module]
    dtype: Any

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """[b h w c] -> [b h w width]."""
        middle = self.width // 4
        y = nn.relu(_conv(self, "conv1", x, middle, train))
        gate = Gate(middle, self.dtype, name="gate")
        total = 0.0
        for letter, depth in zip("abcd", range(1, 5), strict=True):
            stream = y
            for place in range(depth):
                stream = self._light(f"conv2{letter}" + (f"_{place}" if depth > 1 else ""), stream, train)
            total = total + gate(stream)
        y = _conv(self, "conv3", total, self.width, train)
        y = y + (x if x.shape[-1] == self.width else _conv(self, "downsample", x, self.width, train))
        return nn.relu(InstanceNorm(name="IN")(y) if self.ibn else y)

    def _light(self, name: str, x: Array, train: bool) -> Array:
        """1x1, depthwise 3x3, normalisation, ReLU."""
        x = Conv(x.shape[-1], 1, 1, self.dtype, name=f"{name}_conv1")(x)
        x = Depthwise(3, self.dtype, name=f"{name}_conv2")(x)
        return nn.relu(self.norm(name=f"{name}_bn")(x, train))


def _conv(module: OSNet | Block, name: str, x: Array, width: int, train: bool) -> Array:
    """1x1 and normalisation."""
    return module.norm(name=f"{name}_bn")(Conv(width, 1, 1, module.dtype, name=f"{name}_conv")(x), train)


class Gate(nn.Module):
    """Weighs channels by what is in the whole picture; the four streams of a block share one."""

    width: int
    dtype: Any

    def setup(self) -> None:
        """Two layers, a sixteenth as wide between them."""
        self.fc1 = nn.Dense(self.width // 16, dtype=self.dtype)
        self.fc2 = nn.Dense(self.width, dtype=self.dtype)

    def __call__(self, x: Array) -> Array:
        """[b h w c] -> [b h w c]."""
        weight = nn.sigmoid(self.fc2(nn.relu(self.fc1(x.mean((1, 2))))))
        return x * weight[:, None, None, :]


def osnet(width: float = 1.0, **options: Any) -> OSNet:
    """OSNet, 512 * width channels; torchreid's weights fit."""
    return OSNet(width, **options)


def osnet_ibn(width: float = 1.0, **options: Any) -> OSNet:
    """OSNet-IBN, 512 * width channels; torchreid's osnet_ibn_x1_0 fits."""
    return OSNet(width, ibn=True, **options)

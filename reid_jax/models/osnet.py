"""OSNet and OSNet-IBN: streams with several receptive fields, weighted by one shared gate.

Zhou et al., "Omni-Scale Feature Learning for Person Re-Identification", ICCV 2019, in the
arrangement of torchreid, whose weights fit. OSNet has a dense layer behind the pooling; it is not
part of this trunk but `embedder.Embedder(project=512)`.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from reid_jax.models.conv import Conv, Depthwise
from reid_jax.models.norm import BatchNorm, InstanceNorm
from reid_jax.types import Array

FULL = (64, 256, 384, 512)  # channels at width 1


class OSNet(nn.Module):
    """Trunk: image f32[b h w 3] -> feature map [b h/16 w/16 512 * width].

    Attributes:
        width: 1, 0.75, 0.5 or 0.25; the channels are multiplied by it.
        ibn: instance normalisation in the stem and of the first stage's block outputs before the
            ReLU: OSNet-IBN as torchreid builds it.
        norm: makes a normalisation layer: BatchNorm with its group bound.
        dtype: of the computation; weights and statistics are float32.
    """

    width: float = 1.0
    ibn: bool = False
    norm: Callable[..., nn.Module] = BatchNorm
    dtype: DTypeLike = jnp.float32

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
                x = Block(channels, ibn, self.norm, self.dtype, name=f"conv{stage}_{place}")(
                    x, train
                )
            if stage < 4:
                x = nn.relu(_conv(self, f"conv{stage}_2_0", x, channels, train))
                x = nn.avg_pool(x, (2, 2), (2, 2))
        return nn.relu(_conv(self, "conv5", x, widths[-1], train))


class Block(nn.Module):
    """Residual block of four gated streams.

    A 1x1 convolution to a quarter of the width, four streams of 1 to 4 light 3x3 convolutions,
    their gated sum, a 1x1 convolution back to the width, and the shortcut.

    Attributes:
        width: output channels.
        ibn: instance normalisation of the sum with the shortcut, before the ReLU.
        norm: makes a normalisation layer.
        dtype: of the computation.
    """

    width: int
    ibn: bool
    norm: Callable[..., nn.Module]
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Map x [b h w c] to [b h w width]."""
        middle = self.width // 4
        y = nn.relu(_conv(self, "conv1", x, middle, train))
        gate = Gate(middle, self.dtype, name="gate")
        total = 0.0
        for letter, depth in zip("abcd", range(1, 5), strict=True):
            stream = y
            for place in range(depth):
                stream = self._light(
                    f"conv2{letter}" + (f"_{place}" if depth > 1 else ""), stream, train
                )
            total = total + gate(stream)
        y = _conv(self, "conv3", total, self.width, train)
        y = y + (
            x if x.shape[-1] == self.width else _conv(self, "downsample", x, self.width, train)
        )
        return nn.relu(InstanceNorm(name="IN")(y) if self.ibn else y)

    def _light(self, name: str, x: Array, train: bool) -> Array:
        """1x1, depthwise 3x3, normalisation, ReLU."""
        x = Conv(x.shape[-1], 1, 1, self.dtype, name=f"{name}_conv1")(x)
        x = Depthwise(3, self.dtype, name=f"{name}_conv2")(x)
        return nn.relu(self.norm(name=f"{name}_bn")(x, train))


def _conv(module: OSNet | Block, name: str, x: Array, width: int, train: bool) -> Array:
    """1x1 and normalisation."""
    return module.norm(name=f"{name}_bn")(
        Conv(width, 1, 1, module.dtype, name=f"{name}_conv")(x), train
    )


class Gate(nn.Module):
    """Channel attention from global average pooling; the four streams of a block share one gate.

    Attributes:
        width: channels of input and output.
        dtype: of the computation.
    """

    width: int
    dtype: DTypeLike

    def setup(self) -> None:
        """Make two dense layers; the first has width // 16 outputs."""
        self.fc1 = nn.Dense(self.width // 16, dtype=self.dtype)
        self.fc2 = nn.Dense(self.width, dtype=self.dtype)

    def __call__(self, x: Array) -> Array:
        """Multiply the channels of x [b h w c] by weights in (0, 1)."""
        weight = nn.sigmoid(self.fc2(nn.relu(self.fc1(x.mean((1, 2))))))
        return x * weight[:, None, None, :]


def osnet(width: float = 1.0, **options: Any) -> OSNet:
    """Build an OSNet, 512 * width channels; torchreid's weights fit."""
    return OSNet(width, **options)


def osnet_ibn(width: float = 1.0, **options: Any) -> OSNet:
    """Build an OSNet-IBN, 512 * width channels; torchreid's osnet_ibn_x1_0 fits."""
    return OSNet(width, ibn=True, **options)

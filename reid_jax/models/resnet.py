"""Residual networks: ResNet-50, ResNet50-IBN-a, and a small one of the same structure for a CPU.

He et al., "Deep Residual Learning", CVPR 2016, in torchvision's arrangement (the stride is in the
3x3 convolution), with stride 1 in the last stage as usual in re-ID (Luo et al., CVPRW 2019).
IBN-a: Pan et al., "Two at Once", ECCV 2018.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from reid_jax.models.conv import Conv
from reid_jax.models.norm import IBN, BatchNorm, InstanceNorm
from reid_jax.models.snr import Restitution
from reid_jax.types import Array


class ResNet(nn.Module):
    """Trunk: image f32[b h w 3] -> feature map [b h/16 w/16 c], if the last stride is 1.

    Attributes:
        depths: blocks per stage.
        width: channels of the first stage; each further stage doubles them.
        bottleneck: True: blocks of 1x1, 3x3 and 1x1 convolutions whose output is 4 times as wide;
            False: blocks of two 3x3 convolutions.
        ibn: IBN-a (half instance, half batch normalisation) in stages 1 to 3.
        instance: stages (1 to 4) whose last block applies instance normalisation to the sum with
            the shortcut, before the ReLU, as IBN-b and DualNorm do; (1, 2) is CycAs's network.
        snr: stages followed by style normalisation and restitution; (1, 2, 3) is GDS's B-SNR.
        last_stride: stride of the last stage.
        stem: "conv7": a 7x7 convolution of stride 2 and max pooling. "fold": 4x4 pixels are folded
            into 48 channels, then a 3x3 convolution: the same stride in a fifth of the time on a
            CPU, where a convolution of 3 channels is slow.
        blocks: (start, stop) of the blocks to build, counted over all stages; stop None: all from
            start on. The stem is built only if start is 0.
        norm: makes a normalisation layer: BatchNorm with its group bound.
        dtype: of the computation; weights and statistics are float32.
    """

    depths: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 64
    bottleneck: bool = True
    ibn: bool = False
    instance: tuple[int, ...] = ()
    snr: tuple[int, ...] = ()
    last_stride: int = 1
    stem: str = "conv7"
    blocks: tuple[int, int | None] = (0, None)
    norm: Callable[..., nn.Module] = BatchNorm
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Run the trunk on normalised pixels.

        Raises:
            ValueError: with the stem "fold", h or w is no multiple of 4.
        """
        start, stop = self.blocks
        x = self._stem(x.astype(self.dtype), train) if start == 0 else x
        block = Bottleneck if self.bottleneck else Basic
        number = 0
        for stage, depth in enumerate(self.depths, 1):
            for place in range(depth):
                if number >= start and (stop is None or number < stop):
                    last = stage == len(self.depths)
                    stride = 1 if place or stage == 1 else self.last_stride if last else 2
                    instance = place == depth - 1 and stage in self.instance
                    name, width = f"layer{stage}_{place}", self.width * 2 ** (stage - 1)
                    ibn = self.ibn and stage <= 3
                    x = block(width, stride, ibn, instance, self.norm, self.dtype, name=name)(
                        x, train
                    )
                number += 1
            if stage in self.snr and start < number and (stop is None or number <= stop):
                x = Restitution(self.dtype, name=f"snr{stage}")(x)
        return x

    def _stem(self, x: Array, train: bool) -> Array:
        fold = self.stem == "fold"
        x = self._fold(x) if fold else Conv(self.width, 7, 2, self.dtype, name="conv1")(x)
        x = nn.relu(self.norm(name="bn1")(x, train))
        return x if fold else nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))

    def _fold(self, x: Array) -> Array:
        b, h, w, c = x.shape
        if h % 4 or w % 4:
            raise ValueError(
                f"the folded stem takes pictures in multiples of 4 pixels, not {h}x{w}"
            )
        x = (
            x.reshape(b, h // 4, 4, w // 4, 4, c)
            .transpose(0, 1, 3, 2, 4, 5)
            .reshape(b, h // 4, w // 4, 16 * c)
        )
        return Conv(self.width, 3, 1, self.dtype, name="conv1")(x)


class Basic(nn.Module):
    """Residual block of two 3x3 convolutions; its attributes are as in `ResNet`."""

    width: int
    stride: int
    ibn: bool
    instance: bool
    norm: Callable[..., nn.Module]
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Map x [b h w c] to [b h/stride w/stride width]."""
        y = Conv(self.width, 3, self.stride, self.dtype, name="conv1")(x)
        y = nn.relu(_first_norm(self)(y, train))
        y = Conv(self.width, 3, 1, self.dtype, name="conv2")(y)
        y = self.norm(name="bn2")(y, train)
        return _joined(self, y, _shortcut(self, x, self.width, train))


class Bottleneck(nn.Module):
    """Residual block of a 1x1, a 3x3 (with the stride) and a 1x1 convolution that expands by 4.

    Its attributes are as in `ResNet`.
    """

    width: int
    stride: int
    ibn: bool
    instance: bool
    norm: Callable[..., nn.Module]
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Map x [b h w c] to [b h/stride w/stride 4*width]."""
        y = Conv(self.width, 1, 1, self.dtype, name="conv1")(x)
        y = nn.relu(_first_norm(self)(y, train))
        y = Conv(self.width, 3, self.stride, self.dtype, name="conv2")(y)
        y = nn.relu(self.norm(name="bn2")(y, train))
        y = Conv(4 * self.width, 1, 1, self.dtype, name="conv3")(y)
        y = self.norm(name="bn3")(y, train)
        return _joined(self, y, _shortcut(self, x, 4 * self.width, train))


def _first_norm(block: Basic | Bottleneck) -> nn.Module:
    return IBN(block.norm, name="bn1") if block.ibn else block.norm(name="bn1")


def _joined(block: Basic | Bottleneck, y: Array, shortcut: Array) -> Array:
    y = y + shortcut
    return nn.relu(InstanceNorm(name="IN")(y) if block.instance else y)


def _shortcut(block: Basic | Bottleneck, x: Array, width: int, train: bool) -> Array:
    if block.stride == 1 and x.shape[-1] == width:
        return x
    x = Conv(width, 1, block.stride, block.dtype, name="downsample_0")(x)
    return block.norm(name="downsample_1")(x, train)


def resnet50(**options: Any) -> ResNet:
    """Build a ResNet-50, 2048 channels; torchvision's weights fit."""
    return ResNet(**options)


def resnet50_ibn_a(**options: Any) -> ResNet:
    """Build a ResNet50-IBN-a, 2048 channels; the weights of the IBN-Net release fit."""
    return ResNet(ibn=True, **options)


def resnet_small(**options: Any) -> ResNet:
    """Build a ResNet of 4 blocks, 32 to 256 channels and 1.2 million weights, for a CPU."""
    return ResNet(depths=(1, 1, 1, 1), width=32, bottleneck=False, stem="fold", **options)

"""EfficientNet-Lite and MobileNetV2: inverted residuals, for processors without a GPU.

EfficientNet-Lite is Google's EfficientNet (Tan and Le, ICML 2019) for mobile devices: ReLU6, no
squeeze-and-excitation, stem and head of one width in all sizes; padded as TensorFlow does.
MobileNetV2: Sandler et al., CVPR 2018. Names are those of the published torch files: of
Melas-Kyriazi's port of EfficientNet, and of torchvision's MobileNetV2. The last stage with a stride
has stride 1, as usual in re-ID (Luo et al., CVPRW 2019).
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from reid_jax.models.conv import Conv, Depthwise
from reid_jax.models.norm import EPSILON, IBN, BatchNorm
from reid_jax.types import Array


class Stage(NamedTuple):
    """Blocks of one width: the first has the stride.

    Attributes:
        expand: how many times as wide the inside of a block is as its input.
        width: output channels, at width 1.
        depth: blocks, at depth 1.
        stride: of the first block.
        size: side of the depthwise kernels.
    """

    expand: int
    width: int
    depth: int
    stride: int
    size: int = 3


LITE = (
    Stage(1, 16, 1, 1), Stage(6, 24, 2, 2), Stage(6, 40, 2, 2, 5), Stage(6, 80, 3, 2),
    Stage(6, 112, 3, 1, 5), Stage(6, 192, 4, 2, 5), Stage(6, 320, 1, 1),
)  # fmt: skip
V2 = (
    Stage(1, 16, 1, 1), Stage(6, 24, 2, 2), Stage(6, 32, 3, 2), Stage(6, 64, 4, 2),
    Stage(6, 96, 3, 1), Stage(6, 160, 3, 2), Stage(6, 320, 1, 1),
)  # fmt: skip
LAST, EARLY = 5, (1, 2)  # of the stages from 0: the last one with a stride; those with IBN-a
# widths and depths of EfficientNet-Lite0 to 4
SCALES = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8))


class Plan(NamedTuple):
    """One block of a network.

    Attributes:
        name: of its module.
        layers: (convolution, normalisation) names of expansion, depthwise and projection; the
            first is left out where nothing is expanded.
        inside: channels between expansion and projection.
        width: output channels.
        stride: of the depthwise convolution.
        size: side of its kernel.
        ibn: whether the expansion is followed by IBN-a.
    """

    name: str
    layers: tuple[tuple[str, str], ...]
    inside: int
    width: int
    stride: int
    size: int
    ibn: bool


class Mobile(nn.Module):
    """Trunk: image f32[b h w 3] -> feature map [b h/16 w/16 c], if the last stride is 1.

    Attributes:
        ends: (convolution, normalisation) names of stem and head.
        stem: channels of the stem.
        head: channels of the head, c.
        plans: the blocks.
        same: pad as TensorFlow's "same" does, by the size of the map; False: by size // 2.
        epsilon: of the batch normalisations.
        norm: makes a normalisation layer: BatchNorm with its group bound.
        dtype: of the computation; weights and statistics are float32.
    """

    ends: tuple[tuple[str, str], tuple[str, str]]
    stem: int
    head: int
    plans: tuple[Plan, ...]
    same: bool = False
    epsilon: float = EPSILON
    norm: Callable[..., nn.Module] = BatchNorm
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Run the trunk on normalised pixels."""
        (stem, stem_norm), (head, head_norm) = self.ends
        x = Conv(self.stem, 3, 2, self.dtype, self.same, name=stem)(x.astype(self.dtype))
        x = nn.relu6(self.norm(name=stem_norm, epsilon=self.epsilon)(x, train))
        for plan in self.plans:
            x = Inverted(plan, self.same, self.epsilon, self.norm, self.dtype, name=plan.name)(
                x, train
            )
        x = Conv(self.head, dtype=self.dtype, name=head)(x)
        return nn.relu6(self.norm(name=head_norm, epsilon=self.epsilon)(x, train))


class Inverted(nn.Module):
    """Inverted residual: 1x1 to more channels, depthwise, 1x1 to fewer; its input is added.

    Attributes:
        plan: names and sizes.
        same, epsilon, norm, dtype: as in `Mobile`.
    """

    plan: Plan
    same: bool
    epsilon: float
    norm: Callable[..., nn.Module]
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """Map x [b h w c] to [b h/stride w/stride width]; added where the shapes are the same."""
        plan, start = self.plan, x
        *expansion, (depthwise, depthwise_norm), (project, project_norm) = plan.layers
        for conv, norm in expansion:
            x = Conv(plan.inside, dtype=self.dtype, name=conv)(x)
            x = nn.relu6(self._norm(norm, plan.ibn)(x, train))
        x = Depthwise(plan.size, self.dtype, plan.stride, self.same, name=depthwise)(x)
        x = nn.relu6(self._norm(depthwise_norm)(x, train))
        x = Conv(plan.width, dtype=self.dtype, name=project)(x)
        x = self._norm(project_norm)(x, train)
        return x + start if x.shape == start.shape and plan.stride == 1 else x

    def _norm(self, name: str, ibn: bool = False) -> nn.Module:
        norm = partial(self.norm, epsilon=self.epsilon)
        return IBN(norm, name=name) if ibn else norm(name=name)


def efficientnet_lite(
    number: int = 0, *, ibn: bool = False, last_stride: int = 1, **options: Any
) -> Mobile:
    """Build an EfficientNet-Lite, 1280 channels.

    Args:
        number: 0 to 4.
        ibn: IBN-a behind the expansions of the stages of stride 4 and 8.
        last_stride: of the last stage that has one; 2 in the published network.
        **options: `norm` and `dtype` of `Mobile`.
    """
    width, depth = SCALES[number]
    names = ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")
    ends = (0, len(LITE) - 1)  # stages as deep in all sizes
    stages = [
        stage._replace(
            width=divisible(stage.width * width),
            depth=stage.depth if place in ends else math.ceil(stage.depth * depth),
        )
        for place, stage in enumerate(LITE)
    ]
    plans = _plans(stages, 32, "_blocks_{}", 0, lambda many: names[3 - many :], ibn, last_stride)
    ends_named = (("_conv_stem", "_bn0"), ("_conv_head", "_bn1"))
    return Mobile(ends_named, 32, 1280, plans, same=True, epsilon=1e-3, **options)


def mobilenet_v2(
    width: float = 1.0, *, ibn: bool = False, last_stride: int = 1, **options: Any
) -> Mobile:
    """Build a MobileNetV2, 1280 channels, or 1280 * width of a wider one; torchvision's fits.

    Args:
        width: the channels are multiplied by it, and rounded to multiples of 8.
        ibn: IBN-a behind the expansions of the stages of stride 4 and 8.
        last_stride: of the last stage that has one; 2 in the published network.
        **options: `norm` and `dtype` of `Mobile`.
    """
    stages = [stage._replace(width=divisible(stage.width * width)) for stage in V2]
    stem, head = divisible(32 * width), divisible(1280 * max(1.0, width))
    plans = _plans(stages, stem, "features_{}", 1, _of_v2, ibn, last_stride)
    last = f"features_{len(plans) + 1}"
    ends = (("features_0_0", "features_0_1"), (f"{last}_0", f"{last}_1"))
    return Mobile(ends, stem, head, plans, **options)


def _of_v2(many: int) -> tuple[tuple[str, str], ...]:
    """Names in torchvision of a block of so many convolutions."""
    normed = tuple((f"conv_{place}_0", f"conv_{place}_1") for place in range(many - 1))
    return (*normed, (f"conv_{many - 1}", f"conv_{many}"))


def _plans(
    stages: list[Stage],
    width: int,
    name: str,
    first: int,
    layers: Callable[[int], tuple[tuple[str, str], ...]],
    ibn: bool,
    last_stride: int,
) -> tuple[Plan, ...]:
    """All blocks; `layers` names those of a block of two or three convolutions."""
    plans: list[Plan] = []
    for number, stage in enumerate(stages):
        for place in range(stage.depth):
            stride = 1 if place else last_stride if number == LAST else stage.stride
            named = layers(2 if stage.expand == 1 else 3)
            block, inside = name.format(len(plans) + first), width * stage.expand
            early = ibn and number in EARLY
            plans.append(Plan(block, named, inside, stage.width, stride, stage.size, early))
            width = stage.width
    return tuple(plans)


def divisible(channels: float) -> int:
    """The nearest multiple of 8 that is at least 90% of a number of channels, and at least 8."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8

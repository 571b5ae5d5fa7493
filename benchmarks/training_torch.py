"""The networks of `training.py` in PyTorch, with their step and forward pass on a CPU.

It runs as a process of its own. Its arguments are those of `training.py`'s own workers. It prints a
line when it is ready; then, for each line that it reads, "step" or "forward", the milliseconds of
one.
"""

import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks import gpu_torch
from benchmarks.training import CLASSES, answer
from reid_jax.models import mobile


def shortcut(into: int, out: int, stride: int = 1) -> nn.Module | None:
    """A 1x1 convolution with normalisation, where a block's input has another shape."""
    if stride == 1 and into == out:
        return None
    return nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))


class Basic(nn.Module):
    """Residual block of two 3x3 convolutions."""

    def __init__(self, into: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(into, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(into, width, stride)

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y = y + (x if self.downsample is None else self.downsample(x))
        return functional.relu(y, inplace=True)


class ResNet(nn.Module):
    """ResNet-50, or with `small` the small ResNet with its folded stem; last stride 1."""

    def __init__(self, small: bool):
        super().__init__()
        self.small, self.out = small, 256 if small else 2048
        depths, width = ((1, 1, 1, 1), 32) if small else ((3, 4, 6, 3), 64)
        stem = (48, width, 3, 1, 1) if small else (3, width, 7, 2, 3)
        self.conv1 = nn.Conv2d(*stem, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        into = width
        for stage, depth in enumerate(depths, 1):
            blocks, middle = [], width * 2 ** (stage - 1)
            for place in range(depth):
                stride = 1 if place or stage in (1, len(depths)) else 2
                bottleneck = gpu_torch.Bottleneck
                block = Basic if small else lambda *sizes: bottleneck(*sizes, False)  # noqa: B023
                blocks.append(block(into, middle, stride))
                into = middle if small else 4 * middle
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))

    def forward(self, x):
        if self.small:  # 4x4 pixels become 48 channels, in the order of models/resnet.py
            b, c, h, w = x.shape
            x = x.permute(0, 2, 3, 1).reshape(b, h // 4, 4, w // 4, 4, c)
            x = x.permute(0, 1, 3, 2, 4, 5).reshape(b, h // 4, w // 4, 16 * c)
            x = x.permute(0, 3, 1, 2)
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = x if self.small else functional.max_pool2d(x, 3, 2, 1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return x.mean((2, 3))


class Normed(nn.Module):
    """Convolution, normalisation and, if wanted, ReLU."""

    def __init__(self, into: int, out: int, size: int = 1, stride: int = 1, relu: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(into, out, size, stride, size // 2, bias=False)
        self.bn, self.relu = nn.BatchNorm2d(out), relu

    def forward(self, x):
        x = self.bn(self.conv(x))
        return functional.relu(x, inplace=True) if self.relu else x


class Light(nn.Module):
    """1x1, depthwise 3x3, normalisation, ReLU."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False, groups=width)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return functional.relu(self.bn(self.conv2(self.conv1(x))), inplace=True)


class Gate(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(width, width // 16, 1), nn.Conv2d(width // 16, width, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(functional.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Block(nn.Module):
    """Four gated streams of 1 to 4 light convolutions, and the shortcut."""

    def __init__(self, into: int, out: int):
        super().__init__()
        middle = out // 4
        self.conv1, self.conv2a = Normed(into, middle), Light(middle)
        for letter, depth in zip("bcd", (2, 3, 4), strict=True):
            setattr(self, f"conv2{letter}", nn.Sequential(*[Light(middle) for _ in range(depth)]))
        self.gate, self.conv3 = Gate(middle), Normed(middle, out, relu=False)
        self.downsample = Normed(into, out, relu=False) if into != out else None

    def forward(self, x):
        y = self.conv1(x)
        y = self.conv3(sum(self.gate(getattr(self, f"conv2{letter}")(y)) for letter in "abcd"))
        y = y + (x if self.downsample is None else self.downsample(x))
        return functional.relu(y, inplace=True)


class OSNet(nn.Module):
    """OSNet as torchreid builds it."""

    def __init__(self, width: float):
        super().__init__()
        a, b, c, d = (int(channels * width) for channels in (64, 256, 384, 512))
        self.conv1 = Normed(3, a, 7, 2)
        for stage, into, out in ((2, a, b), (3, b, c)):
            end = nn.Sequential(Normed(out, out), nn.AvgPool2d(2, 2))
            setattr(self, f"conv{stage}", nn.Sequential(Block(into, out), Block(out, out), end))
        self.conv4, self.conv5 = nn.Sequential(Block(c, d), Block(d, d)), Normed(d, d)
        self.fc = nn.Sequential(nn.Linear(d, 512), nn.BatchNorm1d(512), nn.ReLU())
        self.out = 512

    def forward(self, x):
        x = functional.max_pool2d(self.conv1(x), 3, 2, 1)
        return self.fc(self.conv5(self.conv4(self.conv3(self.conv2(x)))).mean((2, 3)))


class Inverted(nn.Module):
    """Inverted residual of EfficientNet-Lite (`same`: TensorFlow's padding) and MobileNetV2."""

    def __init__(self, plan, into: int, same: bool, epsilon: float):
        super().__init__()
        inside, self.added = plan.inside, plan.stride == 1 and into == plan.width
        self.expand = relu6(into, inside, epsilon) if len(plan.layers) > 2 else nn.Identity()
        self.depthwise = relu6(inside, inside, epsilon, plan.size, plan.stride, inside, same)
        self.project = relu6(inside, plan.width, epsilon)[:-1]

    def forward(self, x):
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.added else y


def relu6(into: int, out: int, epsilon: float, size=1, stride=1, groups=1, same=False):
    """Convolution, normalisation and ReLU6."""
    even = same and stride == 2  # maps with even sides: an odd pixel of padding lies behind
    around = size // 2 - 1, size // 2
    pad = [nn.ZeroPad2d((*around, *around))] if even else []
    side = 0 if even else size // 2
    conv = nn.Conv2d(into, out, size, stride, side, groups=groups, bias=False)
    return nn.Sequential(*pad, conv, nn.BatchNorm2d(out, eps=epsilon), nn.ReLU6(inplace=True))


class Mobile(nn.Module):
    """EfficientNet-Lite or MobileNetV2, by the blocks of ours; last stride 1."""

    def __init__(self, ours: mobile.Mobile):
        super().__init__()
        self.out, into = ours.head, ours.stem
        layers = [relu6(3, into, ours.epsilon, 3, 2, 1, ours.same)]
        for plan in ours.plans:
            layers.append(Inverted(plan, into, ours.same, ours.epsilon))
            into = plan.width
        self.layers = nn.Sequential(*layers, relu6(into, ours.head, ours.epsilon))

    def forward(self, x):
        return self.layers(x).mean((2, 3))


NETWORKS = {
    "resnet_small": lambda: ResNet(True),
    "resnet50": lambda: ResNet(False),
    "osnet_x0_25": lambda: OSNet(0.25),
    "osnet_x1_0": lambda: OSNet(1.0),
    "efficientnet_lite0": lambda: Mobile(mobile.efficientnet_lite()),
    "mobilenet_v2": lambda: Mobile(mobile.mobilenet_v2()),
}


class Encoder(nn.Module):
    """A trunk, BNNeck and classifier."""

    def __init__(self, backbone: str):
        super().__init__()
        self.trunk = NETWORKS[backbone]()
        self.neck = nn.BatchNorm1d(self.trunk.out)
        self.neck.bias.requires_grad_(False)
        self.classifier = nn.Linear(self.trunk.out, CLASSES, bias=False)
        nn.init.normal_(self.classifier.weight, std=0.001)

    def forward(self, image):
        """Map uint8 [b h w 3] to (feature, embedding), f32."""
        mean, std = (torch.tensor(one) for one in (gpu_torch.MEAN, gpu_torch.STD))
        x = ((image.float() / 255 - mean) / std).permute(0, 3, 1, 2)  # channels last in memory
        feature = self.trunk(x)
        return feature, self.neck(feature)


class Training:
    """A step and a forward pass on one batch."""

    def __init__(self, backbone: str, picture: tuple[int, int], rows: int):
        self.model = Encoder(backbone).to(memory_format=torch.channels_last)
        weights = [one for one in self.model.parameters() if one.requires_grad]
        self.optimiser = torch.optim.Adam(weights, lr=3.5e-4, weight_decay=5e-4)
        pixels = np.random.default_rng(0).integers(0, 256, (rows, *picture, 3), np.uint8)
        self.image, self.label = torch.from_numpy(pixels), torch.arange(rows) // 4

    def step(self) -> None:
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        feature, embedding = self.model(self.image)
        gpu_torch.losses(feature, self.model.classifier(embedding), self.label).backward()
        self.optimiser.step()

    def forward(self) -> None:
        self.model.eval()
        with torch.inference_mode():
            self.model(self.image)


def main() -> None:
    backbone, height, width, rows = sys.argv[1], *map(int, sys.argv[2:5])
    training = Training(backbone, (height, width), rows)
    for run in (training.step, training.forward):
        run()
    answer(f"torch {torch.__version__}", training)


if __name__ == "__main__":
    main()

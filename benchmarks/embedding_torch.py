"""The twins in torch of the networks that `embedding.py` measures, with the same weights."""

import torch
from torch import nn
from torch.nn import functional

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FULL = (64, 256, 384, 512)  # OSNet's channels at width 1


def conv(into: int, out: int, size: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(into, out, size, stride, size // 2, groups=groups, bias=False)


class Basic(nn.Module):
    """Two 3x3 convolutions."""

    expansion = 1

    def __init__(self, into: int, width: int, stride: int):
        super().__init__()
        self.conv1, self.bn1 = conv(into, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        shortcut = [conv(into, width, 1, stride), nn.BatchNorm2d(width)]
        self.downsample = nn.Sequential(*shortcut if stride > 1 or into != width else [])

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions."""

    expansion = 4

    def __init__(self, into: int, width: int, stride: int):
        super().__init__()
        out = 4 * width
        self.conv1, self.bn1 = conv(into, width), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, out), nn.BatchNorm2d(out)
        shortcut = [conv(into, out, 1, stride), nn.BatchNorm2d(out)]
        self.downsample = nn.Sequential(*shortcut if stride > 1 or into != out else [])

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        return functional.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet(nn.Module):
    """The trunk, with stride 1 in the last stage."""

    def __init__(self, depths, width, block, fold):
        super().__init__()
        self.fold = fold
        self.conv1 = conv(48, width, 3) if fold else conv(3, width, 7, 2)
        self.bn1, self.stages, into = nn.BatchNorm2d(width), [], width
        for stage, depth in enumerate(depths, 1):
            blocks, inner = [], width * 2 ** (stage - 1)
            for place in range(depth):
                stride = 1 if place or stage in (1, len(depths)) else 2
                blocks.append(block(into, inner, stride))
                into = block.expansion * inner
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            self.stages.append(f"layer{stage}")
        self.width = into

    def forward(self, x):
        if self.fold:  # [b 3 4h 4w] -> [b 48 h w], channels in the order (row, column, colour)
            b, c, h, w = x.shape
            x = x.reshape(b, c, h // 4, 4, w // 4, 4).permute(0, 3, 5, 1, 2, 4)
            x = x.reshape(b, 16 * c, h // 4, w // 4)
        x = functional.relu(self.bn1(self.conv1(x)))
        x = x if self.fold else functional.max_pool2d(x, 3, 2, 1)
        for stage in self.stages:
            x = getattr(self, stage)(x)
        return x


class Plain(nn.Module):
    """1x1 or larger, normalisation, and ReLU if asked."""

    def __init__(self, into: int, out: int, size: int = 1, stride: int = 1, relu: bool = True):
        super().__init__()
        self.conv, self.bn, self.relu = conv(into, out, size, stride), nn.BatchNorm2d(out), relu

    def forward(self, x):
        x = self.bn(self.conv(x))
        return functional.relu(x) if self.relu else x


class Light(nn.Module):
    """1x1, depthwise 3x3, normalisation, ReLU."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1, self.conv2 = conv(width, width), conv(width, width, 3, groups=width)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return functional.relu(self.bn(self.conv2(self.conv1(x))))


class Gate(nn.Module):
    """Channel attention."""

    def __init__(self, width: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(width, width // 16, 1), nn.Conv2d(width // 16, width, 1)

    def forward(self, x):
        weight = functional.adaptive_avg_pool2d(x, 1)
        return x * torch.sigmoid(self.fc2(functional.relu(self.fc1(weight))))


class Streams(nn.Module):
    """OSNet's block: four gated streams."""

    def __init__(self, into: int, width: int):
        super().__init__()
        middle = width // 4
        self.conv1 = Plain(into, middle)
        self.conv2a = Light(middle)
        for letter, depth in zip("bcd", (2, 3, 4), strict=True):
            streams = nn.Sequential(*(Light(middle) for _ in range(depth)))
            setattr(self, f"conv2{letter}", streams)
        self.gate = Gate(middle)
        self.conv3 = Plain(middle, width, relu=False)
        self.downsample = nn.Sequential() if into == width else Plain(into, width, relu=False)

    def forward(self, x):
        y = self.conv1(x)
        streams = (self.conv2a, self.conv2b, self.conv2c, self.conv2d)
        y = self.conv3(sum(self.gate(stream(y)) for stream in streams))
        return functional.relu(y + self.downsample(x))


class OSNet(nn.Module):
    """The trunk."""

    def __init__(self, width: float):
        super().__init__()
        stem, *widths = (int(channels * width) for channels in FULL)
        self.conv1, into = Plain(3, stem, 7, 2), stem
        for stage, out in enumerate(widths, 2):
            blocks: list[nn.Module] = [Streams(into, out), Streams(out, out)]
            if stage < 4:
                blocks.append(nn.Sequential(Plain(out, out), nn.AvgPool2d(2, 2)))
            setattr(self, f"conv{stage}", nn.Sequential(*blocks))
            into = out
        self.conv5, self.width = Plain(into, into), into

    def forward(self, x):
        x = functional.max_pool2d(self.conv1(x), 3, 2, 1)
        return self.conv5(self.conv4(self.conv3(self.conv2(x))))


class Encoder(nn.Module):
    """Normalisation of pixels, trunk, average pooling, OSNet's dense layer, BNNeck, length one."""

    def __init__(self, trunk: nn.Module, project: int = 0):
        super().__init__()
        self.trunk, width = trunk, project or trunk.width
        layers = [nn.Linear(trunk.width, project), nn.BatchNorm1d(project), nn.ReLU()]
        self.fc = nn.Sequential(*layers if project else [])
        self.neck = nn.BatchNorm1d(width)
        self.register_buffer("mean", torch.tensor(MEAN))
        self.register_buffer("std", torch.tensor(STD))

    def forward(self, image):
        """Map uint8 [b h w 3] to f32 [b d]."""
        x = ((image.float() / 255 - self.mean) / self.std).permute(0, 3, 1, 2)
        return functional.normalize(self.neck(self.fc(self.trunk(x).mean((2, 3)))))


def twin(name: str, arrays: dict[str, torch.Tensor]) -> Encoder:
    """The twin of a backbone of reid_jax with these weights, ready to embed."""
    model = {
        "resnet_small": lambda: Encoder(ResNet((1, 1, 1, 1), 32, Basic, True)),
        "resnet50": lambda: Encoder(ResNet((3, 4, 6, 3), 64, Bottleneck, False)),
        "osnet_x0_25": lambda: Encoder(OSNet(0.25), 512),
    }[name]()
    named = {
        key if key.startswith(("neck.", "fc.")) else f"trunk.{key}": value
        for key, value in arrays.items()
    }
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    for key, value in named.items():  # a gate's layers are 1x1 convolutions there
        named[key] = value.reshape(shapes.get(key, value.shape))
    missing, unexpected = model.load_state_dict(named, strict=False)
    ours = ("mean", "std", "neck.bias")
    left = [key for key in missing if key not in ours and not key.endswith("num_batches_tracked")]
    if left or unexpected:
        raise ValueError(f"the twin of {name} differs: {left[:5]}, {unexpected[:5]}")
    nn.init.zeros_(model.neck.bias)
    return model.to(memory_format=torch.channels_last).eval()

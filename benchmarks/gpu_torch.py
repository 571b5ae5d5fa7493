"""The supervised step in PyTorch, compiled, in bfloat16: what `gpu.py` compares with.

It runs as a process of its own. Its argument is JSON, a list of the fields of `Options`. It prints
a line of JSON when it has compiled; then, for each number of steps that it reads, one with their
seconds.
"""

import json
import sys
import time
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Options(NamedTuple):
    """What is run: on which device, how torch compiles ("eager": not at all), and all sizes."""

    device: str
    mode: str
    picture: tuple[int, int]
    persons: int
    per_person: int
    classes: int
    depths: tuple[int, ...]
    width: int


class IBN(nn.Module):
    """IBN-a: instance normalisation of the first half of the channels, batch of the second."""

    def __init__(self, width: int):
        super().__init__()
        self.half = width // 2
        self.IN = nn.InstanceNorm2d(self.half, affine=True)
        self.BN = nn.BatchNorm2d(width - self.half)

    def forward(self, x):
        return torch.cat([self.IN(x[:, : self.half]), self.BN(x[:, self.half :])], 1)


class Bottleneck(nn.Module):
    def __init__(self, into: int, width: int, stride: int, ibn: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(into, width, 1, bias=False)
        self.bn1 = IBN(width) if ibn else nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = None
        if stride > 1 or into != 4 * width:
            shortcut = nn.Conv2d(into, 4 * width, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(4 * width))

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class Encoder(nn.Module):
    """ResNet with IBN-a and last stride 1, average pooling, BNNeck, classifier."""

    def __init__(self, depths: tuple[int, ...], width: int, classes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.stages, into = [], width
        for stage, depth in enumerate(depths, 1):
            blocks = []
            for place in range(depth):
                stride = 1 if place or stage in (1, len(depths)) else 2
                blocks.append(Bottleneck(into, width * 2 ** (stage - 1), stride, stage <= 3))
                into = 4 * width * 2 ** (stage - 1)
            self.stages.append(f"layer{stage}")
            setattr(self, self.stages[-1], nn.Sequential(*blocks))
        self.neck = nn.BatchNorm1d(into)
        self.neck.bias.requires_grad_(False)
        self.classifier = nn.Linear(into, classes, bias=False)
        nn.init.normal_(self.classifier.weight, std=0.001)

    def forward(self, image):
        """Map uint8 [b h w 3] to (feature, embedding, logits), f32."""
        mean, std = (torch.tensor(one, device=image.device) for one in (MEAN, STD))
        x = ((image.float() / 255 - mean) / std).permute(0, 3, 1, 2)  # channels last in memory
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.max_pool2d(x, 3, 2, 1)
        for stage in self.stages:
            x = getattr(self, stage)(x)
        with torch.autocast(image.device.type, enabled=False):
            feature = x.float().mean((2, 3))
            embedding = self.neck(feature)
            return feature, embedding, self.classifier(embedding)


def losses(feature, logits, label):
    """Smoothed cross-entropy and the batch-hard triplet loss with the soft margin."""
    square = feature.square().sum(1)
    distance = square[:, None] + square[None, :] - 2 * feature @ feature.T
    distance = distance.clamp(min=1e-12).sqrt()
    same = label[:, None] == label[None, :]
    other = ~torch.eye(len(label), dtype=torch.bool, device=label.device)
    positive = distance.masked_fill(~(same & other), -torch.inf).max(1).values
    negative = distance.masked_fill(same, torch.inf).min(1).values
    classify = functional.cross_entropy(logits, label, label_smoothing=0.1)
    return classify + functional.softplus(positive - negative).mean()


class Training:
    """Steps on one batch, whose pictures are copied from the host at each step."""

    def __init__(self, options: Options):
        cuda = options.device == "cuda"
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")  # TF32, as jax does by default
        self.device = torch.device(options.device)
        model = Encoder(options.depths, options.width, options.classes).to(self.device)
        model = model.to(memory_format=torch.channels_last).train()
        weights = [one for one in model.parameters() if one.requires_grad]
        self.optimiser = torch.optim.Adam(
            weights, lr=3.5e-4, weight_decay=5e-4, fused=True if cuda else None
        )

        def objective(image, label):
            with torch.autocast(self.device.type, torch.bfloat16):
                feature, _, logits = model(image)
            return losses(feature, logits, label)

        compiled = options.mode != "eager"
        self.objective = torch.compile(objective, mode=options.mode) if compiled else objective
        rows = options.persons * options.per_person
        pixels = np.random.default_rng(0).integers(0, 256, (rows, *options.picture, 3), np.uint8)
        image, label = torch.from_numpy(pixels), torch.arange(rows) // options.per_person
        self.image, self.label = (
            (image.pin_memory(), label.pin_memory()) if cuda else (image, label)
        )

    def run(self, steps: int) -> float:
        """Seconds of some steps."""
        self._wait()
        start = time.perf_counter()
        for _ in range(steps):
            image, label = (x.to(self.device, non_blocking=True) for x in (self.image, self.label))
            self.optimiser.zero_grad(set_to_none=True)
            self.objective(image, label).backward()
            self.optimiser.step()
        self._wait()
        return time.perf_counter() - start

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def main() -> None:
    options = Options(*json.loads(sys.argv[1]))
    about = {"torch": torch.__version__, "mode": options.mode}
    if options.device == "cuda" and not torch.cuda.is_available():
        print(json.dumps({"error": f"torch {torch.__version__} sees no GPU"}), flush=True)
        return
    training = Training(options)
    about["first s"] = training.run(1)
    training.run(5)
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        answer = {"seconds": training.run(int(line))}
        if options.device == "cuda":
            answer["device GiB"] = torch.cuda.max_memory_allocated() / 2**30
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

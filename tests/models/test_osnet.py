"""OSNet against torch's layers in torchreid's arrangement, and the published parameter counts.

A published model is compared with what onnxruntime computes.
"""

import os
from pathlib import Path

import jax
import numpy as np
import pytest

from reid_jax.models import embedder, osnet, pretrained
from reid_jax.types import Input


def _model(make, size=(64, 32), width=1.0, **options):
    """A model with zeros as variables, for a file to fill: compiling random ones takes seconds."""
    model = embedder.model(
        embedder.Embedder(make(width), Input(size), project=512, neck=False, **options)
    )
    zeros = jax.eval_shape(model.init, jax.random.key(0))
    return model._replace(
        init=lambda key: jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), zeros)
    )


def _count(model):
    return sum(
        leaf.size
        for leaf in jax.tree.leaves(jax.eval_shape(model.init, jax.random.key(0))["params"])
    )


@pytest.mark.parametrize(
    ("make", "width", "count"), [(osnet.osnet, 1.0, 2_169_508), (osnet.osnet_ibn, 1.0, 2_170_532)]
)
def test_the_published_size(make, width, count):
    """Without a classifier, as torchreid's own modules count."""
    assert _count(_model(make, width=width)) == count


@pytest.mark.parametrize(("width", "channels"), [(1.0, 512), (0.75, 384), (0.5, 256), (0.25, 128)])
def test_the_feature_map(width, channels):
    out = jax.eval_shape(
        lambda key: osnet.osnet(width).init_with_output(
            key, np.zeros((1, 256, 128, 3), np.float32), False
        )[0],
        jax.random.key(0),
    )
    assert out.shape == (1, 16, 8, channels)


def _torch_osnet(torch, ibn, width):
    """torchreid's OSNet, reimplemented: random weights and statistics, eval mode."""
    nn = torch.nn
    channels = [int(c * width) for c in (64, 256, 384, 512)]

    class Conv(nn.Module):
        def __init__(self, into, out, size=1, stride=1, instance=False, relu=True):
            super().__init__()
            self.conv = nn.Conv2d(into, out, size, stride, size // 2, bias=False)
            self.bn = nn.InstanceNorm2d(out, affine=True) if instance else nn.BatchNorm2d(out)
            self.relu = relu

        def forward(self, x):
            x = self.bn(self.conv(x))
            return torch.relu(x) if self.relu else x

    class Light(nn.Module):
        def __init__(self, c):
            super().__init__()
            self.conv1 = nn.Conv2d(c, c, 1, bias=False)
            self.conv2 = nn.Conv2d(c, c, 3, 1, 1, bias=False, groups=c)
            self.bn = nn.BatchNorm2d(c)

        def forward(self, x):
            return torch.relu(self.bn(self.conv2(self.conv1(x))))

    class Gate(nn.Module):
        def __init__(self, c):
            super().__init__()
            self.fc1, self.fc2 = nn.Conv2d(c, c // 16, 1), nn.Conv2d(c // 16, c, 1)

        def forward(self, x):
            return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean((2, 3), keepdim=True)))))

    class Block(nn.Module):
        def __init__(self, into, out, instance):
            super().__init__()
            middle = out // 4
            self.conv1 = Conv(into, middle)
            self.conv2a = Light(middle)
            for letter, depth in zip("bcd", (2, 3, 4), strict=True):
                setattr(
                    self, f"conv2{letter}", nn.Sequential(*(Light(middle) for _ in range(depth)))
                )
            self.gate, self.conv3 = Gate(middle), Conv(middle, out, relu=False)
            self.downsample = Conv(into, out, relu=False) if into != out else None
            self.IN = nn.InstanceNorm2d(out, affine=True) if instance else None

        def forward(self, x):
            y = self.conv1(x)
            y = self.conv3(sum(self.gate(getattr(self, f"conv2{letter}")(y)) for letter in "abcd"))
            y = y + (x if self.downsample is None else self.downsample(x))
            return torch.relu(y if self.IN is None else self.IN(y))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            a, b, c, d = channels
            self.conv1 = Conv(3, a, 7, 2, ibn)
            self.conv2 = nn.Sequential(
                Block(a, b, ibn), Block(b, b, ibn), nn.Sequential(Conv(b, b), nn.AvgPool2d(2, 2))
            )
            self.conv3 = nn.Sequential(
                Block(b, c, False),
                Block(c, c, False),
                nn.Sequential(Conv(c, c), nn.AvgPool2d(2, 2)),
            )
            self.conv4 = nn.Sequential(Block(c, d, False), Block(d, d, False))
            self.conv5 = Conv(d, d)
            self.fc = nn.Sequential(nn.Linear(d, 512), nn.BatchNorm1d(512), nn.ReLU())

        def forward(self, x):
            x = nn.functional.max_pool2d(self.conv1(x), 3, 2, 1)
            return self.fc(self.conv5(self.conv4(self.conv3(self.conv2(x)))).mean((2, 3)))

    torch.manual_seed(5)
    net = Net().eval()
    for name, value in net.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif value.ndim == 1:
            value.add_(0.2 * torch.randn_like(value))
    return net


@pytest.mark.parametrize(
    ("ibn", "width"),
    [
        (False, 0.25),
        (True, 0.25),
        pytest.param(False, 0.75, marks=pytest.mark.slow),
        pytest.param(True, 1.0, marks=pytest.mark.slow),
    ],
)
def test_the_embedding_is_torchs(ibn, width, tmp_path):
    torch = pytest.importorskip("torch")
    net = _torch_osnet(torch, ibn, width)
    state = net.state_dict() | {"classifier.weight": torch.zeros(5, 512)}
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "w.pth.tar")
    model = _model(osnet.osnet_ibn if ibn else osnet.osnet, width=width)
    variables, coverage = pretrained.load(tmp_path / "w.pth.tar", model.init(jax.random.key(0)))
    assert coverage.filled == coverage.expected
    assert all(
        name == "classifier.weight" or name.endswith("num_batches_tracked")
        for name in coverage.unused
    )
    image = np.random.default_rng(0).integers(0, 256, (2, 64, 32, 3), np.uint8)
    pixels = (image / 255.0 - model.input.mean) / model.input.std
    with torch.no_grad():
        expected = net(torch.tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float32)).numpy()
    got = np.asarray(jax.jit(model.apply, static_argnums=2)(variables, image, False)[0].embedding)
    assert np.abs(got - expected).max() / np.abs(expected).max() < 1e-4


@pytest.mark.skipif("REID_DATA" not in os.environ, reason="needs the weights of a published model")
def test_a_published_model_gives_what_onnxruntime_gives():
    path = Path(os.environ["REID_DATA"]) / "weights" / "osnet_x0_25_msmt17.onnx"
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model = _model(osnet.osnet, (256, 128), 0.25)
    variables, coverage = pretrained.load(path, model.init(jax.random.key(0)))
    assert coverage.filled == coverage.expected and not coverage.unused
    image = np.random.default_rng(0).integers(0, 256, (4, 256, 128, 3), np.uint8)
    pixels = (
        ((image / 255.0 - model.input.mean) / model.input.std)
        .transpose(0, 3, 1, 2)
        .astype(np.float32)
    )
    (expected,) = runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(
        None, {"images": pixels}
    )
    got = np.asarray(jax.jit(model.apply, static_argnums=2)(variables, image, False)[0].embedding)
    assert np.abs(got - expected).max() / np.abs(expected).max() < 1e-4

"""EfficientNet-Lite and MobileNetV2 against torch's layers in the published arrangement."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from reid_jax import encoders, network
from reid_jax.models import embedder, imagenet, mobile, pretrained, published, weights
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Input
from tests.graph import filled

# without a classifier: (widths, depths) of Google's EfficientNet-Lite and torchvision's MobileNetV2
LITES = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8))
# (kernel, stride, channels, expansion, depth) of each stage, from the authors' tables
LITE = "3,1,16,1,1 3,2,24,6,2 5,2,40,6,2 3,2,80,6,3 5,1,112,6,3 5,2,192,6,4 3,1,320,6,1"
V2 = "3,1,16,1,1 3,2,24,6,2 3,2,32,6,3 3,2,64,6,4 3,1,96,6,3 3,2,160,6,3 3,1,320,6,1"


def _model(trunk, size=(64, 32), input=None):
    """A model with zeros as variables, for a file to fill: compiling random ones takes seconds."""
    model = embedder.model(embedder.Embedder(trunk, input or Input(size), neck=False))
    zeros = jax.eval_shape(model.init, jax.random.key(0))
    return model._replace(
        init=lambda key: jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), zeros)
    )


@pytest.mark.parametrize(
    ("make", "count"),
    [
        # millions of parameters in Google's README, less the classifier's 1,281,000
        (lambda: mobile.efficientnet_lite(0), 4_652_008 - 1_281_000),
        (lambda: mobile.efficientnet_lite(4), 13_006_568 - 1_281_000),
        (lambda: mobile.mobilenet_v2(), 3_504_872 - 1_281_000),  # torchvision's own count
        (lambda: mobile.mobilenet_v2(0.5), 1_968_680 - 1_281_000),  # keras's mobilenet_v2_0.50
    ],
)
def test_the_published_size(make, count):
    variables = jax.eval_shape(_model(make()).init, jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == count


@pytest.mark.parametrize(("last", "sides"), [(1, (16, 8)), (2, (8, 4))])
def test_the_feature_map(last, sides):
    for trunk in (
        mobile.efficientnet_lite(last_stride=last),
        mobile.mobilenet_v2(last_stride=last),
    ):
        image = jax.ShapeDtypeStruct((1, 256, 128, 3), jnp.float32)
        out, _ = jax.eval_shape(
            lambda key, x, trunk=trunk: trunk.init_with_output(key, x, False),
            jax.random.key(0), image,
        )  # fmt: skip
        assert out.shape == (1, *sides, 1280)


def _same(torch, size, stride):
    """TensorFlow's padding, by the size of the map."""

    class Same(torch.nn.Module):
        def forward(self, x):
            wide = [max((-(-side // stride) - 1) * stride + size - side, 0) for side in x.shape[2:]]
            (a, b), (c, d) = ((by // 2, by - by // 2) for by in wide)
            return torch.nn.functional.pad(x, (c, d, a, b))

    return Same()


def _blocks(table, width, depth):
    """(into, out, kernel, stride, expansion) of each block of a table."""

    def divisible(channels):
        new = max(8, int(channels + 4) // 8 * 8)
        return new + 8 if new < 0.9 * channels else new

    rows = [tuple(map(int, row.split(","))) for row in table.split()]
    blocks, into = [], 32
    for place, (kernel, stride, channels, expand, count) in enumerate(rows):
        out = divisible(channels * width)
        deep = int(np.ceil(count * depth)) if 0 < place < 6 else count
        for number in range(deep):
            blocks.append((into, out, kernel, 1 if number else stride, expand))
            into = out
    return blocks


def _torch_lite(torch, width, depth):
    """EfficientNet-Lite under the names of the port to torch; random weights, eval mode."""
    nn = torch.nn

    def norm(channels):
        return nn.BatchNorm2d(channels, eps=1e-3)

    class Block(nn.Module):
        def __init__(self, into, out, kernel, stride, expand):
            super().__init__()
            inside, self.added = into * expand, stride == 1 and into == out
            if expand > 1:
                self._expand_conv, self._bn0 = nn.Conv2d(into, inside, 1, bias=False), norm(inside)
            self._pad = _same(torch, kernel, stride)
            self._depthwise_conv = nn.Conv2d(
                inside, inside, kernel, stride, groups=inside, bias=False
            )
            self._bn1 = norm(inside)
            self._project_conv, self._bn2 = nn.Conv2d(inside, out, 1, bias=False), norm(out)

        def forward(self, x):
            y = x
            if hasattr(self, "_bn0"):
                y = nn.functional.relu6(self._bn0(self._expand_conv(y)))
            y = nn.functional.relu6(self._bn1(self._depthwise_conv(self._pad(y))))
            y = self._bn2(self._project_conv(y))
            return x + y if self.added else y

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self._pad, self._conv_stem = _same(torch, 3, 2), nn.Conv2d(3, 32, 3, 2, bias=False)
            self._bn0 = norm(32)
            self._blocks = nn.ModuleList(Block(*one) for one in _blocks(LITE, width, depth))
            last = _blocks(LITE, width, depth)[-1][1]
            self._conv_head, self._bn1 = nn.Conv2d(last, 1280, 1, bias=False), norm(1280)
            self._fc = nn.Linear(1280, 1000)

        def forward(self, x):
            x = nn.functional.relu6(self._bn0(self._conv_stem(self._pad(x))))
            for block in self._blocks:
                x = block(x)
            return nn.functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))

    return _drawn(torch, Net())


def _torch_v2(torch, flat):
    """MobileNetV2 under torchvision's names, or with the layers of a block in a row (`flat`)."""
    nn = torch.nn

    def normed(into, out, kernel=1, stride=1, groups=1):
        conv = nn.Conv2d(into, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        return [conv, nn.BatchNorm2d(out), nn.ReLU6()]

    class Block(nn.Module):
        def __init__(self, into, out, kernel, stride, expand):
            super().__init__()
            inside, self.added = into * expand, stride == 1 and into == out
            parts = [normed(into, inside)] if expand > 1 else []
            parts.append(normed(inside, inside, kernel, stride, inside))
            last = normed(inside, out)[:2]
            rows = [nn.Sequential(*part) for part in parts]
            layers = [layer for part in parts for layer in part] if flat else rows
            self.conv = nn.Sequential(*layers, *last)

        def forward(self, x):
            return x + self.conv(x) if self.added else self.conv(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            blocks = [Block(*one) for one in _blocks(V2, 1.0, 1.0)]
            ends = nn.Sequential(*normed(3, 32, 3, 2)), nn.Sequential(*normed(320, 1280))
            self.features = nn.Sequential(ends[0], *blocks, ends[1])

        def forward(self, x):
            return self.features(x).mean((2, 3))

    return _drawn(torch, Net())


def _drawn(torch, net):
    torch.manual_seed(7)
    for name, value in net.eval().state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif value.ndim == 1:
            value.add_(0.2 * torch.randn_like(value))
    return net


def _features(torch, net, model, variables, image):
    """(ours, torch's) of the same pictures."""
    pixels = (image / 255.0 - np.array(model.input.mean)) / np.array(model.input.std)
    with torch.no_grad():
        expected = net(torch.tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float32)).numpy()
    ours = jax.jit(model.apply, static_argnums=2)(variables, image, False)[0].feature
    return np.asarray(ours), expected


def _apart(ours, expected):
    return np.abs(ours - expected).max() / np.abs(expected).max()


def _pictures(size, rows=2):
    """Smooth ones, as photographs are."""
    cv2 = pytest.importorskip("cv2")
    coarse = np.random.default_rng(0).integers(0, 256, (rows, 6, 4, 3), np.uint8)
    return np.stack([cv2.resize(one, size[::-1], interpolation=cv2.INTER_CUBIC) for one in coarse])


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("efficientnet_lite0", (67, 33)),  # maps with odd sides
        pytest.param("efficientnet_lite3", (64, 32), marks=pytest.mark.slow),
        ("mobilenet_v2", (64, 32)),
        pytest.param("mobilenet_v2, flat", (67, 33), marks=pytest.mark.slow),
    ],
)
def test_the_embedding_is_torchs(name, size, tmp_path):
    torch = pytest.importorskip("torch")
    if name.startswith("mobilenet"):
        net, trunk = _torch_v2(torch, "flat" in name), mobile.mobilenet_v2(last_stride=2)
    else:
        number = int(name[-1])
        net = _torch_lite(torch, *LITES[number])
        trunk = mobile.efficientnet_lite(number, last_stride=2)
    torch.save({f"module.{k}": v for k, v in net.state_dict().items()}, tmp_path / "w.pth")
    model = _model(trunk, size)
    variables, coverage = pretrained.load(tmp_path / "w.pth", model.init(jax.random.key(0)))
    assert coverage.filled == coverage.expected
    left = [one for one in coverage.unused if not one.endswith("num_batches_tracked")]
    assert left == (["_fc.bias", "_fc.weight"] if "lite" in name else [])
    assert _apart(*_features(torch, net, model, variables, _pictures(size))) < 1e-4


def _packaged(name, size):
    """(the published network with ImageNet's weights, its variables, the weights file)."""
    try:
        path = imagenet.find(name)
    except ValueError as error:
        pytest.skip(str(error))
    trunk = encoders.BACKBONES[f"{name}_stride2"](norm=BatchNorm, dtype=jnp.float32)
    model = _model(trunk, size, Input(size, *network.pixels(name, "imagenet")))
    variables, coverage = pretrained.load(path, model.init(jax.random.key(0)))
    assert coverage.filled == coverage.expected
    return model, variables, path


@pytest.mark.parametrize(
    "name", ["mobilenet_v2", pytest.param("efficientnet_lite0", marks=pytest.mark.slow)]
)
def test_the_packages_weights_give_what_torch_gives(name):
    torch = pytest.importorskip("torch")
    model, variables, path = _packaged(name, (64, 64))
    lite = name.startswith("efficientnet")
    net = _torch_lite(torch, *LITES[0]) if lite else _torch_v2(torch, flat=True)
    net.load_state_dict(torch.load(path, weights_only=True))
    assert _apart(*_features(torch, net, model, variables, _pictures((64, 64)))) < 1e-4


def test_a_portrait_of_an_officer_is_a_military_uniform():
    """ImageNet's class 652, as TensorFlow's own example has it for this picture."""
    cv2, cbook = pytest.importorskip("cv2"), pytest.importorskip("matplotlib.cbook")
    model, variables, path = _packaged("efficientnet_lite0", (224, 224))
    file = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    picture = cv2.resize(cv2.imread(file)[:, :, ::-1], (224, 224), interpolation=cv2.INTER_AREA)
    feature = jax.jit(model.apply, static_argnums=2)(variables, picture[None], False)[0].feature
    arrays = weights.read(path)
    logits = np.asarray(feature) @ arrays["_fc.weight"].T + arrays["_fc.bias"]
    assert logits.argmax() == 652


def test_halves_of_a_batch_normalisation_fill_an_ibn(tmp_path):
    plain, mixed = (mobile.mobilenet_v2(0.5, ibn=ibn) for ibn in (False, True))
    shapes = traverse_util.flatten_dict(dict(_model(plain).init(jax.random.key(0))), sep="/")
    rng = np.random.default_rng(0)
    arrays = {published.torch_name(name): rng.random(of.shape[::-1]) for name, of in shapes.items()}
    np.savez(tmp_path / "w.npz", **arrays)
    empty = _model(mixed).init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"it lacks 30: features\.2\.conv\.0\.1\.BN"):
        pretrained.load(tmp_path / "w.npz", empty)
    loaded, coverage = pretrained.load(tmp_path / "w.npz", empty, halves=True)
    assert coverage.filled == coverage.expected and not coverage.unused
    block = loaded["params"]["trunk"]["features_3"]["conv_0_1"]
    whole = arrays["features.3.conv.0.1.weight"].astype(np.float32)
    both = np.concatenate([block["IN"]["scale"], block["BN"]["scale"]])
    np.testing.assert_array_equal(both, whole)
    var = loaded["batch_stats"]["trunk"]["features_3"]["conv_0_1"]["BN"]["var"]
    theirs = arrays["features.3.conv.0.1.running_var"].astype(np.float32)
    np.testing.assert_array_equal(var, theirs[-len(var) :])


@pytest.mark.parametrize("make", [mobile.efficientnet_lite, mobile.mobilenet_v2])
def test_every_weight_learns(make):
    """All kinds of blocks, with IBN-a: each array of a network of four blocks has a gradient."""
    whole = make(ibn=True)
    model = _model(whole.clone(head=8, plans=whole.plans[:4]), (32, 16))
    variables = filled.variables(model)
    image = np.random.default_rng(1).integers(0, 256, (4, 32, 16, 3), np.uint8)

    @jax.jit
    def gradients(params):
        def loss(params):
            out, _ = model.apply({**variables, "params": params}, image, True)
            return (out.embedding**3).sum()

        return jax.grad(loss)(params)

    for path, leaf in jax.tree.leaves_with_path(gradients(variables["params"])):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 0, path

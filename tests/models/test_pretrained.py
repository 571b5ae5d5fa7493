"""Import of torch weights, compared with a torch network that is reimplemented here."""

import jax
import numpy as np
import pytest
from flax import traverse_util

from reid_jax.models import embedder, pretrained, resnet
from reid_jax.models.norm import DomainNorm, collapsed
from reid_jax.types import Input
from tests import tiny

SIZE = (128, 64)
NARROW = {"width": 8, "depths": (1, 1, 1, 1)}
# Computed with torch 2.13.0 in float64, see `test_the_recorded_numbers_are_torchs`: every 32nd of
# 256 features of two images, and the sums of squares.
FEATURES = [
    [0.0, 0.959773, 0.727653, 0.0, 0.051477, 0.005105, 0.017397, 0.971153],
    [0.012051, 0.961325, 0.813918, 0.0, 0.025861, 0.017453, 0.027268, 1.02976],
]
SQUARES = [71.46025966, 74.62706414]


def _model(make, size=SIZE, **options):
    """A model with zeros as variables, for a file to fill: random ones take seconds."""
    model = embedder.model(embedder.Embedder(make(**options), Input(size)))

    def init(key):
        return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), jax.eval_shape(model.init, key))

    return model._replace(init=init)


def _saved(variables, path, prefix="", seed=0, drop=()):
    """Save random arrays under torch's names of the trunk to an .npz, and return them."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, value in traverse_util.flatten_dict(dict(variables), sep="/").items():
        if name.split("/")[1] == "trunk" and pretrained.torch_name(name) not in drop:
            array = rng.uniform(0.5, 1.5, value.shape).astype(np.float32)
            arrays[prefix + pretrained.torch_name(name)] = (
                array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
            )
    np.savez(path, **arrays, **{"fc.weight": np.zeros((3, 3))})
    return arrays


@pytest.mark.parametrize("make", [resnet.resnet50, resnet.resnet50_ibn_a])
def test_every_array_is_filled_by_name(make, tmp_path):
    model = _model(make)
    variables = model.init(jax.random.key(0))
    arrays = _saved(variables, tmp_path / "w.npz", prefix="module.")
    filled, coverage = pretrained.load(tmp_path / "w.npz", variables)
    assert coverage.filled == coverage.expected == len(arrays) and coverage.unused == ("fc.weight",)
    kernel = filled["params"]["trunk"]["layer2_0"]["conv2"]["kernel"]
    np.testing.assert_array_equal(
        kernel, arrays["module.layer2.0.conv2.weight"].transpose(2, 3, 1, 0)
    )
    var = filled["batch_stats"]["trunk"]["layer4_0"]["downsample_1"]["var"]
    np.testing.assert_array_equal(var, arrays["module.layer4.0.downsample.1.running_var"])
    assert (filled["params"]["neck"]["scale"] == variables["params"]["neck"]["scale"]).all()


def test_both_domains_start_from_the_same_weights(tmp_path):
    model = _model(resnet.resnet_small)
    _saved(model.init(jax.random.key(0)), tmp_path / "w.npz")
    plain = pretrained.load(tmp_path / "w.npz", model.init(jax.random.key(0)))[0]
    apart = _model(lambda: resnet.resnet_small(norm=DomainNorm))
    filled, coverage = pretrained.load(tmp_path / "w.npz", apart.init(jax.random.key(0)))
    assert not coverage.missing
    for domain in ("source", "target"):
        one = collapsed(filled, domain)
        for part in ("params", "batch_stats"):
            assert tiny.difference(one[part]["trunk"], plain[part]["trunk"]) == 0


def test_names_of_the_two_lineages():
    name = pretrained.torch_name
    assert name("params/trunk/layer1_0/bn1/IN/scale") == "layer1.0.bn1.IN.weight"
    assert name("batch_stats/trunk/layer1_0/bn1/BN/mean") == "layer1.0.bn1.BN.running_mean"
    assert name("params/trunk/layer3_5/conv3/kernel") == "layer3.5.conv3.weight"


def test_missing_arrays_are_refused_unless_left_out(tmp_path):
    model = _model(resnet.resnet50)
    variables = model.init(jax.random.key(0))
    _saved(variables, tmp_path / "w.npz", drop=("conv1.weight", "layer1.0.bn1.bias"))
    with pytest.raises(
        ValueError, match=r"99\.2% of the encoder \(263 of 265 arrays\).*lacks 2: .*bn1.bias"
    ):
        pretrained.started(model, tmp_path / "w.npz").init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"lacks 1: layer1\.0\.bn1\.bias"):
        pretrained.load(tmp_path / "w.npz", variables, leave=["conv1.*"])
    _, coverage = pretrained.load(
        tmp_path / "w.npz", variables, leave=["conv1.*", "layer1.0.bn?.bias"]
    )
    assert set(coverage.missing) == {"conv1.weight", "layer1.0.bn1.bias"}


def test_weights_of_another_network_are_refused(tmp_path):
    makers = (resnet.resnet50, resnet.resnet_small, resnet.resnet50_ibn_a)
    big, small, ibn = (_model(make) for make in makers)
    _saved(big.init(jax.random.key(0)), tmp_path / "w.npz")
    for leave in ([], ["fc.*"]):
        with pytest.raises(
            ValueError, match=r" 0\.0% of the encoder \(0 of 60.*60 of another shape.* has shape"
        ):
            pretrained.load(tmp_path / "w.npz", small.init(jax.random.key(0)), leave=leave)
    coverage = pretrained.load(tmp_path / "w.npz", small.init(jax.random.key(0)), leave=["*"])[1]
    assert coverage.filled == 0
    with pytest.raises(ValueError, match=r"bn1\.(IN|BN)"):
        pretrained.load(tmp_path / "w.npz", ibn.init(jax.random.key(0)))
    with pytest.raises(FileNotFoundError):
        pretrained.load(tmp_path / "none.npz", {})


def test_weights_without_batch_statistics_are_refused(tmp_path):
    model = _model(resnet.resnet50)
    variables = model.init(jax.random.key(0))
    names = {
        pretrained.torch_name(name) for name in traverse_util.flatten_dict(dict(variables), sep="/")
    }
    _saved(variables, tmp_path / "w.npz", drop={name for name in names if "running" in name})
    with pytest.raises(
        ValueError, match="saved without the 106 statistics of its batch normalisations"
    ):
        pretrained.load(tmp_path / "w.npz", variables)


@pytest.mark.parametrize(
    "prefix",
    ["", "module.", "module.encoder_q.", "module.base_encoder.", "backbone.", "module.base."],
)
def test_prefixes_of_trainers(prefix, tmp_path):
    """A second network in the file, as MoCo's encoder_k, is ignored."""
    model = _model(resnet.resnet_small)
    variables = model.init(jax.random.key(0))
    arrays = _saved(variables, tmp_path / "w.npz", prefix=prefix)
    np.savez(tmp_path / "both.npz", **arrays, **{"module.encoder_k.conv1.weight": np.zeros(3)})
    filled, coverage = pretrained.load(tmp_path / "both.npz", variables)
    assert coverage.filled == coverage.expected
    scale = filled["params"]["trunk"]["layer1_0"]["bn2"]["scale"]
    np.testing.assert_array_equal(scale, arrays[f"{prefix}layer1.0.bn2.weight"])


def test_a_folded_normalisation_only_adds(tmp_path):
    """At test, a network with folded normalisation equals the one that it was folded from."""
    model = _model(resnet.resnet_small)
    variables = model.init(jax.random.key(0))
    arrays = _saved(variables, tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", **arrays)
    whole = pretrained.load(tmp_path / "w.npz", variables)[0]
    folded = dict(arrays)
    for name in list(arrays):
        if name.endswith("running_var"):
            norm = name.removesuffix(".running_var")
            conv = norm.replace("bn", "conv").replace("downsample.1", "downsample.0")
            scale = folded.pop(f"{norm}.weight") / np.sqrt(folded.pop(name) + 1e-5)
            folded[f"{conv}.weight"] = folded[f"{conv}.weight"] * scale[:, None, None, None]
            folded[f"{conv}.bias"] = (
                folded.pop(f"{norm}.bias") - folded.pop(f"{norm}.running_mean") * scale
            )
    np.savez(tmp_path / "folded.npz", **folded)
    filled, coverage = pretrained.load(tmp_path / "folded.npz", variables)
    assert coverage.filled == coverage.expected and coverage.unused == ()
    image = np.random.default_rng(0).integers(0, 256, (2, *SIZE, 3), np.uint8)
    features = [model.apply(v, image, False)[0].feature for v in (whole, filled)]
    np.testing.assert_allclose(*features, rtol=1e-4)


def _formula(name, shape):
    """Reproducible weights: waves, scaled as He's, around 0 or 1."""
    wave = np.sin(0.7 * np.arange(1, np.prod(shape) + 1) + len(name)).reshape(shape)
    if len(shape) == 4:
        return wave * np.sqrt(2 / np.prod(shape[1:]))
    return name.endswith(("weight", "running_var")) + 0.3 * wave


def _pictures():
    return (np.arange(2 * 64 * 32 * 3) * 37 % 251).reshape(2, 64, 32, 3).astype(np.uint8)


def test_a_narrow_network_gives_what_torch_gave(tmp_path):
    model = _model(resnet.resnet50_ibn_a, size=(64, 32), **NARROW)
    arrays = {}
    for name, value in traverse_util.flatten_dict(model.init(jax.random.key(0)), sep="/").items():
        if name.split("/")[1] == "trunk":
            shape = tuple(value.shape[i] for i in (3, 2, 0, 1)) if value.ndim == 4 else value.shape
            arrays[pretrained.torch_name(name)] = _formula(pretrained.torch_name(name), shape)
    np.savez(tmp_path / "w.npz", **arrays)
    variables = pretrained.started(model, tmp_path / "w.npz").init(jax.random.key(0))
    feature = np.asarray(
        jax.jit(model.apply, static_argnums=2)(variables, _pictures(), False)[0].feature
    )
    np.testing.assert_allclose(feature[:, ::32], FEATURES, atol=1e-5)
    np.testing.assert_allclose((feature**2).sum(1), SQUARES, rtol=1e-5)


def _torch_resnet(torch, ibn, width=64, depths=(3, 4, 6, 3)):
    """torchvision's ResNet-50 with last stride 1, optionally IBN-a; random weights, eval mode."""
    nn = torch.nn

    class IBN(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.half = width // 2
            self.IN = nn.InstanceNorm2d(self.half, affine=True)
            self.BN = nn.BatchNorm2d(width - self.half)

        def forward(self, x):
            return torch.cat(
                [self.IN(x[:, : self.half].contiguous()), self.BN(x[:, self.half :].contiguous())],
                1,
            )

    class Block(nn.Module):
        def __init__(self, into, width, stride, ibn):
            super().__init__()
            self.conv1 = nn.Conv2d(into, width, 1, bias=False)
            self.bn1 = IBN(width) if ibn else nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(4 * width)
            self.downsample = None
            if stride != 1 or into != 4 * width:
                self.downsample = nn.Sequential(
                    nn.Conv2d(into, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
                )

        def forward(self, x):
            y = torch.relu(self.bn1(self.conv1(x)))
            y = self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(y)))))
            return torch.relu(y + (x if self.downsample is None else self.downsample(x)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
            into = width
            for stage, depth in enumerate(depths):
                wide, stride = width * 2**stage, 2 if stage in (1, 2) else 1
                blocks = [Block(into, wide, stride, ibn and stage < 3)]
                blocks += [Block(4 * wide, wide, 1, ibn and stage < 3) for _ in range(depth - 1)]
                setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
                into = 4 * wide

        def forward(self, x):
            x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
            return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))

    torch.manual_seed(3)
    net = Net().eval()
    for name, value in net.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            value.normal_(0, 0.2)
        elif value.ndim == 1:
            value.add_(0.2 * torch.randn_like(value))
    return net


def _torch_feature(torch, net, image):
    pixels = (image / 255.0 - Input(SIZE).mean) / Input(SIZE).std
    with torch.no_grad():
        return net(torch.tensor(pixels.transpose(0, 3, 1, 2)).to(net.conv1.weight.dtype)).numpy()


def test_the_recorded_numbers_are_torchs():
    torch = pytest.importorskip("torch")
    net = _torch_resnet(torch, True, **NARROW).double()
    filled = {
        k: torch.tensor(_formula(k, tuple(v.shape))) if v.ndim else v
        for k, v in net.state_dict().items()
    }
    net.load_state_dict(filled)
    feature = _torch_feature(torch, net, _pictures())
    np.testing.assert_allclose(feature[:, ::32], FEATURES, atol=1e-6)
    np.testing.assert_allclose((feature**2).sum(1), SQUARES, rtol=1e-8)


@pytest.mark.parametrize("ibn", [False, True])
def test_the_embedding_is_torchs(ibn, tmp_path):
    torch = pytest.importorskip("torch")
    net = _torch_resnet(torch, ibn)
    state = {f"module.{k}": v for k, v in net.state_dict().items()} | {
        "module.fc.weight": torch.zeros(3, 2048)
    }
    torch.save({"state_dict": state, "epoch": 7}, tmp_path / "w.pth.tar")
    model = _model(resnet.resnet50_ibn_a if ibn else resnet.resnet50, size=(256, 128))
    variables, coverage = pretrained.load(tmp_path / "w.pth.tar", model.init(jax.random.key(0)))
    assert coverage.filled == coverage.expected and "fc.weight" in coverage.unused
    assert all(
        name == "fc.weight" or name.endswith("num_batches_tracked") for name in coverage.unused
    )
    image = np.random.default_rng(0).integers(0, 256, (2, 256, 128, 3), np.uint8)
    got = np.asarray(jax.jit(model.apply, static_argnums=2)(variables, image, False)[0].feature)
    expected = _torch_feature(torch, net, image)
    assert np.abs(got - expected).max() / np.abs(expected).max() < 1e-4

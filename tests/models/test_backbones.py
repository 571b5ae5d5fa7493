"""One step of every method with a backbone of each kind, and of one method with all backbones.

The steps are traced from pixels to gradients, but not compiled. What a backbone repeats is traced
once: where it meets the other methods, it has few blocks, and of the widths and depths of one
network one is trained.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from reid_jax import encoders, parallel
from reid_jax.methods.cycas import cycas
from reid_jax.methods.domainmix import Turns, domainmix
from reid_jax.methods.gds import gds
from reid_jax.methods.ide import ide
from reid_jax.methods.mmt import Clusters, mmt
from reid_jax.methods.moco import moco
from reid_jax.methods.remix import remix
from reid_jax.methods.spcl import spcl
from reid_jax.methods.theory import theory
from reid_jax.models import mlp, norm, osnet
from reid_jax.models.discriminator import judge
from reid_jax.models.vit import VITS
from reid_jax.types import Batch, Tags
from tests import tiny

PSEUDO = np.arange(48) // 8  # pseudo labels of the real half of the tiny data set
METHODS = {
    "domainmix": lambda model: domainmix(
        model, judge(model.width), labels=PSEUDO, turns=Turns(0, 2, 1, 1)
    ),
    "cycas": lambda model: cycas(model, memory=8),
    "moco": lambda model: moco(
        model,
        mlp.build_head(mlp.Perceptron((8, 4), last=True), model.width),
        mlp.build_head(mlp.Perceptron((8, 4)), 4),
    ),
    "ide": lambda model: ide(model, persons=2, per_person=2, centres=0.1),
    "mmt": lambda model: mmt(model, persons=2, per_person=2, iterations=2, clusters=Clusters(k=4)),
    "spcl": lambda model: spcl(model, persons=2, per_person=2, iterations=2),
    "gds": lambda model: gds(theory(model, persons=2, per_person=2, iterations=2)),
    "remix": lambda model: remix(model, multi=(2, 2), single=(0, 0), iterations=2),
}
SIZE = {"swin": "64x64", "dinov2": "56x28"}


def _model(name, monkeypatch, **options):
    monkeypatch.setattr(parallel, "average", norm.alone)  # one device, no axis
    return encoders.build(
        encoders.Network(backbone=name, size=SIZE.get(name.split("_")[0], "64x32"), **options)
    )


def _step(model, method):
    """The variables, and the shapes of (loss, gradient of every parameter) of a step."""
    records, rows = tiny.mixture(), np.zeros(4, np.int32)
    variables, carry = jax.eval_shape(lambda key: method.init(key, records), jax.random.key(0))
    image = jax.ShapeDtypeStruct((4, 2, *model.input.size, 3), jnp.uint8)

    def objective(params, variables, carry, image):
        batch = Batch(image, Tags(*[rows] * 5))
        outputs, _ = method.forward(
            {**variables, "params": params}, carry, batch, jax.random.key(0)
        )
        return method.loss(outputs, batch.tags, carry, jnp.int32(0))[0]

    return variables, jax.eval_shape(
        jax.value_and_grad(objective), variables["params"], variables, carry, image
    )


# one backbone of each kind, which every method is tested with
FEW = ("resnet50", "resnet_small_ibn_a", "osnet_ibn_x0_25", "swin_t", "vit_mini")
# backbones with the same operations as another
WIDTHS = tuple(f"osnet{kind}_x{width}" for kind in ("", "_ibn") for width in ("0_5", "0_75", "1_0"))
WIDTHS = (*WIDTHS, "vit_t16", *(name for name in VITS if "_b16" in name or "_b14" in name))
MORE = tuple(  # more blocks or channels than efficientnet_lite0, mobilenet_v2, swin_t; no IBN
    name
    for name in encoders.BACKBONES
    if name.startswith(tuple(f"efficientnet_lite{number}" for number in (1, 2, 3, 4)))
    or (name.startswith("mobilenet_v2") and "_x" in name)
    or name in ("swin_s", "swin_b")
)
QUICK = "resnet_small_ibn_a"  # every method is tried with it; the other pairs trace for seconds
PAIRS = [
    pytest.param(
        method,
        name,
        marks=[] if name == QUICK or (method == "ide" and name in FEW) else [pytest.mark.slow],
    )
    for method in sorted(METHODS)
    for name in encoders.BACKBONES
    if name in FEW or (method == "ide" and name not in (*WIDTHS, *MORE))
]


class Plain(nn.Module):
    """What stands for a repeated block of OSNet."""

    width: int
    ibn: bool
    norm: object
    dtype: object

    @nn.compact
    def __call__(self, x, train):
        return osnet._conv(self, "conv1", x, self.width, train)


def _few_blocks(monkeypatch):
    """OSNet's first block, one a stage of ResNet, of Swin a window and a shifted one."""
    block = osnet.Block
    monkeypatch.setattr(
        osnet,
        "Block",
        lambda *args, name: (block if name == "conv2_0" else Plain)(*args, name=name),
    )
    for name, make in [*encoders.BACKBONES.items()]:
        if name.startswith(("resnet50", "swin_t")):
            depths = (1 + (name == "swin_t"), 1, 1, 1)
            monkeypatch.setitem(encoders.BACKBONES, name, partial(make, depths=depths))


@pytest.mark.parametrize(("method", "name"), PAIRS)
def test_a_step(name, method, monkeypatch):
    if method != "ide" or name not in FEW:
        _few_blocks(monkeypatch)
    model = _model(name, monkeypatch)
    variables, (loss, gradient) = _step(model, METHODS[method](model))
    assert loss.shape == () and jax.tree.structure(gradient) == jax.tree.structure(
        variables["params"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_one_of_more_blocks_or_channels_is_built(name, monkeypatch):
    model = _model(name, monkeypatch)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    assert shapes["batch_stats"]["neck"]["mean"].shape == (model.width,)


def test_snr_with_its_loss(monkeypatch):
    model = _model("resnet50_snr", monkeypatch)
    _, (loss, _) = _step(model, ide(model, persons=2, per_person=2, restitution=0.1))
    assert loss.shape == ()


@pytest.mark.parametrize("name", ["resnet_small", "resnet50_ibn_a"])
def test_normalisation_by_domain_and_frozen(name, monkeypatch):
    for options in ({"bn_domains": True}, {"bn_frozen": True}):
        model = _model(name, monkeypatch, **options)
        _step(model, METHODS["ide"](model))
    with pytest.raises(ValueError, match="exclude each other"):
        _model(name, monkeypatch, bn_domains=True, bn_frozen=True)


@pytest.mark.parametrize(
    "name", ["resnet_small", pytest.param("osnet_ibn_x0_25", marks=pytest.mark.slow)]
)
def test_small_ones_run(name, monkeypatch):
    model = _model(name, monkeypatch)
    variables = model.init(jax.random.key(0))
    image = np.random.default_rng(0).integers(0, 256, (4, 64, 32, 3), np.uint8)
    trained = jax.jit(lambda variables, image: model.apply(variables, image, True)[0].embedding)(
        variables, image
    )
    tested = jax.jit(lambda variables, image: model.apply(variables, image, False)[0].embedding)(
        variables, image
    )
    assert (
        trained.shape == tested.shape == (4, model.width)
        and np.isfinite(trained).all()
        and np.isfinite(tested).all()
    )

"""The options of a network, and the module that they name."""

import dataclasses
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from reid_jax.data.augment import RESIZES
from reid_jax.models import embedder, mgn
from reid_jax.models.backbones import BACKBONES, MGNS, TRANSFORMERS
from reid_jax.models.norm import BatchNorm, DomainNorm
from reid_jax.models.pool import BY_TOKEN
from reid_jax.models.vit import VITS
from reid_jax.options import PATH, choose, option
from reid_jax.types import Input

LONGEST = 2048  # pixels of a side of a picture
WIDEST = 65_536  # numbers of an embedding
SIZES = ("size", "resize")  # options that a trunk may go on with at another value
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
POOLINGS = {name: name for name in ("average", "gem", *BY_TOKEN)}
# (mean, std) of the pixels in [0, 1]; LUPerson's are 89.896 79.200 80.073 and 63.872 64.305 63.839
# of 255
_DEFAULT = Input((1, 1))
PIXELS = {
    "imagenet": (_DEFAULT.mean, _DEFAULT.std),
    "luperson": ((0.3525, 0.3106, 0.3140), (0.2505, 0.2522, 0.2504)),
    "half": ((0.5,) * 3, (0.5,) * 3),
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
}
# a beginning of names of backbones -> the (mean, std) that their ImageNet weights were trained with
OWN_PIXELS = {"efficientnet_lite": ((127 / 255,) * 3, (128 / 255,) * 3)}


@dataclasses.dataclass
class Trunk:
    """The options that every network has, MGN included."""

    backbone: str = option("resnet_small", "the network; reid_jax/models/backbones.py has all")
    weights: str = option(
        "",
        "what to start from: a weights file (.pth, .safetensors, .onnx, .npz), or the folder of a "
        "run or of an exported encoder with the same trunk; imagenet: the installed package's; "
        "street: the encoder that comes along, resnet_small_ibn_a; none: random numbers",
        holds=PATH,
    )
    leave: str = option(
        "", "patterns, by comma, of the trunk's names that may be missing, misfit or left over"
    )
    size: str = option("128x64", "height x width of a picture in pixels, each at most 2048")
    resize: str = option(
        "area", "how pictures are resized: area (averaged), or as Pillow does: bilinear, bicubic"
    )
    normalise: str = option(
        "imagenet",
        "mean and std of the pixels: imagenet (127 and 128 of 255 for EfficientNet-Lite, as its "
        "weights want), luperson, half (TransReID's), clip",
    )
    dtype: str = option("float32", "what the trunk computes in: float32, bfloat16")
    rank_by: str = option(
        "cosine", "the distance of retrieval: cosine, euclidean (of embeddings as they are)"
    )
    bn_group: int = option(0, "rows of a group of batch statistics; 0: the whole batch", least=0)


@dataclasses.dataclass
class Network(Trunk):
    """The options of a network with one embedding, a part of most experiments' configurations."""

    pooling: str = option(
        "average",
        "average, gem; of a transformer with a class token also token, or tokens: with the mean of "
        "the tokens beside it (PASS)",
    )
    projection: int = option(
        0,
        "width of a linear layer behind the pooling; 0: no such layer",
        was="head",
        least=0,
        most=WIDEST,
    )
    neck: bool = option(
        True,
        "a batch normalisation between what the triplet loss and what classifier and retrieval see",
    )
    second_feature: bool = option(
        False, "one more feature, as Theory's network has, for the classifier and a triplet loss"
    )
    bn_gaps: bool = option(False, "batches may have empty places, which batch statistics ignore")
    bn_frozen: bool = option(False, "the trunk's batch statistics stay as they were loaded")
    bn_domains: bool = option(False, "each of the two domains has its own batch normalisation")
    remat: bool = option(
        False, "a ViT's blocks are computed again in the backward pass: less memory, more time"
    )


OPTIONS = (*vars(Network()), "extra")  # of `build`; the last is MGN's alone
STATISTICS = tuple(name for name in vars(Network()) if name.startswith("bn_"))  # of batches


def module(config: Any, norm: Callable[..., BatchNorm]) -> nn.Module:
    """The network; `norm` is given `parallel.average`, since models/ must not know devices."""
    norm = partial(norm, group=config.bn_group)
    dtype = choose("dtype", config.dtype, DTYPES)
    choose("resize", config.resize, dict.fromkeys(RESIZES))
    mean, std = pixels(config.backbone, config.normalise)
    input = Input(size(config.size), mean, std, resize=config.resize)
    if config.backbone in MGNS:
        width, trunk = MGNS[config.backbone]
        make = partial(BACKBONES[trunk], norm=norm, dtype=dtype)
        return mgn.MGN(input, make, width, config.extra, norm)
    _check(config)
    norm = partial(norm, gaps=config.bn_gaps)
    kind: Callable[..., nn.Module] = partial(DomainNorm, norm=norm) if config.bn_domains else norm
    inside = partial(kind, frozen=True) if config.bn_frozen else kind
    again = {"remat": True} if config.remat else {}
    return embedder.Embedder(
        BACKBONES[config.backbone](norm=inside, dtype=dtype, **again),
        input,
        choose("pooling", config.pooling, POOLINGS),
        512 if config.backbone.startswith("osnet") else 0,
        config.neck,
        kind,
        config.second_feature,
        config.projection,
    )


def _check(config: Any) -> None:
    """Refuse options that exclude each other or do not go with the backbone."""
    name = config.backbone
    choose("backbone", name, BACKBONES)
    if config.bn_frozen and config.bn_domains:
        raise ValueError("bn_frozen and bn_domains exclude each other")
    for choice in ("bn_frozen", "bn_domains"):
        if getattr(config, choice) and name in TRANSFORMERS:
            raise ValueError(
                f"{choice}=true, but {name} normalises by layer, not by batch: give {choice}=false"
            )
    if name not in VITS and (config.pooling in BY_TOKEN or config.remat):
        what = f"pooling={config.pooling}" if config.pooling in BY_TOKEN else "remat=true"
        raise ValueError(f"{what} is for a transformer with a class token, and {name} is none")
    if config.pooling == "tokens" and not VITS[name].get("registers"):
        raise ValueError(
            f"pooling=tokens, but {name} has none beside the class token: pooling=token"
        )


def pixels(backbone: str, normalise: str) -> tuple[tuple[float, float, float], ...]:
    """(mean, std) of pixels in [0, 1]; "imagenet" is what the backbone's ImageNet weights want.

    Raises:
        ValueError: there is no such `normalise`.
    """
    own = next((one for start, one in OWN_PIXELS.items() if backbone.startswith(start)), None)
    chosen = choose("normalise", normalise, PIXELS)
    return own if own and normalise == "imagenet" else chosen


def size(text: str) -> tuple[int, int]:
    """(height, width) in pixels of "128x64".

    Raises:
        ValueError: the text is no size, or a side is longer than LONGEST.
    """
    found = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", text.lower())
    height, width = (int(one) for one in found.groups()) if found else (0, 0)
    if not (0 < height <= LONGEST and 0 < width <= LONGEST):
        raise ValueError(
            f"a size is height x width in pixels, each from 1 to {LONGEST}, e.g. 256x128, "
            f"not {text!r}"
        )
    return height, width

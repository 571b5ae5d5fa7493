"""From a configuration, a run's folder or an exported encoder to an encoder.

Every experiment's encoder is built here. `build` takes any configuration with the fields of
`Network` or, for MGN, those of `Trunk` and `extra`.
"""

import dataclasses
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
from absl import logging
from flax import linen as nn

from reid_jax import checkpoint, export, parallel
from reid_jax.data.augment import RESIZES
from reid_jax.models import embedder, mgn, pretrained, transfer
from reid_jax.models.backbones import BACKBONES, MGNS, TRANSFORMERS
from reid_jax.models.norm import BatchNorm, DomainNorm
from reid_jax.models.pool import BY_TOKEN
from reid_jax.models.vit import VITS
from reid_jax.options import PATH, WORDS, choose, expanded, option, renewed
from reid_jax.retrieval.sides import METRICS
from reid_jax.types import Input, Model, Variables

NONE, NEEDED = WORDS[1:]  # words for `weights`: random numbers; a file must be named
_IMAGENET = "torchvision's of ImageNet (resnet50-0676ba61.pth)"
# the published file that fits a backbone, by the beginning of its name
FITS = {
    "resnet50_ibn_a": "IBN-Net's of ImageNet (resnet50_ibn_a-d9d0bb7b.pth)",
    "resnet50_in": f"{_IMAGENET} with leave='*.IN.*'",
    "resnet50_snr": f"{_IMAGENET} with leave='snr*'",
    "resnet50": _IMAGENET,
    "osnet": "torchreid's of ImageNet ({backbone}_imagenet.pth)",
    "swin_t": "Microsoft's of ImageNet (swin_tiny_patch4_window7_224.pth)",
    "swin_s": "Microsoft's of ImageNet (swin_small_patch4_window7_224.pth)",
    "swin_b": "Microsoft's of ImageNet (swin_base_patch4_window7_224.pth)",
    "vit_s16": "timm's of ImageNet (vit_small_patch16_224) or TransReID-SSL's",
    "vit_b16": "timm's of ImageNet (vit_base_patch16_224) or TransReID-SSL's",
    "vit_t16": "timm's of ImageNet (vit_tiny_patch16_224)",
    "dinov2": "DINOv2's ({backbone}; dinov2_vits14_pretrain.pth and others)",
    "clip_b16": "CLIP's ViT-B/16, as open_clip saves it",
    "mgn_small": "",
    "mgn": "LUPerson's ResNet-50",
}
LONGEST = 2048  # pixels of a side of a picture
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
}

Say = Callable[[str], Any]


@dataclasses.dataclass
class Trunk:
    """The options that every network has, MGN included."""

    backbone: str = option("resnet_small", "the network; reid_jax/models/backbones.py has all")
    weights: str = option(
        "",
        "what to start from: a weights file (.pth, .safetensors, .onnx, .npz), or the folder of a "
        "run or of an exported encoder with the same trunk; none: random numbers",
        holds=PATH,
    )
    leave: str = option(
        "", "patterns, by comma, of the trunk's names that may be missing, misfit or left over"
    )
    size: str = option("128x64", "height x width of a picture in pixels, each at most 2048")
    resize: str = option(
        "area", "how pictures are resized: area (averaged), or as Pillow does: bilinear, bicubic"
    )
    normalise: str = option("imagenet", "mean and std of the pixels: imagenet, luperson, half")
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
        0, "width of a linear layer behind the pooling; 0: no such layer", was="head", least=0
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


def start(config: Any) -> str:
    """The file or folder that `config.weights` names, or "" for random numbers.

    Raises:
        ValueError: the recipe needs weights and none are named.
        FileNotFoundError: there is nothing of that name.
    """
    if config.weights in ("", NONE):
        return ""
    if config.weights == NEEDED:
        fits = next((file for name, file in FITS.items() if config.backbone.startswith(name)), "")
        fits = fits.format(backbone=config.backbone)
        file = f"FILE, for {config.backbone} {fits}," if fits else "FILE"
        raise ValueError(
            f"this recipe starts from trained weights: name them with weights={file} or a folder "
            "of a run or of an exported encoder; weights=none starts from random numbers"
        )
    path = expanded(config.weights)
    if not Path(path).exists():
        raise FileNotFoundError(f"weights: there is no file or folder {path}")
    return path


def build(config: Any, say: Say = logging.info) -> Model:
    """Build the encoder that a configuration names.

    Args:
        config: an object with the fields of `Network`.
        say: called with a line on what of `config.weights` is taken over.

    Returns:
        The encoder; its `init` starts it from `config.weights`, and its `config` has the options.

    Raises:
        ValueError: an option has a value that it cannot have, or the weights do not fit.
        FileNotFoundError: there are no such weights.
    """
    weights = start(config)
    choose("rank_by", config.rank_by, METRICS)
    model = embedder.model(_module(config, partial(BatchNorm, average=parallel.average)))
    kept = {name: getattr(config, name) for name in OPTIONS if hasattr(config, name)}
    model = model._replace(config=kept)
    leave = [pattern.strip() for pattern in config.leave.split(",") if pattern.strip()]
    if not weights:
        return model
    if Path(weights).is_dir():
        return transfer.started(model, _fit(weights, config, model, leave, say))
    return pretrained.started(model, weights, leave, say)


def _module(config: Any, norm: Callable[..., BatchNorm]) -> nn.Module:
    """The network; `norm` is given `parallel.average`, since models/ must not know devices."""
    norm = partial(norm, group=config.bn_group)
    dtype = choose("dtype", config.dtype, DTYPES)
    choose("resize", config.resize, dict.fromkeys(RESIZES))
    mean, std = choose("normalise", config.normalise, PIXELS)
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
        choose("backbone", config.backbone, BACKBONES)(norm=inside, dtype=dtype, **again),
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


def _fit(folder: str, config: Any, model: Model, leave: list[str], say: Say) -> transfer.Fit:
    """What the encoder takes of the one in a folder; it says so where that is not all of both."""
    theirs, _, variables = trained(folder)
    if theirs.normalise != config.normalise:
        raise ValueError(
            f"the encoder of {folder} was trained with normalise={theirs.normalise}, and "
            f"{config.normalise} is asked for: give normalise={theirs.normalise}"
        )
    try:
        fit = transfer.fit(variables, jax.eval_shape(model.init, jax.random.key(0)), leave=leave)
    except ValueError as error:
        raise ValueError(
            f"the weights of {folder}, {theirs.backbone}, are not those of the trunk of "
            f"{config.backbone}: {error}; choose the same backbone, or name with leave=PATTERNS "
            "what may be new or left out"
        ) from None
    pairs = {option: (getattr(theirs, option), getattr(config, option)) for option in SIZES}
    changed = [
        f"{option} {before}, here {now}" for option, (before, now) in pairs.items() if before != now
    ]
    if fit.new or fit.left or changed:
        say(f"weights of {folder} ({'; '.join([theirs.backbone, *changed])}): {fit}")
    return fit


def of_weights(
    file: str | Path,
    backbone: str,
    *,
    size: str = "256x128",
    resize: str = "area",
    normalise: str = "imagenet",
    say: Say = logging.info,
) -> tuple[Model, Variables]:
    """The encoder of a weights file as it is: its trunk, pooled, with no neck; and its weights.

    Args:
        file: weights that others trained, see `Trunk.weights`.
        backbone: the network that they are of, a name in `BACKBONES`.
        size: height x width of a picture.
        resize: how pictures are resized, see `data.augment.resize`.
        normalise: mean and std of the pixels, a name in `PIXELS`.
        say: called with a line on what of the file is taken over.

    Raises:
        ValueError: there is no such backbone, size, resize or normalise; or the weights misfit.
        FileNotFoundError: there is no such file.
    """
    choose("backbone", backbone, BACKBONES)
    pooling = "token" if backbone in VITS else "average"
    model = build(Network(backbone, "", "", size, resize, normalise, pooling=pooling, neck=False))
    variables, coverage = pretrained.load(file, checkpoint.empty(model))
    say(f"{file} fills {coverage}")
    return model._replace(config={**model.config, "weights": str(file)}), variables


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


def of_run(workdir: str | Path) -> tuple[SimpleNamespace, Model]:
    """The configuration and the encoder (its shape, not its weights) of a run's folder.

    Raises:
        FileNotFoundError: the folder is not one of a run.
    """
    path = Path(workdir) / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{workdir} is not a run's folder: it has no config.json; name the folder of a training"
        )
    return _configured(json.loads(path.read_text()))


def trained(folder: str | Path) -> tuple[SimpleNamespace, Model, Variables]:
    """The configuration, the encoder and its weights of a run's folder or of an exported encoder.

    Raises:
        FileNotFoundError: the folder is neither.
    """
    if (Path(folder) / "encoder.json").is_file():
        about = json.loads((Path(folder) / "encoder.json").read_text())
        config, model = _configured(about["config"])
        return config, model, export.weights(folder, model)
    config, model = of_run(folder)
    return config, model, checkpoint.restore_encoder(Path(folder) / "checkpoints", model)


def _configured(options: dict[str, Any]) -> tuple[SimpleNamespace, Model]:
    """A kept configuration and its encoder; an option that it lacks has its default."""
    config = SimpleNamespace(**{**dataclasses.asdict(Network()), **renewed(Network, options)})
    return config, build(SimpleNamespace(**{**vars(config), "weights": ""}))

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
from reid_jax.models import embedder, imagenet, mgn, pretrained, transfer
from reid_jax.models.backbones import BACKBONES, MGNS
from reid_jax.models.norm import BatchNorm, DomainNorm
from reid_jax.models.start import NEEDED as NEEDED
from reid_jax.models.start import NONE as NONE
from reid_jax.models.start import packaged, start
from reid_jax.options import PATH, choose, option, renewed
from reid_jax.options import WORDS as WORDS
from reid_jax.retrieval.sides import METRICS
from reid_jax.types import Input, Model, Variables

LONGEST = 2048  # pixels of a side of a picture
SIZES = ("size", "resize")  # options that a trunk may go on with at another value
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
POOLINGS = {"average": "average", "gem": "gem"}
# (mean, std) of the pixels in [0, 1]; LUPerson's are 89.896 79.200 80.073 and 63.872 64.305 63.839
# of 255
_DEFAULT = Input((1, 1))
PIXELS = {
    "imagenet": (_DEFAULT.mean, _DEFAULT.std),
    "luperson": ((0.3525, 0.3106, 0.3140), (0.2505, 0.2522, 0.2504)),
    "half": ((0.5,) * 3, (0.5,) * 3),
}
# a beginning of names of backbones -> the (mean, std) that their ImageNet weights were trained with
OWN_PIXELS = {"efficientnet_lite": ((127 / 255,) * 3, (128 / 255,) * 3)}

Say = Callable[[str], Any]


@dataclasses.dataclass
class Trunk:
    """The options that every network has, MGN included."""

    backbone: str = option("resnet_small", "the network; reid_jax/models/backbones.py has all")
    weights: str = option(
        "",
        "what to start from: a weights file (.pth, .safetensors, .onnx, .npz), or the folder of a "
        "run or of an exported encoder with the same trunk; imagenet: the installed package's; "
        "none: random numbers",
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
        "weights want), luperson, half",
    )
    dtype: str = option("float32", "what the trunk computes in: float32, bfloat16")
    rank_by: str = option(
        "cosine", "the distance of retrieval: cosine, euclidean (of embeddings as they are)"
    )
    bn_group: int = option(0, "rows of a group of batch statistics; 0: the whole batch", least=0)


@dataclasses.dataclass
class Network(Trunk):
    """The options of a network with one embedding, a part of most experiments' configurations."""

    pooling: str = option("average", "average, gem")
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


OPTIONS = (*vars(Network()), "extra")  # of `build`; the last is MGN's alone
STATISTICS = tuple(name for name in vars(Network()) if name.startswith("bn_"))  # of batches


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
    return pretrained.started(
        model, weights, leave, say, **packaged(config.weights, config.backbone)
    )


def _module(config: Any, norm: Callable[..., BatchNorm]) -> nn.Module:
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
    if config.bn_frozen and config.bn_domains:
        raise ValueError("bn_frozen and bn_domains exclude each other")
    norm = partial(norm, gaps=config.bn_gaps)
    kind: Callable[..., nn.Module] = partial(DomainNorm, norm=norm) if config.bn_domains else norm
    inside = partial(kind, frozen=True) if config.bn_frozen else kind
    return embedder.Embedder(
        choose("backbone", config.backbone, BACKBONES)(norm=inside, dtype=dtype),
        input,
        choose("pooling", config.pooling, POOLINGS),
        512 if config.backbone.startswith("osnet") else 0,
        config.neck,
        kind,
        config.second_feature,
        config.projection,
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
        file: weights that others trained, see `Trunk.weights`; or imagenet.
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
    model = build(Network(backbone, "", "", size, resize, normalise, neck=False))
    told = packaged(str(file), backbone)
    path = imagenet.find(backbone) if told else file
    variables, coverage = pretrained.load(
        path, checkpoint.empty(model), halves=told.get("halves", False)
    )
    say(f"{told.get('name', file)} fills {coverage}")
    return model._replace(config={**model.config, "weights": str(file)}), variables


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

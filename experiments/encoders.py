"""From a configuration or a run's folder to an encoder. Every experiment's encoder is built here."""

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from experiments.choices import choose
from reid_jax import checkpoint, export, parallel
from reid_jax.data.augment import RESIZES
from reid_jax.models import embedder, mgn, osnet, pretrained, resnet, swin, transfer
from reid_jax.models.norm import BatchNorm, DomainNorm
from reid_jax.retrieval.ranking import METRICS
from reid_jax.types import Input, Model, Variables

Trunk = Callable[..., Any]


def _windows(make: Trunk) -> Trunk:
    """A transformer normalises by layer and has no use for `norm`."""
    return lambda norm, **options: make(**options)


BACKBONES: dict[str, Trunk] = {
    "resnet_small": resnet.resnet_small,
    "resnet_small_ibn_a": partial(resnet.resnet_small, ibn=True),
    "resnet_small_snr": partial(resnet.resnet_small, snr=(1, 2, 3)),
    "resnet_small_in": partial(resnet.resnet_small, instance=(1, 2)),
    "resnet50": resnet.resnet50,
    "resnet50_stride2": partial(resnet.resnet50, last_stride=2),
    "resnet50_ibn_a": resnet.resnet50_ibn_a,
    "resnet50_in": partial(resnet.resnet50, instance=(1, 2)),
    "resnet50_snr": partial(resnet.resnet50, snr=(1, 2, 3)),
    "osnet_x1_0": osnet.osnet,
    "osnet_x0_75": partial(osnet.osnet, 0.75),
    "osnet_x0_5": partial(osnet.osnet, 0.5),
    "osnet_x0_25": partial(osnet.osnet, 0.25),
    "osnet_ibn_x1_0": osnet.osnet_ibn,
    "osnet_ibn_x0_75": partial(osnet.osnet_ibn, 0.75),
    "osnet_ibn_x0_5": partial(osnet.osnet_ibn, 0.5),
    "osnet_ibn_x0_25": partial(osnet.osnet_ibn, 0.25),
    "swin_t": _windows(swin.swin_t),
    "swin_s": _windows(swin.swin_s),
    "swin_b": _windows(swin.swin_b),
}
# the width of a head, and whose trunk
MGNS = {
    "mgn": (256, "resnet50"),
    "mgn_in": (256, "resnet50_in"),
    "mgn_small": (32, "resnet_small"),
    "mgn_small_ibn_a": (32, "resnet_small_ibn_a"),
}
NEEDED, NONE = "needed", "none"  # words for --config.weights: to be named; random numbers
WORDS = ("", NONE, NEEDED)
_IMAGENET = "torchvision's of ImageNet (resnet50-0676ba61.pth)"
# which published file fits a backbone, by the beginning of its name
FITS = {
    "resnet50_ibn_a": "IBN-Net's of ImageNet (resnet50_ibn_a-d9d0bb7b.pth)",
    "resnet50_in": f"{_IMAGENET} with --config.leave='*.IN.*'",
    "resnet50_snr": f"{_IMAGENET} with --config.leave='snr*'",
    "resnet50": _IMAGENET,
    "osnet": "torchreid's of ImageNet ({backbone}_imagenet.pth)",
    "swin_t": "Microsoft's of ImageNet (swin_tiny_patch4_window7_224.pth)",
    "swin_s": "Microsoft's of ImageNet (swin_small_patch4_window7_224.pth)",
    "swin_b": "Microsoft's of ImageNet (swin_base_patch4_window7_224.pth)",
    "mgn_small": "",
    "mgn": "LUPerson's ResNet-50",
}
TAKEN = (
    "normalise",
)  # options of what an encoder takes that its weights hang on; a trunk learns another size or way of resizing
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
POOLINGS = {"average": "average", "gem": "gem"}
# mean and std of the pixels in [0, 1]; LUPerson's are 89.896 79.200 80.073 and 63.872 64.305 63.839 of 255
PIXELS = {
    "imagenet": (),  # as Input has it
    "luperson": ((0.3525, 0.3106, 0.3140), (0.2505, 0.2522, 0.2504)),
    "half": ((0.5,) * 3, (0.5,) * 3),
}


@dataclasses.dataclass
class Encoder:
    """The options of an encoder, a part of every experiment's configuration."""

    backbone: str = "resnet_small"  # see BACKBONES in experiments/encoders.py
    # to start from: a weights file (.pth, .safetensors, .onnx, .npz), or the folder of a run or of an exported encoder with the
    # same trunk; none: random numbers
    weights: str = ""
    leave: str = ""  # patterns of the trunk's names, by comma, that may be missing, misfit or be left over: *.IN.*
    size: str = "128x64"  # height x width, pixels
    resize: str = "area"  # how pictures get there: area (averaged), or as Pillow does it: bilinear, bicubic
    normalise: str = "imagenet"  # what is taken from the pixels: imagenet, luperson, half
    pooling: str = "average"  # average, gem
    head: int = 0  # width of a linear layer behind the pooling, 0: none
    neck: bool = True  # a batch normalisation between what the triplet loss and what the classifier and retrieval see
    second_feature: bool = False  # one more feature, as Theory's network has, for the classifier and a triplet loss
    dtype: str = "float32"  # what the trunk computes in: float32, bfloat16
    rank_by: str = "cosine"  # the distance by which retrieval ranks: cosine, euclidean (of embeddings as they are)
    bn_group: int = 0  # rows per group of batch statistics, 0: the whole batch
    bn_gaps: bool = False  # batches may have empty places, which batch statistics leave out
    bn_frozen: bool = False  # the trunk's batch statistics stay as they were loaded
    bn_domains: bool = False  # batch normalisation of its own for each of the two domains


def start(config: Any) -> str:
    """The file or folder that `config.weights` names, "" for none: nobody else looks at that option.

    Raises: ValueError where the recipe needs one and none is named; FileNotFoundError where there is nothing of that name.
    """
    if config.weights in ("", NONE):
        return ""
    if config.weights == NEEDED:
        fits = next((file for name, file in FITS.items() if config.backbone.startswith(name)), "")
        file = f"FILE, for {config.backbone} {fits.format(backbone=config.backbone)}," if fits else "FILE"
        raise ValueError(
            f"this recipe starts from trained weights: name them with --config.weights={file} or a folder of a run or of an "
            "exported encoder; --config.weights=none starts from random numbers"
        )
    if not Path(config.weights).exists():
        raise FileNotFoundError(f"--config.weights: there is no file or folder {config.weights}")
    return config.weights


def build(config: Any) -> Model:
    """The encoder that a configuration names, one with the fields of Encoder or, for MGN, those of experiments.mgn."""
    weights = start(config)
    choose("--config.rank_by", config.rank_by, METRICS)
    norm = partial(BatchNorm, group=config.bn_group, average=parallel.average)
    dtype = choose("--config.dtype", config.dtype, DTYPES)
    way = choose("--config.resize", config.resize, dict(zip(RESIZES, RESIZES, strict=True)))
    taken = Input(size(config.size), *choose("--config.normalise", config.normalise, PIXELS), resize=way)
    if config.backbone in MGNS:
        width, trunk = MGNS[config.backbone]
        module = mgn.MGN(taken, partial(BACKBONES[trunk], norm=norm, dtype=dtype), width, config.extra, norm)
    else:
        if config.bn_frozen and config.bn_domains:
            raise ValueError("--config.bn_frozen and --config.bn_domains exclude each other")
        norm = partial(norm, gaps=config.bn_gaps)
        norm = partial(DomainNorm, norm=norm) if config.bn_domains else norm
        inside = partial(norm, frozen=True) if config.bn_frozen else norm
        trunk = choose("--config.backbone", config.backbone, BACKBONES)(norm=inside, dtype=dtype)
        pooling = choose("--config.pooling", config.pooling, POOLINGS)
        project = 512 if config.backbone.startswith("osnet") else 0
        module = embedder.Embedder(
            trunk, taken, pooling, project, config.neck, norm, config.second_feature, config.head
        )
    model = embedder.model(module)
    leave = [pattern.strip() for pattern in config.leave.split(",") if pattern.strip()]
    if weights and Path(weights).is_dir():
        return transfer.started(model, _fit(weights, config, model, leave))
    return pretrained.started(model, weights, leave, partial(print, flush=True)) if weights else model


def _fit(folder: str, config: Any, model: Model, leave: list[str]) -> transfer.Fit:
    """What the encoder takes of the one in a folder, told where that is not all of both."""
    theirs, _, variables = trained(folder)
    for option in TAKEN:
        there, here = getattr(theirs, option), getattr(config, option)
        if there != here:
            raise ValueError(
                f"the encoder of {folder} was trained with --config.{option}={there}, and {here} is asked for: give "
                f"--config.{option}={there}"
            )
    try:
        found = transfer.fit(variables, jax.eval_shape(model.init, jax.random.key(0)), leave=leave)
    except ValueError as error:
        raise ValueError(
            f"the weights of {folder}, {theirs.backbone}, are not those of the trunk of {config.backbone}: {error}; choose the "
            "same --config.backbone, or name with --config.leave=PATTERNS what may be new or left out"
        ) from None
    pairs = {option: (getattr(theirs, option), getattr(config, option)) for option in ("size", "resize")}
    changed = [f"{option} {there}, here {here}" for option, (there, here) in pairs.items() if there != here]
    if found.new or found.left or changed:
        print(f"weights of {folder} ({'; '.join([theirs.backbone, *changed])}): {found}", flush=True)
    return found


def size(text: str) -> tuple[int, int]:
    """(height, width) in pixels of "128x64"."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) for part in parts):
        raise ValueError(f"a size is height x width in pixels, e.g. 256x128, not {text!r}")
    return int(parts[0]), int(parts[1])


def of_run(workdir: str | Path) -> tuple[SimpleNamespace, Model]:
    """The configuration and the encoder (its shape, not its weights) of a run's folder."""
    path = Path(workdir) / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{workdir} is not a run's folder: it has no config.json; name the --workdir of a training"
        )
    return _configured(json.loads(path.read_text()))


def trained(folder: str | Path) -> tuple[SimpleNamespace, Model, Variables]:
    """The configuration, the encoder and its weights of a run's folder, or of one that experiments.export wrote."""
    if (Path(folder) / "encoder.json").is_file():
        about = json.loads((Path(folder) / "encoder.json").read_text())
        config, model = _configured(about["config"])
        return config, model, export.weights(folder, model)
    config, model = of_run(folder)
    return config, model, checkpoint.restore_encoder(Path(folder) / "checkpoints", model)


def _configured(options: dict[str, Any]) -> tuple[SimpleNamespace, Model]:
    """The configuration that was written down, and its encoder; an option that it did not know yet has its default."""
    config = SimpleNamespace(**{**dataclasses.asdict(Encoder()), **options})
    return config, build(SimpleNamespace(**{**vars(config), "weights": ""}))

"""From a configuration to an encoder, and back from a run's folder. Every experiment's encoder is built here."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp

from experiments.choices import choose
from reid_jax import parallel
from reid_jax.models import embedder, resnet
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Model

BACKBONES: dict[str, Callable[..., Any]] = {
    "resnet_small": resnet.resnet_small,
    "resnet50": resnet.resnet50,
    "resnet50_ibn_a": resnet.resnet50_ibn_a,
}
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
POOLINGS = {"average": "average", "gem": "gem"}


def build(config: Any) -> Model:
    """The encoder that a configuration names; reads backbone, pooling, dtype, bn_group, size, weights."""
    norm = partial(BatchNorm, group=config.bn_group, average=parallel.average)
    backbone = choose("--config.backbone", config.backbone, BACKBONES)
    trunk = backbone(norm=norm, dtype=choose("--config.dtype", config.dtype, DTYPES))
    pooling = choose("--config.pooling", config.pooling, POOLINGS)
    model = embedder.model(embedder.Embedder(trunk, pooling, norm=norm), size(config))
    if not config.weights:
        return model
    from reid_jax.models import pretrained

    return pretrained.started(model, config.weights)


def size(config: Any) -> tuple[int, int]:
    """(height, width) in pixels of "128x64"."""
    parts = config.size.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) for part in parts):
        raise ValueError(f"--config.size is height x width in pixels, e.g. 256x128, not {config.size!r}")
    return int(parts[0]), int(parts[1])


def of_run(workdir: str | Path) -> tuple[SimpleNamespace, Model]:
    """The configuration and the encoder (its shape, not its weights) of a run's folder."""
    path = Path(workdir) / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{workdir} is not a run's folder: it has no config.json; name the --workdir of a training"
        )
    config = SimpleNamespace(**json.loads(path.read_text()))
    return config, build(SimpleNamespace(**{**vars(config), "weights": ""}))

"""The encoder that a script is to use: that of a run, or a weights file as it is."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
from absl import flags

from experiments import command, encoders
from reid_jax import checkpoint
from reid_jax.types import Model, Variables

_WEIGHTS = flags.DEFINE_string("weights", None, "a weights file to use as it is, instead of --workdir")
_BACKBONE = flags.DEFINE_string("backbone", None, "with --weights: whose they are")
_SIZE = flags.DEFINE_string("size", "256x128", "with --weights: height x width of a picture")
_RESIZE = flags.DEFINE_string("resize", "area", "with --weights: how pictures are resized: area, bilinear, bicubic")
_NORMALISE = flags.DEFINE_string("normalise", "imagenet", "with --weights: what was taken from the pixels")


def encoder() -> tuple[dict[str, Any], Model, Variables]:
    """(its configuration, the encoder, its variables) by the flags: the run of --workdir, or the file of --weights."""
    if _WEIGHTS.value is None:
        workdir = Path(command.workdir())
        config, model = encoders.of_run(workdir)
        return vars(config), model, checkpoint.restore_encoder(workdir / "checkpoints", model)
    if _BACKBONE.value is None:
        raise ValueError(f"--weights needs --backbone; the choices are {', '.join(encoders.BACKBONES)}")
    named = {"backbone": _BACKBONE.value, "weights": _WEIGHTS.value, "size": _SIZE.value}
    config = encoders.Encoder(**named, resize=_RESIZE.value, normalise=_NORMALISE.value, neck=False)
    model = encoders.build(config)
    return dataclasses.asdict(config), model, model.init(jax.random.key(0))

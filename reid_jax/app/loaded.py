"""The encoder that a tool is to use: that of a run, or a weights file as it is."""

from pathlib import Path
from typing import Any

from absl import flags

from reid_jax import checkpoint, encoders, lean
from reid_jax.app import command
from reid_jax.options import NO_PATHS, absolute
from reid_jax.types import Model, Variables

_WEIGHTS = flags.DEFINE_string(
    "weights",
    None,
    "a weights file to use as it is, instead of --workdir; imagenet: the installed package's",
)
_BACKBONE = flags.DEFINE_string("backbone", None, "with --weights: the network they are of")
_SIZE = flags.DEFINE_string("size", "256x128", "with --weights: height x width of a picture")
_RESIZE = flags.DEFINE_string(
    "resize", "area", "with --weights: how pictures are resized: area, bilinear, bicubic"
)
_NORMALISE = flags.DEFINE_string(
    "normalise",
    "imagenet",
    "with --weights: mean and std of the pixels: imagenet, luperson, half, clip",
)


def none() -> bool:
    """Whether neither a run nor a file is named."""
    return _WEIGHTS.value is None and not command.has_workdir()


def named(*, usual: bool = False) -> str:
    """The run of --workdir or the file of --weights, as it was given.

    Args:
        usual: whether the encoder that comes with the library is taken where none is named.
    """
    return lean.SEEN if usual and none() else _WEIGHTS.value or command.workdir()


def of_run() -> bool:
    """Whether a run is named, not a file."""
    return not (weights() or none())


def weights() -> bool:
    """Whether a weights file is used instead of a run."""
    return _WEIGHTS.value is not None


def encoder(*, usual: bool = False) -> tuple[dict[str, Any], Model, Variables]:
    """The run of --workdir or the file of --weights: (configuration, encoder, its variables).

    Args:
        usual: as of `named`.

    Raises:
        ValueError: neither is named, or --backbone is missing.
        FileNotFoundError: there is no such run or file.
    """
    if usual and none():
        return shipped()
    if _WEIGHTS.value is None:
        workdir = Path(command.workdir())
        kept, model = encoders.of_run(workdir)
        return vars(kept), model, checkpoint.restore_encoder(workdir / "checkpoints", model)
    file, backbone, ways = weights_file()
    model, variables = encoders.of_weights(file, backbone, **ways, say=command.say)
    return dict(model.config), model, variables


def shipped() -> tuple[dict[str, Any], Model, Variables]:
    """The encoder that comes with the library: (configuration, encoder, its variables)."""
    kept, model, variables = encoders.trained(lean.HOME / lean.STREET)
    return vars(kept), model, variables


def weights_file() -> tuple[str, str, dict[str, str]]:
    """The file of --weights, its backbone, and how pictures come to it.

    Raises:
        ValueError: --backbone is missing.
    """
    if _BACKBONE.value is None:
        choices = ", ".join(encoders.BACKBONES)
        raise ValueError(f"--weights needs --backbone; the choices are {choices}")
    ways = {"size": _SIZE, "resize": _RESIZE, "normalise": _NORMALISE}
    return (
        _WEIGHTS.value if _WEIGHTS.value in NO_PATHS else absolute(_WEIGHTS.value or ""),
        _BACKBONE.value,
        {name: flag.value or "" for name, flag in ways.items()},
    )

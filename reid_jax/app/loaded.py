"""The encoder that a tool is to use: that of a run, an exported one, or weights as they are."""

from pathlib import Path

from absl import flags

from reid_jax import checkpoint, encoders, lean
from reid_jax.app import command
from reid_jax.encoders import Opened
from reid_jax.options import NO_PATHS, absolute

_ENCODER = flags.DEFINE_string(
    "encoder",
    None,
    "an exported encoder, instead of --workdir: its folder, or hf://owner/name@revision on a hub; "
    "street: the library's own",
)
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
    """Whether no encoder is named."""
    return not _ENCODER.value and _WEIGHTS.value is None and not command.has_workdir()


def named(*, usual: bool = False) -> str:
    """What --encoder, --weights or --workdir names, as it was given.

    Args:
        usual: whether the encoder that comes with the library is taken where none is named.
    """
    if usual and none():
        return lean.SEEN
    return _ENCODER.value or _WEIGHTS.value or command.workdir()


def of_run() -> bool:
    """Whether a run is named by --workdir."""
    return not (_ENCODER.value or weights() or none())


def weights() -> bool:
    """Whether a weights file is used."""
    return _WEIGHTS.value is not None and not _ENCODER.value


def exported() -> tuple[Path, str] | None:
    """What --encoder names, as `encoders.found` tells it; None where it names nothing.

    Raises:
        FileNotFoundError, ImportError, ValueError: as `encoders.found`.
    """
    return encoders.found(_ENCODER.value) if _ENCODER.value else None


def encoder(*, usual: bool = False) -> Opened:
    """The encoder that --encoder, --weights or --workdir names.

    Args:
        usual: as of `named`.

    Raises:
        ValueError: none is named, or --backbone is missing; or as `encoders.opened`.
        FileNotFoundError: there is no such encoder.
        ImportError: --encoder is on a hub, and huggingface_hub is not installed.
    """
    if usual and none():
        return encoders.opened(lean.HOME / lean.STREET)
    if there := exported():
        return encoders.opened(there[0])
    if weights():
        file, backbone, ways = weights_file()
        model, variables = encoders.of_weights(file, backbone, **ways, say=command.say)
        return Opened(dict(model.config), model, variables)
    workdir = command.workdir()
    kept, model = encoders.of_run(workdir)
    variables = checkpoint.restore_encoder(Path(workdir) / "checkpoints", model)
    return Opened(vars(kept), model, variables)


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

"""From a run, an export, a weights file or a name to an encoder."""

import os
from os import PathLike
from pathlib import Path
from typing import Any

from reid_jax import encoders, hub, lean
from reid_jax.api.encoder import Encoder
from reid_jax.api.runtime import ENGINES, Runtime
from reid_jax.models import imagenet
from reid_jax.models.backbones import BACKBONES, MGNS
from reid_jax.options import choose
from reid_jax.retrieval import point
from reid_jax.types import Model

Size = str | tuple[int, int]


def load(
    path: str | PathLike,
    backbone: str | None = None,
    *,
    size: Size = "256x128",
    resize: str = "area",
    normalise: str = "imagenet",
    batch: int = 64,
    engine: str = "jit",
) -> Encoder:
    """Load a trained encoder.

    Args:
        path: "street", which comes with the library and has seen drawn persons only; or the folder
            of a run or of an exported encoder; or a weights file (.pth, .safetensors,
            .onnx, .npz), which needs `backbone`; or "imagenet", the weights of `backbone` in an
            installed package; or hf://owner/name@revision, an export on a model hub.
        backbone: of a weights file, the network that it is of, see `reid_jax.backbones`.
        size: of a weights file, (height, width) of a picture or "256x128".
        resize: of a weights file, how pictures are resized: area, bilinear, bicubic.
        normalise: of a weights file, mean and std of the pixels: imagenet, luperson, half.
        batch: pictures that are embedded at once.
        engine: what computes: jit, which is JAX; or, of an exported encoder, onnxruntime with its
            file in float32 (onnx) or one of the smaller (fp16, int8).

    Returns:
        The encoder.

    Raises:
        FileNotFoundError: there is nothing at the path; or a run has no checkpoint, or an export
            not the file of `engine`.
        ValueError: a folder is neither a run nor an export; a file comes without `backbone`, a
            folder with it; there is no such backbone, size, resize, normalise or engine; the
            weights are not of that network; or an engine but jit is given what is no export.
        ImportError: onnxruntime, or huggingface_hub, is not installed.

    Example:
        >>> import reid_jax
        >>> reid_jax.load("street").width
        256
        >>> reid_jax.load("runs/market")
        Encoder(resnet_small, 64x32 -> 256)
        >>> reid_jax.load("resnet.npz", backbone="resnet_small", size=(64, 32))
        Encoder(resnet_small, 64x32 -> 256)
    """
    if hub.named(path):
        place, source = encoders.found(path)
        found = load(place, backbone, batch=batch, engine=engine)
        found.source = source
        return found
    packaged = path == imagenet.WORD
    path, _ = encoders.found(path)
    if not path.exists() and not packaged:
        raise FileNotFoundError(
            f"there is no {path}; name a run's folder, an exported encoder's, a weights file, or "
            f"{lean.STREET}, which comes with reid_jax"
        )
    choose("engine", engine, dict.fromkeys(ENGINES))
    folder = path.is_dir() and not packaged
    if folder and backbone is not None:
        raise ValueError(f"{path} is a folder, which knows its backbone; leave backbone= out")
    if engine != "jit":
        if packaged or not (path / "encoder.json").is_file():
            raise ValueError(
                f"{path} is no exported encoder, and engine={engine!r} runs a file of one: name "
                "the folder that `reid-jax export` or encoder.save wrote"
            )
        return Runtime(path, engine, batch=batch)
    if folder:
        return _of_folder(path, batch)
    if backbone is None:
        raise ValueError(
            f"{path} is {'weights' if packaged else 'a file'}: name the network that it is of with "
            f"backbone=, one of {', '.join(BACKBONES)}"
        )
    model, variables = encoders.of_weights(
        imagenet.WORD if packaged else path.absolute(),
        backbone,
        size=_text(size),
        resize=resize,
        normalise=normalise,
    )
    return Encoder(model, variables, batch=batch)


def _of_folder(folder: Path, batch: int) -> Encoder:
    one = encoders.opened(folder)
    at = point.load(folder, one.variables or None)
    return Encoder(
        one.model, one.variables, config=one.config, batch=batch, point=at, fingerprint=one.hash
    )


def build(backbone: str = "resnet_small", **options: Any) -> Model:
    """Build the encoder that a method trains, from random numbers or from trained weights.

    Args:
        backbone: a name in `reid_jax.backbones`.
        **options: those of `reid_jax.encoders.Network`: size ("256x128" or (256, 128)), weights (a
            file; the folder of a run or of an export; or "imagenet", an installed package's),
            leave, resize, normalise, dtype, pooling, projection, neck, second_feature, bn_group,
            bn_gaps, bn_frozen, bn_domains, rank_by; and `extra` of MGN.

    Returns:
        The model.

    Raises:
        ValueError: there is no such backbone or option, or an option cannot have that value.
        FileNotFoundError: there are no such weights.

    Example:
        >>> import reid_jax
        >>> reid_jax.build("osnet_x0_25", size=(256, 128)).width
        512
    """
    choose("backbone", backbone, {**BACKBONES, **MGNS})
    for name in options:
        choose("an option", name, dict.fromkeys(encoders.OPTIONS))
    if "size" in options:
        options["size"] = _text(options["size"])
    if options.get("weights"):
        options["weights"] = os.path.expanduser(options["weights"])
    extra = bool(options.pop("extra", False))
    config = encoders.Network(backbone=backbone, **options)
    if backbone in MGNS:
        config.extra = extra  # type: ignore[attr-defined]
    return encoders.build(config)


def backbones() -> tuple[str, ...]:
    """List the networks that `load` and `build` know by name; those of MGN only `build`.

    Example:
        >>> import reid_jax
        >>> "osnet_x0_25" in reid_jax.backbones()
        True
    """
    return (*BACKBONES, *MGNS)


def _text(size: Size) -> str:
    return size if isinstance(size, str) else "x".join(str(side) for side in size)

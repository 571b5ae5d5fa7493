"""From a configuration, a run's folder or an exported encoder to an encoder.

Every experiment's encoder is built here. `build` takes any configuration with the fields of
`Network` or, for MGN, those of `Trunk` and `extra`.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from absl import logging

from reid_jax import checkpoint, export, hub, lean, parallel
from reid_jax.files import jsons
from reid_jax.models import embedder, imagenet, pretrained, transfer
from reid_jax.models.backbones import BACKBONES
from reid_jax.models.norm import BatchNorm
from reid_jax.models.start import NEEDED as NEEDED
from reid_jax.models.start import NONE as NONE
from reid_jax.models.start import named, packaged
from reid_jax.models.vit import VITS
from reid_jax.network import DTYPES as DTYPES
from reid_jax.network import OPTIONS as OPTIONS
from reid_jax.network import SIZES, Network, module
from reid_jax.network import STATISTICS as STATISTICS
from reid_jax.network import Trunk as Trunk
from reid_jax.network import size as size
from reid_jax.options import WORDS as WORDS
from reid_jax.options import absolute, checked, choose, expanded, renewed
from reid_jax.retrieval import point
from reid_jax.retrieval.sides import METRICS
from reid_jax.types import Array, Embedded, Model, Variables

Say = Callable[[str], Any]
AGAIN = "`reid-jax check` says what of a run is sound"


class Opened(NamedTuple):
    """An encoder that was read.

    Attributes:
        config: its options, by name.
        model: its functions.
        variables: its weights; {} of a program, whose weights are inside.
        hash: of a program's weights, as its export says it; "" of any other encoder.
    """

    config: dict[str, Any]
    model: Model
    variables: Variables
    hash: str = ""

    @property
    def fingerprint(self) -> str:
        """The hash of its weights, `retrieval.point.fingerprint`."""
        return self.hash or point.fingerprint(self.variables)


def found(path: str | PathLike) -> tuple[Path, str]:
    """Where an encoder lies, and what names it for good.

    Args:
        path: a folder or a file; "street", which comes with the library; or an address on a hub,
            hf://owner/name@revision, which is fetched.

    Returns:
        (its folder or file, which need not be there; its absolute path, "street", or its address
        with the commit).

    Raises:
        FileNotFoundError, ImportError: as `hub.fetched`.
        ValueError: it is no address on a hub; or the path has a variable that is not set.
    """
    text = str(path)
    if hub.named(text):
        return hub.fetched(text)
    folder = lean.shipped(text)
    return (Path(expanded(text)), absolute(text)) if folder is None else (folder, text)


def start(config: Any) -> str:
    """The file or folder that `config.weights` names, or "" for random numbers.

    Raises:
        ValueError: the recipe needs weights and none are named, or no package has them.
        FileNotFoundError: there is nothing of that name.
    """
    return str(lean.shipped(config.weights) or named(config))


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
    model = embedder.model(module(config, partial(BatchNorm, average=parallel.average)))
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


def _fit(folder: str, config: Any, model: Model, leave: list[str], say: Say) -> transfer.Fit:
    """What the encoder takes of the one in a folder; it says so where that is not all of both."""
    theirs, _, variables = trained(folder)
    if theirs.normalise != config.normalise:
        raise ValueError(
            f"the encoder of {config.weights} was trained with normalise={theirs.normalise}, and "
            f"{config.normalise} is asked for: give normalise={theirs.normalise}"
        )
    try:
        fit = transfer.fit(variables, jax.eval_shape(model.init, jax.random.key(0)), leave=leave)
    except ValueError as error:
        raise ValueError(
            f"the weights of {config.weights}, {theirs.backbone}, are not those of the trunk of "
            f"{config.backbone}: {error}; choose the same backbone, or name with leave=PATTERNS "
            "what may be new or left out"
        ) from None
    pairs = {option: (getattr(theirs, option), getattr(config, option)) for option in SIZES}
    changed = [
        f"{option} {before}, here {now}" for option, (before, now) in pairs.items() if before != now
    ]
    if fit.new or fit.left or changed:
        say(f"weights of {config.weights} ({'; '.join([theirs.backbone, *changed])}): {fit}")
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
    pooling = "token" if backbone in VITS else "average"
    model = build(Network(backbone, "", "", size, resize, normalise, pooling=pooling, neck=False))
    told = packaged(str(file), backbone)
    path = imagenet.find(backbone) if told else file
    variables, coverage = pretrained.load(
        path, checkpoint.empty(model), halves=told.get("halves", False)
    )
    say(f"{told.get('name', file)} fills {coverage}")
    return model._replace(config={**model.config, "weights": str(file)}), variables


def of_run(workdir: str | Path) -> tuple[SimpleNamespace, Model]:
    """The configuration and the encoder (its shape, not its weights) of a run's folder.

    Raises:
        FileNotFoundError: the folder is not one of a run.
    """
    path = Path(workdir) / "config.json"
    if (Path(workdir) / export.ENCODER).is_file():
        raise FileNotFoundError(
            f"{workdir} is an exported encoder, not a run's folder; name it as the encoder, or the "
            "folder of a training here"
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"{workdir} is not a run's folder: it has no config.json; name the folder of a training"
        )
    return _configured(jsons.read(path, "the configuration of a run", AGAIN), path)


def trained(folder: str | Path) -> tuple[SimpleNamespace, Model, Variables]:
    """The configuration, the encoder and its weights of a run's folder or of an exported encoder.

    Raises:
        FileNotFoundError: the folder is neither.
    """
    if (Path(folder) / "encoder.json").is_file():
        config, model = _configured(export.about(folder)["config"], Path(folder) / "encoder.json")
        return config, model, export.weights(folder, model)
    config, model = of_run(folder)
    return config, model, checkpoint.restore_encoder(Path(folder) / "checkpoints", model)


def opened(folder: str | Path) -> Opened:
    """Read the encoder of a run's folder or of an exported encoder.

    Of an export whose network is none of this library's it is the program.

    Raises:
        FileNotFoundError: the run has no checkpoint, or the export not its program.
        ValueError: the folder is neither; it is the run of a model that is none of this library's;
            or a file is damaged.
    """
    folder = Path(folder)
    kept = [folder / name for name in (export.ENCODER, "config.json") if (folder / name).is_file()]
    if not kept:
        raise ValueError(
            f"{folder} is neither a run's folder (config.json) nor an exported encoder's "
            f"({export.ENCODER})"
        )
    exported = kept[0].name == export.ENCODER
    about = export.about(folder) if exported else jsons.read(kept[0], "the configuration of a run")
    config = about["config"] if exported else about
    if "backbone" in config:
        options, model, variables = trained(folder)
        return Opened(vars(options), model, variables)
    if not exported:
        raise ValueError(
            f"{folder} is the run of a model that reid_jax.build did not build; keep its encoder "
            "with moment.encoder().save(FOLDER) and load that folder"
        )
    return Opened(config, _of_program(folder, config), {}, export.fingerprint(folder))


def _of_program(folder: Path, config: dict[str, Any]) -> Model:
    """The program of an export as a model; its weights are inside."""
    call, (input, width) = export.called(folder), export.use(folder)

    def apply(
        variables: Variables, image: Array, train: Any, key: Any = None, tags: Any = None
    ) -> tuple[Embedded, Any]:
        embedding = call(jnp.asarray(image, jnp.uint8))
        return Embedded(embedding, embedding), {}

    def absent(*arguments: Any) -> Any:
        raise ValueError(f"{folder} holds a program, which only embeds")

    return Model(lambda key: {}, apply, width, input, absent, config)


def _configured(options: dict[str, Any], path: Path) -> tuple[SimpleNamespace, Model]:
    """A kept configuration and its encoder; an option that it lacks has its default.

    Raises:
        ValueError: an option has a value that it cannot have; the line names the file.
    """
    usual = dataclasses.asdict(Network())
    try:
        given = renewed(Network, options)
        for name, default in usual.items():
            if type(given.get(name, default)) is not type(default):
                raise ValueError(f"its {name} is {given[name]!r}"[:200])
        config = SimpleNamespace(**{**usual, **given})
        checked(Network(**{name: getattr(config, name) for name in usual}))
        return config, build(SimpleNamespace(**{**vars(config), "weights": ""}))
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path} has no encoder that can be built: {error}") from None

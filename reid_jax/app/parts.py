"""Options that several experiments have, each said once: parts of their configurations."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import optax

from reid_jax import optimise
from reid_jax.options import PATH, SOURCE, option


@dataclasses.dataclass
class Data:
    """Where the pictures come from. KIND:PATH is explained in `reid_jax.app.kinds`."""

    data: str = option("synthetic:plaza", "KIND:PATH of the labelled training data", holds=SOURCE)
    test: str = option(
        "synthetic:harbour",
        "KIND:PATH of the test data; empty: the query and gallery of the data that is trained on, "
        "or, where it has neither, no test and no figures",
        holds=SOURCE,
    )
    validate: float = option(
        0.0,
        "share of the labelled persons of `data` that are not trained on; the checkpoint that "
        "finds them best is kept in WORKDIR/best; 0: none",
        least=0,
        below=1,
    )
    skip_broken: bool = option(False, "leave out pictures that cannot be read")
    same_camera: bool = option(False, "count matches within one camera as well")


@dataclasses.dataclass
class Adaptation(Data):
    """A labelled source, `data`, which may be empty, and a target whose labels are not used."""

    target: str = option(
        "synthetic:station",
        "KIND:PATH of the target; its labels, if any, are not used",
        holds=SOURCE,
    )
    test: str = ""


# options inside a text of options: their names of today by those of the version before
RENAMED = {
    "rate": "learning_rate",
    "source_rate": "source_learning_rate",
    "head": "projection",
    "room": "capacity",
}
# what options inside a text of options hold; `weights` and the like are those of any experiment
INNER_PATHS = {
    **dict.fromkeys(("data", "test", "target", "beside", "videos"), SOURCE),
    **dict.fromkeys(("weights", "first", "second", "begun"), PATH),
}


@dataclasses.dataclass
class FromSource(Adaptation):
    """An adaptation that may begin with a supervised training on its source."""

    source: str = option(
        "",
        "options, by comma, of experiments.ide, to begin with a training on `data`; empty: none; "
        "a comma inside a value that is followed by NAME= is written \\,",
        inner=RENAMED,
        holds=INNER_PATHS,
    )


@dataclasses.dataclass
class Batch:
    """A batch of P x K pictures."""

    persons: int = option(16, "persons, or labels, of a batch", least=1)
    per_person: int = option(4, "pictures of each of them in a batch", least=1)


@dataclasses.dataclass
class CameraBatch(Batch):
    """A batch whose pictures of a person may be drawn from several cameras."""

    other_cameras: bool = option(
        True, "a person's further pictures come from other cameras than the first"
    )


@dataclasses.dataclass
class Schedule:
    """How long is trained, and how fast."""

    epochs: int = option(50, "epochs in all", least=1)
    iterations: int = option(400, "batches of an epoch; 0: one pass over the data", least=0)
    learning_rate: float = option(3.5e-4, "the peak of the learning rate", was="rate", least=0)
    weight_decay: float = option(5e-4, "weight decay", least=0)
    seed: int = option(0, "of all random numbers", least=0, most=2**31 - 1)

    def fixed(self) -> str:
        """Why a run cannot go on for more epochs; empty: it can."""
        return ""


@dataclasses.dataclass
class WarmSchedule(Schedule):
    """A schedule that begins slowly."""

    warmup: int = option(10, "epochs in which the learning rate rises", least=0, below="epochs")


@dataclasses.dataclass
class Tuning:
    """How an encoder that begins with trained weights goes on learning."""

    trunk_rate: float = option(
        1.0,
        "the trunk's learning rate, as a share of that of the layers behind it",
        least=0,
        most=1,
    )
    hold: str = option(
        "",
        "patterns, by comma, of torch's names of the trunk's weights that stay as they began, e.g. "
        "_blocks.0.*; what only they would need is not computed",
    )

    def held(self) -> list[str]:
        """The patterns of `hold`."""
        return [one.strip() for one in self.hold.split(",") if one.strip()]


@dataclasses.dataclass
class FallingSchedule(Schedule):
    """A schedule that falls in steps."""

    fall: int = option(
        20, "epochs after which the learning rate falls to a tenth, again and again", least=1
    )


@dataclasses.dataclass
class Jaccard:
    """The k-reciprocal Jaccard distance."""

    k1: int = option(30, "neighbours of the Jaccard distance", least=1)
    k2: int = option(6, "neighbours over which the Jaccard distance averages", least=1)


@dataclasses.dataclass
class DBSCAN:
    """DBSCAN, which makes pseudo labels."""

    eps: float = option(0.6, "radius of DBSCAN", above=0, most=2)
    min_samples: int = option(
        4, "pictures within eps that make a core of DBSCAN, itself counted", least=1
    )


@dataclasses.dataclass
class SelfPaced(DBSCAN, Jaccard):
    """SpCL's pseudo labels: DBSCAN on the Jaccard distance at three radii."""

    gap: float = option(0.02, "from eps to the smaller and to the larger radius", least=0, below=1)


@dataclasses.dataclass
class Unlabelled(DBSCAN, Jaccard, FallingSchedule, CameraBatch, Adaptation):
    """Learning from the target alone, by pseudo labels of DBSCAN."""

    data: str = ""


def falling(config: Any) -> optax.Schedule:
    """The learning rate by step of a configuration with the fields of `FallingSchedule`."""
    return optimise.schedule(
        config.learning_rate,
        epochs=config.epochs,
        iterations=config.iterations,
        milestones=tuple(range(config.fall, config.epochs, config.fall)),
    )


def carried(config: Any, to: Any, *parts: Any, but: tuple[str, ...] = (), **own: Any) -> Any:
    """A configuration of another class that has the options of some parts as `config` has them.

    Args:
        config: the configuration to copy from.
        to: the class of the new one.
        parts: whose fields are copied, if both have them.
        but: names that are not copied.
        own: options of the new one, which win.

    Returns:
        An instance of `to`.
    """
    mine = {field.name for field in dataclasses.fields(to)}
    names = {field.name for part in parts for field in dataclasses.fields(part)}
    shared = {name for name in names & mine - {*but, *own} if hasattr(config, name)}
    return to(**{name: getattr(config, name) for name in shared}, **own)


def keywords(function: Callable[..., Any], config: Any, **own: Any) -> dict[str, Any]:
    """The keyword arguments of a function that a configuration has options for.

    Args:
        function: its keyword-only parameters are looked at.
        config: options of the same name are handed over as they are.
        own: further arguments, which win: options that mean something else, or nothing.

    Returns:
        Arguments by name; the function has its default for the others.
    """
    parameters = inspect.signature(function).parameters.values()
    names = [one.name for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY]
    return {name: getattr(config, name) for name in names if hasattr(config, name)} | own

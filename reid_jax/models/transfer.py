"""Copy a trained encoder's weights to another encoder with the same trunk, e.g. between stages.

Every array of the trunk must fit. The modules behind it (pooling, projection, neck, second feature,
MGN's heads) are copied in their order up to the first that differs; that one and those behind it
keep their initial values.
"""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any, NamedTuple

import numpy as np
from flax import traverse_util

from reid_jax.models.norm import collapsed, expanded
from reid_jax.models.published import BRANCHES, OURS, torch_name
from reid_jax.models.vit_files import resized
from reid_jax.types import Array, Model, Variables


class Fit(NamedTuple):
    """The arrays that an encoder takes from a trained one.

    Attributes:
        arrays: by the new encoder's names, e.g. "params/trunk/conv1/kernel".
        trunk: how many of them belong to the trunk.
        new: how many arrays of each module keep their initial values.
        left: how many arrays of each module of the trained encoder are not used.
    """

    arrays: dict[str, np.ndarray]
    trunk: int
    new: dict[str, int]
    left: dict[str, int]

    def __str__(self) -> str:
        behind = Counter(_part(name) for name in self.arrays if _part(name) in OURS)
        return (
            f"{self.trunk} arrays of the trunk and behind it {_listed(behind)}; "
            f"new: {_listed(self.new)}; left out: {_listed(self.left)}"
        )


def fit(trained: Variables, like: Variables, *, leave: Sequence[str] = ()) -> Fit:
    """Find the arrays that an encoder takes from a trained one, by name.

    A BatchNorm fills both domains of a DomainNorm; of a DomainNorm, a BatchNorm takes the target
    domain. A ResNet fills MGN's trunk and each of its branches. A transformer's positions are
    resized to pictures of another size.

    Args:
        trained: variables of the trained encoder.
        like: variables, or their shapes, of the encoder to initialise.
        leave: shell patterns of torch names of the trunk that only one of the two may have, or that
            may differ in shape, e.g. `*.IN.*`.

    Raises:
        ValueError: an array of the trunk is missing, left over or of another shape.
    """
    ours, theirs = (
        _flat(like),
        _flat(expanded(trained, like) if _by_domain(like) else collapsed(trained)),
    )
    pairs = {name: _source(name, theirs) for name in ours}
    for name in (one for one in ours if one.endswith("/pos_embed") and pairs[one]):
        theirs[name] = resized(np.asarray(theirs[name]), ours[name].shape)
    same = {
        name: source
        for name, source in pairs.items()
        if source and theirs[source].shape == ours[name].shape
    }
    trunk = {name: source for name, source in same.items() if _part(name) not in OURS}
    lacking = [name for name in ours if _part(name) not in OURS and not pairs[name]]
    misfits = [
        name for name in ours if _part(name) not in OURS and pairs[name] and name not in same
    ]
    over = [name for name in theirs if _part(name) not in OURS and name not in pairs.values()]
    wrong = [
        f"{len(names)} {what}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
        for what, names in (
            ("that it lacks", _unless(lacking, leave)),
            ("of another shape", _unless(misfits, leave)),
            ("that are left over", _unless(over, leave)),
        )
        if names
    ]
    if wrong:
        raise ValueError(
            f"{len(trunk)} of the trunk's arrays fit, these do not: {'; '.join(wrong)}"
        )
    taken = {**trunk, **_behind(same, ours, theirs)}
    new = Counter(_part(name) for name in ours if name not in taken)
    left = Counter(_part(name) for name in theirs if name not in taken.values())
    return Fit(
        {name: np.asarray(theirs[source]) for name, source in taken.items()},
        len(trunk),
        dict(new),
        dict(left),
    )


def started(model: Model, found: Fit) -> Model:
    """Return the model with an `init` that takes the arrays of a Fit.

    Args:
        model: the encoder.
        found: as `fit` returns it for this encoder. Arrays that it lacks (`found.new`) are
            initialised at random.
    """

    def init(key: Array) -> Variables:
        if not found.new:
            return traverse_util.unflatten_dict(found.arrays, sep="/")
        flat = traverse_util.flatten_dict(dict(model.init(key)), sep="/", keep_empty_nodes=True)
        return traverse_util.unflatten_dict({**flat, **found.arrays}, sep="/")

    return model._replace(init=init)


def _flat(variables: Variables) -> dict[str, Any]:
    return traverse_util.flatten_dict(dict(variables), sep="/")


def _part(name: str) -> str:
    return name.split("/")[1]


def _by_domain(variables: Variables) -> bool:
    return _flat(collapsed(variables)).keys() != _flat(variables).keys()


def _source(name: str, theirs: dict[str, Any]) -> str:
    """Name of the trained array that fills `name`, for MGN's branches one of the trunk; or ""."""
    collection, part, rest = name.split("/", 2)
    in_trunk = f"{collection}/trunk/{rest}" if part in BRANCHES else name
    return next((source for source in (name, in_trunk) if source in theirs), "")


def _behind(same: dict[str, str], ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, str]:
    """The arrays behind the trunk, module by module, up to the first that differs."""
    taken: dict[str, str] = {}
    for part in OURS:
        mine, other = ([name for name in names if _part(name) == part] for names in (ours, theirs))
        if set(mine) != set(other) or not set(mine) <= set(same):
            return taken
        taken |= {name: name for name in mine}
    return taken


def _unless(names: list[str], leave: Sequence[str]) -> list[str]:
    """The torch names of the arrays, each once, without those that match a pattern of `leave`."""
    unique = dict.fromkeys(torch_name(name) for name in names)
    return [name for name in unique if not any(fnmatch(name, pattern) for pattern in leave)]


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{part} {count}" for part, count in counts.items()) or "nothing"

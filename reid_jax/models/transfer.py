"""A trained encoder's weights in another encoder that holds the same trunk, as a paper's stages hand them on.

The trunk must fit leaf by leaf. What stands behind it (pooling, head, neck, second feature, MGN's heads) is taken over as
long as it is the same, and starts as it does from the first part on that is another.
"""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import traverse_util

from reid_jax.models.norm import collapsed, spread
from reid_jax.models.pretrained import BRANCHES, OURS, torch_name
from reid_jax.types import Array, Model, Variables


class Fit(NamedTuple):
    """Of a trained encoder, what another takes.

    arrays: by the other's names, as in "params/trunk/conv1/kernel".
    trunk:  how many of them are the trunk's.
    new:    arrays that start as they do, left: arrays of the trained encoder that nothing takes; how many of each part.
    """

    arrays: dict[str, np.ndarray]
    trunk: int
    new: dict[str, int]
    left: dict[str, int]

    def __str__(self) -> str:
        behind = Counter(_part(name) for name in self.arrays if _part(name) in OURS)
        told = (f"{self.trunk} arrays of the trunk", f"behind it {_told(behind)}")
        return f"{' and '.join(told)}; new: {_told(self.new)}; left out: {_told(self.left)}"


def fit(trained: Variables, like: Variables, *, leave: Sequence[str] = ()) -> Fit:
    """What an encoder of the shapes `like` takes of a trained one, by name.

    A batch normalisation becomes both domains' of a DomainNorm, the target's the only one of an encoder without domains. A
    ResNet fills MGN's trunk and each of its branches.

    Args:
        trained: the encoder's variables.
        like: variables, or their shapes, of the encoder to start.
        leave: patterns, as in a shell, of the trunk's names in torch's spelling that either may have alone: `*.IN.*`.

    Raises: ValueError, telling names, where an array of the trunk is missing, left over or of another shape.
    """
    ours, theirs = _flat(like), _flat(spread(trained, like) if _by_domain(like) else collapsed(trained))
    pairs = {name: _source(name, theirs) for name in ours}
    same = {name: source for name, source in pairs.items() if source and theirs[source].shape == ours[name].shape}
    trunk = {name: source for name, source in same.items() if _part(name) not in OURS}
    lacking = [name for name in ours if _part(name) not in OURS and not pairs[name]]
    misfits = [name for name in ours if _part(name) not in OURS and pairs[name] and name not in same]
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
        raise ValueError(f"{len(trunk)} of the trunk's arrays fit, and not so {'; '.join(wrong)}")
    taken = {**trunk, **_behind(same, ours, theirs)}
    new = Counter(_part(name) for name in ours if name not in taken)
    left = Counter(_part(name) for name in theirs if name not in taken.values())
    return Fit({name: np.asarray(theirs[source]) for name, source in taken.items()}, len(trunk), dict(new), dict(left))


def started(model: Model, found: Fit) -> Model:
    """The same model, whose `init` starts it with what was found to fit; at random numbers it is if some of it is new."""

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
    return jax.tree.structure(collapsed(variables)) != jax.tree.structure(variables)


def _source(name: str, theirs: dict[str, Any]) -> str:
    """Where an array comes from: that of the same name, or for MGN's branches that of the trunk; "" from nowhere."""
    collection, part, rest = name.split("/", 2)
    whole = f"{collection}/trunk/{rest}" if part in BRANCHES else name
    return next((one for one in (name, whole) if one in theirs), "")


def _behind(same: dict[str, str], ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, str]:
    """The arrays behind the trunk, part by part, up to the first that is not the same in both."""
    taken: dict[str, str] = {}
    for part in OURS:
        mine, other = ([name for name in names if _part(name) == part] for names in (ours, theirs))
        if set(mine) != set(other) or not set(mine) <= set(same):
            return taken
        taken |= {name: name for name in mine}
    return taken


def _unless(names: list[str], leave: Sequence[str]) -> list[str]:
    """In torch's spelling, without those that may be so."""
    spelt = dict.fromkeys(torch_name(name) for name in names)
    return [name for name in spelt if not any(fnmatch(name, pattern) for pattern in leave)]


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{part} {count}" for part, count in counts.items()) or "nothing"

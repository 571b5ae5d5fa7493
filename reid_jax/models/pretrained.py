"""Load published weights into an encoder by name, and report which arrays were filled.

The modules here have the names of the published torch code, with "_" for ".":
`trunk/layer1_0/bn1/scale` is `layer1.0.bn1.weight`. So these files fit as they are: those of
torchvision, IBN-Net, torchreid and Microsoft, those of training codes that put a prefix before each
name (`module.`, MoCo's `encoder_q.`), and exports whose batch normalisation was folded into the
convolutions.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging
from flax import traverse_util

from reid_jax.models import nearest, spelled, vit_files, weights
from reid_jax.models.norm import collapsed
from reid_jax.models.published import OURS, torch_name
from reid_jax.types import Array, Model, Variables


class Coverage(NamedTuple):
    """Which arrays of an encoder a file filled.

    Attributes:
        filled: number of arrays of the encoder that were filled.
        expected: number of arrays of the encoder that a file should fill.
        missing: torch names of the arrays that the file lacks.
        unused: names of the arrays that only the file has.
        digest: of the file, see `weights.digest`.
    """

    filled: int
    expected: int
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    digest: str

    def __str__(self) -> str:
        share = 100 * self.filled / max(self.expected, 1)
        parts = Counter(
            name.split(".")[0] for name in self.unused if not name.endswith("num_batches_tracked")
        )
        listed = ", ".join(f"{part} {count}" for part, count in parts.items())
        return (
            f"{share:.1f}% of the encoder ({self.filled} of {self.expected} arrays), "
            f"{len(self.unused)} of the file unused{f' ({listed})' if parts else ''}, "
            f"sha256 {self.digest}"
        )


def started(
    model: Model,
    path: str | Path,
    leave: Sequence[str] = (),
    tell: Callable[[str], None] = logging.info,
    *,
    halves: bool = False,
    name: str = "",
) -> Model:
    """Return the model with an `init` that loads a weights file into the variables.

    The pooling, the neck and other modules behind the trunk keep their initial values. The new
    `init` raises what `load` raises.

    Args:
        model: the encoder.
        path: the weights file.
        leave: as in `load`.
        tell: is called with a line that states which arrays were filled.
        halves: as in `load`.
        name: what that line calls the file; empty: its path.
    """

    def init(key: Array) -> Variables:
        variables, coverage = load(path, model.init(key), leave=leave, halves=halves)
        tell(f"{name or path} fills {coverage}")
        return variables

    return model._replace(init=init)


def load(
    path: str | Path, variables: Variables, *, leave: Sequence[str] = (), halves: bool = False
) -> tuple[Variables, Coverage]:
    """Fill an encoder's variables from a weights file.

    A batch normalisation that was folded into its convolution becomes one that only adds the folded
    bias. It has no statistics of the data, so training should freeze it (`BatchNorm(frozen=True)`).

    Args:
        path: a file that `weights.read` reads.
        variables: of the encoder; those of modules behind the trunk (OURS) are not filled.
        leave: shell patterns of torch names that may keep their values, e.g. `fc.*`.
        halves: whether a batch normalisation of the file may fill an IBN-a: its first channels the
            instance normalisation, the others the batch normalisation.

    Returns:
        The filled variables, and which arrays were filled.

    Raises:
        FileNotFoundError: as `weights.read`.
        ImportError: as `weights.read`.
        ValueError: as `weights.read`; or an array is missing or has another shape and matches no
            pattern of `leave`, or holds NaN or infinity. It says which network the file is of.
    """
    flat = traverse_util.flatten_dict(dict(variables), sep="/")
    names = {name: torch_name(name) for name in flat if name.split("/")[1] not in OURS}
    read = weights.read(path)
    shapes = {names[name]: flat[name].shape for name in names}
    arrays = spelled.unprefixed(vit_files.renamed(read), set(shapes))
    arrays = vit_files.fitted(spelled.nested(arrays), shapes)
    if halves:
        arrays = spelled.halved(arrays, shapes)
    unused = set(arrays)
    arrays = spelled.unfolded(arrays, set(names.values()))
    unused &= set(arrays)
    missing, misfits, broken, used, filled = [], [], [], set(), dict(flat)
    for name, theirs in names.items():
        if theirs not in arrays:
            missing.append(theirs)
            continue
        array = np.asarray(arrays[theirs], np.float32)
        array = _turned(array, flat[name].shape) if name.endswith("/kernel") else array
        if array.shape == flat[name].shape:
            filled[name] = array
            used.add(theirs)
            broken += [] if np.isfinite(array).all() else [theirs]
        elif not _left(theirs, leave):
            misfits.append(
                f"{theirs} has shape {array.shape}, and the model's is {tuple(flat[name].shape)}"
            )
    coverage = Coverage(
        len(used), len(names), tuple(missing), tuple(sorted(unused - used)), weights.digest(path)
    )
    wrong = _wrong([name for name in missing if not _left(name, leave)], misfits)
    if wrong:
        near = nearest.told(read)
        raise ValueError(
            f"{path} fills {coverage}; {wrong}: are these the weights of this backbone?{near}"
        )
    if broken:
        raise ValueError(
            f"{path} fills {coverage}; {len(broken)} of its arrays hold NaN or infinity: "
            f"{_first(broken, ', ')}: it is damaged, or its training diverged; take another file"
        )
    return traverse_util.unflatten_dict(filled, sep="/"), coverage


def _left(name: str, leave: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in leave)


def _wrong(lacking: list[str], misfits: list[str]) -> str:
    """What keeps a file from an encoder; empty: nothing."""
    lacks = [f"it lacks {len(lacking)}: {_first(lacking, ', ')}"] if lacking else []
    if lacking and all(name.endswith(("running_mean", "running_var")) for name in lacking):
        lacks = [f"it was saved without the {len(lacking)} statistics of its batch normalisations"]
    wrong = [f"{len(misfits)} of another shape: {_first(misfits, '; ')}"] if misfits else []
    return "; ".join(lacks + wrong)


def torch_arrays(variables: Variables) -> dict[str, np.ndarray]:
    """The arrays of an encoder under the names and in the order of axes that torch has for them.

    The trunk's and those of OSNet's dense layer bear the published names, others their module's
    before them: `neck.weight`. Of a DomainNorm's two domains they are the target's.
    """
    flat = traverse_util.flatten_dict(dict(collapsed(variables)), sep="/")
    arrays = {}
    for name, array in flat.items():
        array = np.asarray(array)
        if name.endswith("/kernel"):
            array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
        _, part, *rest = name.split("/")
        theirs = torch_name(name) if rest else ""
        published = theirs and part in ("trunk", "project")
        theirs = theirs if published else f"{part}.{theirs}".rstrip(".")
        arrays[theirs] = np.ascontiguousarray(array)
    return arrays


def _turned(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Torch's order of axes to flax's: oihw -> hwio, oi -> io."""
    if array.ndim == 4 and len(shape) == 2 and array.shape[2:] == (1, 1):
        array = array[:, :, 0, 0]
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T


def _first(words: list[str], comma: str, most: int = 5) -> str:
    return comma.join([*words[:most], "..."] if len(words) > most else words)

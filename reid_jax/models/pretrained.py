"""Weights from elsewhere into an encoder, by name: how far a file fills it, and nothing silently left over.

Our modules bear the names of the published torch code, with "_" for ".": `trunk/layer1_0/bn1/scale` is
`layer1.0.bn1.weight`. So torchvision's, IBN-Net's, torchreid's and Microsoft's files fit as they are, those of trainers
that put a prefix before each name (`module.`, MoCo's `encoder_q.`) as well, and exports whose batch normalisation was
folded into the convolutions.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging
from flax import traverse_util

from reid_jax.models import weights
from reid_jax.models.norm import EPSILON
from reid_jax.types import Array, Model, Variables

LEAVES = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}
PREFIXES = ("", "encoder_q.", "base_encoder.", "backbone.", "base.", "model.")
# parts of an encoder behind its trunk, in their order, which start as they do, whatever the file
OURS = ("neck1", "neck2", "neck3", "pool", "head", "neck", "feat")
BRANCHES = ("b1", "b2", "b3")  # MGN's, each the end of the trunk's network

# a convolution's name and that of the batch normalisation behind it, in the published codes
FOLDED = ((r"conv$", "bn"), (r"conv(\d)$", r"bn\1"), (r"conv\d$", "bn"), (r"downsample\.0$", "downsample.1"))


class Coverage(NamedTuple):
    """How far a file filled an encoder. missing: arrays that it lacks; unused: what only it has; digest: of the file."""

    filled: int
    expected: int
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    digest: str

    def __str__(self) -> str:
        share = 100 * self.filled / max(self.expected, 1)
        parts = Counter(name.split(".")[0] for name in self.unused if not name.endswith("num_batches_tracked"))
        named = f" ({', '.join(f'{part} {count}' for part, count in parts.items())})" if parts else ""
        told = f"{share:.1f}% of the encoder ({self.filled} of {self.expected} arrays), {len(self.unused)} of the file"
        return f"{told} unused{named}, sha256 {self.digest}"


def started(
    model: Model, path: str | Path, leave: Sequence[str] = (), tell: Callable[[str], None] = logging.info
) -> Model:
    """The same model, whose `init` starts it from the file and tells how far; pooling and neck start as they did.

    Raises: as `load`, when `init` is called.
    """

    def init(key: Array) -> Variables:
        variables, coverage = load(path, model.init(key), leave=leave)
        tell(f"{path} fills {coverage}")
        return variables

    return model._replace(init=init)


def load(path: str | Path, variables: Variables, *, leave: Sequence[str] = ()) -> tuple[Variables, Coverage]:
    """Fill an encoder's variables.

    A batch normalisation that was folded into its convolution becomes one that does nothing but add the folded bias; it
    has no statistics of the data, so a training should hold it (`BatchNorm(frozen=True)`).

    Args:
        path: what `weights.read` reads.
        variables: of the encoder; pooling and neck are not looked for.
        leave: patterns, as in a shell, of torch names that may keep what they have: `fc.*`.

    Returns:
        The filled variables, and how far they were filled.

    Raises:
        FileNotFoundError, ImportError: as `weights.read`.
        ValueError: as `weights.read`; an array is missing or of another shape, and is not to be left.
    """
    flat = traverse_util.flatten_dict(dict(variables), sep="/")
    names = {name: torch_name(name) for name in flat if name.split("/")[1] not in OURS}
    arrays = _unprefixed(weights.read(path), set(names.values()))
    unused = set(arrays)
    arrays = _unfolded(arrays, set(names.values()))
    unused &= set(arrays)
    missing, misfits, found, filled = [], [], set(), dict(flat)
    for name, theirs in names.items():
        left = any(fnmatch(theirs, pattern) for pattern in leave)
        if theirs not in arrays:
            missing.append(theirs)
            continue
        array = np.asarray(arrays[theirs], np.float32)
        array = _turned(array, flat[name].shape) if name.endswith("/kernel") else array
        if array.shape == flat[name].shape:
            filled[name] = array
            found.add(theirs)
        elif not left:
            misfits.append(f"{theirs} has shape {array.shape}, and the model's is {tuple(flat[name].shape)}")
    coverage = Coverage(len(found), len(names), tuple(missing), tuple(sorted(unused - found)), weights.digest(path))
    lacking = [name for name in missing if not any(fnmatch(name, pattern) for pattern in leave)]
    lacks = [f"it lacks {len(lacking)}: {_first(lacking, ', ')}"] if lacking else []
    if lacking and all(name.endswith(("running_mean", "running_var")) for name in lacking):
        lacks = [f"it was saved without the {len(lacking)} statistics of its batch normalisations"]
    wrong = [f"{len(misfits)} of another shape: {_first(misfits, '; ')}"] if misfits else []
    if lacks or wrong:
        raise ValueError(
            f"{path} fills {coverage}; {'; '.join(lacks + wrong)}: are these the weights of this backbone?"
        )
    return traverse_util.unflatten_dict(filled, sep="/"), coverage


def torch_name(name: str) -> str:
    """`params/trunk/layer1_0/bn1/scale` -> `layer1.0.bn1.weight`; both domains of a DomainNorm take the same."""
    *modules, leaf = name.split("/")[2:]
    module = ".".join(part for part in modules if part not in ("source", "target"))
    module = module.replace("_", ".").replace("patch.embed", "patch_embed")
    return ".".join(filter(None, [module, LEAVES.get(leaf, leaf)]))


def _unprefixed(arrays: dict[str, np.ndarray], wanted: set[str]) -> dict[str, np.ndarray]:
    """The arrays under the prefix by which most of the wanted names are there."""
    arrays = {name.removeprefix("module."): array for name, array in arrays.items()}
    choices = [
        {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        for prefix in PREFIXES
    ]
    return max(choices, key=lambda choice: len(wanted & set(choice)))


def _unfolded(arrays: dict[str, np.ndarray], wanted: set[str]) -> dict[str, np.ndarray]:
    """With a batch normalisation made of each bias that was folded into a convolution."""
    new = dict(arrays)
    for name, bias in arrays.items():
        if not name.endswith(".bias") or name in wanted:
            continue
        conv = name.removesuffix(".bias")
        norms = (re.sub(old, fresh, conv) for old, fresh in FOLDED)
        norm = next((norm for norm in norms if norm != conv and f"{norm}.running_var" in wanted), None)
        if norm and f"{norm}.running_var" not in arrays:
            ones = np.ones_like(bias)
            new |= {f"{norm}.weight": ones, f"{norm}.bias": bias, f"{norm}.running_mean": 0 * bias}
            new[f"{norm}.running_var"] = ones - np.float32(EPSILON)
            del new[name]
    return new


def _turned(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Torch's order of axes -> ours: (out, in, h, w) -> (h, w, in, out), (out, in) -> (in, out)."""
    if array.ndim == 4 and len(shape) == 2 and array.shape[2:] == (1, 1):
        array = array[:, :, 0, 0]
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T


def _first(words: list[str], comma: str, most: int = 5) -> str:
    return comma.join([*words[:most], "..."] if len(words) > most else words)

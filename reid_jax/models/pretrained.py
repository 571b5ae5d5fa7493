"""Weights from a torch checkpoint: torchvision's names, and those of the IBN-Net release."""

import pickle
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging
from flax import traverse_util

from reid_jax.types import Array, Model, Variables

LEAVES = {"kernel": "weight", "scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}


class Coverage(NamedTuple):
    """How far a file filled a trunk. missing: the trunk's arrays that the file lacks; unused: what only the file has."""

    filled: int
    expected: int
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        share = 100 * self.filled / max(self.expected, 1)
        return f"{share:.1f}% of the trunk ({self.filled} of {self.expected} arrays), {len(self.unused)} of the file unused"


def started(model: Model, path: str | Path) -> Model:
    """The same model, whose `init` starts its trunk from the file; pooling and neck start as they did.

    Raises: ValueError or FileNotFoundError as `load`, when `init` is called.
    """

    def init(key: Array) -> Variables:
        variables, coverage = load(path, model.init(key))
        logging.info("%s: %s", path, coverage)
        return variables

    return model._replace(init=init)


def load(path: str | Path, variables: Variables, *, allow_missing: bool = False) -> tuple[Variables, Coverage]:
    """Fill the trunk of an encoder's variables.

    Args: path, a torch checkpoint (.pth, .pt, .pth.tar) or an .npz with the same names; allow_missing, keep what the
        file lacks as it is.
    Returns: the filled variables and how far they were filled.
    Raises: FileNotFoundError; ValueError where an array is missing (unless allowed) or of another shape.
    """
    arrays = {re.sub(r"^module\.", "", name): array for name, array in _read(Path(path)).items()}
    flat = traverse_util.flatten_dict(dict(variables), sep="/")
    missing, misfits, used, filled = [], [], set(), dict(flat)
    trunk = [name for name in flat if name.split("/")[1] == "trunk"]
    for name in trunk:
        theirs = torch_name(name)
        if theirs not in arrays:
            missing.append(theirs)
            continue
        array = np.asarray(arrays[theirs], np.float32)
        array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
        if array.shape == flat[name].shape:
            filled[name] = array
            used.add(theirs)
        else:
            misfits.append(
                f"{theirs} has shape {array.shape}, and the model's is {tuple(flat[name].shape)} (h w in out)"
            )
    coverage = Coverage(len(used), len(trunk), tuple(missing), tuple(sorted(set(arrays) - used)))
    lacks = [] if allow_missing or not missing else [f"it lacks {len(missing)}: {_first(missing, ', ')}"]
    wrong = [f"{len(misfits)} of another shape: {_first(misfits, '; ')}"] if misfits else []
    if lacks or wrong:
        raise ValueError(
            f"{path} fills {coverage}; {'; '.join(lacks + wrong)}: are these the weights of this backbone?"
        )
    return traverse_util.unflatten_dict(filled, sep="/"), coverage


def _first(words: list[str], comma: str, most: int = 5) -> str:
    return comma.join([*words[:most], "..."] if len(words) > most else words)


def torch_name(name: str) -> str:
    """`params/trunk/layer1_0/bn1/scale` -> `layer1.0.bn1.weight`."""
    *middle, leaf = name.split("/")[2:]
    text = re.sub(r"layer(\d)_(\d+)", r"layer\1.\2", ".".join(middle))
    text = text.replace("downsample_conv", "downsample.0").replace("downsample_bn", "downsample.1")
    return f"{text}.{LEAVES[leaf]}"


def _read(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files}
    if path.suffix not in (".pth", ".pt", ".tar"):
        raise ValueError(f"{path}: weights are a torch checkpoint (.pth, .pt, .pth.tar) or an .npz of the same names")
    try:
        import torch
    except ImportError:
        raise ValueError(f"reading {path} needs torch: pip install 'reid_jax[torch]'") from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} is no torch checkpoint, or holds more than arrays; save its state_dict alone ({error})"
        ) from error
    content = content.get("state_dict", content) if isinstance(content, dict) else {}
    arrays = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if not arrays:
        raise ValueError(f"{path} holds no arrays by name, neither at its top nor under state_dict")
    return {name: value.detach().float().numpy() for name, value in arrays.items()}

"""A trained encoder in few bytes: its weights in half precision, what they are of, and a card.

encoder.json         as `export` writes it; "half": true
half.safetensors     the encoder's variables in float16, under their own names
README.md            the model card

`reid_jax/weights/NAME/` are such folders, which come with the library.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import traverse_util
from safetensors.numpy import save

from reid_jax.files import sums, tensors
from reid_jax.types import Variables
from reid_jax.whole import whole

FILE = "half.safetensors"
STREET = "street"  # the encoder that is taken where none is named
HOME = Path(__file__).parent / "weights"
SEEN = "street, which comes with reid_jax and has seen drawn persons only"


def shipped(name: str) -> Path | None:
    """The folder of an encoder that comes with the library; None where `name` is none of them."""
    return HOME / name if name == STREET else None


def holds(folder: str | Path) -> bool:
    """Whether a folder holds an encoder in half precision."""
    return (Path(folder) / FILE).is_file()


def rounded(variables: Variables) -> Variables:
    """The variables as they are after they were written and read."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float16).astype(np.float32), variables)


def write(
    folder: str | Path, variables: Variables, about: Mapping[str, Any], card: Callable[[Path], str]
) -> None:
    """Write an encoder.

    Args:
        folder: new.
        variables: the encoder's.
        about: what encoder.json says, as `export.described`.
        card: a folder with the weights -> README.md.

    Raises:
        FileExistsError: the folder exists.
        ValueError: a weight is too great for half precision.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; choose another folder")
    flat = traverse_util.flatten_dict(dict(variables), sep="/")
    with np.errstate(over="ignore"):
        halves = {name: np.asarray(leaf).astype(np.float16) for name, leaf in flat.items()}
    wrong = [name for name, leaf in halves.items() if not np.isfinite(leaf).all()]
    if wrong:
        raise ValueError(f"{wrong[0]} is too great for half precision; export it without --half")
    with whole(folder) as unfinished:
        unfinished.mkdir()
        (unfinished / FILE).write_bytes(save(halves))
        (unfinished / "README.md").write_text(card(unfinished))
        kept = {**about, "half": True, "files": sums.of_files(unfinished)}
        (unfinished / "encoder.json").write_text(json.dumps(kept, indent=2) + "\n")


def read(folder: str | Path, like: Variables) -> Variables:
    """Read an encoder's variables, in float32.

    Args:
        folder: that `write` wrote.
        like: variables of the same network.

    Raises:
        ValueError: the file is damaged, or of another network.
    """
    path = Path(folder) / FILE
    try:
        found = tensors.read(path)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    flat = traverse_util.flatten_dict(dict(like), sep="/")
    shapes = {name: np.shape(leaf) for name, leaf in flat.items()}
    if {name: leaf.shape for name, leaf in found.items()} != shapes:
        raise ValueError(f"{path} is not of the network that encoder.json names; export it again")
    arrays = {name: np.asarray(found[name], np.float32) for name in shapes}
    if not all(np.isfinite(leaf).all() for leaf in arrays.values()):
        raise ValueError(f"{path} holds NaN or infinity; export it again")
    return traverse_util.unflatten_dict(arrays, sep="/")

"""The arrays of a weights file under the names that the modules here ask for."""

import re
from collections.abc import Container, Mapping

import numpy as np

from reid_jax.models.norm import EPSILON

PREFIXES = ("", "encoder_q.", "base_encoder.", "backbone.", "base.", "model.", "visual.")
# name of a convolution -> name of the batch normalisation behind it, in the published codes
FOLDED = (
    (r"conv$", "bn"),
    (r"conv(\d)$", r"bn\1"),
    (r"conv\d$", "bn"),
    (r"downsample\.0$", "downsample.1"),
)
# layers of a block of MobileNetV2 that are numbered one by one -> torchvision's names, of a block
# of two convolutions and of one of three
FLAT = (
    {"0": "0.0", "1": "0.1", "3": "1", "4": "2"},
    {"0": "0.0", "1": "0.1", "3": "1.0", "4": "1.1", "6": "2", "7": "3"},
)


def unprefixed(arrays: dict[str, np.ndarray], wanted: set[str]) -> dict[str, np.ndarray]:
    """The arrays under the prefix of PREFIXES that gives most of the wanted names, without it."""
    arrays = {name.removeprefix("module."): array for name, array in arrays.items()}
    choices = [
        {
            name.removeprefix(prefix): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
        for prefix in PREFIXES
    ]
    return max(choices, key=lambda choice: len(wanted & set(choice)))


def unfolded(arrays: dict[str, np.ndarray], wanted: Container[str]) -> dict[str, np.ndarray]:
    """The arrays, with each bias of a folded convolution turned into a batch normalisation."""
    new = dict(arrays)
    for name, bias in arrays.items():
        if not name.endswith(".bias") or name in wanted:
            continue
        conv = name.removesuffix(".bias")
        norms = (re.sub(pattern, replacement, conv) for pattern, replacement in FOLDED)
        norm = next(
            (norm for norm in norms if norm != conv and f"{norm}.running_var" in wanted), None
        )
        if norm and f"{norm}.running_var" not in arrays:
            ones = np.ones_like(bias)
            new |= {f"{norm}.weight": ones, f"{norm}.bias": bias, f"{norm}.running_mean": 0 * bias}
            new[f"{norm}.running_var"] = ones - np.float32(EPSILON)
            del new[name]
    return new


def nested(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a MobileNetV2 whose blocks' layers are numbered one by one, as torchvision's.

    Others stay as they are.
    """
    pattern = re.compile(r"features\.(\d+)\.conv\.(\d)\.(\w+)")
    own = arrays.get("features.1.conv.3.weight")  # where torchvision has nothing
    if own is None or own.ndim != 4:
        return arrays
    names = {}
    for name in arrays:
        found = pattern.fullmatch(name)
        layers = FLAT[found[1] != "1"] if found else {}
        known = found and found[2] in layers
        names[name] = (
            f"features.{found[1]}.conv.{layers[found[2]]}.{found[3]}" if found and known else name
        )
    return {names[name]: array for name, array in arrays.items()}


def halved(
    arrays: dict[str, np.ndarray], wanted: Mapping[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """The arrays with each batch normalisation in the place of an IBN-a divided into its two.

    Args:
        arrays: of the file.
        wanted: shapes by the names that are asked for.
    """
    new = dict(arrays)
    for name, shape in wanted.items():
        found = re.fullmatch(r"(.+)\.(IN|BN)\.(\w+)", name)
        whole = f"{found[1]}.{found[3]}" if found else name
        if found and name not in arrays and whole in arrays:
            new[name] = (
                arrays[whole][: shape[0]] if found[2] == "IN" else arrays[whole][-shape[0] :]
            )
            new.pop(whole, None)
    return new

"""The names and shapes of published transformers' files, turned into those of `models/vit.py`.

Here a position is a map [1 h w c] of the patches alone, so that it can be resized to other
pictures. Where a file has a position of the class token or of PASS's part tokens too, it is added
to that token, as it is in each forward pass; timm's files of DINOv2 with registers come so.
"""

import math
import re
from collections.abc import Mapping

import numpy as np

# CLIP's names, by regular expression
_CLIP = (
    (r"class_embedding$", "cls_token"),
    (r"positional_embedding$", "pos_embed"),
    (r"(^|\.)conv1\.", r"\1patch_embed.proj."),
    (r"ln_pre\.", "norm.pre."),
    (r"ln_post\.", "norm."),
    (r"transformer\.resblocks\.", "blocks."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"attn\.in_proj_", "attn.qkv."),
    (r"attn\.out_proj\.", "attn.proj."),
    (r"mlp\.c_fc\.", "mlp.fc1."),
    (r"mlp\.c_proj\.", "mlp.fc2."),
)
PARTS = (1, 2, 3)  # PASS's


def renamed(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a file, those of CLIP's visual tower under the names of the other files."""
    if not any(name.endswith("class_embedding") for name in arrays):
        return dict(arrays)
    new = {}
    for name, array in arrays.items():
        if name in ("proj", "visual.proj"):
            name, array = f"{name}.weight", array.T
        for pattern, replacement in _CLIP:
            name = re.sub(pattern, replacement, name)
        if name.endswith("cls_token"):
            array = array.reshape(1, 1, -1)
        new[name] = array[None] if name.endswith("pos_embed") and array.ndim == 2 else array
    return new


def fitted(
    arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """The arrays of a file with tokens and positions as `ViT` has them; others as they are.

    Args:
        arrays: of a file, by names without a prefix.
        shapes: of the encoder's arrays by the same names.

    Returns:
        The arrays; those of a file that has no positions are untouched.

    Raises:
        ValueError: the positions are of no square and of no picture of a person.
    """
    new, shape = dict(arrays), shapes.get("pos_embed", ())
    if len(shape) != 4 or "pos_embed" not in arrays or "cls_token" not in arrays:
        return new
    where = np.asarray(arrays["pos_embed"], np.float32)
    if "cls_pos" in arrays:  # PASS
        new["cls_token"] = arrays["cls_token"] + new.pop("cls_pos")
        parts = [new.pop(f"part_token{one}") + new.pop(f"part{one}_pos") for one in PARTS]
        new["register_tokens"] = np.concatenate(parts, 1)
    if "reg_token" in new:  # timm's name
        new["register_tokens"] = new.pop("reg_token")
    if where.ndim == 3:
        first, grid = _grid(where.shape[1], shape[1:3])
        if first:
            new["cls_token"] = arrays["cls_token"] + where[:, :1]
        where = where[:, first:].reshape(1, *grid, -1)
    new["pos_embed"] = resized(where, shape)
    return new


def resized(positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Positions f32[1 h w c] for another number of patches, bilinear as TransReID does it.

    Departs from DINOv2 and timm, which resize by bicubic splines.
    """
    if positions.shape == tuple(shape):
        return positions
    down, across = (
        _between(new, old) for new, old in zip(shape[1:3], positions.shape[1:3], strict=True)
    )
    return np.einsum("hi,nijc,wj->nhwc", down, positions, across).astype(np.float32)


def _between(new: int, old: int) -> np.ndarray:
    """The weights [new old] of linear interpolation between the centres of pixels."""
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(old)))


def _grid(count: int, own: tuple[int, ...]) -> tuple[int, tuple[int, int]]:
    """(0 or 1 class token, (rows, columns)) of a file of so many positions.

    The patches are those of the encoder, or a square, or as tall as a person: two or three times
    as tall as wide, about so where patches overlap.

    Raises:
        ValueError: none of these.
    """
    for first in (0, 1):
        if count - first == math.prod(own):
            return first, (own[0], own[1])
    for first in (0, 1):
        if (side := math.isqrt(count - first)) ** 2 == count - first:
            return first, (side, side)
    for first in (1, 0):
        n = count - first
        pairs = [(n // wide, wide) for wide in range(1, n) if n % wide == 0]
        if tall := [(h, w) for h, w in pairs if 1.9 < h / w < 3.3]:
            return first, min(tall, key=lambda pair: abs(pair[0] / pair[1] - 2))
    raise ValueError(f"{count} positions are of no square and of no picture of a person")

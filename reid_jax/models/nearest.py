"""Which network a weights file is of, by the names and shapes of its arrays."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from reid_jax.models import spelled, vit_files
from reid_jax.models.backbones import BACKBONES
from reid_jax.models.norm import BatchNorm
from reid_jax.models.published import torch_name

SIZE = (64, 64)  # of a picture; no shape of a trunk that is a convolution's depends on it
# a part of a name that the files of a family have -> how the names of its backbones begin
FAMILIES = {
    "_blocks.0.": "efficientnet_lite",
    "features.1.conv.": "mobilenet_v2",
    "layer1.0.": "resnet",
    "conv2.0.conv2a.": "osnet",
    "layers.0.blocks.0.": "swin",
    "blocks.0.attn.qkv.": "vit_",
    "resblocks.0.attn.in_proj_": "clip_",
}
LEAST = 0.5  # of a network's arrays that must fit before a file is said to be of it


def told(arrays: dict[str, np.ndarray]) -> str:
    """` Its names and shapes are those of X (95% of 245 arrays)`, or nothing.

    Args:
        arrays: of a weights file, by name.
    """
    shares = {}
    for name in BACKBONES:
        if _possible(name, arrays):
            shapes = _shapes(name)
            shares[name] = _fitting(arrays, shapes) / len(shapes)
    best = max(shares, key=lambda name: shares[name], default="")
    if not best or shares[best] < LEAST:
        return ""
    count = len(_shapes(best))
    return (
        f" Its names and shapes are those of {best} ({100 * shares[best]:.0f}% of {count} arrays)"
    )


def _possible(backbone: str, arrays: dict[str, np.ndarray]) -> bool:
    """Whether a file may be of a backbone, by parts of its names."""
    family = any(
        backbone.startswith(start) and any(part in name for name in arrays)
        for part, start in FAMILIES.items()
    )
    instance = "_in" in backbone or "ibn" in backbone
    mixed = any(".IN." in name for name in arrays)
    return family and instance == mixed and not backbone.endswith(("_stride2", "_stride12", "_snr"))


def _fitting(arrays: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]]) -> int:
    """How many arrays of a trunk a file has; the order of axes is not looked at."""
    named = spelled.nested(spelled.unprefixed(vit_files.renamed(arrays), set(shapes)))
    named = spelled.unfolded(named, shapes)
    return sum(
        name in named and tuple(sorted(named[name].shape)) == of for name, of in shapes.items()
    )


@cache
def _shapes(backbone: str) -> dict[str, tuple[int, ...]]:
    """The sorted sides of the arrays of a trunk, by torch's names."""
    trunk = BACKBONES[backbone](norm=BatchNorm, dtype=jnp.float32)
    image = jax.ShapeDtypeStruct((1, *SIZE, 3), jnp.float32)
    made: Any = jax.eval_shape(lambda key, x: trunk.init(key, x, False), jax.random.key(0), image)
    kept = {name: made[name] for name in ("params", "batch_stats") if name in made}
    flat = traverse_util.flatten_dict(kept, sep="/")
    names = {name.replace("/", "/trunk/", 1): leaf.shape for name, leaf in flat.items()}
    return {torch_name(name): tuple(sorted(shape)) for name, shape in names.items()}

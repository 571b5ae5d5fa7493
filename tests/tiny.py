"""A tiny world for the method exam: 8 x 8 pictures whose colour is the person, and a one-layer encoder."""

import jax
import numpy as np
from flax import linen as nn

from reid_jax import parallel
from reid_jax.data import records
from reid_jax.models import embedder
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Input

SIZE = (8, 8)
INPUT = Input(SIZE)


class Trunk(nn.Module):
    """One convolution; no batch statistics, so that any number of devices sees the same."""

    @nn.compact
    def __call__(self, x, train):
        return nn.relu(nn.Conv(12, (3, 3))(x))


def world(persons=12, pictures=8, seed=0):
    """Records of separable persons: a colour each, with noise."""
    rng = np.random.default_rng(seed)
    colour = rng.integers(40, 216, (persons, 1, 1, 1, 3))
    pixels = np.clip(colour + rng.normal(0, 12, (persons, pictures, *SIZE, 3)), 0, 255).astype(np.uint8)
    person = np.repeat(np.arange(1, persons + 1), pictures)
    camera = np.tile(np.arange(pictures) % 3, persons)
    group = np.arange(persons * pictures) // 4
    return records.make(records.Held(pixels.reshape(-1, *SIZE, 3)), person, camera, group=group)


def mixture(persons=12, pictures=8):
    """The same persons, the later half in videos of three of them, without labels; then the test's truth is in `person`."""
    whole = world(persons, pictures)
    hidden = whole.person > persons // 2
    video = np.where(hidden, (whole.person - 1) // 3, -1).astype(np.int32)
    return whole._replace(domain=hidden.astype(np.int32), group=video)


def encoder(norm_average=parallel.average, second=False):
    """A Model with a BNNeck over the whole batch, and Theory's second feature if asked."""
    from functools import partial

    norm = partial(BatchNorm, average=norm_average)
    return embedder.model(embedder.Embedder(Trunk(), INPUT, norm=norm, second=second))


def difference(a, b):
    """The largest absolute difference between two trees."""
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(float(np.abs(np.asarray(x, np.float64) - np.asarray(y, np.float64)).max(initial=0)) for x, y in leaves)

"""A tiny world for the method exam: images, an encoder and a training.

The images are 8 x 8, their colour is the person; the encoder has one layer.
"""

from functools import partial

import jax
import numpy as np
import optax
from flax import linen as nn

from reid_jax import evaluate, parallel, train
from reid_jax.data import batch as batching
from reid_jax.data import records
from reid_jax.data.augment import Augment
from reid_jax.models import embedder
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Input

SIZE = (8, 8)
INPUT = Input(SIZE)
VIEWS = (Augment(flip=0.5, pad=1), Augment())


class Trunk(nn.Module):
    """One convolution; no batch statistics, so that any number of devices sees the same."""

    @nn.compact
    def __call__(self, x, train):
        return nn.relu(nn.Conv(12, (3, 3))(x))


def world(persons=12, pictures=8, seed=0):
    """Records of separable persons: a colour each, with noise."""
    rng = np.random.default_rng(seed)
    colour = rng.integers(40, 216, (persons, 1, 1, 1, 3))
    pixels = np.clip(colour + rng.normal(0, 12, (persons, pictures, *SIZE, 3)), 0, 255).astype(
        np.uint8
    )
    person = np.repeat(np.arange(1, persons + 1), pictures)
    camera = np.tile(np.arange(pictures) % 3, persons)
    group = np.arange(persons * pictures) // 4
    return records.make(records.Held(pixels.reshape(-1, *SIZE, 3)), person, camera, group=group)


def mixture(persons=12, pictures=8):
    """The same persons, the later half in videos of three of them, without labels.

    The truth for a test is in `person`.
    """
    whole = world(persons, pictures)
    hidden = whole.person > persons // 2
    video = np.where(hidden, (whole.person - 1) // 3, -1).astype(np.int32)
    return whole._replace(domain=hidden.astype(np.int32), group=video)


def encoder(norm_average=parallel.average, second=False):
    """A Model with a BNNeck over the whole batch, and Theory's second feature if asked."""
    norm = partial(BatchNorm, average=norm_average)
    return embedder.model(embedder.Embedder(Trunk(), INPUT, norm=norm, second_feature=second))


class Run:
    """A method trained in the tiny world on some devices."""

    def __init__(self, make, devices=4, optimiser=None, seed=5, model=None):
        self.devices, self.seed, self.traces = jax.devices()[:devices], seed, 0
        make, records_of = make if isinstance(make, tuple) else (make, world)
        self.records, self.model = records_of(), model or encoder()
        self.method = self._counted(make(self.model))
        self.optimiser = optimiser or optax.sgd(0.05)
        self.step = parallel.build_step(
            self.method, self.optimiser, seed=seed, devices=self.devices
        )
        embed = parallel.build_embed(self.model, devices=self.devices)
        see = partial(evaluate.embed_rows, embed, records=self.records, input=INPUT, batch=16)
        self.embed = lambda variables, rows: see(variables=variables, rows=rows)

    def _counted(self, method):
        def forward(*arguments):
            self.traces += 1
            return method.forward(*arguments)

        return method._replace(forward=forward)

    def start(self):
        return train.create(self.method, self.optimiser, jax.random.key(1), self.records)

    def moments(self, state=None, resume=None, count=3, every=0):
        state = parallel.replicate(self.start() if state is None else state, self.devices)
        return train.epochs(
            self.method, self.optimiser, self.step, self.embed, self._batches, self.records, state,
            count=count, seed=self.seed, every=every, resume=resume,
        )  # fmt: skip

    def _batches(self, plan, epoch, start):
        return batching.batches(
            self.records, plan, views=VIEWS, input=INPUT, seed=self.seed, epoch=epoch, start=start
        )

    def embedded(self, state, batch=8):
        """Embeddings of all rows by all devices of all processes."""
        encoder = parallel.replicate(self.method.encoder(state.variables, state.carry))
        rows = np.arange(len(self.records.person))
        embed = parallel.build_embed(self.model)
        return evaluate.embed_rows(embed, encoder, self.records, rows, input=INPUT, batch=batch)

    def end(self, **options):
        for moment in self.moments(**options):
            self.last = moment
        return parallel.first(self.last.state)


def difference(a, b):
    """The largest absolute difference between two trees."""
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max(
        float(np.abs(np.asarray(x, np.float64) - np.asarray(y, np.float64)).max(initial=0))
        for x, y in leaves
    )

"""Plan + Records -> batches, through grain. A batch is a pure function of (plan, step, seed, epoch): resuming needs no
iterator state, and the number of workers changes nothing.
"""

from collections.abc import Iterator

import grain
import numpy as np
from absl import flags

from reid_jax.data import augment as augmenting
from reid_jax.data import records as reading
from reid_jax.types import Batch, Input, Plan, Records, Tags


class _Steps:
    """Steps from `start` on -> Batch, a random-access source for grain."""

    def __init__(self, records, plan, views, taken, seed, epoch, start, columns):
        self.records, self.plan, self.views, self.taken = records, plan, views, taken
        self.seed, self.epoch, self.start, self.columns = seed, epoch, start, columns

    def __len__(self) -> int:
        return max(0, len(self.plan.rows) - self.start)

    def __getitem__(self, number: int) -> Batch:
        step = self.start + number  # of the epoch, wherever the stream began
        rows = self.plan.rows[step, self.columns]
        image = np.zeros((len(rows), len(self.views), *self.taken.size, 3), np.uint8)
        for place in np.flatnonzero(rows >= 0):
            picture = reading.read(self.records, int(rows[place]))
            for view, augment in enumerate(self.views):
                slot = self.columns.start + int(place)  # of the global batch, whoever reads it
                rng = np.random.default_rng((self.seed, self.epoch, step, slot, view))
                image[place, view] = augmenting.view(picture, self.taken, augment, rng)
        known = (self.plan.label[rows], rows, *(column[rows] for column in self.records[2:5]))
        return Batch(image, Tags(*(np.where(rows >= 0, column, -1).astype(np.int32) for column in known)))


class _Pictures:
    """Chunk -> uint8 [b h w 3], resized and nothing else; the last chunk is padded with its last picture."""

    def __init__(self, records, rows, taken, batch, which, of):
        self.records, self.rows, self.taken, self.batch, self.which, self.of = records, rows, taken, batch, which, of

    def __len__(self) -> int:
        return -(-len(self.rows) // (self.batch * self.of))

    def __getitem__(self, chunk: int) -> np.ndarray:
        start = (chunk * self.of + self.which) * self.batch
        rows = self.rows[np.minimum(np.arange(start, start + self.batch), len(self.rows) - 1)]
        read = (reading.read(self.records, int(row)) for row in rows)
        return np.stack([augmenting.resize(picture, self.taken.size, self.taken.resize) for picture in read])


def batches(
    records: Records,
    plan: Plan,
    *,
    views: tuple[augmenting.Augment, ...],
    taken: Input,
    seed: int,
    epoch: int,
    start: int = 0,
    share: tuple[int, int] = (0, 1),
    workers: int = 0,
) -> Iterator[Batch]:
    """The epoch's batches from step `start` on, the share of this process, image uint8 [b v h w 3].

    A view is drawn from (seed, epoch, step, place in the whole batch, number of the view): a row that comes twice is seen
    in two ways.

    taken:   what the encoder takes, its `Model.input`: the size of a view, and how it is resized.
    share:   (which, of) this process among all; each reads its own columns of plan.rows.
    workers: processes that decode; 0 decodes in two threads of this one.
    Raises: ValueError when a batch cannot be shared, or a picture cannot be read (it is named).
    """
    rows = plan.rows.shape[1]
    if rows % share[1]:
        raise ValueError(f"a batch of {rows} rows cannot be shared by {share[1]} processes; choose a multiple")
    mine = slice(rows // share[1] * share[0], rows // share[1] * (share[0] + 1))
    steps = _Steps(records, plan, views, taken, seed, epoch, start, mine)
    return _stream(steps, workers)


def pictures(
    records: Records,
    rows: np.ndarray,
    *,
    taken: Input,
    batch: int,
    share: tuple[int, int] = (0, 1),
    workers: int = 0,
) -> Iterator[np.ndarray]:
    """The given rows in order for embedding, uint8 [batch h w 3] each, the last one filled up with its last picture.

    taken: what the encoder takes, its `Model.input`.
    """
    return _stream(_Pictures(records, np.asarray(rows), taken, batch, *share), workers)


def _stream(source, workers: int) -> Iterator:
    reading_options = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
    stream = grain.MapDataset.source(source).to_iter_dataset(reading_options)
    if workers:
        if not flags.FLAGS.is_parsed():  # grain's workers ask for flags, also where no script has parsed any
            flags.FLAGS.mark_as_parsed()
        stream = stream.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=2))
    iterator = iter(stream)
    try:
        yield from iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()

"""The batches of an epoch, read through grain from a Plan and Records.

A batch is a pure function of (plan, step, seed, epoch). So a run resumes without the state of an
iterator, and the number of workers does not change a batch.
"""

from collections.abc import Generator, Iterator, Sequence

import grain
import numpy as np
from absl import flags

from reid_jax import worker
from reid_jax.data import augment as augmenting
from reid_jax.data import records as reading
from reid_jax.types import Batch, Input, Plan, Records, Tags


class _Steps:
    """A random-access source for grain: item i is the Batch of step `start` + i."""

    def __init__(
        self,
        records: Records,
        plan: Plan,
        views: Sequence[augmenting.Augment],
        input: Input,
        seed: int,
        epoch: int,
        start: int,
        columns: slice,
    ):
        self.records, self.plan, self.views, self.input = records, plan, views, input
        self.seed, self.epoch, self.start, self.columns = seed, epoch, start, columns

    def __len__(self) -> int:
        return max(0, len(self.plan.rows) - self.start)

    def __getitem__(self, number: int) -> Batch:
        step = self.start + number  # counted from the start of the epoch
        rows = self.plan.rows[step, self.columns]
        image = np.zeros((len(rows), len(self.views), *self.input.size, 3), np.uint8)
        valid = rows >= 0
        for place in np.flatnonzero(valid):
            picture = reading.read(self.records, int(rows[place]))
            for view, augment in enumerate(self.views):
                slot = self.columns.start + int(place)  # the place in the global batch
                rng = np.random.default_rng((self.seed, self.epoch, step, slot, view))
                image[place, view] = augmenting.view(picture, self.input, augment, rng)

        def tag(values: np.ndarray) -> np.ndarray:
            return np.where(valid, values, -1).astype(np.int32)

        return Batch(
            image,
            Tags(
                label=tag(self.plan.label[rows]),
                index=tag(rows),
                camera=tag(self.records.camera[rows]),
                domain=tag(self.records.domain[rows]),
                group=tag(self.records.group[rows]),
            ),
        )


class _Pictures:
    """A source for grain: item i is one process's part of chunk i, uint8 [b h w 3].

    Pictures are resized only. The last chunk is padded with the last picture.
    """

    def __init__(
        self, records: Records, rows: np.ndarray, input: Input, batch: int, which: int, of: int
    ):
        self.records, self.rows, self.input = records, rows, input
        self.batch, self.which, self.of = batch, which, of

    def __len__(self) -> int:
        return -(-len(self.rows) // (self.batch * self.of))

    def __getitem__(self, chunk: int) -> np.ndarray:
        start = (chunk * self.of + self.which) * self.batch
        rows = self.rows[np.minimum(np.arange(start, start + self.batch), len(self.rows) - 1)]
        pictures = (reading.read(self.records, int(row)) for row in rows)
        return np.stack(
            [augmenting.resize(picture, self.input.size, self.input.resize) for picture in pictures]
        )


def batches(
    records: Records,
    plan: Plan,
    *,
    views: tuple[augmenting.Augment, ...],
    input: Input,
    seed: int,
    epoch: int,
    start: int = 0,
    share: tuple[int, int] = (0, 1),
    workers: int = 0,
) -> Generator[Batch, None, None]:
    """Iterate over the batches of an epoch, of which this process reads its share.

    The seed of a view is (seed, epoch, step, place in the global batch, number of the view). So a
    row that is drawn twice gives two different views.

    Args:
        records: the data set.
        plan: the rows of each step and the labels of the epoch.
        views: the augmentations, one for each view of a picture.
        input: the encoder's `Model.input`: the size of a view, and how it is resized.
        seed: of the run.
        epoch: the number of the epoch.
        start: the first step, counted from the start of the epoch.
        share: (which, of): the number of this process and how many there are. Each reads its own
            columns of `plan.rows`.
        workers: processes that decode; 0 decodes in two threads of this process.

    Returns:
        Batches whose image is uint8 [b v h w 3], b the rows of this process.

    Raises:
        ValueError: a batch cannot be shared evenly, or a picture, which is named, cannot be read.
    """
    rows = plan.rows.shape[1]
    if rows % share[1]:
        raise ValueError(
            f"a batch of {rows} rows cannot be shared by {share[1]} processes; choose a multiple"
        )
    mine = slice(rows // share[1] * share[0], rows // share[1] * (share[0] + 1))
    steps = _Steps(records, plan, views, input, seed, epoch, start, mine)
    return _stream(steps, workers)


def pictures(
    records: Records,
    rows: np.ndarray,
    *,
    input: Input,
    batch: int,
    share: tuple[int, int] = (0, 1),
    workers: int = 0,
) -> Iterator[np.ndarray]:
    """Iterate over pictures in the given order, resized only, for embedding.

    Args:
        records: the data set.
        rows: i32[n], the rows to read.
        input: the encoder's `Model.input`: the size of a picture, and how it is resized.
        batch: pictures in each item.
        share: (which, of): the number of this process and how many there are. A chunk of
            `of * batch` rows is divided in order.
        workers: processes that decode; 0 decodes in two threads of this process.

    Returns:
        uint8 [batch h w 3] each; the end is padded with the last picture.

    Raises:
        ValueError: a picture, which is named, cannot be read.
    """
    return _stream(_Pictures(records, np.asarray(rows), input, batch, *share), workers)


def _stream(source: _Steps | _Pictures, workers: int) -> Generator:
    """Read the items of a source in order and ahead of time; close the workers at the end."""
    reading_options = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
    stream = grain.MapDataset.source(source).to_iter_dataset(reading_options)
    if workers:
        if not flags.FLAGS.is_parsed():  # grain's workers read the flags of absl
            flags.FLAGS.mark_as_parsed()
        stream = stream.mp_prefetch(
            grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=2),
            worker_init_fn=_begin,
        )
    iterator = iter(stream)
    try:
        with worker.deaf():
            first = next(iterator, None)  # which starts the workers
        if first is not None:
            yield first
            yield from iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def _begin(which: int, of: int) -> None:
    """Set up a worker of grain."""
    worker.follow()

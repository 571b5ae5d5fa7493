"""The threshold of the cosine without a label: people in one frame are different persons."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from reid_jax import distance
from reid_jax.retrieval.tally import BINS, SPREAD, Tally, above, bins, first

ROWS = 1024  # views, or pictures, whose counts are held by bin at once
SAMPLE = 4096  # pictures whose pairs across videos are counted, at most
BULK = (0.5, 0.9)  # quantiles that tell where the cosines of strangers lie


class Frames(NamedTuple):
    """Counts of pairs by cosine.

    Attributes:
        together: pairs of one frame, which are different persons for sure.
        apart: f64[bins], pairs of different videos, of which few show one person.
    """

    together: Tally
    apart: np.ndarray

    def threshold(self, rate: float) -> tuple[float, float, float]:
        """The cosine that a share `rate` of strangers reaches, and the 95% interval of it.

        Two pictures of one frame have light, background and moment in common, so strangers look
        more alike there than elsewhere. The threshold that keeps the rate among the pairs of one
        frame is moved and scaled by what takes their median and 90th percentile to those of the
        pairs of different videos. With one video it stays, and is rather too high.

        Raises:
            ValueError: as `Tally.threshold`.
        """
        self.together.threshold(rate)
        draws = [self._moved(line, rate) for line in self.together.drawn if line.any()]
        low, high = np.percentile(draws, SPREAD)
        return self._moved(self.together.counts, rate), float(low), float(high)

    def _moved(self, counts: np.ndarray, rate: float) -> float:
        if not self.apart.any():
            return first(above(counts), rate)
        at, middle, end = (first(above(counts), x) for x in (rate, *(1 - q for q in BULK)))
        to_middle, to_end = (first(above(self.apart), 1 - q) for q in BULK)
        scale = (to_end - to_middle) / max(end - middle, 2 / BINS)
        return float(np.clip(to_middle + (at - middle) * scale, -1, 1))


def count(
    embedding: Float[np.ndarray, "n d"],
    *,
    camera: Int[np.ndarray, " n"],
    group: Int[np.ndarray, " n"],
    frame: Int[np.ndarray, " n"],
    shot: Int[np.ndarray, " n"],
) -> Frames:
    """Count the pairs of pictures of one frame, and those of different videos.

    The bootstrap draws views, a video or one of its cameras each. Cameras of one video see the same
    persons, so no pairs are taken across them. The memory is that of ROWS views' counts, 64 MiB.

    Args:
        embedding: f32[n d].
        camera: i32[n], as `Records` has it, and so are the others.
        group: i32[n], the video.
        frame: i32[n]; -1: the row is in no pair.
        shot: i32[n].

    Returns:
        Frames.

    Raises:
        ValueError: no frame has two pictures, or embeddings are NaN or infinite.
    """
    rows = np.flatnonzero(frame >= 0)
    rows = rows[np.lexsort((frame[rows], shot[rows], camera[rows], group[rows]))]
    columns = np.stack([group, camera, shot, frame], 1)[rows]
    fresh = np.ones(len(rows), bool)
    fresh[1:] = (columns[1:] != columns[:-1]).any(1)
    moment = np.cumsum(fresh)
    if len(np.unique(moment)) == len(rows):
        raise ValueError(
            "no frame has two pictures, so nothing tells different persons; give crops of videos "
            "with their frames (Records.frame and Records.group)"
        )
    if not np.isfinite(embedding[rows]).all():
        raise ValueError("embeddings are NaN or infinite; check the model and the images")
    views, view = np.unique(columns[:, :2], axis=0, return_inverse=True)
    together = Tally(len(views))
    for who, counts in _together(embedding, rows, moment, view):
        together.add(who, counts)
    some = np.sort(np.random.default_rng(0).permutation(len(rows))[:SAMPLE])
    return Frames(together, _apart(distance.unit(embedding[rows[some]]), columns[some, 0]))


def _together(
    embedding: np.ndarray, rows: np.ndarray, moment: np.ndarray, view: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield numbers of views and the counts i[k bins] of their pairs of one moment."""
    most = int(np.bincount(moment).max())
    for start in range(0, int(view[-1]) + 1, ROWS):
        own = np.flatnonzero((view >= start) & (view < start + ROWS))
        counts = np.zeros((min(ROWS, int(view[-1]) + 1 - start), BINS), np.int32)
        unit = distance.unit(embedding[rows[own]])
        for further in range(1, most):
            one = np.flatnonzero(moment[own][further:] == moment[own][:-further])
            cosine = np.einsum("nd,nd->n", unit[one], unit[one + further])
            np.add.at(counts, (view[own][one] - start, bins(cosine)), 1)
        yield np.arange(start, start + len(counts)), counts


def _apart(unit: np.ndarray, video: np.ndarray) -> np.ndarray:
    """The counts of the pairs of different videos, each pair twice."""
    counts = np.zeros(BINS)
    for start in range(0, len(unit), ROWS):
        part = slice(start, start + ROWS)
        cosine = unit[part] @ unit.T
        counts += np.bincount(bins(cosine[video[part, None] != video[None]]), minlength=BINS)
    return counts

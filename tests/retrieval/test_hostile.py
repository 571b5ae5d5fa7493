"""Galleries and embeddings that nobody means, in bounded time and with a clear line."""

import time

import numpy as np
import pytest

from reid_jax import evaluate
from reid_jax.data import records


def sides(query, gallery, cameras=2):
    """So many pictures of one person by cameras in turn."""
    n = query + gallery
    return records.make(
        [f"{row}.jpg" for row in range(n)],
        1,
        np.arange(n) % cameras,
        split=["query"] * query + ["gallery"] * gallery,
    )


def test_a_gallery_of_copies_of_one_picture_is_ranked_in_seconds():
    """All are right answers but the query's own camera: AP is 1, whatever the order."""
    n = 200_000
    test = sides(4, n)
    began = time.monotonic()
    figures = dict(evaluate.measured(np.full((n + 4, 8), 0.5, np.float32), test))
    assert time.monotonic() - began < 60
    assert figures["mAP"] == figures["rank1"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("test", "told"),
    [
        (sides(0, 5), "there are no queries"),
        (sides(5, 0), "the gallery is empty"),
        (sides(2, 5, cameras=1), "the gallery has one camera"),
    ],
)
def test_what_has_no_match_is_refused_in_a_line(test, told):
    rows = np.random.default_rng(0).normal(size=(len(test.person), 4)).astype(np.float32)
    with pytest.raises(ValueError, match=told) as error:
        evaluate.rank_records(rows, test, metric="cosine")
    assert "\n" not in str(error.value)


def test_rows_that_are_nan_are_named():
    test = sides(2, 5)
    rows = np.ones((7, 4), np.float32)
    rows[3] = np.nan
    with pytest.raises(ValueError, match="1 of 5 gallery embeddings are NaN.*: rows 1;"):
        evaluate.rank_records(rows, test, metric="cosine")

"""Galleries of one picture a person, by naive loops and by all the galleries that there are."""

import itertools

import numpy as np
import pytest

from reid_jax import evaluate
from reid_jax.data import records
from reid_jax.retrieval.single_shot import galleries

PERSON = np.array([3, 1, 0, 1, 3, 3, -1, 2, 0])


def test_each_gallery_has_one_picture_of_each_person_and_all_distractors():
    for rows in galleries(PERSON, 50, seed=1):
        person = PERSON[rows].tolist()
        assert sorted(person) == [0, 0, 1, 2, 3] and rows.tolist() == sorted(rows)


def test_a_draw_depends_on_seed_and_number_alone():
    first = [rows.tolist() for rows in galleries(PERSON, 30, seed=4)]
    assert first[:7] == [rows.tolist() for rows in galleries(PERSON, 7, seed=4)]
    assert first != [rows.tolist() for rows in galleries(PERSON, 30, seed=5)]
    with pytest.raises(ValueError, match="draws is 0"):
        next(galleries(PERSON, 0))


def test_every_gallery_is_as_likely():
    drawn = [tuple(rows[~np.isin(PERSON[rows], 0)]) for rows in galleries(PERSON, 3000)]
    counts = [drawn.count(tuple(sorted((a, b, 7)))) for a in (1, 3) for b in (0, 4, 5)]
    assert sum(counts) == 3000  # 6 galleries, 500 each; a binomial's deviation is 20
    assert max(abs(count - 500) for count in counts) < 100


def test_the_mean_of_the_draws_is_that_over_all_galleries():
    """CMC and AP by loops over every gallery that there is."""
    rng = np.random.default_rng(0)
    person = np.array([1, 2, 3, 1, 1, 2, 2, 3, 3, 3])
    data = records.make([""] * 10, person, [0] * 3 + [1] * 7, split=["query"] * 3 + ["gallery"] * 7)
    embedding = rng.normal(size=(10, 4)).astype(np.float32)
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    ranks = []
    for gallery in itertools.product((3, 4), (5, 6), (7, 8, 9)):
        for query in range(3):
            far = [1 - float(unit[query] @ unit[row]) for row in gallery]
            ranks.append(1 + sum(one < far[query] for one in far))
    found = []
    for rows in galleries(person[3:], 4000):
        chosen = np.concatenate([np.arange(3), 3 + rows])
        part = records.take(data, chosen)
        found.append(dict(evaluate.figures(
            evaluate.rank_records(embedding[chosen], part, metric="cosine")
        )))  # fmt: skip
    means = {name: np.mean([one[name] for one in found]) for name in ("mAP", "rank1")}
    assert means["rank1"] == pytest.approx(np.mean(np.array(ranks) == 1), abs=0.02)
    assert means["mAP"] == pytest.approx(np.mean(1 / np.array(ranks)), abs=0.02)

"""Ranking against loops over each list, scikit-learn's average precision and worked lists."""

import numpy as np
import pytest
from beartype import beartype
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import jaxtyped
from sklearn.metrics import average_precision_score

from reid_jax.retrieval import counting, ranking, sides
from reid_jax.retrieval.ranking import order, rank
from tests.retrieval import drawn

NAMES = ("query_person", "gallery_person", "query_camera", "gallery_camera")


def _problem(seed, metric, queries=12, gallery=40, persons=6, cameras=3):
    """Embeddings with few different values, so that many distances are exactly equal in float32."""
    rng = np.random.default_rng(seed)
    draw = (
        (lambda n: rng.choice([-1.0, 1.0], (n, 4)))
        if metric == "cosine"
        else (lambda n: rng.integers(0, 3, (n, 3)))
    )
    query, items = (draw(n).astype(np.float32) for n in (queries, gallery))
    ranges = (
        (0, persons + 2, queries),
        (-1, persons, gallery),
        (-1, cameras, queries),
        (-1, cameras, gallery),
    )
    columns = [rng.integers(low, high, n).astype(np.int32) for low, high, n in ranges]
    return query, items, dict(zip(NAMES, columns, strict=True))


def _list(problem, row, metric, same_camera):
    """One query's list by Python's sort: the gallery rows, and whether each is a match."""
    query, gallery, named = problem
    person, camera = named["query_person"][row], named["query_camera"][row]
    q = query[row].astype(np.float64)
    entries = []
    for j, g in enumerate(gallery.astype(np.float64)):
        its_person, its_camera = named["gallery_person"][j], named["gallery_camera"][j]
        if its_person == -1:
            continue
        same = person >= 0 and its_person == person
        if same and camera != -1 and its_camera == camera and not same_camera:
            continue
        away = (
            1 - q @ g / np.sqrt((q @ q) * (g @ g)) if metric == "cosine" else ((q - g) ** 2).sum()
        )
        entries.append((round(float(away), 9), j, same))
    entries.sort()
    return [j for _, j, _ in entries], [same for _, _, same in entries]


def _metrics(match):
    """AP by rectangles and by trapezoids, INP, first and last rank, by their definitions."""
    relevant, hits, rectangle, trapezoid = sum(match), 0, 0.0, 0.0
    old_recall, old_precision, first, last = 0.0, 1.0, 0, 0
    for place, same in enumerate(match, 1):
        hits += same
        recall, precision = hits / relevant, hits / place
        trapezoid += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
        if same:
            rectangle += precision / relevant
            first, last = first or place, place
    return rectangle, trapezoid, relevant / last, first, last


def _loop(problem, metric, same_camera):
    lists = [_list(problem, row, metric, same_camera)[1] for row in range(len(problem[0]))]
    return {row: _metrics(match) for row, match in enumerate(lists) if any(match)}


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from(["cosine", "euclidean"]), st.booleans())
def test_agrees_with_a_loop(seed, metric, same_camera):
    problem = _problem(seed, metric)
    expected = _loop(problem, metric, same_camera)
    got = rank(*problem[:2], **problem[2], metric=metric, same_camera=same_camera)
    assert got.queries == len(expected)
    np.testing.assert_array_equal(np.flatnonzero(got.first), sorted(expected))
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(got.ap)), sorted(expected))
    for row, (ap, trapezoid, inp, first, last) in expected.items():
        assert (got.first[row], got.last[row]) == (first, last)
        np.testing.assert_allclose(
            (got.ap[row], got.ap_trapezoid[row], got.inp[row]), (ap, trapezoid, inp), atol=1e-12
        )
    means = np.mean(list(expected.values()), axis=0)
    np.testing.assert_allclose(
        (got.mean_ap, got.mean_ap_trapezoid, got.mean_inp), means[:3], atol=1e-12
    )
    first = np.array([one[3] for one in expected.values()])
    np.testing.assert_allclose(got.cmc, [(first <= k).mean() for k in range(1, 41)], atol=1e-12)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["cosine", "euclidean"]),
    st.booleans(),
    st.integers(1, 45),
)
def test_order_is_the_head_of_the_same_list(seed, metric, same_camera, k):
    problem = _problem(seed, metric)
    got = order(*problem[:2], k, **problem[2], metric=metric, same_camera=same_camera)
    for row in range(len(problem[0])):
        rows, _ = _list(problem, row, metric, same_camera)
        np.testing.assert_array_equal(got[row], (rows + [-1] * k)[:k])


def _random(seed=0, queries=30, gallery=200, d=8):
    rng = np.random.default_rng(seed)
    query, items = (rng.standard_normal((n, d), np.float32) for n in (queries, gallery))
    columns = [rng.integers(low, high, n) for low, high, n in (
        (1, 9, queries), (0, 9, gallery), (0, 4, queries), (0, 4, gallery))]  # fmt: skip
    return query, items, dict(zip(NAMES, columns, strict=True))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_average_precision_is_scikit_learns_where_nothing_is_tied(metric):
    query, gallery, named = _random()
    got = rank(query, gallery, **named, metric=metric)
    for row in range(len(query)):
        same = named["gallery_person"] == named["query_person"][row]
        kept = ~(same & (named["gallery_camera"] == named["query_camera"][row]))
        away = np.linalg.norm(query[row] - gallery, axis=1)
        if metric == "cosine":
            away = -gallery @ query[row] / np.linalg.norm(gallery, axis=1)
        np.testing.assert_allclose(
            got.ap[row], average_precision_score(same[kept], -away[kept]), atol=1e-6
        )


def _sorted(query, gallery, named, metric, same_camera):
    """Scores f64[n 5] by a stable sort of each line of the whole matrix of distances."""
    distance = np.asarray(sides.METRICS[metric](query, gallery))
    scores = np.zeros((len(query), 5))
    for row, line in enumerate(distance):
        person, camera = named["query_person"][row], named["query_camera"][row]
        same = (named["gallery_person"] == person) & (person >= 0)
        junk = same & (named["gallery_camera"] == camera) & (camera >= 0) & (not same_camera)
        listed = np.argsort(line, kind="stable")
        listed = listed[((named["gallery_person"] != -1) & ~junk)[listed]]
        ranks = 1 + np.flatnonzero(same[listed])
        if len(ranks):
            hits = np.arange(1, len(ranks) + 1)
            old = np.where(ranks > 1, (hits - 1) / np.maximum(ranks - 1, 1), 1)
            ap, trapezoid = (hits / ranks).mean(), (old + hits / ranks).mean() / 2
            scores[row] = ap, trapezoid, len(ranks) / ranks[-1], ranks[0], ranks[-1]
    return scores


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("persons", [2, 300])  # with 2, a query has hundreds of matches
def test_agrees_with_a_sort_of_each_line(metric, persons):
    query, gallery, named = _problem(3, metric, queries=90, gallery=2500, persons=persons)
    rng = np.random.default_rng(0)
    few = rng.random(2500) < 0.5  # half of the gallery has ties, the other half has none
    gallery[few] = rng.standard_normal((few.sum(), gallery.shape[1]), np.float32)
    for same_camera in (False, True):
        expected = _sorted(query, gallery, named, metric, same_camera)
        got = rank(query, gallery, **named, metric=metric, same_camera=same_camera)
        mine = np.stack([np.nan_to_num(one) for one in got[5:]], 1)
        np.testing.assert_allclose(mine, expected, atol=1e-12)


def test_a_gallery_of_copies_is_ranked_in_its_order():
    rng = np.random.default_rng(0)
    one, size = rng.standard_normal((1, 7), np.float32), 1_000_000
    place = np.sort(rng.choice(size, 5, replace=False))
    for matches in (place, np.arange(0, size, 2)):
        person = np.full(size, 2)
        person[matches] = 1
        named = {"query_person": [1], "gallery_person": person}
        named |= {"query_camera": [0], "gallery_camera": np.ones(size, int)}
        got = rank(one, np.repeat(one, size, 0), **{k: np.asarray(v) for k, v in named.items()})
        hits = np.arange(1, len(matches) + 1)
        np.testing.assert_allclose(got.ap[0], (hits / (matches + 1)).mean(), rtol=1e-12)
        assert (got.first[0], got.last[0]) == (matches[0] + 1, matches[-1] + 1)


def test_the_recorded_figures_of_an_official_code():
    query, gallery, named = drawn.official()
    got = rank(query, gallery, **named, metric="euclidean")
    assert got.queries == 100
    np.testing.assert_allclose(got.mean_ap, drawn.MEAN_AP, atol=1e-12)
    np.testing.assert_allclose(got.cmc[[0, 4, 9, 49]], drawn.CMC, atol=1e-12)


@pytest.mark.parametrize("rows, kept, pairs, tile", [
    (7, 1 << 26, 1 << 22, 64), (4096, 1, 1 << 22, 128), (4096, 1 << 26, 9, 256)
])  # fmt: skip
def test_blocks_change_nothing(monkeypatch, rows, kept, pairs, tile):
    query, gallery, named = _random()
    whole = rank(query, gallery, **named), order(query, gallery, 7, **named)
    widest = []

    def recorded(*arguments, **options):
        for one in counting.count(*arguments, **options, tile=tile):
            widest.append(len(one.rows))
            yield one

    monkeypatch.setattr(ranking, "count", recorded)
    monkeypatch.setattr(ranking, "BLOCK", 7 * len(gallery))
    for name, value in {"ROWS": rows, "KEPT": kept, "PAIRS": pairs}.items():
        monkeypatch.setattr(counting, name, value)
    np.testing.assert_array_equal(order(query, gallery, 7, **named), whole[1])
    for one, other in zip(rank(query, gallery, **named), whole[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(widest) > 3 and max(widest) <= 7


def _line(match, **options):
    """Rank gallery rows at 1, 2, 3, ... of the persons `match` for a query of person 1 at 0."""
    gallery = np.arange(1.0, len(match) + 1).astype(np.float32)[:, None]
    named = {
        "query_person": [1],
        "gallery_person": match,
        "query_camera": [0],
        "gallery_camera": [1] * len(match),
    }
    named = {name: np.array(column) for name, column in (named | options).items()}
    return rank(np.zeros((1, 1), np.float32), gallery, **named, metric="euclidean")


def test_a_list_by_hand():
    got = _line([2, 1, 0, 1])  # matches at 2 and 4; trapezoids: (0/1 + 1/2)/2 and (1/3 + 2/4)/2
    np.testing.assert_allclose(got.mean_ap, (1 / 2 + 2 / 4) / 2)
    np.testing.assert_allclose(got.mean_ap_trapezoid, (1 / 4 + 5 / 12) / 2)
    np.testing.assert_allclose(got.mean_inp, 2 / 4)
    np.testing.assert_array_equal(got.cmc, [0, 1, 1, 1])
    assert (got.first[0], got.last[0], got.queries) == (2, 4, 1)


def test_junk_and_unknown_persons_take_no_rank_but_distractors_do():
    got = _line([1, -1, 0, 1], gallery_camera=[0, 1, 1, 1])
    assert got.first[0] == 2 and len(got.cmc) == 4
    assert _line([1, -1, 0, 1], gallery_camera=[0, 1, 1, 1], query_camera=[-1]).first[0] == 1
    assert _line([1, 0, 2], gallery_camera=[-1, -1, -1], query_camera=[-1]).first[0] == 1


def test_queries_of_unknown_persons_do_not_count():
    query, gallery, named = _random()
    named["query_person"] = np.where(np.arange(30) % 3 == 0, named["query_person"], -1)
    got = rank(query, gallery, **named)
    assert got.queries == 10 and np.isnan(got.ap[np.arange(30) % 3 != 0]).all()
    np.testing.assert_allclose(got.mean_ap, np.nanmean(got.ap))


def test_the_curve_stops_at_fifty():
    query, gallery, named = _random()
    assert rank(query, gallery, **named).cmc.shape == (50,)


@pytest.mark.parametrize("change, message", [
    ({"query_person": [-1, -1]}, "none of the 2 queries is of a known person"),
    ({"query_person": [7, 8]}, "no person is in both"),
    (
        {"gallery_camera": [0, 0, 0]},
        "the gallery has one camera, but every match is from its query's own camera",
    ),
    ({"gallery_camera": [0, 0, 1]}, "they share persons, but every match .* same_camera=True"),
    ({"gallery_person": [-1, -1, -1]}, "no person is in both"),
    ({"query_camera": [0]}, r"query_camera is \[1\], expected \[2\]"),
    ({"gallery_person": [1, 2]}, r"gallery_person is \[2\], expected \[3\]"),
    ({"metric": "cosin"}, "did you mean 'cosine'"),
    ({"metric": "Euclid"}, "did you mean 'euclidean'"),
])  # fmt: skip
def test_refusals(change, message):
    named = {
        "query_person": [1, 2],
        "gallery_person": [1, 2, 0],
        "query_camera": [0, 0],
        "gallery_camera": [0, 0, 2],
    }
    named = {
        name: value if name == "metric" else np.array(value)
        for name, value in (named | change).items()
    }
    with pytest.raises(ValueError, match=message):
        rank(np.eye(2, 4, dtype=np.float32), np.eye(3, 4, dtype=np.float32), **named)


def test_an_empty_side_is_said():
    query, gallery, named = _random()
    for side, rows, said in (
        ("query", (query[:0], gallery), "there are no queries"),
        ("gallery", (query, gallery[:0]), "the gallery is empty"),
    ):
        some = {name: column[: 0 if side in name else None] for name, column in named.items()}
        with pytest.raises(ValueError, match=f"no query has a match in the gallery: {said}"):
            rank(*rows, **some)


def test_the_longest_embedding_that_float32_can_rank():
    query, gallery, named = _random()
    gallery[3], gallery[3, 2] = 0, 2.9e18  # its square is 0.84e37
    rank(query, gallery, **named)
    gallery[3, 2] = 3.4e18
    with pytest.raises(ValueError, match="1 of 200 gallery embeddings"):
        rank(query, gallery, **named)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_embeddings_that_are_not_finite_are_named(bad):
    query, gallery, named = _random()
    gallery[[3, 150], 2] = bad
    for call in (rank, lambda *arrays, **columns: order(*arrays, 3, **columns)):
        with pytest.raises(ValueError, match=r"2 of 200 gallery embeddings .* rows 3, 150;"):
            call(query, gallery, **named)
        with pytest.raises(
            ValueError, match=r"30 of 30 query embeddings .* rows 0, 1, 2, .*, 9, \.\.\.;"
        ):
            call(np.full_like(query, bad), gallery, **named)


def test_widths_and_lengths_are_checked():
    query, gallery, named = _random()
    with pytest.raises(ValueError, match=r"\[30, 7\] and \[200, 8\]"):
        rank(query[:, :7], gallery, **named)
    with pytest.raises(ValueError, match="k is 0"):
        order(query, gallery, 0, **named)


def test_annotations_hold():
    query, gallery, named = _random()
    assert jaxtyped(typechecker=beartype)(rank)(query, gallery, **named).queries == 30
    assert jaxtyped(typechecker=beartype)(order)(query, gallery, 5, **named).shape == (30, 5)

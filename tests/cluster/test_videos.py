"""Labels inside videos against one scikit-learn DBSCAN for each."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from reid_jax.cluster import jaccard, videos
from tests.cluster.drawn import people


def _problem(seed=0):
    """(embeddings, video of each image, in no order)."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(10, 60, 12)
    rows = np.concatenate([people(size, seed=number, width=16, noise=0.5)[0] for number, size in enumerate(sizes)])
    mixed = rng.permutation(len(rows))
    return rows[mixed], np.repeat(np.arange(12), sizes)[mixed]


def _draw(rows, video, images, seed=0, **options):
    calls = []

    def embed(wanted):
        calls.append(wanted)
        return rows[wanted]

    return videos.labels(video, embed, images, rng=np.random.default_rng(seed), **options), calls


def test_each_video_is_what_scikit_learn_makes_of_it():
    rows, video = _problem()
    found, _ = _draw(rows, video, 200)
    seen = set()
    for which in found.videos:
        own = np.flatnonzero(video == which)
        theirs = DBSCAN(eps=0.8, min_samples=4).fit(rows[own]).labels_
        mine = found.label[np.isin(found.rows, own)]
        np.testing.assert_array_equal(found.rows[np.isin(found.rows, own)], own[theirs >= 0])
        np.testing.assert_array_equal(mine - mine.min(initial=len(rows)), theirs[theirs >= 0])
        assert not seen & set(mine.tolist())
        seen |= set(mine.tolist())
    assert seen == set(range(len(seen)))
    np.testing.assert_array_equal(found.embedding, rows[found.rows])
    assert found.outliers == np.isin(video, found.videos).sum() - len(found.rows) > 0


@pytest.mark.parametrize("images", [1, 60, 150, 250])
def test_stops_at_the_video_that_fills_the_epoch(images):
    rows, video = _problem()
    found, calls = _draw(rows, video, images)
    last = video == found.videos[-1]
    assert len(found.rows) >= images > len(found.rows) - np.isin(found.rows, np.flatnonzero(last)).sum()
    embedded = np.concatenate(calls)
    assert sorted(set(video[embedded])) == sorted(found.videos) and len(set(embedded)) == len(embedded)
    assert len(set(found.videos)) == len(found.videos)


def test_the_seed_decides_the_videos():
    rows, video = _problem()
    one, again, other = (_draw(rows, video, 100, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.rows, again.rows)
    np.testing.assert_array_equal(one.label, again.label)
    assert one.videos.tolist() != other.videos.tolist()


def test_images_outside_videos_are_never_drawn():
    rows, video = _problem()
    video[video == 3] = -1
    found, _ = _draw(rows, video, 10**6)
    assert len(found.videos) == 11 and -1 not in found.videos


def test_too_few_images_warn(caplog):
    rows, video = _problem()
    found, _ = _draw(rows, video, 10**6)
    assert len(found.videos) == 12 and "of the 1000000 wanted" in caplog.text
    found, _ = _draw(rows, video, 50, eps=1e-6)
    assert len(found.rows) == 0 and found.embedding.shape == (0, 16) and found.outliers == len(rows)


def test_misuse_is_told():
    rows, video = _problem()
    with pytest.raises(ValueError, match="no image is in a video"):
        _draw(rows, np.full(len(rows), -1), 10)
    with pytest.raises(ValueError, match=r"embed gave 3 rows for \d+ images"):
        videos.labels(video, lambda wanted: rows[:3], 10, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="the embeddings of videos are NaN"):
        _draw(np.full_like(rows, np.nan), video, 10)


def test_the_other_metrics_against_distances_of_all_pairs():
    rows, video = _problem()
    found, _ = _draw(rows, video, 10**6, metric="cosine", eps=0.32)
    for which in found.videos:
        own = np.flatnonzero(video == which)
        away = np.maximum(1 - rows[own].astype(np.float64) @ rows[own].T.astype(np.float64), 0)
        theirs = DBSCAN(eps=0.32, min_samples=4, metric="precomputed").fit(away).labels_
        np.testing.assert_array_equal(found.rows[np.isin(found.rows, own)], own[theirs >= 0])
    found, _ = _draw(rows, video, 10**6, metric="jaccard", eps=0.55)
    for which in found.videos:
        own = np.flatnonzero(video == which)
        away = jaccard.distance(rows[own])
        dense = np.ones(away.shape)
        pairs = away.tocoo()
        dense[pairs.row, pairs.col] = pairs.data
        theirs = DBSCAN(eps=0.55, min_samples=4, metric="precomputed").fit(dense).labels_
        mine = found.label[np.isin(found.rows, own)]
        np.testing.assert_array_equal(mine - mine.min(initial=len(rows)), theirs[theirs >= 0])
    with pytest.raises(ValueError, match="metric is 'manhattan'"):
        _draw(rows, video, 10, metric="manhattan")

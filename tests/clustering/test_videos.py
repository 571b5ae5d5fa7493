"""Labels inside videos equal those of one scikit-learn DBSCAN for each video."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from reid_jax.clustering import jaccard, videos
from tests.clustering.drawn import people


def _problem(seed=0):
    """(embeddings, video of each image), in random order."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(10, 60, 12)
    rows = np.concatenate(
        [people(size, seed=number, width=16, noise=0.5)[0] for number, size in enumerate(sizes)]
    )
    mixed = rng.permutation(len(rows))
    return rows[mixed], np.repeat(np.arange(12), sizes)[mixed]


def _draw(rows, video, images, seed=0, **options):
    calls = []

    def embed(wanted):
        calls.append(wanted)
        return rows[wanted]

    rng = np.random.default_rng(seed)
    return videos.label_videos(video, embed, images, rng=rng, **options), calls


def test_each_video_has_the_labels_of_scikit_learn():
    rows, video = _problem()
    drawn, _ = _draw(rows, video, 200)
    seen = set()
    for which in drawn.videos:
        own = np.flatnonzero(video == which)
        theirs = DBSCAN(eps=0.8, min_samples=4).fit(rows[own]).labels_
        mine = drawn.label[np.isin(drawn.rows, own)]
        np.testing.assert_array_equal(drawn.rows[np.isin(drawn.rows, own)], own[theirs >= 0])
        np.testing.assert_array_equal(mine - mine.min(initial=len(rows)), theirs[theirs >= 0])
        assert not seen & set(mine.tolist())
        seen |= set(mine.tolist())
    assert seen == set(range(len(seen)))
    np.testing.assert_array_equal(drawn.embedding, rows[drawn.rows])
    assert drawn.outliers == np.isin(video, drawn.videos).sum() - len(drawn.rows) > 0


@pytest.mark.parametrize("images", [1, 60, 150, 250])
def test_stops_at_the_video_that_fills_the_epoch(images):
    rows, video = _problem()
    drawn, calls = _draw(rows, video, images)
    last = video == drawn.videos[-1]
    before = len(drawn.rows) - np.isin(drawn.rows, np.flatnonzero(last)).sum()
    assert len(drawn.rows) >= images > before
    embedded = np.concatenate(calls)
    assert sorted(set(video[embedded])) == sorted(drawn.videos)
    assert len(set(embedded)) == len(embedded)
    assert len(set(drawn.videos)) == len(drawn.videos)


def test_the_seed_decides_the_videos():
    rows, video = _problem()
    one, again, other = (_draw(rows, video, 100, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.rows, again.rows)
    np.testing.assert_array_equal(one.label, again.label)
    assert one.videos.tolist() != other.videos.tolist()


def test_images_outside_videos_are_never_drawn():
    rows, video = _problem()
    video[video == 3] = -1
    drawn, _ = _draw(rows, video, 10**6)
    assert len(drawn.videos) == 11 and -1 not in drawn.videos


def test_too_few_images_warn(caplog):
    rows, video = _problem()
    drawn, _ = _draw(rows, video, 10**6)
    assert len(drawn.videos) == 12 and "of the 1000000 wanted" in caplog.text
    drawn, _ = _draw(rows, video, 50, eps=1e-6)
    assert len(drawn.rows) == 0 and drawn.embedding.shape == (0, 16) and drawn.outliers == len(rows)


def test_wrong_arguments_raise():
    rows, video = _problem()
    with pytest.raises(ValueError, match="no image is in a video"):
        _draw(rows, np.full(len(rows), -1), 10)
    with pytest.raises(ValueError, match=r"embed gave 3 rows for \d+ images"):
        videos.label_videos(video, lambda wanted: rows[:3], 10, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="the embeddings of videos are NaN"):
        _draw(np.full_like(rows, np.nan), video, 10)


def test_the_other_metrics_against_distances_of_all_pairs():
    rows, video = _problem()
    drawn, _ = _draw(rows, video, 10**6, metric="cosine", eps=0.32)
    for which in drawn.videos:
        own = np.flatnonzero(video == which)
        away = np.maximum(1 - rows[own].astype(np.float64) @ rows[own].T.astype(np.float64), 0)
        theirs = DBSCAN(eps=0.32, min_samples=4, metric="precomputed").fit(away).labels_
        np.testing.assert_array_equal(drawn.rows[np.isin(drawn.rows, own)], own[theirs >= 0])
    drawn, _ = _draw(rows, video, 10**6, metric="jaccard", eps=0.55)
    for which in drawn.videos:
        own = np.flatnonzero(video == which)
        away = jaccard.distance(rows[own])
        dense = np.ones(away.shape)
        pairs = away.tocoo()
        dense[pairs.row, pairs.col] = pairs.data
        theirs = DBSCAN(eps=0.55, min_samples=4, metric="precomputed").fit(dense).labels_
        mine = drawn.label[np.isin(drawn.rows, own)]
        np.testing.assert_array_equal(mine - mine.min(initial=len(rows)), theirs[theirs >= 0])
    with pytest.raises(ValueError, match="metric is 'manhattan'"):
        _draw(rows, video, 10, metric="manhattan")

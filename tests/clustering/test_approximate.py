"""Approximate neighbours: the error is reported, and too low a recall gives an exact search."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from reid_jax.clustering import approximate, dbscan, jaccard, neighbours
from reid_jax.clustering.approximate import Search
from tests.clustering.drawn import coarse, people

EPS = (0.55, 0.6, 0.65)
ROWS, PERSON, _ = people(1500, noise=0.7)


def _exact(rows):
    return dbscan.dbscan(jaccard.distance(rows), eps=EPS)


def test_up_to_a_size_it_is_exact():
    labels, report = approximate.cluster(ROWS, eps=EPS)
    np.testing.assert_array_equal(labels, _exact(ROWS))
    assert report == {"neighbour_recall": 1.0, "label_ari": 1.0}
    np.testing.assert_array_equal(approximate.cluster(ROWS, eps=0.6)[0], labels[1])


def test_all_components_find_all_neighbours():
    labels, report = approximate.cluster(ROWS, eps=EPS, how=Search(above=0, index="PCA64", pool=60))
    assert report == {"neighbour_recall": 1.0, "label_ari": 1.0}
    np.testing.assert_array_equal(labels, _exact(ROWS))


def test_fewer_components_report_the_error():
    how = Search(above=100, index="PCA40", pool=60, recall=0.5, looked=700)
    labels, report = approximate.cluster(ROWS, eps=EPS, how=how)
    exact = neighbours.search(ROWS, 30)[0]
    mine = approximate.search(ROWS, 30, how)
    recall = (mine.neighbours[:, :, None] == exact[:, None, :]).any(1).mean()
    assert 0.5 < recall < 0.99 and abs(report["neighbour_recall"] - recall) < 0.03
    truth = adjusted_rand_score(
        *(np.where(one < 0, 10**6 + np.arange(1500), one) for one in (labels[1], _exact(ROWS)[1]))
    )
    assert truth < 1 and report["label_ari"] < 1 and abs(report["label_ari"] - truth) < 0.02
    assert (mine.neighbours[:, 0] == np.arange(1500)).all() and (
        np.diff(mine.distance, axis=1) >= 0
    ).all()


def test_below_the_recall_it_searches_exactly(caplog):
    how = Search(above=0, index="PCA4", pool=40, recall=0.999)
    labels, report = approximate.cluster(ROWS, eps=EPS, how=how)
    assert "searching exactly" in caplog.text and "PCA4 found 0." in caplog.text
    assert report == {"neighbour_recall": 1.0, "label_ari": 1.0}
    np.testing.assert_array_equal(labels, _exact(ROWS))


def test_copies():
    """With more copies of a row than neighbours, each row is still its own first neighbour."""
    rows = coarse(600, width=2)
    mine = approximate.search(rows, 10, Search(index="PCA2", pool=50))
    assert (mine.neighbours[:, 0] == np.arange(600)).all() and not mine.distance.any()
    approximate.cluster(rows, eps=0.6, how=Search(above=0, index="PCA2", pool=50, recall=0))


@pytest.mark.parametrize("index", ["Flat", "HNSW16", "IVF8,Flat"])
def test_an_index_of_faiss(index):
    pytest.importorskip("faiss")
    how = Search(above=0, index=index, pool=60, recall=0)
    mine = approximate.search(ROWS, 30, how)
    exact = neighbours.sweep(ROWS, 30)
    recall = (mine.neighbours[:, :, None] == exact.neighbours[:, None, :]).any(1).mean()
    assert recall > 0.3 and (index != "Flat" or recall == 1)
    assert (mine.neighbours >= 0).all() and (mine.neighbours < 1500).all()
    report = approximate.cluster(ROWS, eps=EPS, how=how)[1]
    assert abs(report["neighbour_recall"] - recall) < 0.05


def test_one_neighbour_is_the_row_itself():
    near = approximate.search(ROWS, 1, Search(index="PCA64"))
    assert near.neighbours.ravel().tolist() == list(range(1500))
    near = approximate.search(ROWS[:40], 40, Search(index="PCA32"))  # all rows
    assert near.neighbours.shape == (40, 40)


def test_wrong_arguments_raise():
    with pytest.raises(ValueError, match="65 principal components of vectors 64 wide"):
        approximate.search(ROWS, 5, Search(index="PCA65"))
    with pytest.raises(ValueError, match="k is 300, expected 1 to 200"):
        approximate.search(ROWS, 300, Search())
    with pytest.raises(ValueError, match="rows 2;"):
        approximate.cluster(np.where(np.arange(1500)[:, None] == 2, np.nan, ROWS), eps=0.6)


def test_an_unknown_index_raises():
    pytest.importorskip("faiss")
    with pytest.raises(
        ValueError, match="'Nonsense' is neither PCA and a number nor an index that faiss knows"
    ):
        approximate.search(ROWS, 5, Search(index="Nonsense"))


def test_missing_faiss_raises(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(ImportError, match=r"pip install 'reid_jax\[approximate\]'"):
        approximate.search(ROWS, 5, Search(index="HNSW32"))

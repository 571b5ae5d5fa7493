"""Comparing, searching, ranking, measuring and labelling embeddings."""

import jax
import numpy as np
import pytest
from absl import logging

import reid_jax
from reid_jax import evaluate
from reid_jax.data import records
from tests import tiny


@pytest.fixture(scope="module")
def encoder():
    model = tiny.encoder()
    return reid_jax.Encoder(model, model.init(jax.random.key(0)))


def _rows(n, seed, d=5):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def test_nearest_is_the_sorted_list_of_cosines():
    query, gallery = _rows(4, 0), _rows(9, 1)
    gallery[3] *= 10  # lengths do not matter
    row, cosine = reid_jax.nearest(query, gallery, k=3)
    truth = (query / np.linalg.norm(query, axis=1, keepdims=True)) @ (
        gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    ).T
    np.testing.assert_array_equal(row, np.argsort(-truth, axis=1)[:, :3])
    np.testing.assert_allclose(cosine, -np.sort(-truth, axis=1)[:, :3], atol=1e-6)
    assert reid_jax.nearest(query, gallery, k=50)[0].shape == (4, 9)
    with pytest.raises(ValueError, match="k is 0"):
        reid_jax.nearest(query, gallery, k=0)
    with pytest.raises(ValueError, match=r"query is \[5\]; give embeddings"):
        reid_jax.nearest(query[0], gallery)


def test_ranking_with_and_without_cameras():
    gallery = np.eye(3, dtype=np.float32)
    query = np.array([[0.9, 0.5, 0.1]], np.float32)  # the list is 0, 1, 2
    people = {"query_person": [7], "gallery_person": [7, 1, 7]}
    free = reid_jax.rank(query, gallery, **people)
    assert free.mean_ap == pytest.approx((1 + 2 / 3) / 2) and free.cmc[0] == 1
    cameras = {"query_camera": [0], "gallery_camera": [0, 1, 1]}  # row 0 is junk
    assert reid_jax.rank(query, gallery, **people, **cameras).mean_ap == pytest.approx(1 / 2)
    both = reid_jax.rank(query, gallery, **people, **cameras, same_camera=True)
    assert both.mean_ap == free.mean_ap


def test_measuring_is_an_evaluation(encoder):
    world = tiny.world()
    split = np.where(world.camera == 0, "query", "gallery")
    split[:16] = "train"
    world = world._replace(split=split)
    told = []
    figures = reid_jax.measure(encoder, world, progress=lambda *at: told.append(at))
    test = records.where(world, "query", "gallery")
    assert figures == dict(evaluate.measured(encoder(test), test))
    assert 0.2 < figures["mAP"] <= 1 and figures["queries"] == (split == "query").sum()
    assert told[-1] == (80, 80)
    both = reid_jax.measure(encoder, world, rerank=True)
    assert {name: both[name] for name in figures} == figures and 0 < both["reranked_mAP"] <= 1
    with pytest.raises(ValueError, match="query"):
        reid_jax.measure(encoder, records.where(world, "train"))


def test_a_query_that_is_in_the_gallery_too_is_said(encoder, monkeypatch):
    said = []
    monkeypatch.setattr(logging, "warning", lambda text, *given: said.append(text % given))
    world = tiny.world()
    test = records.concat(
        [world._replace(split=np.full(len(world.person), part)) for part in ("query", "gallery")]
    )
    reid_jax.measure(encoder, test, same_camera=True)
    n = len(world.person)
    assert len(said) == 1 and f"{n} of {n} query pictures are among the gallery" in said[0]


def test_a_threshold_with_labels_and_from_frames(encoder, tmp_path):
    world = tiny.world()
    split = np.where(world.camera == 0, "query", "gallery")
    world = world._replace(split=split)
    found = reid_jax.threshold(encoder, world, fmr=0.1)
    assert found == evaluate.operating_point(encoder(world), world, 0.1)
    assert found.low <= found.threshold <= found.high and 0 < found.tpr <= 1
    # the same pictures as two cameras' moments: nobody is twice in one
    frame = np.zeros(len(split), np.int32)
    for one in np.unique(world.person):
        frame[world.person == one] = np.arange((world.person == one).sum())
    apart = {"split": np.full(len(split), "train"), "camera": 0 * frame, "group": 0 * frame}
    films = world._replace(frame=frame, shot=0 * frame, **apart)
    blind = reid_jax.threshold(encoder, films, fmr=0.1)
    assert -1 < blind.threshold < 1 and blind.same == 0
    encoder = reid_jax.Encoder(encoder.model, encoder.variables, point=found)
    encoder.save(tmp_path / "kept")
    with pytest.raises(ValueError, match="needs 10,000,000 pairs"):
        reid_jax.threshold(encoder, world, fmr=1e-6)


def test_clusters_are_the_persons():
    centre = np.repeat(np.eye(6, dtype=np.float32), 8, axis=0)
    rows = 7 * (centre + 0.02 * _rows(48, 0, 6))  # of any length
    label = reid_jax.cluster(rows, k1=8, k2=3)
    assert label.dtype == np.int32
    np.testing.assert_array_equal(label, np.repeat(np.arange(6), 8))
    assert reid_jax.cluster(np.zeros((0, 6), np.float32)).shape == (0,)
    assert reid_jax.cluster(rows[:1]).tolist() == [-1]
    with pytest.raises(ValueError, match="eps=1.5"):
        reid_jax.cluster(rows, eps=1.5)


def test_comparing_needs_an_encoder(encoder, prepared):
    a, b = prepared / "a.jpg", prepared / "b.jpg"
    assert reid_jax.compare(a, b, encoder=encoder) == encoder.compare(a, b)
    told = reid_jax.compare(a, b, encoder=prepared / "runs" / "market")
    assert told == pytest.approx(reid_jax.load(prepared / "runs/market").compare(a, b), abs=1e-6)
    with pytest.raises(ValueError, match="encoder=reid_jax.load"):
        reid_jax.compare(a, b)

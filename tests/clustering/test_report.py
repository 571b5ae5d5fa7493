"""The figures of pseudo labels equal those computed by hand."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from reid_jax.clustering.report import describe


def test_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 4, 4, 4, 4, -1])
    person = np.array([7, 7, 8, 9, 9, 7, 7, 7, -1, 8])
    camera = np.array([0, 1, 1, 2, 2, 0, 1, 2, 2, 0])
    figures = describe(labels, person=person, camera=camera)
    assert figures["labels"] == 3 and figures["labelled"] == 9 and figures["outliers"] == 1
    assert figures["outlier_part"] == 0.1
    assert [figures[f"size_{which}"] for which in ("min", "median", "90", "max")] == [2, 3, 3.8, 4]
    assert figures["cameras"] == 2 and figures["single_camera"] == pytest.approx(1 / 3)
    assert figures["purity"] == pytest.approx(7 / 8)  # the unknown person is left out
    assert figures["recall"] == pytest.approx(5 / 12)  # of 7, 8 and 9: 1 + 3, 0 and 1 of 10, 1, 1
    known = person >= 0
    assert figures["ari"] == adjusted_rand_score(person[known], [0, 0, 0, 1, 1, 4, 4, 4, 5])
    assert all(type(value) is float for value in figures.values())


def test_perfect_labels_and_the_cost_of_outliers():
    person = np.repeat(np.arange(5), 6)
    assert describe(person, person=person)["ari"] == describe(person, person=person)["purity"] == 1
    alone = np.where(np.arange(30) % 6 < 3, person, -1)
    figures = describe(alone, person=person)
    assert figures["purity"] == 1 and figures["ari"] < 0.5
    assert figures["recall"] == pytest.approx(3 / 15)


def test_no_label_warns(caplog):
    figures = describe(np.full(5, -1), person=np.arange(5), camera=np.zeros(5, int))
    assert "no label to any of 5 images" in caplog.text
    assert figures["labels"] == 0 and "size_max" not in figures and "purity" not in figures


def test_one_giant_label_warns(caplog):
    describe(np.array([0] * 5 + [1] * 5))
    assert not caplog.text
    figures = describe(np.array([0] * 6 + [1] * 4))
    assert "6 of 10 images under one label" in caplog.text and figures["size_max"] == 6


def test_no_images_and_unknown_persons():
    assert (
        describe(np.zeros(0, int), person=np.zeros(0, int), camera=np.zeros(0, int))["labels"] == 0
    )
    assert "ari" not in describe(np.zeros(4, int), person=np.full(4, -1))
    assert describe(np.zeros(4, int), person=np.zeros(4, int))["purity"] == 1  # 0 is a person


def test_wrong_arguments_raise():
    with pytest.raises(ValueError, match="3 labels and a camera for 4"):
        describe(np.zeros(3, int), camera=np.zeros(4, int))

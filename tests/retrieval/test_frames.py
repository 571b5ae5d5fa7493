"""Thresholds without labels against loops over pairs, and against the labels."""

import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.retrieval import frames, operating, point


def _films(seed=0, moments=200, people=4, light=0.0):
    """Crops of videos: embeddings, columns, and the true persons; `light` is shared by a view."""
    rng = np.random.default_rng(seed)
    group, person = np.divmod(np.arange(moments * people), people)
    group, frame = np.divmod(group, 10)
    who = group * people + person
    rows = rng.standard_normal((who.max() + 1, 16))[who] + 0.5 * rng.standard_normal((len(who), 16))
    rows = rows + light * rng.standard_normal((group.max() + 1, 16))[group]
    columns = {"camera": group % 3, "group": group, "frame": frame, "shot": np.zeros_like(group)}
    order = rng.permutation(len(rows))
    columns = {name: column[order].astype(np.int32) for name, column in columns.items()}
    return rows[order].astype(np.float32), columns, who[order]


def test_pairs_are_counted_as_by_a_loop():
    rows, columns, _ = _films()
    columns["frame"][::7] = -1
    columns["shot"][::2] = 1
    counted = frames.count(rows, **columns)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    key = np.stack([*columns.values()], 1)
    known = np.flatnonzero(columns["frame"] >= 0)
    pairs = [(i, j) for i in known for j in known if i != j]
    together = [unit[i] @ unit[j] for i, j in pairs if (key[i] == key[j]).all()]
    apart = [unit[i] @ unit[j] for i, j in pairs if columns["group"][i] != columns["group"][j]]
    assert counted.together.pairs == len(together) / 2 > 300
    assert counted.apart.sum() == len(apart)
    at = (-np.quantile(together, 0.5), np.quantile(together, 0.9), np.quantile(together, 0.95))
    to = np.quantile(apart, 0.5), np.quantile(apart, 0.9)
    expected = to[0] + (at[2] + at[0]) * (to[1] - to[0]) / (at[1] + at[0])
    threshold, low, high = counted.threshold(0.05)
    assert threshold == pytest.approx(expected, abs=0.01) and low <= threshold <= high
    one = point.unlabelled(counted, 0.05)
    assert one.threshold == threshold and np.isnan(one.tpr) and one.same == 0


@pytest.mark.parametrize("light", [0.0, 0.7])
def test_frames_alone_find_the_threshold_of_the_labels(light):
    rows, columns, person = _films(moments=4000, light=light)
    query, gallery = np.arange(400), np.arange(400, len(rows))
    camera = columns["group"] + 0
    named = {"query_person": person[query] + 1, "gallery_person": person[gallery] + 1}
    named |= {"query_camera": camera[query], "gallery_camera": camera[gallery]}
    truth = operating.curves(rows[query], rows[gallery], **named, same_camera=True)
    counted = frames.count(rows, **columns)
    guess = counted.threshold(0.02)[0]
    assert guess == pytest.approx(truth.other.threshold(0.02)[0], abs=0.03)
    if light:  # by the pairs of one frame as they are it would be far too high
        assert counted.together.threshold(0.02)[0] > guess + 0.1


def test_one_video_of_several_cameras_keeps_the_threshold_of_its_frames():
    rows, columns, _ = _films()
    columns["camera"], columns["group"] = columns["group"], 0 * columns["group"]
    counted = frames.count(rows, **columns)
    assert counted.threshold(0.05)[0] == counted.together.threshold(0.05)[0]


def test_refusals():
    rows, columns, _ = _films()
    none = [
        (rows, columns | {"frame": np.full(len(rows), -1)}),
        (rows[:0], {name: column[:0] for name, column in columns.items()}),
        (rows, columns | {"frame": np.arange(len(rows))}),
    ]
    for embedding, named in none:
        with pytest.raises(ValueError, match="no frame has two pictures"):
            frames.count(embedding, **named)
    with pytest.raises(ValueError, match="needs 1,000,000 pairs of different persons"):
        frames.count(rows, **columns).threshold(1e-5)
    rows[3] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        frames.count(rows, **columns)


def test_annotations_hold():
    rows, columns, _ = _films()
    assert jaxtyped(typechecker=beartype)(frames.count)(rows, **columns).together.pairs > 0

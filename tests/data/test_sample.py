import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid_jax.data import sample


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(1, 9), min_size=3, max_size=12),
    persons=st.integers(1, 3),
    per_person=st.integers(1, 5),
    steps=st.integers(0, 9),
    seed=st.integers(0, 99),
)
def test_batches_of_persons(counts, persons, per_person, steps, seed):
    label = np.concatenate([np.repeat(np.arange(len(counts)), counts), [-1, -1]])
    label = np.random.default_rng(seed).permutation(label)
    options = {"persons": persons, "per_person": per_person, "steps": steps}
    rows = sample.identities(label, **options, rng=np.random.default_rng(seed))
    assert rows.dtype == np.int32
    length = steps or max(1, sum(counts) // (persons * per_person))
    assert rows.shape == (length, persons * per_person)
    drawn = label[rows].reshape(len(rows), persons, per_person)
    assert (drawn >= 0).all()
    assert (drawn == drawn[:, :, :1]).all()  # consecutive rows are one person's
    for batch in drawn[:, :, 0]:
        assert len(set(batch.tolist())) == persons
    for one, of in zip(rows.reshape(-1, per_person), drawn.reshape(-1, per_person), strict=True):
        # No row occurs twice where there are enough.
        assert len(set(one.tolist())) == min(per_person, counts[of[0]])
    order = drawn[:, :, 0].reshape(-1)
    _, times = np.unique(order, return_counts=True)
    assert times.max() - (times.min() if len(times) == len(counts) else 0) <= 2
    again = sample.identities(label, **options, rng=np.random.default_rng(seed))
    assert (rows == again).all()


def test_every_row_of_a_label_comes_before_any_comes_again():
    label = np.repeat([0, 1], 8)
    rows = sample.identities(label, persons=2, per_person=4, steps=2, rng=np.random.default_rng(0))
    assert sorted(rows.reshape(-1).tolist()) == list(range(16))


def test_uniform_batches_show_every_row_once_a_pass():
    label = np.array([0, 1, -1, 2, 3, 4, 5])
    rows = sample.uniform(label, batch=3, steps=4, rng=np.random.default_rng(0))
    assert sorted(rows[:2].reshape(-1).tolist()) == [0, 1, 3, 4, 5, 6]
    assert sample.uniform(label, batch=3, steps=0, rng=np.random.default_rng(0)).shape == (2, 3)


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="choose `persons` of at most 2"):
        sample.identities(
            np.array([0, 0, 1, -1]), persons=3, per_person=2, steps=1, rng=np.random.default_rng(0)
        )
    with pytest.raises(ValueError, match="smaller batch"):
        sample.uniform(np.array([0, -1]), batch=2, steps=1, rng=np.random.default_rng(0))


def test_labels_of_few_groups():
    label = np.repeat(np.arange(12), 3)
    group = np.array([0] * 5 + [1] * 4 + [2] + [3] * 2)[label] + 7
    rng = np.random.default_rng(0)
    rows = sample.identities(
        label, persons=4, per_person=2, steps=200, rng=rng, group=group, groups=2
    )
    assert rows.shape == (200, 8) and set(label[rows].ravel()) == set(range(12))
    for batch in rows:
        assert (
            len(set(label[batch])) == 4
            and (label[batch].reshape(4, 2)[:, 0] == label[batch].reshape(4, 2)[:, 1]).all()
        )
        of_group = np.bincount(group[batch[::2]], minlength=11)[7:]
        assert of_group.max() <= 2  # two of each; the group of one label calls for a third group
        assert (of_group > 0).sum() == (3 if of_group[2] else 2)
    one = sample.identities(
        label, persons=7, per_person=2, steps=50, rng=rng, group=group, groups=1
    )
    assert all(len(set(label[batch])) == 7 for batch in one)  # no group has seven


def test_two_kinds_are_dealt_evenly():
    first, second = np.arange(8).reshape(2, 4), 100 + np.arange(16).reshape(2, 8)
    rows = sample.mixed(first, second)
    assert rows.shape == (2, 12) and sorted(rows[1]) == sorted([*first[1], *second[1]])
    for devices in (1, 2, 4):
        assert ((rows < 100).reshape(2, devices, -1).sum(2) == 4 // devices).all()
    np.testing.assert_array_equal(sample.mixed(first, second[:, :0]), first)


def test_a_row_alone_comes_once_and_others_fill_its_place():
    label = np.array([0] * 6 + [1, 2, 3] + [4] * 2 + [-1] * 3)
    rows = sample.filled(label, batch=8, per_person=4, steps=50, rng=np.random.default_rng(0))
    assert rows.shape == (50, 8) and (label[rows] >= 0).all()
    stream = label[rows].ravel()
    edge = np.flatnonzero(np.diff(stream, prepend=-1, append=-1))
    runs = {name: set(np.diff(edge)[stream[edge[:-1]] == name].tolist()) for name in range(5)}
    assert (
        runs[0] <= {4, 8} and runs[4] <= {4, 8} and all(runs[name] <= {1, 2} for name in (1, 2, 3))
    )
    counts = np.bincount(stream)
    assert counts[0] == pytest.approx(counts[4], abs=4) and counts[1] == pytest.approx(
        counts[2], abs=1
    )
    with pytest.raises(ValueError, match="no labelled picture"):
        sample.filled(np.full(3, -1), batch=2, per_person=2, steps=1, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="an epoch of 0 batches; choose `steps`"):
        sample.filled(
            np.zeros(3, int), batch=2, per_person=2, steps=0, rng=np.random.default_rng(0)
        )


def test_further_rows_of_a_label_come_from_other_cameras():
    label, camera = (
        np.repeat([0, 1, 2, 3], [6, 3, 2, 1]),
        np.array([0, 0, 0, 0, 1, 2, 5, 5, 5, 0, 1, 0]),
    )
    draw = {"per_person": 3, "camera": camera, "rng": np.random.default_rng(0)}
    rows = sample.identities(label, persons=4, steps=60, **draw).reshape(-1, 3)
    assert (label[rows] == label[rows[:, :1]]).all()
    for first, *rest in rows:
        if label[first] in (0, 2):
            assert all(camera[one] != camera[first] for one in rest)
        if label[first] == 1:  # in one camera alone
            assert len({first, *rest}) == 3
    anchors = rows[label[rows[:, 0]] == 0, 0]
    assert (np.bincount(anchors)[:6] == 10).all()  # every row is the first one equally often
    alone = sample.filled(label, batch=10, steps=20, **draw)
    assert alone.shape == (20, 10)
    [one] = sample.filled(label, batch=10, steps=1, **draw)  # 3 + 3 + 3 + 1 rows of the labels
    assert (label[one] == 3).sum() == 1
    for turn in np.split(one, np.flatnonzero(np.diff(label[one])) + 1):
        assert label[turn[0]] not in (0, 2) or (camera[turn[1:]] != camera[turn[0]]).all()

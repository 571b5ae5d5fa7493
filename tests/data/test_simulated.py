import numpy as np
import pytest

from reid_jax.data import records
from reid_jax.data.simulated import simulated_pairs


def _world(persons=20, seed=0):
    """Persons of 1 to 4 cameras and 1 to 3 pictures in each; two of one picture; distractors."""
    rng = np.random.default_rng(seed)
    rows = [
        (p, c)
        for p in range(1, persons + 1)
        for c in range(rng.integers(1, 5))
        for _ in range(rng.integers(1, 4))
    ]
    person, camera = rng.permutation(
        np.array([*rows, (98, 0), (99, 0), (0, 1), (-1, 2), (5, -1)])
    ).T
    return records.make(records.Held(np.zeros((len(person), 2, 2, 3), np.uint8)), person, camera)


def _drawn(made, **options):
    rows, _ = simulated_pairs(
        made, step=0, rng=np.random.default_rng(0), persons=6, iterations=50, **options
    )
    assert rows.dtype == np.int32
    return rows.reshape(50, -1, 2, 6)


@pytest.mark.parametrize("groups", [2, 4])
def test_symmetric_sets_are_the_same_persons_by_one_camera_and_by_two(groups):
    made = _world()
    rows = _drawn(made, groups=groups, intra=1.0, inter=1.0)
    assert rows.shape[1] == groups
    person, camera = made.person[rows], made.camera[rows]
    assert (person[:, :, 0] == person[:, :, 1]).all() and (person > 0).all() and (camera >= 0).all()
    for batch in person[:, :, 0].reshape(-1, 6):
        assert len(set(batch)) == 6
    same = camera[:, :, 0] == camera[:, :, 1]
    assert same[:, 0::2].all() and not same[:, 1::2].any()
    assert (rows[:, :, 0] != rows[:, :, 1]).all()
    known = (made.person > 0) & (made.camera >= 0)
    names, tracks = np.unique(
        np.stack([made.person, made.camera])[:, known], axis=1, return_counts=True
    )
    assert set(person[:, 0::2].ravel()) == set(names[0][tracks > 1])
    assert set(person[:, 1::2].ravel()) == {p for p in names[0] if (names[0] == p).sum() > 1}


def test_strangers_are_of_nobody_in_the_group():
    made = _world()
    rows = _drawn(made, intra=0.9, inter=0.5)
    person = made.person[rows]
    lost = person[:, :, 0] != person[:, :, 1]
    assert (lost.sum(2) == [1, 3]).all()  # 6 - round(5.4), 6 - 3
    for first, second, gone in zip(
        *(part.reshape(-1, 6) for part in (person[:, :, 0], person[:, :, 1], lost)), strict=True
    ):
        assert not np.isin(second[gone], first).any() and (second > 0).all()
    assert (lost.sum((0, 1)) > 0).all()


def test_a_drawn_symmetry_varies_around_its_mean():
    rows = _drawn(_world(), intra=0.5, inter=1.0, intra_spread=0.1)
    person = _world().person[rows]
    kept = (person[:, :, 0] == person[:, :, 1]).mean(2)
    assert (
        (kept[:, 1] == 1).all() and kept[:, 0].std() > 0.05 and abs(kept[:, 0].mean() - 0.5) < 0.1
    )


def test_the_length_is_a_pass_over_the_data():
    made = _world()
    rows, _ = simulated_pairs(made, step=0, rng=np.random.default_rng(0), persons=2)
    assert rows.shape == (((made.person > 0) & (made.camera >= 0)).sum() // 8, 8)


def test_wrong_options_are_refused():
    made = _world()
    for options, message in (
        ({"groups": 3}, "`groups` is even, not 3"),
        ({"intra": 1.2}, "intra is a share"),
        ({"persons": 60}, r"`crops`\) of at most"),
    ):
        with pytest.raises(ValueError, match=message):
            simulated_pairs(made, step=0, rng=np.random.default_rng(0), **{"persons": 6, **options})
    few = records.make(
        records.Held(np.zeros((16, 2, 2, 3), np.uint8)), np.arange(16) // 4 + 1, np.arange(16) % 2
    )
    with pytest.raises(ValueError, match="nobody is left to be a stranger"):
        simulated_pairs(few, step=0, rng=np.random.default_rng(0), persons=4, inter=0.5)

import numpy as np
import pytest

from reid_jax.video import boxes


def _overlap(a, b):
    """The overlap of two boxes with integer corners, by counting pixels."""
    one, other = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    one[a[1] : a[3], a[0] : a[2]] = True
    other[b[1] : b[3], b[0] : b[2]] = True
    return (one & other).sum() / max(1, (one | other).sum())


def _some(n, seed):
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 25, (n, 2))
    return np.concatenate([corner, corner + rng.integers(0, 15, (n, 2))], 1)


def test_overlap_equals_counting_pixels():
    some = _some(30, 0)
    for one in some:
        want = [_overlap(one, other) for other in some]
        np.testing.assert_allclose(
            boxes.overlaps(one.astype(np.float32), some.astype(np.float32)), want, atol=1e-6
        )


@pytest.mark.parametrize("seed", range(4))
def test_suppression_equals_loops(seed):
    box, limit = _some(40, seed), 0.3
    score = np.random.default_rng(seed).integers(0, 12, 40) / 12  # with ties
    left, want = sorted(range(40), key=lambda one: (-score[one], one)), []
    while left:
        best = left.pop(0)
        want.append(best)
        left = [one for one in left if _overlap(box[best], box[one]) <= limit]
    assert boxes.suppress(box.astype(np.float32), score, limit).tolist() == want
    assert 1 < len(want) < 40


def test_suppression_of_none_and_at_the_limit():
    assert boxes.suppress(np.zeros((0, 4), np.float32), np.zeros(0), 0.5).tolist() == []
    pair = np.array([[0, 0, 2, 1], [1, 0, 3, 1]], np.float32)  # a third in common
    assert boxes.suppress(pair, np.array([0.1, 0.2]), 1 / 3).tolist() == [1, 0]
    assert boxes.suppress(pair, np.array([0.1, 0.2]), 0.33).tolist() == [1]


def test_mot_files(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(
        "1,3,10,20,5,6,1,1,0.5\n1,-1,0.5,1,2,3,0.25,-1,-1,-1\n\n"
        "2,1,1,1,1,1,0,1,1\n2,2,1,1,1,1,1,3,1\n"
    )
    given = boxes.read_mot(path)
    assert list(given) == [1]  # ignored: score 0, a car
    assert given[1].box.tolist() == [[10, 20, 15, 26], [0.5, 1, 2.5, 4]]
    assert given[1].score.tolist() == [1, 0.25] and given[1].person.tolist() == [3, -1]
    # a line with a position on the ground; one with spaces and six columns
    path.write_text("1,1,88,99,61.08,218.56,1,4.4852,5.5016,0\n7 2 1 2 3 4\n")
    given = boxes.read_mot(path)
    assert given[1].person.tolist() == [1] and given[7].score.tolist() == [1]
    path.write_text("1,1,1,1,1,1\n2,1,1,one,1,1\n")
    with pytest.raises(ValueError, match="a.txt, line 2: '2,1,1,one,1,1' is not frame,id"):
        boxes.read_mot(path)
    with pytest.raises(FileNotFoundError, match="there is no file .*b.txt"):
        boxes.read_mot(tmp_path / "b.txt")

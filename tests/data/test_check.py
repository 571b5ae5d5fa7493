import numpy as np
import pytest

from reid_jax.data import check, records


def _records(lines):
    person, camera, split = zip(*lines, strict=True)
    return records.make(["x"] * len(lines), person, camera, split=np.array(split))


TEST = [
    (1, 0, "query"),
    (1, 1, "gallery"),
    (2, 0, "query"),
    (2, 0, "gallery"),
    (3, 1, "query"),
    (0, 0, "gallery"),
]


def test_counts():
    counts = check.survey(
        _records([*TEST, (7, 0, "train"), (8, 0, "train"), (8, 1, "train"), (1, 0, "train")])
    )
    assert counts.images == {"train": 4, "query": 3, "gallery": 3}
    assert counts.persons == {"train": 3, "query": 3, "gallery": 2}
    assert (
        counts.queries,
        counts.lonely,
        counts.distractors,
        counts.one_camera,
        counts.shared,
    ) == (1, 2, 1, 2, 1)
    said = check.summary(counts)
    assert (
        "1 valid queries, 2 without a match in another camera" in said
        and "warning: 1 persons" in said
    )


def test_valid_queries_against_naive_loops():
    rng = np.random.default_rng(0)
    for _ in range(20):
        n = 60
        lines = list(
            zip(
                rng.integers(-1, 9, n),
                rng.integers(-1, 3, n),
                rng.choice(["query", "gallery"], n),
                strict=True,
            )
        )
        made = _records(lines)
        for same in (False, True):
            naive = [
                p >= 1
                and any(
                    q == p and s == "gallery" and (same or d != c or c == -1) for q, d, s in lines
                )
                for p, c, split in lines
                if split == "query"
            ]
            assert check.valid_queries(made, same_camera=same).tolist() == naive


@pytest.mark.parametrize(
    "lines, message",
    [
        ([(1, 0, "query")], "1 query and 0 gallery"),
        ([(1, 0, "query"), (2, 1, "gallery")], "no query's person is in the gallery"),
        (
            [(1, 0, "query"), (1, 0, "gallery")],
            r"1 camera\(s\) in the gallery; `same_camera=true`",
        ),
    ],
)
def test_test_data_that_yield_no_figure_are_refused(lines, message):
    with pytest.raises(ValueError, match=message):
        check.check_test(_records(lines))


def test_same_camera_counts_if_asked():
    check.check_test(_records([(1, 0, "query"), (1, 0, "gallery")]), same_camera=True)
    check.check_test(_records(TEST))


def test_training_data_that_cannot_fill_a_batch_are_refused():
    few = _records([(1, 0, "train"), (2, 0, "train")])
    check.check_training(few, persons=2, per_person=4)
    with pytest.raises(ValueError, match="choose `persons` of at most 2"):
        check.check_training(few, persons=3, per_person=4)
    with pytest.raises(ValueError, match="asks for 5 pictures"):
        check.check_training(few, persons=5, per_person=1)
    with pytest.raises(ValueError, match="no training picture"):
        check.check_training(records.take(few, np.zeros(2, bool)), persons=1, per_person=1)
    with pytest.raises(ValueError, match="needs two"):
        check.check_training(records.take(few, [0]), persons=1, per_person=1)


def test_a_camera_that_is_not_known_is_none():
    nowhere = _records([(1, -1, "train"), (1, -1, "train"), (2, 0, "train"), (2, -1, "train")])
    assert check.survey(nowhere).one_camera == 1 and check.survey(nowhere).cameras == {"train": 1}
    assert check.survey(records.take(nowhere, [0, 1])).one_camera == 0


def test_matches_of_unknown_cameras_are_said_and_how_to_mean_them():
    lines = [(1, 0, "query"), (1, 1, "gallery"), (2, -1, "query"), (2, 1, "gallery")]
    lines += [(3, 0, "query"), (3, -1, "gallery"), (4, -1, "query"), (0, -1, "gallery")]
    counts = check.survey(_records(lines))
    assert (counts.queries, counts.unknown) == (3, 2)
    said = check.summary(counts)
    assert "2 of these queries have matches of an unknown camera" in said
    assert "`same_camera=true`" in said
    assert "unknown" not in check.summary(check.survey(_records(TEST)))
    said = check.summary(counts, same_camera=True)
    assert "own camera count too" in said and "unknown" not in said

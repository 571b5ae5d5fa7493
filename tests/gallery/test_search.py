"""Searching: the ranking is numpy's, with ties, filters, tracks, and the index."""

import numpy as np
import pytest

from reid_jax.gallery import index, moment, state, tracks
from reid_jax.gallery.where import Where, where
from reid_jax.retrieval.point import Point
from tests.gallery.made import BEGIN, WIDTH, exact, opened, people, seconds

N = 3000
INDICES = {"embedding", *index.VALUES}
NASTY = (
    "a'b", "a\\'b", "'; DROP TABLE rows; --", "x\\", '"q"', "ü\n\t", "%_", "' OR 1=1 --",
    "a\x00b", "''", "{}", "$1", "?", "x' OR '1'='1", "/* */", "null", "-1",
)  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """(store, embeddings as they are kept, cameras): with 40 copies of one row, and of another."""
    store = opened(tmp_path_factory.mktemp("gallery") / "people")
    rows = people(N)
    rows[100:140] = rows[5]
    rows[2000:2003] = rows[6]
    camera = np.random.default_rng(1).integers(0, 6, N)
    track = [f"t{row // 7}" if row % 3 else None for row in range(N)]
    for part in np.array_split(np.arange(N), 4):
        some = [track[row] for row in part]
        times = [seconds(N)[row] for row in part]
        store.add(rows[part], camera=camera[part].tolist(), time=times, track=some)
    kept = store._rows.read(["row", "embedding"])
    order = np.argsort(kept["row"].to_numpy())
    return store, index.matrix(kept["embedding"])[order], camera, track


def told(answer):
    return [(one.row, one.cosine) for one in answer.matches]


def test_the_ranking_is_numpys_with_ties_by_number(drawn):
    store, rows, _, _ = drawn
    for number, top in ((0, 10), (5, 10), (5, 37), (5, 60), (6, 3), (2999, 1), (17, 5000)):
        found = told(store.search(rows[number], top=top))
        expected = exact(rows[number], rows, np.arange(N), top)
        assert [row for row, _ in found] == [row for row, _ in expected], (number, top)
        np.testing.assert_allclose(
            [one for _, one in found], [one for _, one in expected], atol=1e-6
        )


def test_filters_mean_what_they_say(drawn):
    store, rows, camera, track = drawn
    time = BEGIN + np.arange(N) * 1_000_000
    since, until = "2026-05-01T08:05:00Z", "2026-05-01T08:25:00Z"
    inside = (time >= moment.micro(since)) & (time < moment.micro(until))
    for kept, which in (
        (np.isin(camera, [1, 4]), {"cameras": [1, "4"]}),
        (inside, {"since": since, "until": until}),
        (inside & (camera == 2), {"since": since, "until": until, "cameras": 2}),
        (np.isin(np.arange(N), [5, 7, 101]), {"rows": [5, 7, 101, 99999]}),
        (np.array([one == "t3" for one in track]), {"tracks": "t3"}),
        (camera == 9, {"cameras": 9}),
    ):
        numbers = np.flatnonzero(kept)
        answer = store.search(rows[5], where=where(**which), top=12)
        expected = exact(rows[5], rows[numbers], numbers.tolist(), 12)
        assert [one.row for one in answer.matches] == [row for row, _ in expected], which
        assert answer.looked == len(numbers) and answer.recall == 1 and answer.exact
        assert {one["row"] for one in store.rows(where(**which), ["row"])} == set(numbers.tolist())


def test_several_pictures_of_one_person_are_their_mean(drawn):
    store, rows, _, _ = drawn
    mean = rows[20:24].astype(np.float64).mean(0)
    expected = exact((mean / np.linalg.norm(mean)).astype(np.float32), rows, np.arange(N), 5)
    assert [one.row for one in store.search(rows[20:24], top=5).matches] == [
        row for row, _ in expected
    ]


def test_a_row_finds_others_than_itself(drawn):
    store, rows, _, _ = drawn
    expected = [row for row, _ in exact(rows[100], rows, np.arange(N), 9) if row != 100][:8]
    assert [one.row for one in store.search(row=100, top=8).matches] == expected
    with pytest.raises(ValueError, match=r"has no row 123456"):
        store.search(row=123456)


def test_tracks_are_ranked_by_the_mean_of_all_their_pictures(drawn):
    store, rows, camera, track = drawn
    units = {}
    for row in range(N):
        name = (str(camera[row]), track[row]) if track[row] else row
        units.setdefault(name, []).append(row)
    asked = rows[33].astype(np.float64)
    expected = []
    for own in units.values():
        mean = rows[own].astype(np.float64).mean(0)
        best = own[int(np.argmax(rows[own] @ rows[33]))]
        expected.append((-float(mean @ asked / np.linalg.norm(mean)), best, len(own)))
    answer = store.search(rows[33], by="track", top=6)
    assert [one.row for one in answer.matches] == [best for _, best, _ in sorted(expected)[:6]]
    for one, (cosine, best, count) in zip(answer.matches, sorted(expected), strict=False):
        assert one.cosine == pytest.approx(-cosine, abs=1e-6) and one.pictures == count
        assert one.rows[0] == best and len(one.rows) == min(count, tracks.SHOWN)
        assert one.best == pytest.approx(float(rows[best] @ rows[33]), abs=1e-6)
    own = store.search(row=34, by="track", top=3)
    assert not {(one.camera, one.track) for one in own.matches} & {(str(camera[34]), track[34])}


def test_the_best_of_a_track_are_the_nearest_to_its_mean(tmp_path):
    rows = people(60, seed=3)
    track = [None if row < 4 else f"t{row % 5}" for row in range(60)]
    kept = tracks.best(rows, track, 3)
    expected = set(range(4))
    for name in {one for one in track if one}:
        own = [row for row in range(60) if track[row] == name]
        near = rows[own] @ rows[own].mean(0)
        expected |= {own[place] for place in np.argsort(-near)[:3]}
    assert set(kept.tolist()) == expected and len(kept) == 4 + 15
    store = opened(tmp_path / "g")
    jpegs = [b"\xff\xd8" + bytes([row]) for row in range(60)]
    numbers = store.add(rows, track=track, best=3, jpegs=jpegs)
    assert numbers.tolist() == list(range(19))
    small = store.thumbnails(range(19))
    assert [small[row][2] for row in range(19)] == kept.tolist()


def test_nobody_above_the_threshold_and_probabilities(drawn, tmp_path):
    store, rows, _, _ = drawn
    assert store.search(rows[0]).threshold is None and not store.search(rows[0]).nobody
    assert store.search(rows[0]).matches[0].above is None
    answer = store.search(np.eye(WIDTH, dtype=np.float32)[0], threshold=0.99)
    assert answer.nobody and len(answer.matches) == 10 and not answer.matches[0].above
    point = Point(
        0.001, 0.9, 0.8, 0.95, 100, 100, cosine=(0.0, 1.0), probability=(0.0, 1.0),
        logistic=(1.0, 0.0),
    )  # fmt: skip
    own = opened(tmp_path / "g", point=point)
    own.add(rows[:50])
    for one in (own, type(own)(own.folder)):  # it travels with the gallery
        answer = one.search(rows[0], top=50)
        assert answer.threshold == 0.9 and not answer.nobody
        for found in answer.matches:
            assert found.above == (found.cosine >= 0.9)
            assert found.probability == pytest.approx(max(0.0, found.cosine), abs=1e-6)
        assert sum(found.above for found in answer.matches) < 50


def test_no_text_of_a_caller_becomes_a_predicate(tmp_path):
    store = opened(tmp_path / "g")
    rows = people(len(NASTY))
    store.add(rows, track=list(NASTY), camera=list(NASTY), name=list(NASTY))
    for number, text in enumerate(NASTY):
        for which in ({"tracks": text}, {"cameras": [text]}, {"names": text, "tracks": text}):
            answer = store.search(rows[0], where=where(**which))
            assert [one.row for one in answer.matches] == [number], text
        found = store.search(rows[number], by="track", top=1).matches[0]
        assert found.track == text and found.pictures == 1
    assert store.search(rows[0], where=where(tracks="' OR track LIKE '%")).looked == 0
    assert store.remove(where(names=NASTY[2])) == 1 and len(store) == len(NASTY) - 1


@pytest.mark.parametrize(
    ("which", "says"),
    [
        ({"cameras": []}, "cameras is empty"),
        ({"cameras": 1.5}, "give texts or whole numbers"),
        ({"cameras": [True]}, "give texts or whole numbers"),
        ({"tracks": [None]}, "tracks: None is a NoneType"),
        ({"rows": "1 OR 1=1"}, "is no number of a row"),
        ({"since": "yesterday"}, "since='yesterday' is no moment; give an ISO 8601"),
        ({"since": "2026-05-02", "until": "2026-05-01"}, "is not after since"),
        ({"until": True}, "until=True is no moment"),
        ({"since": float("nan")}, "is no moment"),
        ({"since": 1e30}, "is no moment"),
    ],
)
def test_filters_of_wrong_values_are_refused(which, says):
    with pytest.raises(ValueError, match=says):
        where(**which)


def test_moments_are_in_utc():
    from datetime import datetime, timedelta, timezone

    noon = moment.micro("2026-05-01T12:00:00Z")
    zone = timezone(timedelta(hours=2))
    for value in (
        "2026-05-01 12:00", "2026-05-01T14:00:00+02:00", datetime(2026, 5, 1, 12),
        datetime(2026, 5, 1, 14, tzinfo=zone), np.datetime64("2026-05-01T12"), noon / 1e6,
    ):  # fmt: skip
        assert moment.micro(value) == noon, value
    assert moment.iso(noon) == "2026-05-01T12:00:00Z"
    assert moment.iso(noon + 250_000) == "2026-05-01T12:00:00.25Z"
    assert moment.micro("2026-05-01") == noon - 12 * 3600 * 1_000_000


def test_a_question_that_cannot_be_answered(drawn):
    store, rows, _, _ = drawn
    for says, asked in (
        ("one of both", {}),
        ("one of both", {"query": rows[0], "row": 1}),
        ("embeddings are \\[1, 5\\] and the gallery's have 32", {"query": np.ones(5)}),
        ("zero or not finite", {"query": np.full(WIDTH, np.nan)}),
        ("zero or not finite", {"query": np.zeros(WIDTH)}),
        ("top=0", {"row": 1, "top": 0}),
        ("there is no embedding", {"query": []}),
        ("zero or not finite", {"query": np.stack([rows[0], -rows[0]])}),
        ("did you mean 'track'", {"row": 1, "by": "tracks"}),
    ):
        with pytest.raises(ValueError, match=says):
            store.search(**asked)
    assert store.search(rows[0], where=Where(cameras=("none",))).matches == ()


@pytest.fixture
def indexed(monkeypatch):
    """Galleries of 2,000 rows have an index."""
    for name, value in {"ABOVE": 2000, "LEAST_TAIL": 300, "SAMPLE": 5}.items():
        monkeypatch.setattr(index, name, value)


def test_filters_mean_the_same_with_indices_of_values(tmp_path, indexed):
    """However rows came, moved and went: a loop over what was added says which are meant."""
    rng, store = np.random.default_rng(0), opened(tmp_path / "g", width=8)
    begin, kept = BEGIN // 1_000_000, {}  # of each row its camera and time
    cameras = ["gate", "it's", "", "1", "2", None]

    def add(n):
        known = [
            (cameras[rng.integers(len(cameras))], begin + int(rng.integers(1000)) if one else None)
            for one in rng.integers(0, 9, n)
        ]
        camera, time = zip(*known, strict=True)
        new = store.add(rng.standard_normal((n, 8)), camera=list(camera), time=list(time))
        kept.update(zip(new.tolist(), known, strict=True))

    def agrees():
        for chosen in (["gate"], ["it's", ""], ["1", "2", "none"], None):
            for since, until in ((None, None), (100, None), (None, 300), (250, 260)):
                first, last = (None if one is None else begin + one for one in (since, until))
                which = where(cameras=chosen, since=first, until=last)
                meant = {
                    row
                    for row, (camera, time) in kept.items()
                    if (chosen is None or camera in chosen)
                    and (first is None or (time is not None and time >= first))
                    and (last is None or (time is not None and time < last))
                }
                assert {one["row"] for one in store.rows(which, ["row"])} == meant, which
                answer = store.search(np.ones(8), where=which, top=5)
                assert answer.looked == len(meant)
                assert len(answer.matches) == min(5, len(meant))
                assert {one.row for one in answer.matches} <= meant

    def lacking():
        return {one.columns[0]: one.num_unindexed_rows for one in store._rows.lance.list_indices()}

    for n, lacks in ((1900, None), (300, 0), (200, 200), (400, 0)):
        add(n)
        assert lacking() == ({} if lacks is None else dict.fromkeys(INDICES, lacks))
        agrees()
    for which, erase in (
        ({"cameras": "gate", "until": begin + 500}, False),
        ({"rows": range(500, 520)}, True),
        ({"rows": range(1900, 2200)}, True),  # all that was added at once
    ):
        gone = [one["row"] for one in store.rows(where(**which), ["row"])]
        assert store.remove(where(**which), erase=erase) == len(gone)
        for row in gone:
            del kept[row]
        agrees()
        assert lacking().keys() == INDICES
    other = opened(tmp_path / "other", width=8)
    numbers = other.add(rng.standard_normal((50, 8)), camera="gate", time=begin + 255)
    assert store.merge(other) == len(numbers)
    kept.update(dict.fromkeys(range(2800, 2850), ("gate", begin + 255)))
    agrees()


def test_a_gallery_of_an_earlier_version_gets_indices_of_values(tmp_path, indexed):
    store = opened(tmp_path / "g", width=8)
    store.add(np.random.default_rng(0).standard_normal((2000, 8)))  # of no camera and no time
    index.drop_values(store._rows)
    assert index.due(store._rows, state.state(store.folder).indexed) == "grow"
    store.add(np.ones((1, 8)), camera="gate")
    assert {one.columns[0] for one in store._rows.lance.list_indices()} == INDICES
    assert store.search(np.ones(8), where=where(cameras="gate")).matches[0].row == 2000


def test_the_index_is_built_grown_and_told(tmp_path, monkeypatch):
    """Above a number of rows; its recall is that of an exact search."""
    for name, value in {"ABOVE": 2000, "LEAST_TAIL": 300, "SAMPLE": 40}.items():
        monkeypatch.setattr(index, name, value)
    monkeypatch.setattr("reid_jax.gallery.reader.FEW", 500)
    said, rows = [], people(6000, seed=2)
    store = opened(tmp_path / "g", say=said.append)
    store.add(rows[:1999], camera=1)
    assert index.lacking(store._rows) is None and store.search(rows[0]).recall == 1 and not said
    store.add(rows[1999:2500], camera=2)
    assert "building the index of 2,500 rows" in said[0] and "of the ten nearest" in said[1]
    kept = store.info()["index"]
    assert kept["rows"] == 2500 and kept["sample"] == 40 and index.lacking(store._rows) == 0
    hits = 0
    for number in range(0, 2500, 100):
        answer = store.search(rows[number])
        assert answer.recall == kept["recall"] >= index.RECALL and not answer.exact
        expected = {row for row, _ in exact(rows[number], rows[:2500], np.arange(2500), 10)}
        hits += len(expected & {one.row for one in answer.matches})
    assert hits >= 0.95 * 250
    store.add(rows[2500:2700], camera=3)
    assert index.lacking(store._rows) == 200
    near = store.search(rows[2600]).matches[0]
    assert near.row == 2600 and near.cosine == pytest.approx(1)  # not in the index, yet found
    store.add(rows[2700:3000], camera=3)
    assert index.lacking(store._rows) == 0 and len(said) == 2  # grown, not built
    few = store.search(rows[0], where=where(cameras=3))
    assert few.recall == 1 and few.looked == 500
    hits = 0
    for number in range(0, 2500, 100):
        answer = store.search(rows[number], where=where(cameras=1))
        assert answer.looked == 1999 and answer.recall == kept["recall_filtered"]
        expected = {row for row, _ in exact(rows[number], rows[:1999], np.arange(1999), 10)}
        hits += len(expected & {one.row for one in answer.matches})
    assert hits >= 0.95 * 250
    store.add(rows[3000:5500], maintain=False)
    assert index.lacking(store._rows) == 2500 and len(said) == 2
    store.maintain()
    assert len(said) == 4 and store.info()["index"]["rows"] == 5500
    assert store.remove(where(rows=range(4000))) == 4000
    expected = [row for row, _ in exact(rows[5000], rows[4000:5500], range(4000, 5500), 10)]
    assert [one.row for one in store.search(rows[5000]).matches] == expected

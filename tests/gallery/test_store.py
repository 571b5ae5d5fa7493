"""Writing: what is added is there, what is removed leaves the disk, one writer, a full disk."""

import fcntl
import json
import os
import resource
import threading
import time

import numpy as np
import pytest

from reid_jax.files import lock
from reid_jax.gallery import index, state, thumbnails
from reid_jax.gallery.store import Store, make
from reid_jax.gallery.where import where
from tests.gallery.made import BEGIN, HASH, WIDTH, files_with, jpeg, opened, people, seconds


def test_rows_come_back_as_they_were_given(tmp_path):
    store, rows = opened(tmp_path / "g"), people(4)
    numbers = store.add(
        3 * rows,
        camera=[1, "gate", -1, None],
        time=["2026-05-01T08:00:00Z", BEGIN / 1e6, None, float("nan")],
        track="t",
        frame=[7, -1, None, 0],
        box=[(1, 2, 3, 4), None, [0, 0, 5, 6.5], None],
        name="x.jpg",
        jpegs=[jpeg(0), None, jpeg(2), jpeg(3)],
    )
    assert numbers.tolist() == [0, 1, 2, 3] and len(store) == 4
    kept = store.rows(columns=["camera", "time", "track", "frame", "box", "name", "embedding"])
    assert [one["camera"] for one in kept] == ["1", "gate", None, None]
    assert [one["time"] for one in kept] == [BEGIN, BEGIN, None, None]
    assert [one["frame"] for one in kept] == [7, None, None, 0]
    assert [one["box"] for one in kept] == [[1, 2, 3, 4], None, [0, 0, 5, 6.5], None]
    assert {(one["track"], one["name"]) for one in kept} == {("t", "x.jpg")}
    np.testing.assert_allclose([one["embedding"] for one in kept], rows, atol=1e-6)
    assert store.thumbnails([0, 1, 2, 3, 9]) == {0: jpeg(0), 2: jpeg(2), 3: jpeg(3)}
    told = store.info()
    assert told["rows"] == 4 and told["thumbnails"] == 3 and told["encoder"] == HASH
    assert told["since"] == told["until"] == "2026-05-01T08:00:00Z"
    assert told["cameras"] == {"1": 1, "gate": 1, None: 2}


def test_numbers_are_never_given_twice(tmp_path):
    store, rows = opened(tmp_path / "g"), people(5)
    assert store.add(rows[:3]).tolist() == [0, 1, 2]
    assert store.remove(where(rows=[1, 2])) == 2
    assert store.add(rows[3:]).tolist() == [3, 4]
    (store.folder / state.STATE).unlink()  # lost, as by a copy that was broken off
    assert Store(store.folder).add(rows[:1]).tolist() == [5]
    (store.folder / state.STATE).write_text("{")
    assert Store(store.folder).add(rows[:1]).tolist() == [6]


@pytest.mark.parametrize("many", [1, 150])
def test_a_removed_person_leaves_the_disk(tmp_path, many):
    """Where a file loses a row only, Lance would keep its bytes."""
    store, rows = opened(tmp_path / "g"), people(2000)
    jpegs = [jpeg(row) for row in range(2000)]
    track = ["kept-track-name"] * 2000
    gone = np.arange(700, 700 + many)
    for row in gone:
        track[row] = "gone-track-name"
    store.add(rows, track=track, jpegs=jpegs, time=seconds(2000))
    kept = {one["row"]: np.float32(one["embedding"]) for one in store.rows(columns=["embedding"])}
    for row in gone[:3]:
        assert files_with(store.folder, kept[row].tobytes()), "the search for bytes finds nothing"
        assert files_with(store.folder, jpeg(row))
    assert store.remove(where(tracks="gone-track-name")) == many
    for row in gone:
        assert not files_with(store.folder, kept[row].tobytes())
        assert not files_with(store.folder, jpeg(row))
    assert not files_with(store.folder, b"gone-track-name")
    assert len(store) == 2000 - many and store._small.count() == 2000 - many
    left = {one["row"]: np.float32(one["embedding"]) for one in store.rows(columns=["embedding"])}
    assert left.keys() == kept.keys() - set(gone.tolist())
    assert all((left[row] == kept[row]).all() for row in left)
    assert files_with(store.folder, kept[5].tobytes()) and files_with(store.folder, jpeg(5))
    assert not list(store.folder.rglob("*.lance/_deletions/*"))


@pytest.mark.parametrize("which", ["a file", "a part"])
def test_removed_values_leave_the_indices(tmp_path, monkeypatch, which):
    """Lance keeps an index's file, with all values, where a whole file of rows is deleted."""
    monkeypatch.setattr(index, "ABOVE", 400)
    monkeypatch.setattr(index, "SAMPLE", 5)
    store, rows = opened(tmp_path / "g"), people(800)
    first = 0 if which == "a file" else 200
    camera = [
        "gone-camera-name" if first <= row < 400 else "kept-camera-name" for row in range(800)
    ]
    time = [1_700_000_000.125 + row for row in range(800)]
    for start in (0, 400):
        part = slice(start, start + 400)
        store.add(rows[part], camera=camera[part], time=time[part], maintain=False)
    store.maintain()
    moments = [
        (1_700_000_000_125_000 + 1_000_000 * row).to_bytes(8, "little") for row in range(400)
    ]
    indices = store.folder / "rows.lance" / "_indices"
    assert files_with(indices, b"gone-camera-name") and files_with(indices, moments[first])
    assert store.remove(where(cameras="gone-camera-name")) == 400 - first
    assert not files_with(store.folder, b"gone-camera-name")
    for moment in moments[first::7]:
        assert not files_with(store.folder, moment)
    assert files_with(indices, b"kept-camera-name")


def test_a_removal_may_leave_the_disk_to_the_next_writer(tmp_path):
    store, rows = opened(tmp_path / "g"), people(300)
    store.add(rows, camera=1)
    one = np.float32(store.rows(where(rows=7), ["embedding"])[0]["embedding"])
    assert store.remove(where(rows=7), erase=False) == 1
    assert files_with(store.folder, one.tobytes()) and len(store) == 299
    assert store.search(one, top=1).matches[0].row != 7
    store.add(rows[:1], camera=2)
    assert not files_with(store.folder, one.tobytes()) or (one == rows[0]).all()


def test_removing_nothing_and_everything(tmp_path):
    store = opened(tmp_path / "g")
    store.add(people(20), camera=3, jpegs=[jpeg(row) for row in range(20)])
    with pytest.raises(ValueError, match="name which rows are to be removed"):
        store.remove(where())
    assert store.remove(where(cameras=4)) == 0
    assert store.remove(where(cameras=3)) == 20
    assert len(store) == 0 and store.search(people(1)[0]).matches == ()
    assert store.info()["thumbnails"] == 0 and not files_with(store.folder, jpeg(3))
    assert store.add(people(2)).tolist() == [20, 21]


def test_merging(tmp_path):
    one, two, rows = opened(tmp_path / "a"), opened(tmp_path / "b"), people(40)
    one.add(rows[:10], camera=1, jpegs=[jpeg(row) for row in range(10)])
    two.add(rows[10:], camera=2, track=[f"t{row}" for row in range(30)])
    two.add(rows[:1], jpegs=[jpeg(99)])
    two.remove(where(rows=[0, 1]))
    assert one.merge(two) == 29 and len(one) == 39 and len(two) == 29
    assert one.search(rows[15], top=1).matches[0].track == "t5"
    assert one.thumbnails(range(60)) == {**{row: jpeg(row) for row in range(10)}, 38: jpeg(99)}
    assert one.merge(opened(tmp_path / "empty")) == 0
    with pytest.raises(ValueError, match="cannot be merged with itself"):
        one.merge(Store(tmp_path / "a"))
    make(tmp_path / "c", "f" * 16, WIDTH)
    with pytest.raises(ValueError, match="their embeddings cannot be compared"):
        one.merge(Store(tmp_path / "c"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"embedding": np.full((3, WIDTH), np.nan)}, "embedding 0 of 3 is zero or not finite"),
        ({"embedding": np.zeros((1, WIDTH))}, "zero or not finite"),
        ({"embedding": np.ones((3, 7))}, r"embeddings are \[3, 7\] and the gallery's have 32"),
        ({"encoder": "f" * 16}, "is another: their embeddings cannot be compared"),
        ({"camera": [1, 2]}, "camera has 2 values for 3 pictures"),
        ({"camera": 1.5}, "give texts or whole numbers"),
        ({"time": "noon"}, "time='noon' is no moment"),
        ({"frame": 1.5}, "frame: 1.5 is no whole number"),
        ({"box": [(1, 2, 3)] * 3}, "is not left, top, width, height"),
        ({"box": (0, 0, -1, 4)}, "is not left, top, width, height"),
        ({"jpegs": [jpeg(0)]}, "jpegs has 1 values for 3"),
        ({"jpegs": [b"PNG"] * 3}, "is no JPEG of at most 8,192 bytes"),
        ({"jpegs": [b"\xff\xd8" + bytes(9000)] * 3}, "is no JPEG of at most"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_added(tmp_path, given, says):
    store = opened(tmp_path / "g")
    with pytest.raises(ValueError, match=says):
        store.add(**{"embedding": people(3), **given})
    assert len(store) == 0 and store._small.count() == 0
    assert len(store.add(people(3))) == 3
    assert store._small.count() == 0


def test_adding_nothing(tmp_path):
    store = opened(tmp_path / "g")
    for none in ([], np.zeros((0, WIDTH)), np.zeros((0, 5))):
        assert store.add(none).tolist() == []
    assert len(store) == 0 and store.search(people(1)[0]).matches == ()


def test_what_is_no_gallery(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no gallery .*none; `reid-jax gallery"):
        Store(tmp_path / "none")
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.jpg").touch()
    for name in ("file", "folder"):
        with pytest.raises(ValueError, match="is no gallery"):
            Store(tmp_path / name)
        with pytest.raises(FileExistsError, match="exists already"):
            make(tmp_path / name, HASH, WIDTH)
    store = opened(tmp_path / "g")
    about = store.folder / state.ABOUT
    kept = json.loads(about.read_text())
    about.write_text(json.dumps({**kept, "version": 9}))
    with pytest.raises(ValueError, match="gallery of version 9, and this reid_jax reads 1"):
        Store(store.folder)
    about.write_text(json.dumps({**kept, "width": 16}))
    with pytest.raises(ValueError, match="has other columns than it must"):
        Store(store.folder)
    about.write_text(json.dumps(kept))
    with pytest.raises(ValueError, match="of the encoder 0123456789abcdef .drawn."):
        Store(store.folder, encoder="f" * 16)
    (store.folder / "rows.lance").rename(tmp_path / "moved")
    with pytest.raises(ValueError, match="has no whole table 'rows'"):
        Store(store.folder)


def test_one_writer_and_who_it_is(tmp_path):
    store = opened(tmp_path / "g")
    other = Store(store.folder, patience=0.2)
    with store.writing():
        store.add(people(3))  # the same thread, again
        with pytest.raises(
            ValueError, match=rf"is being written by process {os.getpid()} on .* since 20"
        ):
            other.add(people(3))
        assert len(other) == 3  # readers do not mind
    assert other.add(people(3)).tolist() == [3, 4, 5]
    threads = [threading.Thread(target=store.add, args=(people(2),)) for _ in range(4)]
    threads += [
        threading.Thread(target=Store(store.folder).add, args=(people(2),)) for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(row["row"] for row in store.rows(columns=["row"])) == list(range(22))


def test_a_lock_of_another_host_and_of_the_dead(tmp_path, monkeypatch):
    path = tmp_path / "writer.lock"
    alone = lock.Lock(path)
    here = {"host": "far-away", "process": 1, "time": "2026-05-01T08:00:00Z"}
    path.write_text(json.dumps({**here, "seconds": time.time() - 60}))
    with pytest.raises(ValueError, match=r"process 1 on far-away since .* remove .*writer\.lock"):
        alone.held().__enter__()
    assert json.loads(path.read_text())["host"] == "far-away"
    path.write_text(json.dumps({**here, "seconds": time.time() - lock.STALE - 1}))
    with alone.held():
        assert json.loads(path.read_text())["process"] == os.getpid()
    assert path.read_text() == ""
    path.write_text('{"host": ')  # a writer that died while it signed
    with alone.held():
        other = os.open(path, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other)


def test_readers_follow_a_writer_that_removes(tmp_path):
    """Versions vanish under them; none may fail, and each sees whole commits."""
    store, rows = opened(tmp_path / "g"), people(400)
    store.add(rows[:100], camera=0)
    failed, done, counts = [], threading.Event(), set()

    def read():
        reader = Store(store.folder)
        try:
            while not done.is_set():
                answer = reader.search(rows[3], top=5)
                counts.add(answer.looked)
                assert answer.matches[0].row == 3
                assert len(reader.rows(columns=["camera"])) % 20 == 0
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for one in threads:
        one.start()
    for turn in range(1, 9):
        store.add(rows[100 : 100 + 20 * turn], camera=turn)
        store.remove(where(cameras=turn))
    done.set()
    for one in threads:
        one.join()
    assert not failed and 100 in counts


def test_a_full_disk_loses_nothing(tmp_path):
    """A limit on a file's size stands for it: the system says so in the middle of a write."""
    store, rows = opened(tmp_path / "g"), people(20_000)
    jpegs = [jpeg(row) for row in range(20_000)]
    store.add(rows[:500], jpegs=jpegs[:500])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in (1_000_000, 2_000_000):  # of the thumbnails; of the rows
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            with pytest.raises(OSError, match="works once there is room") as error:
                store.add(rows, jpegs=jpegs)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert error.value.filename == str(store.folder) and "\n" not in str(error.value)
        assert len(store) == 500 and store.search(rows[7], top=1).matches[0].row == 7
    numbers = store.add(rows, jpegs=jpegs)
    assert len(numbers) == 20_000 and len(store) == 20_500 == store._small.count()
    assert store.thumbnails(numbers[:2].tolist()) == {numbers[0]: jpeg(0), numbers[1]: jpeg(1)}


def test_thumbnails_are_bounded(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (500, 900, 3), dtype=np.uint8)
    for picture in (noise, noise[:1, :1], noise[:400, :3], noise[:3], noise[::2, ::3][:, ::-1]):
        made = thumbnails.made(picture)
        small = thumbnails.decoded(made)
        assert len(made) <= thumbnails.BYTES
        assert small.shape[0] <= 128 and small.shape[1] <= 64 and small.size
    even = thumbnails.decoded(thumbnails.made(np.full((256, 128, 3), (200, 30, 90), np.uint8)))
    assert even.shape == (128, 64, 3)
    assert np.abs(even.reshape(-1, 3).mean(0) - (200, 30, 90)).max() < 3
    monkeypatch.setattr(thumbnails, "MOST", 50)
    store, rows = opened(tmp_path / "g"), people(60)
    store.add(rows[:50], jpegs=[jpeg(row) for row in range(50)])
    assert store._small.count() == 50
    store.add(rows[50:], jpegs=[jpeg(row) for row in range(50, 60)])
    assert sorted(store.thumbnails(range(60))) == list(range(15, 60)) and len(store) == 60


def test_many_small_commits_are_put_together(tmp_path):
    store, rows = opened(tmp_path / "g"), people(50)
    for row in range(50):
        store.add(rows[row], jpegs=[jpeg(row)])
    for table in (store._rows, store._small):
        assert table.lance.stats()["fragment_stats"]["num_fragments"] <= 34
    assert [one["row"] for one in store.rows(columns=["row"])] == list(range(50))

"""Videos in, gallery out: what is added, once, whatever happens meanwhile."""

import itertools
import os
import signal
import subprocess
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import jax
import numpy as np
import pytest

from reid_jax.api.encoder import Encoder
from reid_jax.api.loading import build
from reid_jax.app.watching import adder, running
from reid_jax.app.watching import watch as watching
from reid_jax.app.watching.film import Clock, Place, Settled
from reid_jax.app.watching.named import named
from reid_jax.app.watching.units import POOL, Frame, Units
from reid_jax.files.lock import Lock
from reid_jax.gallery import moment, thumbnails
from reid_jax.gallery.store import Store
from reid_jax.gallery.watched import FILE, LOCK, Watched
from reid_jax.gallery.where import where
from reid_jax.tracking.tracks import PUBLISHED
from reid_jax.video import boxes, detect
from tests.app.watching import (
    QUICK,
    colours,
    rows,
    store,
    street,
    watch_in_process,
    watched,
)
from tests.experiments.called import begun, call, refused
from tests.video.films import film, picture


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return street(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory):
    """What is added where nothing happens."""
    gallery = store(tmp_path_factory.mktemp("whole") / "people")
    watched(videos, gallery)
    return rows(gallery)


@pytest.mark.parametrize(
    ("name", "camera", "time"),
    [
        ("gate_2026-05-01T08-30-00Z.mp4", "gate", "2026-05-01T08:30:00Z"),
        ("north gate 20260501T083000+0200.mkv", "north gate", "2026-05-01T06:30:00Z"),
        ("a_b_2026-05-01_08-30-00-05-00.avi", "a_b", "2026-05-01T13:30:00Z"),
        ("yard/2026-05-01T08-30-00.mp4", "yard", "2026-05-01T06:30:00Z"),
        ("yard/left.mp4", "left", None),
        ("cam_2026-13-41T99-99-99Z.mp4", "cam_2026-13-41T99-99-99Z", None),
    ],
)
def test_a_name_tells_camera_and_time(name, camera, time):
    found = named(name, ZoneInfo("Europe/Berlin"))
    assert found == (camera, None if time is None else moment.micro(time))


def test_tracks_of_videos_are_units_of_the_gallery(videos, tmp_path, said):
    gallery = store(tmp_path / "people")
    done = watched(videos, gallery)
    found = rows(gallery)
    assert (done.tracks, done.pictures) == (5, len(found))
    tracks = {(one["camera"], one["video"], one["track"]) for one in found}
    told = sorted((camera, track) for camera, _, track in tracks)
    assert told == [*[("gate", "1")] * 2, *[("gate", "2")] * 2, ("yard", "1")]
    for one in found:  # the drawn boxes, and the moments by hand
        _, drawn = picture(one["frame"] - 1, 3)
        near = min(np.abs(np.array(one["box"]) - np.array(other)).max() for other in drawn)
        assert near == 0, one
        begin = "2026-05-01T08:40:00Z" if "08-40" in one["video"] else "2026-05-01T08:30:00Z"
        assert one["time"] == moment.micro(begin) + (one["frame"] - 1) * 100_000
        assert one["name"] == f"{one['video']}#{one['track']}/{one['frame']}"
    every = [(one["video"], one["track"]) for one in found]
    assert {every.count(one) for one in every} == {QUICK.best}
    numbers = [one["row"] for one in gallery.rows(columns=["row"])]
    small = gallery.thumbnails(numbers)
    assert len(small) == len(found)
    for row in gallery.rows(columns=["embedding"]):
        (seen,) = colours([thumbnails.decoded(small[row["row"]])])
        assert seen @ np.array(row["embedding"]) > 0.99  # the picture is of that person
    assert said[-1] == f"3 videos are watched; 5 tracks are added, with {len(found)} pictures"
    assert watched(videos, gallery).tracks == 0 and rows(gallery) == found
    assert "3 of 3 videos are there already" in said


KILLS = {
    "before a commit": (adder.Adder, "_write"),
    "before thumbnails": (thumbnails, "add"),
    "after a commit": (Watched, "added"),
    "before the end is noted": (Watched, "ended"),
    "while it tidies": (Store, "maintain"),
}


@pytest.mark.parametrize("step", KILLS)
def test_a_kill_adds_nothing_twice_and_loses_nothing(step, videos, whole, tmp_path, monkeypatch):
    """Killed at each call of a step in turn; each command after it goes on."""
    monkeypatch.setattr(adder, "MANY", 1)
    gallery = store(tmp_path / "people")

    class Killed(BaseException):
        pass

    owner, name = KILLS[step]
    real = getattr(owner, name)
    for kills in itertools.count():
        calls = itertools.count()

        def counted(*given, calls=calls, last=kills, **more):
            if next(calls) == last:
                raise Killed
            return real(*given, **more)

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, counted)
            try:
                watched(videos, gallery)
                break
            except Killed:
                continue
    assert kills
    assert rows(gallery) == whole
    assert watched(videos, gallery).tracks == 0


def test_who_was_removed_meanwhile_stays_so(videos, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(adder, "MANY", 1)
    gallery = store(tmp_path / "people")

    class Killed(BaseException):
        pass

    with monkeypatch.context() as patch, pytest.raises(Killed):
        real = Watched.added

        def killed(self, video, tracks):
            real(self, video, tracks)
            raise Killed

        patch.setattr(Watched, "added", killed)
        watched(videos, gallery)
    first = min((one["video"], one["track"]) for one in rows(gallery))
    gallery.remove(where(videos=[first[0]], tracks=[first[1]]))
    watched(videos, gallery)
    assert rows(gallery) == [one for one in whole if (one["video"], one["track"]) != first]


def test_a_second_watcher_is_refused_and_readers_and_removals_are_not(videos, tmp_path):
    gallery = store(tmp_path / "people")
    with Lock(gallery.folder / LOCK).held():
        with pytest.raises(ValueError, match="is being watched into by process .* stop it first"):
            watched(videos, Store(gallery.folder))
        gallery.add(np.ones((1, 4)), camera="x")
        assert gallery.remove(where(cameras=["x"])) == 1


def test_what_is_broken_is_a_line_and_the_others_go_on(tmp_path, said):
    folder = tmp_path / "videos"
    film(folder / "fine.avi", [2] * 12)
    film(folder / "short.avi", [2] * 60)
    whole = (folder / "short.avi").read_bytes()
    (folder / "short.avi").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.avi").write_bytes(b"")
    (folder / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    film(folder / "boxless.avi", [2] * 12).with_suffix(".txt").unlink()
    gallery = store(tmp_path / "people")
    assert watched(folder, gallery).tracks >= 4
    text = "\n".join(said)
    for line in (
        "empty.avi is empty",
        "noise.mp4 is no video that OpenCV can open",
        "there is no file",
        "short.avi: 2 tracks",
        "2 videos are watched, 3 cannot be watched; 4 tracks",
    ):
        assert line in text, text
    assert not any("\n" in line for line in said)
    assert "it ends after frame" in text and "camera fine, at an unknown time" in text
    assert {one["time"] for one in rows(gallery)} == {None}
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="there is no video below"):
        watched(tmp_path / "none", gallery)
    (tmp_path / "none" / "a.avi").write_bytes(b"")
    with pytest.raises(ValueError, match="none of the 1 videos could be watched"):
        watched(tmp_path / "none", gallery)


def test_another_file_of_a_known_name_is_passed_over(tmp_path, said):
    folder = tmp_path / "videos"
    path = film(folder / "gate.avi", [2] * 12)
    gallery = store(tmp_path / "people")
    watched(folder, gallery)
    before = rows(gallery)
    film(path, [3] * 20)
    watched(folder, gallery)
    assert rows(gallery) == before and "is another file than the one" in "\n".join(said)


def test_camera_start_and_rate_may_be_told(tmp_path):
    folder = tmp_path / "videos"
    film(folder / "left.avi", [1] * 12)
    gallery = store(tmp_path / "people")
    clock = Clock("hall", moment.micro("2026-05-01"))
    watched(folder, gallery, running.Options(hertz=5, settle=0, clock=clock))
    found = rows(gallery)
    assert {one["camera"] for one in found} == {"hall"}
    assert [one["time"] - moment.micro("2026-05-01") for one in found] == [
        (one["frame"] - 1) * 100_000 for one in found
    ]
    assert all(one["frame"] % 2 == 1 for one in found)  # 5 of 10 frames a second


def test_a_file_that_is_written_is_waited_for():
    now = [100.0]
    settled = Settled(5.0, clock=lambda: now[0])
    future = 10**19  # a clock of the file's that is ahead of ours
    assert not settled(Place("a", "a", 10, future))
    now[0] += 4
    assert not settled(Place("a", "a", 20, future))  # it grew
    now[0] += 4.9
    assert not settled(Place("a", "a", 20, future))
    now[0] += 0.2
    assert settled(Place("a", "a", 20, future))
    assert settled(Place("old", "old", 1, 0))
    settled.keep(set())
    assert not settled(Place("a", "a", 20, future))


def test_a_file_that_grows_while_it_is_watched_is_watched_again(tmp_path, monkeypatch, said):
    """The tracks that went on at its end are not cut, and no other is added twice."""
    folder = tmp_path / "videos"
    path = film(folder / "gate.avi", [2] * 40 + [0] * 40 + [2] * 40)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * 0.8)])
    gallery = store(tmp_path / "people")
    grown = []

    def finished(self, real=running.Running.finished):
        if not grown:
            grown.append(path.write_bytes(whole))
        return real(self)

    monkeypatch.setattr(running.Running, "finished", finished)
    watched(folder, gallery)
    alone = store(tmp_path / "alone")
    watched(folder, alone)
    assert rows(gallery) == rows(alone)
    assert {one["track"] for one in rows(gallery)} == {"1", "2", "3", "4"}


def test_a_folder_is_followed_until_a_stop(tmp_path, monkeypatch, said):
    folder = tmp_path / "videos"
    folder.mkdir()
    looks = itertools.count()

    def asked():
        at = next(looks)
        if at == 5:
            film(folder / "a.avi", [2] * 12)
        return 2 if any(line.startswith("a.avi: ") for line in said) and at > 40 else 0

    monkeypatch.setattr(watching.stop, "asked", asked)
    monkeypatch.setattr(watching, "LOOK", 0.01)
    gallery = store(tmp_path / "people")
    follow = running.Options(hertz=10, settle=0, poll=0.0, follow=True)
    watched(folder, gallery, follow)
    assert len({one["track"] for one in rows(gallery)}) == 2
    assert said.count(f"waiting for new videos in {folder}") == 1


def test_a_track_of_any_length_takes_bounded_memory_and_is_given_out():
    units = Units(colours, PUBLISHED, confidence=0.3, longest=120)
    given = []
    for number in range(1, 301):
        frame, drawn = picture(0, 1)
        box = np.array([[x, y, x + w, y + h] for x, y, w, h in drawn])
        given += units.look(Frame(number, frame, number), boxes.make(box, [1.0]))
        assert all(len(pool.pictures) <= POOL for pool in units._pools.values())
    assert [one.track for one in given] == ["1", "1.2"]
    given += units.close()
    assert [one.track for one in given] == ["1", "1.2", "1.3"]
    for one, (first, last) in zip(given, [(3, 122), (123, 242), (243, 300)], strict=True):
        frames = np.array([picture.frame for picture in one.pictures])
        assert frames[0] == first and last - frames[-1] < 8  # over all of its time,
        assert len(set(np.diff(frames))) == 1  # evenly
        assert POOL / 2 <= len(frames) <= POOL


def test_what_is_noted_of_videos_survives_a_cut_line(tmp_path):
    one = Watched(tmp_path)
    one.added("a", ["1", "2"])
    one.ended("b", 7)
    with (tmp_path / FILE).open("a") as file:
        file.write('{"video": "a", "tra')
    again = Watched(tmp_path)
    assert (again.done, again.tracks) == ({"b": 7}, {"a": {"1", "2"}})
    again.ended("a", 3)
    assert Watched(tmp_path).tracks == {} and Watched(tmp_path).done == {"a": 3, "b": 7}
    (tmp_path / FILE).write_text("nonsense\n")
    with pytest.raises(ValueError, match="line 1 of .* cannot be read"):
        Watched(tmp_path)


@pytest.mark.slow
def test_kills_at_any_moment(videos, whole, tmp_path):
    """Killed by the system at moments that nobody chose; at last nothing is missing or twice."""
    folder = store(tmp_path / "people").folder
    rng, before = np.random.default_rng(0), 0
    for _ in range(10):
        watcher = watch_in_process(videos, folder)
        time.sleep(rng.uniform(0.0, 1.0))
        watcher.kill()
        watcher.join()
        found = rows(Store(folder))
        assert len(found) >= before and all(one in whole for one in found)
        assert len({one["name"] for one in found}) == len(found)
        before = len(found)
    watched(videos, Store(folder))
    assert rows(Store(folder)) == whole


@pytest.mark.slow
def test_the_command_follows_and_ends_on_a_stop(videos, whole, tmp_path):
    """A second watcher is refused meanwhile; the stop is a terminal's Ctrl-C."""
    model = build("resnet_small", size=(32, 16))
    Encoder(model, model.init(jax.random.PRNGKey(0))).save(tmp_path / "encoder", forms=[])
    given = [f"--videos={videos}", f"--detector=mot:{videos}", "--hertz=10", "--settle=0"]
    given += ["--distance=2", f"--encoder={tmp_path}/encoder"]
    call("watch", *given, f"--gallery={tmp_path}/alone")
    alone = rows(Store(tmp_path / "alone"))
    assert {(one["camera"], one["track"]) for one in alone} == {
        (one["camera"], one["track"]) for one in whole
    }
    given += [f"--gallery={tmp_path}/people"]
    run = begun("watch", *given, "--follow", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in run.stdout:
        if line.startswith("waiting for new videos"):
            break
    assert "is being watched into" in refused("watch", *given)
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=300)
    assert run.returncode == 130 and "stopped; the same command goes on" in told, told
    assert rows(Store(tmp_path / "people")) == alone


def test_what_is_wrong_with_the_command_is_a_line(videos, tmp_path):
    gallery, boxes = f"--gallery={tmp_path}/people", f"--detector=mot:{videos}"
    store(tmp_path / "other")
    other = f"--gallery={tmp_path}/other"
    for words, told in (
        ((gallery, boxes), "name videos, folders of them or cameras"),
        ((f"--videos={videos}", gallery), "name what finds persons with --detector"),
        ((f"--videos={videos}", boxes, other), "does not remember where its encoder is; name"),
        (("--videos=0", "--detector=onyx:a", gallery), "'onyx:a' is not known"),
        (("--videos=a=rtsp://x,a=rtsp://y", boxes, gallery), "two cameras are called a"),
    ):
        said = refused("watch", *words)
        assert told in said and len(said.strip().splitlines()) == 1, said


@pytest.mark.slow
@pytest.mark.skipif("REID_DATA" not in os.environ, reason="REID_DATA names no folder of real data")
def test_a_real_video_becomes_tracks(tmp_path):
    """PETS09-S2L1, 795 frames of a square: 19 persons, who leave and come back."""
    data = Path(os.environ["REID_DATA"])
    gallery = store(tmp_path / "people")
    detector = detect.detector(f"nanodet:{data}/weights/nanodet_m.onnx", score=0.4)
    video = str(data / "video" / "vtest.avi")
    watching.watch([video], tuple, detector, colours, gallery, running.Options(hertz=10.0))
    tracks = {one["track"] for one in rows(gallery)}
    assert 19 <= len(tracks) <= 120

"""Cameras that are watched live: the newest frame, connections that end, a clean stop."""

import functools
import http.server
import itertools
import threading
import time

import pytest

from reid_jax.app.watching import running, stream
from reid_jax.app.watching import watch as watching
from reid_jax.app.watching.stream import Stream
from tests.app.watching import Capture, rows, store, watched
from tests.video.films import film


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rtsp://me:secret@10.0.0.5:554/one?token=1", ("10.0.0.5:554/one", None)),
        ("gate=rtsp://10.0.0.5/one", ("gate", "rtsp://10.0.0.5/one")),
        ("yard=/dev/video0", ("yard", "/dev/video0")),
        ("0", ("0", "0")),
        ("http://10.0.0.5/a.mjpg", ("10.0.0.5/a.mjpg", None)),
        ("videos/a=b", None),
        ("/my/videos", None),
    ],
)
def test_an_address_is_told_from_a_path_and_its_secrets_stay_in_it(text, found):
    expected = found and (found[0], found[1] or text)
    assert stream.address(text) == expected


def test_a_camera_is_followed_over_connections_until_a_stop(tmp_path, monkeypatch, said):
    film(tmp_path / "boxes" / "gate.avi", [2] * 400)
    connections = [Capture(60), Capture(0), Capture(0), Capture(10_000)]
    opened = iter(connections)
    made = []

    def streams():
        made.append(Stream("gate", "x", 1000.0, open=lambda _: next(opened), pauses=(0.01, 0.02)))
        return made

    gallery = store(tmp_path / "people")
    until = time.monotonic() + 60

    def asked():
        assert time.monotonic() < until
        on = made and made[0].frames > 100 and said.count("gate: connected") == 2
        return 2 if on else 0

    monkeypatch.setattr(watching.stop, "asked", asked)
    began = time.time()
    watched(tmp_path / "boxes", gallery, running.Options(hertz=1000.0), streams, paths=[])
    found = rows(gallery)
    videos = sorted({one["video"] for one in found})
    assert len(videos) == 2 and all(one.startswith("gate@20") for one in videos)
    assert {(one["video"], one["track"]) for one in found} >= {(one, "1") for one in videos}
    assert {one["camera"] for one in found} == {"gate"}
    assert all(began - 1 <= one["time"] / 1e6 <= time.time() for one in found)
    told = [line for line in said if line.startswith("gate: ")]
    assert told == [
        "gate: connected",
        "gate: the connection ended; trying again every 0.01 to 0.02 s",
        "gate: connected",
    ]
    assert all(one.released for one in connections)


def test_who_looks_slowly_sees_the_newest_frame():
    camera = Stream("gate", "x", 1e6, open=lambda _: Capture(10_000, pause=0.001))
    try:
        numbers = []
        for _ in range(5):
            time.sleep(0.05)
            numbers.append(camera.newest().number)
        assert numbers[-1] > 50 and all(b - a > 5 for a, b in itertools.pairwise(numbers))
        assert camera.newest() is None or camera.newest() is None
    finally:
        camera.close()
    assert not camera._thread.is_alive()


def test_no_more_frames_are_taken_than_are_wanted():
    camera = Stream("gate", "x", 20.0, open=lambda _: Capture(10_000, pause=0.001))
    try:
        found, until = 0, time.monotonic() + 1.0
        while time.monotonic() < until:
            found += camera.newest() is not None
            time.sleep(0.001)
        assert found <= 23
    finally:
        camera.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_opencv_reads_an_address(tmp_path):
    """A file behind HTTP on this machine; then nobody listens there."""
    film(tmp_path / "a.avi", [2] * 12)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = f"http://127.0.0.1:{server.server_address[1]}/a.avi"
    capture = stream.opened(place)
    assert capture.isOpened()
    frames = sum(1 for _ in iter(capture.grab, False))
    capture.release()
    server.shutdown()
    server.server_close()
    assert frames == 12
    assert not stream.opened(place).isOpened()

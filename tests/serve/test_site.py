"""What the page asks for, over HTTP: answers, bounds, what is refused, what is removed."""

import io
import json
import shutil
import struct
import threading
import zipfile
import zlib
from contextlib import suppress

import httpx
import numpy as np
import pytest
from PIL import Image

from reid_jax.data import table
from reid_jax.gallery import feedback, labels, state
from reid_jax.gallery.store import Store
from reid_jax.gallery.where import where
from reid_jax.serve import guard, running, upload
from tests.gallery.made import files_with
from tests.serve import made

TOKEN = "a token of sixteen or more"


@pytest.fixture(scope="module")
def seer():
    return made.encoder()


@pytest.fixture(scope="module")
def kept(tmp_path_factory, seer):
    """A gallery that no test changes, and what serves it."""
    folder = tmp_path_factory.mktemp("kept") / "people"
    gallery = made.gallery(folder, seer)
    served = made.Served(folder, seer)
    yield gallery, served
    served.close()


@pytest.fixture
def own(tmp_path, seer):
    """A gallery of a test's own."""
    gallery = made.gallery(tmp_path / "people", seer)
    served = made.Served(tmp_path / "people", seer)
    with client(served) as ask:
        yield gallery, ask
    served.close()


def client(served, **headers):
    return httpx.Client(base_url=served.address, headers=headers, trust_env=False, timeout=60)


@pytest.fixture
def ask(kept):
    with client(kept[1]) as one:
        yield one


def encoded(picture, form="PNG"):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, form)
    return out.getvalue()


def test_a_picture_finds_what_the_gallery_finds(kept, ask):
    picture = np.asarray(made.people().image[17])
    name = ask.post("/api/query", content=encoded(picture)).json()["query"]
    told = ask.get("/api/search", params={"query": name, "by": "picture", "top": 7}).json()
    true = kept[0].search(picture, top=7)
    assert [one["row"] for one in told["matches"]] == [one.row for one in true.matches]
    assert told["matches"][0]["row"] == 17 and told["matches"][0]["camera"] in made.CAMERAS
    found = told["matches"][3]
    np.testing.assert_allclose(found["cosine"], true.matches[3].cosine, atol=1e-5)
    true = np.interp(found["cosine"], [0, 0.5, 1], [0, 0.1, 1])
    np.testing.assert_allclose(found["probability"], true, atol=1e-6)
    assert told["threshold"] == 0.8 and found["above"] is (found["cosine"] >= 0.8)
    assert found["picture"].startswith("data:image/jpeg;base64,/9j/")
    track = ask.get("/api/search", params={"query": 17, "by": "track"}).json()
    by = kept[0].search(row=17, by="track", top=24)
    assert [one["row"] for one in track["matches"]] == [one.row for one in by.matches]


def test_filters_are_of_camera_and_time(kept, ask):
    given = {"query": 0, "camera": ["gate", "it's"], "until": "2026-05-01T00:10:00Z", "top": 100}
    told = ask.get("/api/search", params=given).json()
    rows = kept[0].store.rows(where(cameras=["gate", "it's"], until="2026-05-01T00:10:00Z"))
    assert told["looked"] == len(rows) > 5
    assert {one["camera"] for one in told["matches"]} <= {"gate", "it's"}
    assert all(one["time"] < "2026-05-01T00:10:00Z" for one in told["matches"])


def test_the_newest_come_first_a_track_once(kept, ask):
    rows = kept[0].store.rows()
    newest, units = [], set()
    for row in sorted(rows, key=lambda one: (-one["time"], -one["row"])):
        if (row["camera"], row["track"]) not in units:
            units.add((row["camera"], row["track"]))
            newest.append(row["row"])
    told = ask.get("/api/people", params={"first": 3, "most": 9}).json()
    assert [one["row"] for one in told["people"]] == newest[3:12]
    assert told["total"] == len(newest)
    some = ask.get("/api/people", params={"camera": "hall <b>", "since": "2026-05-01T00:20"}).json()
    true = [r for r in rows if r["camera"] == "hall <b>" and r["time"] >= 1e6 * (made.BEGIN + 1200)]
    assert some["total"] == len({row["track"] for row in true}) > 0
    about = ask.get("/api/about").json()
    assert about["pictures"] == len(rows) and sum(about["cameras"].values()) == len(rows)


BAD = [
    (b"", "empty"),
    (b"no picture", "not a picture"),
    (encoded(np.zeros((1, 1, 3), np.uint8)), "1 x 1 pixels; a person needs"),
    (encoded(np.full((64, 32, 3), 7, np.uint8)), "no content"),
    (encoded(np.random.default_rng(0).integers(0, 255, (64, 32, 3), np.uint8))[:900], "truncated"),
]


@pytest.mark.parametrize(("data", "says"), BAD)
def test_bad_pictures_are_told_in_a_line(ask, data, says):
    told = ask.post("/api/query", content=data)
    assert told.status_code == 400 and says in told.json()["error"], told.text
    assert "\n" not in told.json()["error"]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_huge_picture_is_refused_before_it_is_decoded(ask, monkeypatch):
    monkeypatch.setattr(upload, "decode", None)
    for wide, high in ((12_000, 9_000), (30_000, 30_000), (25_000, 16)):
        told = ask.post("/api/query", content=head_of_png(wide, high))
        assert told.status_code == 400 and "million" in told.text, told.text


def head_of_png(wide, high):
    """A PNG that says it is so large, and holds a kilobyte of pixels."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", wide, high, 1, 0, 0, 0, 0))]
    parts += [(b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_bodies_are_bounded_in_bytes_and_time(ask, kept, monkeypatch):
    with suppress(httpx.TransportError):
        told = ask.post("/api/query", content=bytes(guard.BYTES + 1))
        assert told.status_code == 413 and "20,000,000 bytes" in told.text
    large = {"query": "x" * guard.SMALL, "row": 1, "same": True}
    assert ask.post("/api/feedback", json=large).status_code == 413

    def endless():
        while True:
            yield bytes(1_000_000)

    with suppress(httpx.TransportError):  # the server answers and closes: either may be seen first
        assert ask.post("/api/query", content=endless()).status_code == 413
    monkeypatch.setattr(guard, "SECONDS", 0.3)
    begun = threading.Event()

    def slow():
        yield b"a"
        begun.wait(2)
        yield b"b"

    with suppress(httpx.TransportError):
        assert ask.post("/api/query", content=slow()).status_code == 408


def test_what_cannot_be_asked_is_told(ask):
    for path, status, says in (
        ("/api/search?query=9999", 400, "no row 9999"),
        (f"/api/search?query={'9' * 40}", 400, "no row"),
        ("/api/search?query=none", 400, "no longer kept; give it once more"),
        ("/api/search?query=1&since=noon", 400, "no moment"),
        ("/api/search?query=1&since=2026-05-02&until=2026-05-01", 400, "not after"),
        ("/api/search?query=1&top=1000", 422, "top"),
        ("/api/search?query=1&by=x", 422, "by"),
        ("/api/person?row=77777", 400, "none of these pictures"),
        ("/api/labels.zip", 400, "has no labels yet"),
        ("/api/none", 404, "Not Found"),
        ("/..%2f..%2fsetup.cfg", 404, "Not Found"),
        ("/page.js/../../site.py", 404, "Not Found"),
        ("/docs", 404, "Not Found"),
        ("/openapi.json", 404, "Not Found"),
    ):
        told = ask.get(path)
        assert told.status_code == status and says in told.json()["error"], (path, told.text)
    for row in ("x", -1, 1.5, None, True):
        told = ask.post("/api/feedback", json={"query": 1, "row": row, "same": True})
        assert told.status_code == 422
    told = ask.post("/api/feedback", json={"query": 1, "row": 9999, "same": True})
    assert told.status_code == 400 and "row 9999 is not in the gallery" in told.text


def test_headers_are_strict_on_every_answer(ask, kept):
    evil = ask.post("/api/query", content=b"x", headers={"origin": "http://evil"})
    assert evil.status_code == 403
    for told in (evil, *map(ask.get, ("/", "/page.js", "/none", "/api/about"))):
        policy = told.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "script-src 'self';" in policy
        assert told.headers["x-content-type-options"] == "nosniff"
        assert told.headers["referrer-policy"] == "no-referrer"
        assert told.headers["cache-control"] == "no-store" and "server" not in told.headers
    page = ask.get("/").text
    assert "http" not in page.replace("http-equiv", "") and "onclick" not in page
    assert "style=" not in page and page.count("<script") == 1


def test_another_site_is_refused(ask, own):
    gallery, mine = own
    body = {"rows": [1], "pictures": 2}
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert mine.post("/api/remove", json=body, headers=headers).status_code == 403, headers
    assert len(gallery) == len(gallery.store.rows())
    assert mine.get("/api/about", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[::1", "10.0.0.1"):
        assert ask.get("/", headers={"host": host}).status_code in (400, 403), host
    assert ask.get("/", headers={"host": "localhost:80"}).status_code == 200
    fine = {"origin": str(mine.base_url).rstrip("/"), "sec-fetch-site": "same-origin"}
    assert mine.post("/api/remove", json=body, headers=fine).json()["removed"] == 2


def test_a_token_lets_in(kept, seer):
    served = made.Served(kept[0].store.folder, seer, token=TOKEN)
    with client(served) as ask:
        assert ask.get("/api/about").status_code == 401
        assert "api/about" not in ask.get("/").text and "Sign in" in ask.get("/").text
        assert ask.get("/page.js").status_code == 401 and ask.get("/page.css").status_code == 200
        told = ask.post("/login", data={"token": TOKEN[:-1]})
        assert told.status_code == 401 and "This is not the token." in told.text
        assert not ask.cookies
        told = ask.post("/login", data={"token": TOKEN})
        assert told.status_code == 303 and told.headers["location"] == "/"
        cookie = told.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie
        assert ask.get("/api/about").status_code == 200
        ask.cookies.clear()
        assert ask.get("/api/about", headers={"cookie": "reid_session=x"}).status_code == 401
        bearer = {"authorization": f"Bearer {TOKEN}", "host": "people.example"}
        assert ask.get("/api/about", headers=bearer).status_code == 200
    served.close()


def test_hosts_and_tokens():
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"):
        with pytest.raises(ValueError, match="lets other machines in: name the token"):
            running.check(host, "")
        running.check(host, TOKEN)
    for host in ("127.0.0.1", "127.0.0.9", "::1", "localhost"):
        running.check(host, "")
    with pytest.raises(ValueError, match="16 or more"):
        running.check("127.0.0.1", "short")
    taken = running.bound("127.0.0.1", 0)
    taken.listen()
    with pytest.raises(ValueError, match="cannot be had"):
        running.bound("127.0.0.1", taken.getsockname()[1])
    taken.close()


def test_words_are_kept_whole_and_become_labels(own, tmp_path):
    gallery, ask = own
    folder = gallery.store.folder
    picture = np.asarray(made.people().image[4])
    name = ask.post("/api/query", content=encoded(picture)).json()["query"]
    for query, row, same in ((name, 4, True), (4, 5, True), (5, 9, False), (20, 21, False),
                             (30, 31, True), (31, 30, None), (9, 5, False)):  # fmt: skip
        told = ask.post("/api/feedback", json={"query": query, "row": row, "same": same})
        assert told.json() == {"kept": True}
    lines = [json.loads(line) for line in (folder / feedback.FILE).read_text().splitlines()]
    assert len(lines) == 7 and lines[1] | {"time": ""} == {
        "query": 4, "row": 5, "same": True, "time": "",
    }  # fmt: skip
    assert len(feedback.read(folder)) == 4  # of a pair the last word, either way round
    shown = ask.get("/api/search", params={"query": 5, "by": "picture", "top": 100}).json()
    said = {one["row"]: one["said"] for one in shown["matches"]}
    assert said[4] is True and said[9] is False and said[20] is None
    with (folder / feedback.FILE).open("ab") as file:
        file.write(b'{"query": 1, "ro')  # as a kill leaves it
    ask.post("/api/feedback", json={"query": 40, "row": 41, "same": False})
    assert len(feedback.read(folder)) == 5
    told = labels.write(Store(folder), tmp_path / "labels")
    assert told == (4, 2, 0)
    records = table.table(tmp_path / "labels" / labels.FILE)
    assert records.person.tolist() == [1, 1, 1, 2]
    archive = zipfile.ZipFile(io.BytesIO(ask.get("/api/labels.zip").content))
    assert archive.testzip() is None
    assert sorted(archive.namelist())[-4:] == sorted(
        f"labels/pictures/{path.name}" for path in (tmp_path / "labels" / "pictures").iterdir()
    )
    ask.post("/api/feedback", json={"query": 4, "row": 5, "same": False})
    feedback.add(folder, feedback.Said(lines[0]["query"].encode(), 1, None, ""))
    assert labels.write(Store(folder), tmp_path / "fewer").pictures == 3  # 4 and the user's, 5


def test_words_that_contradict_give_no_label(own, tmp_path):
    gallery, ask = own
    for query, row, same in ((1, 2, True), (2, 3, True), (1, 3, False), (7, 8, True)):
        ask.post("/api/feedback", json={"query": query, "row": row, "same": same})
    assert labels.write(gallery.store, tmp_path / "labels") == (2, 1, 1)


def test_a_person_leaves_the_disk(own):
    """His track, what was said to be the same, the user's picture of him, and every word of it."""
    gallery, ask = own
    folder = gallery.store.folder
    rows = {row["row"]: row for row in gallery.store.rows()}
    other = next(row for row in rows if rows[row]["track"] != rows[0]["track"])
    picture = np.asarray(made.people().image[0])
    name = ask.post("/api/query", content=encoded(picture)).json()["query"]
    for query, row, same in ((name, 0, True), (name, 60, False), (other, 60, True)):
        ask.post("/api/feedback", json={"query": query, "row": row, "same": same})
    ask.post("/api/feedback", json={"query": 0, "row": other, "same": True})
    units = {(rows[row]["camera"], rows[row]["track"]) for row in (0, other, 60)}
    true = [row for row in rows if (rows[row]["camera"], rows[row]["track"]) in units]
    jpegs = gallery.store.thumbnails(true)
    assert all(files_with(folder, jpeg) for jpeg in jpegs.values())
    told = ask.get("/api/person", params={"row": [0]}).json()
    assert told["pictures"] == len(true) == 6 and sum(told["cameras"].values()) == 6
    refused = ask.post("/api/remove", json={"rows": [0], "pictures": 5})
    assert (
        refused.status_code == 400 and "there are 6 pictures of this person by now" in refused.text
    )
    assert ask.post("/api/remove", json={"rows": [0], "pictures": 6}).json()["removed"] == 6
    assert len(gallery) == len(rows) - 6
    for jpeg in jpegs.values():
        assert not files_with(folder, jpeg)
    assert feedback.read(folder) == [] and (folder / feedback.FILE).read_bytes() == b""
    assert ask.get("/api/search", params={"query": name}).status_code == 400
    assert ask.get("/api/search", params={"query": 0}).status_code == 400


def test_a_gallery_that_goes_and_comes(own, seer, tmp_path):
    gallery, ask = own
    folder = gallery.store.folder
    shutil.move(folder, tmp_path / "away")
    for path in ("/api/about", "/api/people", "/api/search?query=1", "/api/person?row=1"):
        told = ask.get(path)
        assert told.status_code == 503 and "there is no gallery" in told.json()["error"], told.text
    assert ask.post("/api/remove", json={"rows": [1], "pictures": 2}).status_code == 503
    assert ask.get("/").status_code == 200 and not folder.exists()
    shutil.copytree(tmp_path / "away", folder)
    assert ask.get("/api/search?query=1").status_code == 200
    about = json.loads((folder / state.ABOUT).read_text())
    (folder / state.ABOUT).write_text(json.dumps({**about, "version": 99}))
    assert "version 99" in ask.get("/api/about").json()["error"]
    shutil.rmtree(folder)
    made.gallery(folder, made.encoder(2.0))
    told = ask.get("/api/about")
    assert told.status_code == 503 and "their embeddings cannot be compared" in told.text


def test_without_an_encoder_persons_are_clicked_at(kept):
    served = made.Served(kept[0].store.folder)
    with client(served) as ask:
        assert ask.get("/api/about").json()["pictures_can_be_given"] is False
        assert "without an encoder" in ask.post("/api/query", content=b"x").text
        assert ask.get("/api/search?query=3").json()["matches"]
    served.close()


def test_many_users_at_once_are_answered(kept):
    """Pictures of several users are embedded together, each has its own answer."""
    records = made.people()
    wrong = []

    def use(row):
        with client(kept[1]) as ask:
            data = encoded(np.asarray(records.image[row]))
            name = ask.post("/api/query", content=data).json()["query"]
            found = ask.get("/api/search", params={"query": name, "by": "picture", "top": 1})
            if found.json()["matches"][0]["row"] != row:
                wrong.append((row, found.text[:200]))

    threads = [threading.Thread(target=use, args=(row,)) for row in range(32)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong

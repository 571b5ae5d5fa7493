"""The commands `gallery` and `search`, as a person types them."""

import json
import re

import cv2
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax import export
from reid_jax.app import embedded, keys, pictures
from reid_jax.data import packed
from reid_jax.gallery.store import Store
from reid_jax.retrieval.point import Point
from reid_jax.types import Embedded, Input, Model
from reid_jax.video.gather import BOXES, MANIFEST
from tests.experiments.called import call, refused

SHADES = 12


def shade(number):
    return 10 + 20 * number


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """A CSV of 24 pictures of twelve shades, two of each, by two cameras."""
    root = tmp_path_factory.mktemp("crops")
    lines = ["path,person,camera,split,frame"]
    for row in range(2 * SHADES):
        name = f"it's {row:02}.png"
        cv2.imwrite(str(root / name), np.full((32, 16, 3), shade(row // 2), np.uint8))
        lines.append(f"{name},{row // 2 + 1},{row % 2},gallery,{25 * row}")
    (root / "all.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """An exported encoder whose embedding tells a picture's shade, with a threshold of 0.9."""

    def shaded(variables, image, train, *_):
        angle = (image.astype(jnp.float32).mean((1, 2, 3)) - 10) / 20 * (jnp.pi / 2 / SHADES)
        vector = variables["params"]["a"] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], 1)
        return Embedded(vector, vector), {}

    variables = {"params": {"a": np.ones((1, 2), np.float32)}}
    model = Model(lambda key: variables, shaded, 2, Input((32, 16)), None)
    point = Point(
        0.001, 0.99, 0.98, 1.0, 9, 9, cosine=(0.0, 1.0), probability=(0.0, 1.0), logistic=(1.0, 0.0)
    )
    folder = tmp_path_factory.mktemp("made") / "encoder"
    export.write(folder, model, variables, config={}, point=point)
    return folder


def test_people_are_added_found_and_removed(crops, encoder, tmp_path):
    gallery = f"--gallery={tmp_path}/people"
    source, by = f"--add=csv:{crops}/all.csv", f"--encoder={encoder}"
    said = call(
        "gallery", gallery, source, by, "--time=2026-05-01T08:00Z", "--fps=25"
    ).stdout  # fmt: skip
    assert "24 pictures are added" in said and "threshold  0.9900 cosine" in said
    assert "0: 12, 1: 12" in said and "2026-05-01T08:00:00Z to 2026-05-01T08:00:23Z" in said
    again = call("gallery", gallery, source).stdout
    assert "24 of 24 pictures are there already" in again and "0 pictures are added" in again
    picture = f"--picture={crops}/it's 06.png"
    out = call("search", gallery, picture, "--top=4", f"--out={tmp_path}/answer.png").stdout
    assert re.search(r"^1 +6 +1\.0000 +yes +100\.0% +0 +2026-05-01T08:00:06Z +4 ", out, re.M)
    assert "4 of the nearest 4 among 24 pictures reach the threshold of 0.9900" in out
    assert "every picture was looked at" in out
    sheet = cv2.imread(str(tmp_path / "answer.png"))
    assert sheet.shape[1] >= 720 and sheet.shape[0] > 200
    said = call(
        "search", gallery, picture, "--cameras=1", "--since=2026-05-01T08:00:15Z",
        f"--out={tmp_path}/a.json",
    ).stdout  # fmt: skip
    assert "nobody among 5 pictures is above the threshold" in said
    kept = json.loads((tmp_path / "a.json").read_text())
    assert kept["nobody"] and [one["row"] for one in kept["matches"]] == [15, 17, 19, 21, 23]
    said = call("search", gallery, "--row=6", "--top=2", f"--out={tmp_path}/row.png").stdout
    assert re.search(r"^1 +7 ", said, re.M) and (tmp_path / "row.png").is_file()
    said = call(
        "gallery", gallery, "--remove", "--cameras=1", "--until=2026-05-01T08:00:04Z"
    ).stdout
    assert "2 rows are removed, and their bytes are gone" in said and "rows       22, 22" in said
    said = call("gallery", gallery, "--remove", "--rows=6,7,999").stdout
    assert "2 rows are removed" in said
    assert len(Store(tmp_path / "people")) == 20


def test_what_embed_wrote_is_added_and_merged(crops, encoder, tmp_path):
    by, given = f"--encoder={encoder}", f"--pictures={crops}/all.csv"
    for end in ("npz", "parquet"):
        call("embed", by, given, f"--out={tmp_path}/a.{end}")
        said = call("gallery", f"--gallery={tmp_path}/{end}", f"--add={tmp_path}/a.{end}").stdout
        assert "24 embeddings are added" in said and "rows       24, 0 thumbnails" in said
        found = Store(tmp_path / end).search(row=6, top=1).matches[0]
        assert (found.row, found.camera, found.person, found.frame) == (7, "1", "4", 175)
    said = call("gallery", f"--gallery={tmp_path}/npz", f"--merge={tmp_path}/parquet").stdout
    assert "24 rows of" in said and "rows       48, 0" in said
    told = refused("search", f"--gallery={tmp_path}/npz", f"--picture={crops}/it's 06.png")
    assert "is not at any known place; name it with --encoder=FOLDER" in told
    call("search", f"--gallery={tmp_path}/npz", f"--picture={crops}/it's 06.png", by)
    with np.load(tmp_path / "a.npz") as held:
        rest = {name: held[name] for name in held.files}
    assert str(rest.pop("encoder")) == export.fingerprint(encoder)
    np.savez(tmp_path / "old.npz", **rest)
    told = refused("gallery", f"--gallery={tmp_path}/npz", f"--add={tmp_path}/old.npz")
    assert "does not say which encoder it is of; embed the pictures again" in told
    np.savez(tmp_path / "other.npz", **rest, encoder="f" * 16)
    told = refused("gallery", f"--gallery={tmp_path}/npz", f"--add={tmp_path}/other.npz")
    assert "their embeddings cannot be compared" in told and told.count("\n") == 1


def test_a_parquet_has_the_keys_of_footage(crops, encoder, tmp_path):
    """Films, frames, boxes and rates, as `prepare videos` keeps them beside the pictures."""
    parquet = pytest.importorskip("pyarrow.parquet")
    folder, n = tmp_path / "footage", 2 * SHADES
    source = pictures.opened(f"{crops}/all.csv").data
    source = source._replace(group=np.arange(n, dtype=np.int32) // 12)
    packed.pack(source, folder)
    box = np.arange(4 * n).reshape(n, 4)
    np.savez(
        folder / BOXES, source=source.group, view=np.zeros(n, int), box=box, frame=source.frame
    )
    films = [{"views": [{"path": f"/films/{one}.mp4", "rate": 12.5}]} for one in "ab"]
    (folder / MANIFEST).write_text(json.dumps({"sources": films}))
    call("embed", f"--encoder={encoder}", f"--pictures={folder}", f"--out={tmp_path}/a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet").to_pydict()
    assert table["video"] == ["/films/a.mp4"] * 12 + ["/films/b.mp4"] * 12
    assert table["box"] == box.tolist() and set(table["rate"]) == {12.5}
    assert table["frame"] == source.frame.tolist() and set(table["track"]) == {None}
    assert table["person"] == source.person.tolist() and set(table["shot"]) == {None}
    assert table["name"][3] == "row-000003"
    assert embedded.read(tmp_path / "a.parquet").encoder == export.fingerprint(encoder)
    args = (f"--add={folder}", f"--encoder={encoder}", "--time=2026-05-01", "--camera=hall")
    call("gallery", f"--gallery={tmp_path}/people", *args)
    row = Store(tmp_path / "people").rows()[3]
    assert (row["video"], row["frame"], row["camera"]) == ("/films/a.mp4", 75, "hall")
    assert row["box"] == box[3].tolist() and row["name"] == f"packed:{folder}#row-000003"
    assert Store(tmp_path / "people").search(row=3).matches[0].time == "2026-05-01T00:00:04Z"
    part = pictures.opened(str(folder)).data
    fewer = part._replace(frame=source.frame[::-1])
    assert keys.known(str(folder), fewer)["video"][0] == "0"  # rows are not those of the boxes


@pytest.mark.slow
def test_mistakes_are_told_in_a_line(crops, encoder, tmp_path):
    gallery = f"--gallery={tmp_path}/people"
    by = f"--encoder={encoder}"
    call("gallery", gallery, f"--add={crops}", by)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.jpg").write_bytes(b"no picture")
    picture = f"--picture={crops}/it's 06.png"
    for module, given, says in (
        ("search", (gallery,), "name whom to search for"),
        ("search", (gallery, picture, "--row=1"), "one of both"),
        ("search", (gallery, "--picture=none.jpg"), "there is no file"),
        ("search", (gallery, f"--picture={tmp_path}/broken/a.jpg"), "cannot be read"),
        ("search", (gallery, "--row=99"), "has no row 99"),
        ("search", (gallery, picture, "--since=noon"), "since='noon' is no moment"),
        ("search", (gallery, picture, "--camera=1"), "did you mean '--cameras'"),
        ("search", (gallery, picture, "--top=0"), "top"),
        (
            "search",
            (gallery, picture, f"--out={tmp_path}/a.gif"),
            "--out is a .png file or a .json",
        ),
        ("search", (f"--gallery={tmp_path}/none", picture), "there is no gallery"),
        ("search", (f"--gallery={crops}", picture), "is no gallery"),
        ("search", (picture,), "name --gallery=..."),
        ("gallery", (gallery, "--remove"), "name which rows are to be removed"),
        ("gallery", (gallery, "--cameras=1"), "add --remove"),
        ("gallery", (gallery, "--remove", "--rows=a"), "--rows=a are no numbers"),
        ("gallery", (gallery, f"--merge={tmp_path}/none"), "there is no gallery"),
        ("gallery", (gallery, f"--add={tmp_path}/empty"), "there is no picture"),
        ("gallery", (gallery, f"--add={tmp_path}/broken"), "cannot be read"),
        ("gallery", (gallery, f"--add={crops}", "--time=noon"), "--time='noon' is no moment"),
        ("gallery", (gallery, f"--add={tmp_path}/none.parquet"), "there is no file"),
        ("gallery", (gallery, f"--add={crops}", "--remove"), "one at a time"),
        ("gallery", (f"--gallery={tmp_path}/none",), "there is no gallery"),
    ):
        told = refused(module, *given)
        assert says in told and told.count("\n") == 1, (given, told)
    assert len(Store(tmp_path / "people")) == 24
    done = call("gallery", gallery, f"--add={tmp_path}/broken", "--skip_broken").stdout
    assert "0 pictures are added" in done

"""What the tools take and leave: pictures of every kind, and outputs that are made sure of."""

import csv
import os

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax import export
from reid_jax.app import outputs, pictures
from reid_jax.data import packed, records
from reid_jax.data import table as tables
from reid_jax.types import Embedded, Input, Model
from tests.experiments.called import call, refused


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Six persons, each of eight pictures of one colour by two cameras in two videos: a CSV."""
    root = tmp_path_factory.mktemp("a, b+c")
    lines = ["path,person,camera,split,group,frame,shot"]
    for row in range(48):
        person, take = divmod(row, 8)
        cv2.imwrite(str(root / f"{row:02}.png"), np.full((32, 16, 3), 20 + 35 * person, np.uint8))
        lines.append(f"{row:02}.png,,{take % 2},train,{take // 4},{take},{take % 3}")
    (root / "all.csv").write_text("\n".join(lines) + "\n")
    packed.pack(tables.table(root / "all.csv"), root.parent / "packed")
    return root


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """An exported encoder whose embedding tells a picture's brightness."""

    def brightness(variables, image, train, *_):
        at = jnp.round((image.astype(jnp.float32).mean((1, 2, 3)) - 20) / 35).astype(int)
        vector = variables["params"]["a"][None] * jax.nn.one_hot(at, 16)
        return Embedded(vector, vector), {}

    variables = {"params": {"a": np.ones(16, np.float32)}}
    model = Model(lambda key: variables, brightness, 16, Input((32, 16)), None)
    folder = tmp_path_factory.mktemp("made") / "encoder"
    export.write(folder, model, variables, config={})
    return f"--encoder={folder}"


def six(person):
    """Whether the labels are the six persons; some of their equal pictures have none."""
    rows = np.flatnonzero(person >= 1)
    assert 30 < len(rows) < 48 and set(person[person < 1]) == {-1}
    return len(set(zip(person[rows], rows // 8, strict=True))) == 6 == person.max()


def test_a_bare_path_is_recognised(crops, tmp_path):
    table = pictures.opened(str(crops / "all.csv"))
    assert table.name == [f"{row:02}.png" for row in range(48)]
    assert pictures.opened(f"csv:{crops}/all.csv").name == table.name
    folder = pictures.opened(str(crops))
    assert folder.name == table.name and set(folder.data.split) == {"gallery"}
    whole = pictures.opened(str(crops.parent / "packed"))
    assert whole.name[:2] == ["row-000000", "row-000001"]
    assert whole.data.frame.tolist() == table.data.frame.tolist()
    two = pictures.opened(f"packed:{crops.parent}/packed+csv:{crops}/all.csv")
    assert len(set(two.name)) == 96 and two.name[48] == "1/00.png"
    assert not set(two.data.group[:48]) & set(two.data.group[48:])
    for part in ("bounding_box_train", "query", "bounding_box_test"):
        (tmp_path / "market" / part).mkdir(parents=True)
        (tmp_path / "market" / part / "0002_c1s1_000451_03.jpg").touch()
    market = pictures.opened(str(tmp_path / "market"))
    assert market.data.person.tolist() == [2, 2, 2]
    assert market.name[0] == "bounding_box_train/0002_c1s1_000451_03.jpg"


def test_what_holds_no_pictures_is_refused(crops, tmp_path):
    for text, error, told in (
        (f"{tmp_path}", ValueError, "there is no picture"),
        (f"{tmp_path}/none", FileNotFoundError, f"there is no folder {tmp_path}/none"),
        (f"pictures:{crops.parent}/packed", ValueError, "use packed:"),
        (f"{crops.parent}", ValueError, "use packed:"),
        (f"{crops}/00.png", ValueError, "neither a folder"),
        ("cvs:x.csv", ValueError, "did you mean 'csv'"),
    ):
        with pytest.raises(error, match=told):
            pictures.opened(text)


def test_what_was_packed_is_embedded_and_labelled_with_its_keys(crops, encoder, tmp_path):
    given = f"--pictures={crops.parent}/packed"
    call("embed", encoder, given, f"--out={tmp_path}/a.npz")
    table = tables.table(crops / "all.csv")
    with np.load(tmp_path / "a.npz") as held:
        assert held["name"].tolist() == [f"row-{row:06}" for row in range(48)]
        for column in ("person", "camera", "domain", "group", "split", "frame", "shot"):
            assert held[column].tolist() == getattr(table, column).tolist(), column
    more = (f"--embeddings={tmp_path}/a.npz", "--k1=6", "--k2=2")
    told = refused("cluster", given, *more, f"--out={tmp_path}/b.csv")
    assert "a CSV names files" in told and "--out=FOLDER" in told
    call("cluster", given, *more, f"--out={tmp_path}/b")
    made = packed.packed(tmp_path / "b")
    assert six(made.person) and set(made.split) == {"train"} and set(made.domain) == {0}
    assert made.frame.tolist() == table.frame.tolist() and (made.group == table.group).all()
    assert (records.read(made, 9) == records.read(table, 9)).all()
    assert (tmp_path / "b" / "labels.png").is_file()


def test_the_labels_of_files_keep_what_is_known_of_them(crops, encoder, tmp_path):
    given = f"--pictures={crops}/all.csv"
    call("embed", encoder, given, f"--out={tmp_path}/a.npz")
    more = (f"--embeddings={tmp_path}/a.npz", "--k1=6", "--k2=2")
    call("cluster", given, *more, f"--out={tmp_path}/new/b.csv")
    made, table = tables.table(tmp_path / "new" / "b.csv"), tables.table(crops / "all.csv")
    for column in ("camera", "group", "frame", "shot"):
        assert getattr(made, column).tolist() == getattr(table, column).tolist(), column
    assert six(made.person)
    with (tmp_path / "new" / "b.csv").open() as file:
        assert next(csv.reader(file)) == [
            "path", "person", "camera", "group", "frame", "shot", "split",
        ]  # fmt: skip
    told = refused("cluster", f"--pictures={crops}", *more, f"--out={crops}/b.csv")
    assert "would be taken for a person" in told
    (tmp_path / "c.png").touch()
    assert "c.png exists already" in refused("cluster", given, *more, f"--out={tmp_path}/c.csv")


def test_an_output_is_made_sure_of(tmp_path, monkeypatch):
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert outputs.new("$HERE/deep/er/a.npz", ".npz") == tmp_path / "deep" / "er" / "a.npz"
    assert outputs.new("~/b") == tmp_path / "b" and outputs.new("~/b/", ".csv", "").suffix == ""
    assert [path.name for path in tmp_path.rglob("*")] == ["deep", "er"]  # the folders alone
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for text, suffixes, error, told in (
        ("", (), ValueError, "--out=PATH"),
        ("~/a.txt", (".csv", ""), ValueError, "a .csv file or a new folder, not .*a.txt"),
        ("~/file", (), FileExistsError, "file exists already; choose another --out"),
        ("~/link", (), FileExistsError, "exists already"),
        ("~/file/sub/a", (), NotADirectoryError, "--out=~/file/sub/a: .*file is a file"),
        ("/proc/none/a", (), OSError, "--out=/proc/none/a: cannot write in /proc/none: "),
    ):
        with pytest.raises(error, match=told):
            outputs.new(text, *suffixes)


def test_a_folder_that_cannot_be_written_in_is_refused(tmp_path, monkeypatch):
    """Root may write everywhere, so the refusal is the system's in its place."""

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system", str(tmp_path / ".x"))

    monkeypatch.setattr(outputs.tempfile, "NamedTemporaryFile", refuse)
    with pytest.raises(OSError, match=f"cannot write in {tmp_path}: Read-only file system"):
        outputs.new(str(tmp_path / "a"))


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("embed", ["--workdir={none}", "--pictures={none}", "--out={file}/a.npz"]),
        ("evaluate", ["--workdir={none}", "--out={file}/a.json"]),
        ("export", ["--workdir={none}", "--out={file}/a"]),
        ("cluster", ["--embeddings={none}", "--pictures={none}", "--out={file}/a.csv"]),
        ("prepare", ["--source=csv:{none}", "--out={file}/a"]),
        ("prepare", ["videos", "--videos={none}", "--out={file}/a"]),
        ("contact_sheet", ["--out={file}/a"]),
        ("search", ["--gallery={none}", "--row=1", "--out={file}/a.png"]),
    ],
)
def test_every_tool_looks_at_its_output_first(tool, arguments, tmp_path):
    (tmp_path / "file").touch()
    names = {"none": tmp_path / "none", "file": tmp_path / "file"}
    told = refused(tool, *(one.format(**names) for one in arguments))
    assert f"{tmp_path}/file is a file, not a folder" in told and told.count("\n") == 1


def test_contact_sheets_are_drawn_whole(tmp_path):
    given = ("--persons=2", "--cameras=2", "--domains=plaza")
    done = call("contact_sheet", f"--out={tmp_path}/a", *given)
    assert sorted(os.listdir(tmp_path / "a")) == [
        f"plaza-{name}.png" for name in ("pair", "people", "scenes", "video")
    ]
    assert f"{tmp_path}/a/plaza-people.png" in done.stdout
    assert "did you mean 'plaza'" in refused(
        "contact_sheet", "--domains=plazza", f"--out={tmp_path}/b"
    )
    assert "exists already" in refused("contact_sheet", f"--out={tmp_path}/a")

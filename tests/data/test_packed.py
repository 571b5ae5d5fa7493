import pickle
import shutil

import cv2
import numpy as np
import pytest

from reid_jax.data import packed, records


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    pixels = np.random.default_rng(0).integers(0, 256, (7, 12, 6, 3), np.uint8)
    paths = []
    for row in range(4):
        paths.append(str(folder / f"{row}.jpg"))
        cv2.imwrite(paths[-1], pixels[row])
    split = np.array(["train", "query", "gallery", "train"])
    return records.concat(
        [
            records.make(paths, [1, 2, 2, 0], [0, 1, 0, -1], split=split),
            records.make(
                records.Held(pixels[4:]), 3, 1, domain=1, group=4, frame=[8, 0, 3], shot=2
            ),
        ]
    )


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "packed"
    seen = []
    packed.pack(made, out, watch=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (7, 7)
    return out


def test_everything_comes_back_in_order(made, folder):
    got = pickle.loads(pickle.dumps(packed.packed(folder)))
    for column in made._fields[1:]:
        np.testing.assert_array_equal(getattr(got, column), getattr(made, column))
    for row in (6, 0, 3):
        np.testing.assert_array_equal(records.read(got, row), records.read(made, row))
    with open(made.image[1], "rb") as file:
        assert got.image[1] == file.read()  # the file's own bytes
    np.testing.assert_array_equal(
        records.read(records.where(got, "query"), 0), records.read(made, 1)
    )


def test_what_was_packed_before_there_were_shots_has_none(made, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "old")
    columns = dict(np.load(folder / packed.COLUMNS))
    assert columns.pop("shot").tolist() == [-1] * 4 + [2] * 3
    np.savez(tmp_path / "old" / packed.COLUMNS, **columns)
    assert packed.packed(tmp_path / "old").shot.tolist() == [-1] * 7


def test_it_is_an_ordinary_data_set_of_tfds(made, folder):
    import tensorflow_datasets as tfds

    source = tfds.builder_from_directory(str(folder)).as_data_source(
        "rows", decoders={"image": tfds.decode.SkipDecoding()}
    )
    assert len(source) == 7 and int(source[2]["person"]) == 2
    plain = tfds.builder_from_directory(str(folder)).as_data_source("rows")[5]
    np.testing.assert_array_equal(plain["image"], records.read(made, 5))
    assert plain["group"] == 4 and plain["frame"] == 0 and plain["split"] == b"train"


def test_a_rows_columns_are_written_in_one_order(made, folder):
    """Protocol buffers' own order differs from process to process."""
    from array_record.python.array_record_data_source import ArrayRecordDataSource

    names = (b"camera", b"domain", b"frame", b"group", b"image", b"person", b"shot", b"split")
    raw = ArrayRecordDataSource([str(path) for path in sorted(folder.glob("*array_record*"))])
    for row in range(len(raw)):
        places = [raw[row].index(name) for name in names]
        assert places == sorted(places)


def test_many_files_keep_the_order(made, tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "SHARD", 3)
    monkeypatch.setattr(packed, "CHUNK", 2)
    packed.pack(made, tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*array_record*"))) >= 3
    got = packed.packed(tmp_path / "out")
    for row, item in enumerate(got.image):
        assert item == packed.encoded(made, row)
    assert row == 6 and got.image[-1] == item


def test_a_missing_shard_or_a_strange_column_is_refused(made, folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (shard,) = broken.glob("*array_record*")
    shard.unlink()
    with pytest.raises(ValueError, match="holds 0 pictures and columns.npz 7 rows"):
        packed.packed(broken)
    columns = dict(np.load(folder / packed.COLUMNS))
    np.savez(broken / packed.COLUMNS, **{**columns, "split": np.full(7, "trains")})
    shutil.copy(folder / shard.name, shard)
    with pytest.raises(ValueError, match=r"columns.npz is broken: the split 'trains'"):
        packed.packed(broken)


def test_whole_or_not_at_all(made, folder, tmp_path):
    with pytest.raises(FileExistsError, match="exists already"):
        packed.pack(made, folder)
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    broken = records.concat([made, records.make([str(tmp_path / "cut.jpg")], 1)])
    with pytest.raises(ValueError, match="cut.jpg cannot be read"):
        packed.pack(broken, tmp_path / "out")
    with pytest.raises(ValueError, match="no picture to pack"):
        packed.pack(records.take(made, []), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["cut.jpg"]
    with pytest.raises(FileNotFoundError, match="no packed data set"):
        packed.packed(tmp_path)

import types

import cv2
import numpy as np
import pytest

from experiments import sources
from reid_jax.data import packed, records


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two persons to train on, one to test with, as a CSV; the last training picture is cut."""
    root = tmp_path_factory.mktemp("data")
    lines = ["path,person,camera,split"]
    for row, (person, camera, split) in enumerate(
        [(1, 0, "train"), (2, 0, "train"), (3, 0, "query"), (3, 1, "gallery"), (2, 1, "train")]
    ):
        image = np.random.default_rng(row).integers(0, 256, (16, 8, 3), np.uint8)
        cv2.imwrite(str(root / f"{row}.jpg"), image)
        lines.append(f"{row}.jpg,{person},{camera},{split}")
    (root / "4.jpg").write_bytes((root / "4.jpg").read_bytes()[:-40])
    (root / "all.csv").write_text("\n".join(lines) + "\n")
    return root


def _config(data, test="", skip_broken=False):
    return types.SimpleNamespace(data=data, test=test, skip_broken=skip_broken)


def test_each_kind_opens(folder, tmp_path):
    table = sources.open_source(f"csv:{folder}/all.csv")
    assert table.split.tolist() == ["train", "train", "query", "gallery", "train"]
    assert len(sources.open_source(f"pictures:{folder}").person) == 5
    packed.pack(records.take(table, np.arange(4)), tmp_path / "packed")
    again = sources.open_source(f"packed:{tmp_path}/packed")
    np.testing.assert_array_equal(records.read(again, 3), records.read(table, 3))
    for row in range(4):
        (tmp_path / "tree" / f"p{row}").mkdir(parents=True)
        (tmp_path / "tree" / f"p{row}" / "c1_x.jpg").write_bytes(b"")
    assert len(sources.open_source(f"folders:{tmp_path}/tree").person) == 4


def test_mistakes_name_what_to_write(folder, tmp_path):
    with pytest.raises(ValueError, match="did you mean 'market1501'"):
        sources.open_source("market:/data")
    with pytest.raises(ValueError, match="names no path; write csv:PATH"):
        sources.open_source("csv:")
    with pytest.raises(ValueError, match=f"KIND:PATH, e.g. csv:{folder}/all.csv"):
        sources.open_source(f"{folder}/all.csv")
    (tmp_path / "query").mkdir()
    with pytest.raises(ValueError, match="e.g. market1501:"):
        sources.open_source(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        sources.open_source(f"csv:{tmp_path}/none.csv")


def test_a_broken_picture_stays_unless_asked_and_is_then_named(folder, capsys):
    data = f"csv:{folder}/all.csv"
    train, test = sources.train_and_test(_config(data))
    assert len(train.person) == 3 and test.split.tolist() == ["query", "gallery"]
    train, test = sources.train_and_test(_config(data, data, skip_broken=True))
    assert train.person.tolist() == [1, 2] and len(test.person) == 2
    said = capsys.readouterr().out
    assert "left out 1 broken pictures of the training data" in said and "4.jpg" in said

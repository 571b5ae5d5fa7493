import shutil
import types

import cv2
import numpy as np
import pytest

from reid_jax.app import kinds, sources
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
    return types.SimpleNamespace(data=data, test=test, skip_broken=skip_broken, same_camera=True)


def test_each_kind_opens(folder, tmp_path):
    table = kinds.open_source(f"csv:{folder}/all.csv")
    assert table.split.tolist() == ["train", "train", "query", "gallery", "train"]
    assert len(kinds.open_source(f"pictures:{folder}").person) == 5
    packed.pack(records.take(table, np.arange(4)), tmp_path / "packed")
    again = kinds.open_source(f"packed:{tmp_path}/packed")
    np.testing.assert_array_equal(records.read(again, 3), records.read(table, 3))
    for row in range(4):
        (tmp_path / "tree" / f"p{row}").mkdir(parents=True)
        (tmp_path / "tree" / f"p{row}" / "c1_x.jpg").write_bytes(b"")
    assert len(kinds.open_source(f"folders:{tmp_path}/tree").person) == 4


def test_mistakes_name_what_to_write(folder, tmp_path):
    with pytest.raises(ValueError, match="did you mean 'market1501'"):
        kinds.open_source("market:/data")
    with pytest.raises(ValueError, match="names no path; write csv:PATH"):
        kinds.open_source("csv:")
    with pytest.raises(ValueError, match=f"KIND:PATH, e.g. csv:{folder}/all.csv"):
        kinds.open_source(f"{folder}/all.csv")
    (tmp_path / "query").mkdir()
    with pytest.raises(ValueError, match="e.g. market1501:"):
        kinds.open_source(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        kinds.open_source(f"csv:{tmp_path}/none.csv")


def test_a_broken_picture_stays_unless_asked_and_is_then_named(folder, capsys):
    data = f"csv:{folder}/all.csv"
    train, test = sources.train_and_test(_config(data))
    assert len(train.person) == 3 and test.split.tolist() == ["query", "gallery"]
    train, test = sources.train_and_test(_config(data, data, skip_broken=True))
    assert train.person.tolist() == [1, 2] and len(test.person) == 2
    said = capsys.readouterr().out
    assert "left out 1 broken pictures of the training data" in said and "4.jpg" in said


def test_a_test_picture_that_is_empty_is_named_before_the_work(folder, tmp_path, monkeypatch):
    """It would end a run after all its epochs; left out, it is named in the report."""
    shutil.copytree(folder, tmp_path / "data")
    data = f"csv:{tmp_path}/data/all.csv"
    lines = (tmp_path / "data" / "all.csv").read_text() + "5.jpg,3,1,gallery\n6.jpg,3,1,gallery\n"
    (tmp_path / "data" / "all.csv").write_text(lines)
    (tmp_path / "data" / "5.jpg").write_bytes(b"")
    (tmp_path / "data" / "6.jpg").write_text("no picture")
    with pytest.raises(ValueError, match=r"5\.jpg \(empty file\), and 1 others cannot be read"):
        sources.train_and_test(_config(data))
    monkeypatch.setattr(sources, "left_out", [])
    test = sources.train_and_test(_config(data, data, skip_broken=True))[1]
    assert test.split.tolist() == ["query", "gallery"]
    train_line, test_line = sources.left_out
    assert "4.jpg" in train_line and "left out 2 broken pictures of the test data" in test_line


def test_several_sources_have_persons_cameras_and_groups_of_their_own():
    one, two = (
        f"synthetic-videos:station,videos=2,people=2,frames=20,stride=5,seed={seed}"
        for seed in (0, 1)
    )
    first, joined = kinds.open_source(one), kinds.open_source(f"{one}+{two}")
    n = len(first.person)
    assert len(joined.person) > n and (joined.person[:n] == first.person).all()
    for name in ("person", "camera", "group"):
        column = getattr(joined, name)
        assert not set(column[:n]) & set(column[n:]), name
    np.testing.assert_array_equal(records.read(joined, 0), records.read(first, 0))


def test_a_street_of_a_size():
    part = records.where(kinds.open_source("synthetic:plaza,persons=5,cameras=2"), "train")
    assert len(set(part.person)) == 5 and set(part.camera) == {0, 1}
    with pytest.raises(ValueError, match="'person' is not known, did you mean 'persons'"):
        kinds.open_source("synthetic:plaza,person=5")
    with pytest.raises(ValueError, match="write persons=NUMBER"):
        kinds.open_source("synthetic:plaza,persons=many")


def test_videos_lose_their_labels_and_hidden_persons_are_videos(folder):
    def split(videos="", labelled=1.0, train=None):
        config = types.SimpleNamespace(videos=videos, labelled=labelled, skip_broken=False)
        return sources.single_camera(config, train)

    train = records.where(kinds.open_source("synthetic:plaza,persons=8,cameras=2"), "train")
    train = train._replace(group=train.camera.copy())
    kept, single = split("synthetic-videos:station,videos=2,people=2,frames=20", 0.5, train)
    assert len(set(kept.person)) == 4 and (single.domain == 1).all() and (kept.domain == 0).all()
    assert len(set(single.group)) == 4  # two films, two cameras
    hidden = single.person[single.group >= sources.APART]
    assert set(hidden) | set(kept.person) == set(train.person) and not set(hidden) & set(
        kept.person
    )
    assert len(split(train=train)[1].person) == 0
    with pytest.raises(ValueError, match="no picture of a known video"):
        split(f"csv:{folder}/all.csv", train=train)
    with pytest.raises(ValueError, match="hides pictures of no known video"):
        split("", 0.5, train._replace(group=train.group * 0 - 1))
    with pytest.raises(ValueError, match="a share of the persons"):
        split("", 0.0, train)

import os

import pytest

from reid_jax.data.check import survey
from reid_jax.data.sets.market1501 import market1501


def _tree(root, **parts):
    for part, names in parts.items():
        (root / part).mkdir(parents=True)
        for name in names:
            (root / part / name).write_bytes(b"")
    return root


def test_names_are_read_junk_is_dropped_distractors_stay_in_the_gallery(tmp_path):
    got = market1501(
        _tree(
            tmp_path,
            bounding_box_train=[
                "0007_c3s1_000451_03.jpg",
                "0002_c1s1_000451_03.jpg",
                "0000_c1s1_000001_00.jpg",
                "Thumbs.db",
            ],
            query=["0010_c2s1_000001_00.jpg"],
            bounding_box_test=[
                "-1_c1s1_000401_03.jpg",
                "0000_c1s1_000001_00.jpg",
                "0010_c6s3_000001_00.jpg",
            ],
        )
    )
    assert got.person.tolist() == [2, 7, 10, 0, 10]
    assert got.camera.tolist() == [0, 2, 1, 0, 5]
    assert (got.group // 100 == got.camera).all() and (got.group % 100 >= 1).all()
    assert got.split.tolist() == ["train", "train", "query", "gallery", "gallery"]


def test_errors_name_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        market1501(tmp_path / "none")
    _tree(tmp_path / "a", bounding_box_train=["0002_c1s1_000451_03.jpg"], images=[])
    with pytest.raises(
        FileNotFoundError, match=r"has no query/.*it holds bounding_box_train, images"
    ):
        market1501(tmp_path / "a")
    assert market1501(tmp_path / "a", splits=("train",)).person.tolist() == [2]
    _tree(tmp_path / "b", bounding_box_train=["person.jpg"])
    with pytest.raises(ValueError, match=r"person\.jpg is not named"):
        market1501(tmp_path / "b", splits=("train",))
    _tree(tmp_path / "c", bounding_box_train=[])
    with pytest.raises(ValueError, match="holds no picture"):
        market1501(tmp_path / "c", splits=("train",))


@pytest.mark.skipif("REID_DATA" not in os.environ, reason="REID_DATA names no folder of real data")
def test_counts_of_the_real_training_part_and_of_market_100():
    counts = survey(market1501(os.path.join(os.environ["REID_DATA"], "market1501")))
    assert counts.images == {"train": 12936, "query": 319, "gallery": 535}
    assert counts.persons["train"] == 751 and counts.cameras["train"] == 6
    assert counts.queries == 299 and counts.lonely == 20 and counts.shared == 0

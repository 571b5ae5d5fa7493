import os

import pytest

from reid_jax.data.check import survey
from reid_jax.data.sets.dukemtmc import WITHDRAWN, dukemtmc
from reid_jax.data.sets.market1501 import OFFICIAL, market1501
from reid_jax.data.sets.official import Official
from tests.data.sets import miniature
from tests.data.sets.miniature import plant, rows

MINE = Official("Mine", {"train": (2, 2), "query": (1, 1), "gallery": (2, 1)}, 4)
READ = [
    ("0002_c1s1_000451_03.jpg", 2, 0, "train"),
    ("0007_c3s1_000451_03.jpg", 7, 2, "train"),
    ("0010_c2s1_000001_00.jpg", 10, 1, "query"),
    ("0000_c1s1_000001_00.jpg", 0, 0, "gallery"),
    ("0010_c6s3_000001_00.jpg", 10, 5, "gallery"),
]


def test_names_are_read_junk_is_dropped_distractors_stay_in_the_gallery(tmp_path):
    miniature.market1501(tmp_path)
    plant(tmp_path, "bounding_box_train/0000_c1s1_000001_00.jpg")
    (tmp_path / "bounding_box_train" / "Thumbs.db").write_bytes(b"")
    got = market1501(tmp_path)
    assert rows(got) == READ
    assert (got.group // 100 == got.camera).all() and (got.group % 100 >= 1).all()


def test_the_archive_as_it_unpacks(tmp_path):
    miniature.market1501(tmp_path / "Market-1501-v15.09.15")
    assert rows(market1501(tmp_path)) == READ


def test_counts_are_said_and_compared(tmp_path):
    miniature.market1501(tmp_path)
    said = []
    market1501(tmp_path, official=MINE, say=said.append)
    assert said == [
        "Mine (bounding_box folders): train 2 pictures of 2 persons, query 1 pictures of 1 "
        "persons, gallery 2 pictures of 1 persons, 4 cameras"
    ]
    market1501(tmp_path, official=MINE._replace(parts={**MINE.parts, "query": (3, 2)}, cameras=6),
               say=said.append)  # fmt: skip
    assert said[2:] == [
        "warning: Mine is not as published: query has 1 pictures of 1 persons instead of 3 "
        "pictures of 2 persons; 4 cameras instead of 6"
    ]
    market1501(tmp_path, official=OFFICIAL, say=said.append)
    assert "train has 2 pictures of 2 persons instead of 12,936 pictures of 751" in said[-1]


def test_errors_name_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        market1501(tmp_path / "none")
    plant(tmp_path / "a", "bounding_box_train/0002_c1s1_000451_03.jpg", "images/x.jpg")
    with pytest.raises(
        FileNotFoundError, match=r"has no query/.*half of an.*it holds bounding_box_train, images"
    ):
        market1501(tmp_path / "a")
    assert market1501(tmp_path / "a", splits=("train",)).person.tolist() == [2]
    plant(tmp_path / "b", "bounding_box_train/person.jpg")
    with pytest.raises(ValueError, match=r"person\.jpg is not named"):
        market1501(tmp_path / "b", splits=("train",))
    (tmp_path / "c" / "bounding_box_train").mkdir(parents=True)
    with pytest.raises(ValueError, match="holds no picture"):
        market1501(tmp_path / "c", splits=("train",))


def test_duke_says_that_it_was_withdrawn(tmp_path):
    said = []
    got = dukemtmc(miniature.dukemtmc(tmp_path), say=said.append)
    assert rows(got) == [
        ("0001_c2_f0046182.jpg", 1, 1, "train"),
        ("0001_c7_f0046182.jpg", 1, 6, "train"),
        ("0005_c1_f0000001.jpg", 5, 0, "query"),
        ("0005_c2_f0000009.jpg", 5, 1, "gallery"),
        ("7139_c2_f0157245.jpg", 7139, 1, "gallery"),
    ]
    assert got.frame.tolist() == [46182, 46182, 1, 9, 157245]
    assert said[0] == WITHDRAWN and "as recalled" in said[2]


def test_each_names_the_other(tmp_path):
    with pytest.raises(ValueError, match="dukemtmc:FOLDER"):
        market1501(miniature.dukemtmc(tmp_path / "duke"))
    with pytest.raises(ValueError, match="market1501:FOLDER"):
        dukemtmc(miniature.market1501(tmp_path / "market"))
    with pytest.raises(FileNotFoundError, match=r"looks like msmt17:"):
        market1501(miniature.msmt17(tmp_path / "msmt"))


@pytest.mark.skipif("REID_DATA" not in os.environ, reason="REID_DATA names no folder of real data")
def test_counts_of_the_real_training_part_and_of_market_100():
    said = []
    counts = survey(
        market1501(os.path.join(os.environ["REID_DATA"], "market1501"), say=said.append)
    )
    assert counts.images == {"train": 12936, "query": 319, "gallery": 535}
    assert counts.persons["train"] == 751 and counts.cameras["train"] == 6
    assert counts.queries == 299 and counts.lonely == 20 and counts.shared == 0
    assert "query has 319" in said[1] and "train has" not in said[1]  # as published

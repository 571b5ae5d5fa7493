import pytest

from reid_jax.data import part
from reid_jax.data.sets.msmt17 import OFFICIAL, msmt17
from reid_jax.data.sets.official import Official
from tests.data.sets import miniature
from tests.data.sets.miniature import rows

MINE = Official("MSMT17", {"train": (2, 2), "query": (1, 1), "gallery": (2, 2)}, 5)
READ = [
    ("0000_000_01_0303morning_0008_0.jpg", 1, 0, "train"),
    ("0001_000_05_0303noon_0008_0.jpg", 2, 4, "train"),
    ("0000_001_02_0303morning_0008_0.jpg", 3, 1, "query"),
    ("0000_002_03_0303afternoon_0008_0.jpg", 3, 2, "gallery"),
    ("0001_002_15_0303afternoon_0008_0.jpg", 4, 14, "gallery"),
]


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_both_versions_with_persons_of_the_test_apart(tmp_path, version):
    said = []
    place = miniature.msmt17(tmp_path / f"MSMT17_{version}", version)
    for folder in (place, tmp_path):
        assert rows(msmt17(folder, official=MINE, say=said.append)) == READ
    assert len(said) == 2 and said[0].startswith(f"MSMT17 ({version}): train 2 pictures of 2")


def test_merged_is_all_of_it(tmp_path):
    merged = part.all_train(msmt17(miniature.msmt17(tmp_path)))
    assert [row[:3] for row in rows(merged)] == [row[:3] for row in READ]
    assert set(merged.split) == {"train"}
    counts = OFFICIAL.parts
    assert sum(pictures for pictures, _ in counts.values()) == 126_441
    assert counts["train"][1] + counts["query"][1] == 4_101


def test_lists_of_another_version(tmp_path):
    miniature.msmt17(tmp_path / "a", "V2", ending="_ex")
    with pytest.raises(
        ValueError,
        match=r"list_train\.txt names 1 of 1 pictures .*0000_000_01_.*MSMT17 V2 and the lists of",
    ):
        msmt17(tmp_path / "a")


def test_what_is_missing_or_too_much_is_named(tmp_path):
    place = miniature.msmt17(tmp_path / "a")
    (place / "list_val.txt").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"has no list_val\.txt \(MSMT17; half of an archive"
    ):
        msmt17(place)
    place = miniature.msmt17(tmp_path / "b")
    (place / "test").rename(place / "test_pictures")
    with pytest.raises(FileNotFoundError, match=r"has no train/, test/ or mask_train_v2/"):
        msmt17(place)
    miniature.msmt17(tmp_path / "c")
    miniature.msmt17(tmp_path / "c", "V2")
    with pytest.raises(ValueError, match="the pictures of V1 and V2; keep one"):
        msmt17(tmp_path / "c")
    for version in ("V1", "V2"):
        miniature.msmt17(tmp_path / "d" / f"MSMT17_{version}", version)
    with pytest.raises(ValueError, match="holds MSMT17_V2 and MSMT17_V1; name one"):
        msmt17(tmp_path / "d")
    place = miniature.msmt17(tmp_path / "e")
    (place / "list_query.txt").write_text("0000/0000_001_02_0303morning_0008_0.jpg,0\n")
    with pytest.raises(ValueError, match=r"list_query\.txt, line 1: .* is no picture and person"):
        msmt17(place)
    (place / "list_query.txt").write_text("")
    with pytest.raises(ValueError, match=r"list_query\.txt is empty"):
        msmt17(place)

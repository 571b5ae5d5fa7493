"""The splits of a target: each file embedded once, each split measured as if it were alone."""

import json

import numpy as np
import pytest

from reid_jax import evaluate
from reid_jax.app import kinds
from reid_jax.app.protocols import targets
from reid_jax.app.protocols.kept import Key
from reid_jax.data import records
from reid_jax.types import Input
from tests.app.protocols import made
from tests.data.sets import miniature

KEY = Key("", "", 0, "", "cosine", False, False, 0)


def silent(line):
    """Say nothing."""


def coarse(variables, image):
    """An embedding without a network: every eighth pixel."""
    return image[:, ::8, ::8].reshape(len(image), -1).astype(np.float32)


def direct(source):
    """The figures of one source by embedding its own pictures."""
    test = records.where(kinds.open_source(source, say=silent), "query", "gallery")
    return dict(evaluate.run(coarse, {}, test, input=Input((32, 16))))


def embedded(target):
    rows = np.arange(len(target.pictures.person))
    return evaluate.embed_rows(coarse, {}, target.pictures, rows, input=Input((32, 16)))


@pytest.mark.parametrize("name", ["viper", "ilids"])
def test_ten_splits_are_selections_of_pictures_that_are_embedded_once(tmp_path, name):
    folder = getattr(made, name)(tmp_path)
    target = targets.opened(name, f"{name}:{folder}", say=silent)
    assert [one.number for one in target.splits] == list(range(1, 11))
    files = [str(one) for one in target.pictures.image]
    assert len(files) == len(set(files)) <= len(list(tmp_path.rglob("*.*")))
    embedding = embedded(target)
    for split in target.splits[:2]:
        found = targets.figures(embedding, split, KEY)
        expected = direct(f"{name}:{folder},split={split.number}")
        for figure, value in found.items():
            assert value == pytest.approx(expected[figure], abs=1e-6), figure
    tested = {tuple(sorted(map(str, one.test.image))) for one in target.splits}
    assert len({one.mark for one in target.splits}) == len(tested) > 5


def test_a_split_that_is_named_is_alone_and_a_set_with_one_split_has_one(tmp_path):
    assert targets.numbers("viper:/x,split=3") == targets.numbers("market1501:/x") == (0,)
    assert targets.numbers("grid:/x") == tuple(range(1, 11))
    assert targets.numbers("cuhk03:/x") == targets.numbers("cuhk03:/x,protocol=new") == (0,)
    assert targets.numbers("cuhk03:/x,protocol=classic") == tuple(range(1, 21))
    folder = made.viper(tmp_path)
    target = targets.opened("viper", f"viper:{folder},split=3", say=silent)
    both = targets.opened("viper", f"viper:{folder}", say=silent)
    assert [one.mark for one in target.splits] == [both.splits[2].mark]


def test_the_mark_is_of_names_persons_cameras_and_splits_and_not_of_the_folder(tmp_path):
    marks = []
    for number, change in enumerate(
        ["", ("1_0.png,1,0,query", "1_0.png,1,0,gallery"), ("1_1.png,1,1", "1_1.png,2,1"),
         ("2_1.png,2,1", "2_1.png,2,2")]
    ):  # fmt: skip
        (tmp_path / str(number)).mkdir()
        table = made.table(tmp_path / str(number))
        if change:
            table.write_text(table.read_text().replace(*change))
        marks.append(targets.opened("mine", f"csv:{table}", say=silent).splits[0].mark)
    (tmp_path / "same").mkdir()
    table = made.table(tmp_path / "same", seed=9)
    assert targets.opened("mine", f"csv:{table}", say=silent).splits[0].mark == marks[0]
    assert len(set(marks)) == 4


def test_draws_of_single_pictures_by_a_naive_loop(tmp_path):
    target = targets.opened("mine", f"csv:{made.table(tmp_path)}", say=silent)
    embedding, (split,) = embedded(target), target.splits
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    person, query = split.test.person, split.test.split == "query"
    ranks = []
    for rows in targets.galleries(person[~query], 20, targets.SEED):
        gallery = np.flatnonzero(~query)[rows]
        assert sorted(person[gallery]) == [1, 2, 3, 4]
        for row in np.flatnonzero(query):
            near = (unit[gallery] @ unit[row]).tolist()
            own = near[person[gallery].tolist().index(person[row])]
            ranks.append(1 + sum(one > own for one in near))
    found = targets.figures(embedding, split, KEY._replace(draws=20))
    assert found["rank1"] == pytest.approx(np.mean(np.array(ranks) == 1))
    assert found["mAP"] == pytest.approx(np.mean(1 / np.array(ranks)))
    assert found["queries"] == 4 and split.counts["gallery"] == 12


def test_pictures_that_are_no_files_are_not_compared(monkeypatch):
    held = records.Held(np.zeros((4, 8, 4, 3), np.uint8))
    pictures = records.make(held, [1, 1, 2, 2], [0, 1, 0, 1], split=["query", "gallery"] * 2)
    _, rows = targets.once([pictures, pictures])
    assert [one.tolist() for one in rows] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    monkeypatch.setattr(targets.sources, "test_of", lambda text: pictures)  # what is drawn is kept
    target = targets.opened("synthetic:plaza", "synthetic:plaza,persons=2", say=silent)
    assert target.pictures is pictures and target.splits[0].counts["valid"] == 2


def test_a_test_without_a_query_names_the_source(tmp_path):
    table = made.table(tmp_path)
    table.write_text(table.read_text().replace("query", "gallery"))
    with pytest.raises(ValueError, match=r"^csv:.*mine\.csv: the test data have 0 query"):
        targets.opened("mine", f"csv:{table}", say=silent)


def test_the_classic_cuhk03_has_its_twenty_lists(tmp_path):
    miniature.cuhk03_folder(tmp_path)
    lists = [{"query": [[f"images_detected/1_00{1 + n % 2}_1_01.png", 0, 0]]} for n in range(20)]
    (tmp_path / "splits_classic_detected.json").write_text(json.dumps(lists))
    target = targets.opened("cuhk03", f"cuhk03:{tmp_path},protocol=classic", say=silent)
    assert [one.number for one in target.splits] == list(range(1, 21))
    assert [one.test.person.tolist() for one in target.splits[:2]] == [[1001] * 2, [1002] * 2]
    assert len(target.pictures.person) == 4  # of 40 places

"""Pictures that are in two parts of the data, against a comparison of all pairs."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from absl import flags

from reid_jax import synthetic
from reid_jax.app.log import Log
from reid_jax.data import copies, packed, records
from reid_jax.data.copies import told


@pytest.fixture
def files(tmp_path):
    """Eight files of three sizes with five contents, and one that is missing."""
    contents = [b"one", b"two", b"one", b"four", b"five", b"two", b"one", b"sixsix"]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    return [str(tmp_path / str(number)) for number in range(len(contents) + 1)], contents


def test_the_same_bytes_are_found_in_files_and_in_memory(files, tmp_path):
    paths, contents = files
    one, other = [0, 1, 3, 7, 8], [2, 4, 5, 6, 8]
    naive = {
        a: [b for b in range(4) if contents[one[a]] == contents[other[b]]]
        for a in range(4)
        if contents[one[a]] in [contents[row] for row in other[:-1]]
    }
    assert naive == {0: [0, 3], 1: [2]}
    given = [paths[row] for row in one], [paths[row] for row in other]
    held = ([contents[row] for row in one[:-1]], [contents[row] for row in other[:-1]])
    for a, b in (given, held, (given[0], held[1]), (held[0], given[1])):
        got = copies.copies(records.make(a, 1), records.make(b, 1))
        assert {row: found.tolist() for row, found in got.found.items()} == naive
        assert got.looked == (len(a), len(b))
    folder = str(tmp_path)  # whose size is known, and which cannot be read
    assert not copies.copies(records.make([folder], 1), records.make([folder], 1)).found


def test_pixels_are_compared_with_their_shape_and_packed_bytes_with_files(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 4, 3), np.uint8)
    one = records.make(records.Held(pixels), 1)
    other = records.make(records.Held(pixels[[3, 1]].transpose(0, 2, 1, 3)), 1)
    assert not copies.copies(one, other).found
    other = records.concat([other, records.take(one, [2, 0])])
    assert {k: v.tolist() for k, v in copies.copies(one, other).found.items()} == {0: [3], 2: [2]}
    shapes = [
        records.make(records.Held(pixels[:1].reshape(1, *size, 3)), 1) for size in ((6, 4), (4, 6))
    ]
    others = [
        records.make(records.Held(pixels[:1].reshape(1, *size, 3)), 1) for size in ((4, 6), (6, 4))
    ]
    got = copies.copies(records.concat(shapes), records.concat(others))
    assert {k: v.tolist() for k, v in got.found.items()} == {0: [1], 1: [0]}
    cv2.imwrite(str(tmp_path / "a.png"), pixels[0])
    alone = records.make([str(tmp_path / "a.png")], 1)
    packed.pack(alone, tmp_path / "packed")
    assert list(copies.copies(packed.packed(tmp_path / "packed"), alone).found) == [0]


def test_a_large_part_is_looked_at_here_and_there():
    part = records.make([bytes([number]) for number in range(100)], 1)
    got = copies.copies(part, part, most=10)
    assert got.looked == (10, 10) and sorted(got.found) == list(range(0, 100, 11))
    test = records.concat([part._replace(split=np.full(100, x)) for x in ("query", "gallery")])
    (line,) = told(None, test, most=10)
    assert "10 of 100 query pictures were looked at; 10 of 100 gallery pictures" in line


def test_what_is_drawn_when_asked_for_is_not_drawn(monkeypatch):
    street = synthetic.labelled(persons=2, cameras=1, per_camera=1)
    held = records.hold(street)
    mixed = records.concat([records.take(street, [1, 0]), held])
    monkeypatch.setattr(synthetic.pictures.Crops, "__getitem__", None)
    got = copies.copies(mixed, held)
    assert sorted(got.found) == [2, 3] and got.looked == (2, 2)


def _test(person, camera):
    """Query and gallery with the same picture, a picture each besides, of person 5."""
    images = [b"same", b"q", b"same", b"g"]
    split = np.array(["query", "query", "gallery", "gallery"])
    return records.make(
        images, [person[0], 5, person[1], 5], [camera[0], 0, camera[1], 1], split=split
    )


@pytest.mark.parametrize(
    ("person", "camera", "same_camera", "said"),
    [
        ((1, 1), (0, 1), False, "1 count as matches"),
        ((1, 1), (-1, -1), False, "1 count as matches"),
        ((1, 1), (0, 0), False, copies.NO_EFFECT),
        ((1, 1), (0, 0), True, "1 count as matches"),
        ((1, 2), (0, 1), False, "1 bear another person there"),
        ((1, 0), (0, 0), False, "1 bear another person there"),
        ((1, -1), (0, 1), False, copies.NO_EFFECT),
    ],
)
def test_what_a_copy_does_to_the_figures_is_said(person, camera, same_camera, said):
    (line,) = told(None, _test(person, camera), same_camera=same_camera)
    assert "1 of 2 query pictures are among the gallery pictures too" in line
    assert "(query picture 0 = gallery picture 0)" in line and line.endswith(
        said if said == copies.NO_EFFECT else ("finds" if "count" in said else "get right")
    )
    assert said in line and line.startswith("warning: ") == (said != copies.NO_EFFECT)


def test_parts_without_a_common_picture_are_silent():
    test = records.make([b"a", b"b"], 1, [0, 1], split=np.array(["query", "gallery"]))
    assert told(records.make([b"c", b"d"], 2), test) == []
    assert told(records.take(test, []), records.take(test, [])) == []


def test_a_run_says_it_before_its_first_step(tmp_path, capsys):
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
    names = []
    for number, value in enumerate((20, 20, 90, 150)):
        names.append(str(tmp_path / f"{number}.png"))
        cv2.imwrite(names[-1], np.full((8, 8, 3), value, np.uint8))
    train = records.make(names[:1], 1)
    test = records.make(names[1:], [1, 1, 1], split=np.array(["query", "gallery", "gallery"]))
    Log(
        tmp_path,
        SimpleNamespace(epochs=1, same_camera=False),
        SimpleNamespace(train=train, test=test, validation=None),
    )
    said = capsys.readouterr().out
    assert (
        f"1 of 3 test pictures are among the training pictures too ({names[1]} = {names[0]})"
        in said
    )
    assert "1 of these queries have matches of an unknown camera" in said

import itertools
import math
import subprocess
import sys
import zlib

import numpy as np
import pytest

from reid_jax.app.kinds import open_source
from reid_jax.synthetic import town
from reid_jax.synthetic.kept import kept
from reid_jax.synthetic.town import raster
from reid_jax.synthetic.town.body import parts
from reid_jax.synthetic.town.crop import shoot
from reid_jax.synthetic.town.person import draw_person
from reid_jax.synthetic.town.pose import draw_pose

ALL = town.Switches()


@pytest.fixture(scope="module")
def people():
    return town.labelled(persons=8, cameras=6, per_camera=2)


def test_columns_and_pixels(people):
    assert len(people.image) == 8 * 4 * 2 and set(people.split) == {"train"}
    assert np.bincount(people.person)[1:].tolist() == [8] * 8
    for person in range(1, 9):
        assert len(set(people.camera[people.person == person])) == 4
    image = people.image[5]
    assert image.shape == (128, 64, 3) and image.dtype == np.uint8 and image.std() > 5
    assert town.labelled(persons=1, size=(64, 32)).image[0].shape == (64, 32, 3)


def test_the_same_in_any_order_and_process(people):
    last = people.image[63]
    np.testing.assert_array_equal(people.image.take(np.array([63]))[0], last)
    code = (
        "import zlib; from reid_jax.synthetic import town;"
        "image = town.labelled(persons=8, cameras=6, per_camera=2).image[63];"
        "print(zlib.crc32(image.tobytes()))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) == zlib.crc32(last.tobytes())


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("reid_jax.synthetic.kept.FEW", 0)
    monkeypatch.setattr("reid_jax.synthetic.kept.CHUNK", 4)
    made = [
        kept(lambda: town.labelled(persons=1, size=(32, 16)), "one", tmp_path / str(n), cores=n)
        for n in (1, 2)
    ]
    for row in range(8):
        np.testing.assert_array_equal(made[0].image[row], made[1].image[row])


def test_parts_of_the_town_have_other_persons(people):
    test = town.labelled(persons=8, split="test", distractors=5)
    other = town.labelled(persons=8, cameras=6, per_camera=2, seed=1)
    assert not {*people.person} & ({*test.person} | {*other.person})
    assert (test.split[test.person == 0] == "gallery").all() and (test.person == 0).sum() == 5
    assert (test.split == "query").sum() == 8 * 4
    pools = (0, "train"), (0, "test"), (1, "train")
    looks = [draw_person(*pool, n, ALL).materials.tobytes() for pool in pools for n in range(9)]
    assert len(set(looks)) == 27
    assert test.image[len(test.image) - 1].shape == (128, 64, 3)


def test_twins_share_clothes_and_no_build():
    def dressed(person):
        return person.materials[[2, 3, 4]].tobytes()

    people = [draw_person(0, "train", number, ALL) for number in range(1, 200)]
    pairs = [(a, b) for a, b in itertools.pairwise(people) if dressed(a) == dressed(b)]
    assert 15 < len(pairs) < 60
    assert all(a.height != b.height and a.girth != b.girth for a, b in pairs)
    alone = [draw_person(0, "train", number, town.without("twins")) for number in range(1, 200)]
    assert len({dressed(one) for one in alone}) == 199


def test_a_person_keeps_shape_and_clothes_over_cameras():
    """Without what cameras do, pictures of a person are nearer in colour than those of others."""
    plain = town.without("sensor", "places", "front", "boxes", "twins", "sun", "high")

    def colours(person, camera):
        image = shoot((0, "train", person, camera, 0), (64, 32), plain)
        body = image[(np.abs(image.astype(int) - 120).max(2) > 6)]
        return np.concatenate([np.histogram(body[:, i], 16, (0, 256))[0] for i in range(3)]) / len(
            body
        )

    one = np.array([colours(person, 0) for person in range(1, 25)])
    two = np.array([colours(person, 1) for person in range(1, 25)])
    nearest = np.abs(one[:, None] - two[None]).sum(2).argmin(1)
    assert (nearest == np.arange(24)).mean() > 0.6


@pytest.mark.parametrize("name", town.NAMES)
def test_every_switch_changes_pictures(name):
    names = [(0, "train", person, person % 7, 0) for person in range(1, 13)]
    off = town.without(name)
    changed = [(shoot(n, (32, 16), off) != shoot(n, (32, 16), ALL)).any() for n in names]
    assert any(changed)


def test_a_sphere_is_cast_as_the_formula_says():
    """The depth of a part with both ends at nearly one point is that of a ball."""
    part = np.zeros((1, raster.COLUMNS))
    part[0, [raster.A + 1, raster.B + 1]] = 0.5, 0.5001
    part[0, [raster.RADIUS_A, raster.RADIUS_B]] = 0.3
    part[0, [raster.FLAT, raster.SQUASH, raster.FRONT + 2, raster.BLEND]] = 1, 1, 1, 0.01
    part[0, [raster.CUT, raster.LOW, raster.HIGH]] = 9, -9, 9
    seen = np.zeros((80, 80, raster.SEEN), np.float32)
    seen[..., raster.DEPTH] = raster.NOTHING
    raster.cast(part, 0.7, 0.0, 1e9, np.array([40.0, 80.0]), 80.0, seen)
    x = (np.arange(80) + 0.5 - 40) / 80
    y = (80 - np.arange(80) - 0.5) / 80 - 0.50005
    square = 0.09 - x[None] ** 2 - y[:, None] ** 2
    there = seen[..., raster.DEPTH] > raster.NOTHING
    assert (there == (square > 0))[np.abs(square) > 1e-3].all()
    inside = square > 1e-3
    np.testing.assert_allclose(seen[..., raster.DEPTH][inside], np.sqrt(square[inside]), atol=1e-3)
    normal = seen[..., raster.NORMAL][inside]
    np.testing.assert_allclose(normal, np.broadcast_to(x, (80, 80))[inside] / 0.3, atol=2e-3)


def test_bodies_stand_on_the_ground_and_are_as_tall_as_they_should():
    rng = np.random.default_rng(0)
    for number in range(1, 40):
        person = draw_person(0, "train", number, ALL)
        body = parts(person, draw_pose(rng, person))
        assert np.isfinite(body).all()
        ends = body[:, [raster.A + 1, raster.B + 1]]
        radii = body[:, [raster.RADIUS_A, raster.RADIUS_B]]
        assert -0.2 < (ends - radii)[ends < 0.3].min() < 0.05
        top = (ends + np.minimum(radii, 0.12)).max()
        assert 0.9 < top / person.height < 1.15, person
        assert math.dist((0, 0), body[0, [raster.A, raster.A + 2]]) < 0.4


def test_the_source():
    data = open_source("synthetic:town,persons=5,without=sun")
    assert (data.split == "train").sum() == 40 and (data.split == "query").sum() == 400
    with pytest.raises(ValueError, match="without=sun is of synthetic:town"):
        open_source("synthetic:plaza,without=sun")
    with pytest.raises(ValueError, match="without"):
        open_source("synthetic:town,without=moon")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"persons": 0}, "persons=0"),
        ({"seed": -1}, "seed=-1"),
        ({"split": "query"}, "split='query' is neither"),
        ({"split": "test", "per_camera": 1}, "per_camera=1"),
        ({"size": (8, 8)}, "size=\\(8, 8\\)"),
    ],
)
def test_options_out_of_range(options, text):
    with pytest.raises(ValueError, match=text):
        town.labelled(**options)

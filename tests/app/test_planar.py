"""The map of embeddings: what is near stays near, and the words tell how much cameras matter."""

import re

import numpy as np
import pytest

from reid_jax.app import planar


def _shares(chart):
    return [int(one) for one in re.findall(r"(\d+)%", chart.words)]


def _part(name, by, n=80, seed=0):
    """Pictures of 20 persons by 4 cameras, whose embeddings show `by` and noise."""
    rng = np.random.default_rng(seed)
    person, camera = np.arange(n) % 20 + 1, np.arange(n) // 20
    number = {"person": person, "camera": camera}[by]
    embedding = np.eye(32)[number] + 0.05 * rng.normal(size=(n, 32))
    return planar.Part(name, embedding.astype(np.float32), camera, person)


def test_a_network_that_looks_at_the_camera_is_found_out():
    (looks,) = planar.charts([_part("test data", "camera")])
    (does_not,) = planar.charts([_part("test data", "person")])
    assert looks.title == "Test data, by camera"
    assert _shares(looks) == [100, 25]
    same, chance = _shares(does_not)
    assert same < 50 and chance == 25
    points = np.array([np.stack([one.x, one.y], 1).mean(0) for one in looks.series])
    size = max(np.stack([one.x, one.y], 1).std(0).max() for one in looks.series)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)[np.triu_indices(4, 1)]
    assert apart.min() > 2 * size


def test_kinds_of_data_share_a_map_and_their_persons_are_others():
    """Both kinds have persons 1 to 20; the nearest of another person is of the other kind too."""
    parts = [_part("a", "person", seed=1), _part("b", "person", seed=2)]
    charts = planar.charts(parts)
    assert [one.title for one in charts] == ["By kind of data", "A, by camera", "B, by camera"]
    assert [len(one.x) for one in charts[0].series] == [80, 80]
    same, chance = _shares(charts[0])
    assert chance == 50 and same < 10  # the same embedding is there, of another person


def test_more_cameras_than_colours_and_none():
    part = _part("a", "person")
    many = planar.charts([part._replace(camera=np.arange(80) % 10)])[0]
    assert [one.name for one in many.series][-1] == "3 others (24)" and len(many.series) == 8
    assert planar.charts([part._replace(camera=np.full(80, -1))]) == []
    assert planar.charts([part._replace(camera=np.zeros(80, int))]) == []
    few = planar.Part("a", part.embedding[:5], part.camera[:5], part.person[:5])
    assert planar.charts([few]) == []


def test_embeddings_that_are_all_alike_lie_in_one_place():
    part = _part("a", "person")
    (chart,) = planar.charts([part._replace(embedding=np.ones((80, 32), np.float32))])
    assert all(not one.x.any() and not one.y.any() for one in chart.series)


@pytest.mark.parametrize("count", [3, 5000])
def test_a_map_has_a_bounded_number_of_points(count):
    assert len(planar.chosen(count, 3)) == min(count, planar.MOST // 3)
    assert (np.diff(planar.chosen(count, 3)) > 0).all()

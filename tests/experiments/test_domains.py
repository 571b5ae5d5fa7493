"""The gap between domains, on made-up embeddings."""

import json

import numpy as np

from reid_jax.app import domains
from reid_jax.app.page import html, text
from reid_jax.data import records
from tests import tiny


def test_a_linear_probe_tells_apart_what_is_apart():
    rng, domain = np.random.default_rng(0), np.arange(200) % 2
    same = rng.normal(size=(200, 8))
    assert 0.3 < domains.probe(same, domain) < 0.7
    assert domains.probe(same + 3 * domain[:, None] * np.eye(8)[0], domain) > 0.85
    few = np.array([0, 0, 1, 1])
    assert domains.probe(np.eye(4)[few], few) == 1


def test_as_many_images_of_each_domain_are_kept_out():
    mixed = tiny.mixture(24)
    kept = domains.kept_out(mixed, 100)
    assert np.bincount(mixed.domain[kept]).tolist() == [9, 9]  # a tenth of 96
    assert np.bincount(mixed.domain[domains.kept_out(mixed, 3)]).tolist() == [3, 3]
    np.testing.assert_array_equal(kept, domains.kept_out(mixed, 100))
    assert not domains.kept_out(records.take(mixed, mixed.domain == 0), 100).any()


def test_the_picture_has_a_panel_for_each_encoder(tmp_path):
    rng, domain = np.random.default_rng(0), np.arange(12) % 2
    domains.draw(
        [("before", rng.normal(size=(12, 4))), ("after", rng.normal(size=(12, 4)))],
        domain,
        tmp_path / "d.png",
    )
    assert (tmp_path / "d.png").stat().st_size > 1000


def test_what_was_measured_is_a_section_of_the_page_and_of_its_text(tmp_path):
    assert domains.shown(tmp_path) == []
    rng, domain = np.random.default_rng(0), np.arange(12) % 2
    domains.draw([("after", rng.normal(size=(12, 4)))], domain, tmp_path / "domains.png")
    figures = {"before": {"a probe": 0.875}, "after": {"a probe": 0.5, "a judge": 0.25}}
    (tmp_path / "domains.json").write_text(json.dumps(figures))
    (section,) = domains.shown(tmp_path)
    assert section.blocks[0].rows == [["before", "87.5", ""], ["after", "50.0", "25.0"]]
    assert "| after | 50.0 | 25.0 |" in text.section(section)
    assert html.page("t", [section]).count("data:image/jpeg") == 1

import jax
import numpy as np
import pytest

from reid_jax import distance, evaluate, parallel
from reid_jax.data import records
from tests import tiny


def test_every_row_is_embedded_once_in_order_whatever_the_padding():
    world, model = tiny.world(persons=5, pictures=7), tiny.encoder()
    variables = model.init(jax.random.key(0))
    rows = np.arange(35)[::-1]
    seen = []
    embedding = evaluate.embed_rows(
        parallel.build_embed(model), parallel.replicate(variables), world, rows, input=tiny.INPUT,
        batch=16, watch=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    image = np.stack([records.read(world, row) for row in rows])
    np.testing.assert_allclose(
        embedding, model.apply(variables, image, False)[0].embedding, rtol=1e-4, atol=1e-5
    )
    assert seen == [(16, 35), (32, 35), (35, 35)]


def test_flipping_adds_the_mirrored_picture():
    world, model = tiny.world(persons=2, pictures=8), tiny.encoder()
    variables = model.init(jax.random.key(0))
    image = np.stack([records.read(world, row) for row in range(16)])
    got = parallel.build_embed(model, flip=True)(parallel.replicate(variables), image)
    both = [
        distance.normalise(model.apply(variables, x, False)[0].embedding)
        for x in (image, image[:, :, ::-1])
    ]
    np.testing.assert_allclose(got, both[0] + both[1], rtol=1e-4, atol=1e-5)


def test_figures_of_a_perfect_encoder():
    person = np.repeat([1, 2, 3], 4)
    split = np.tile(["query", "gallery", "gallery", "gallery"], 3)
    world = records.make(
        records.Held(np.zeros((12, 8, 8, 3), np.uint8)),
        person,
        np.tile([0, 0, 1, 2], 3),
        split=split,
    )
    result = evaluate.rank_records(np.eye(4, dtype=np.float32)[person], world, metric="cosine")
    figures = dict(evaluate.figures(result))
    assert figures["mAP"] == figures["rank1"] == figures["mINP"] == pytest.approx(1)
    assert figures["queries"] == 3

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from reid_jax import mapped, parallel
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Aux, Batch, Method, Tags, TrainState
from tests import tiny

ROWS = np.arange(8, dtype=np.int32)


@pytest.fixture(params=mapped.MAPS, autouse=True)
def kind(request, monkeypatch):
    """Every test of this file runs with each of the two maps over devices."""
    monkeypatch.setenv("REID_MAP", request.param)


def test_a_tree_goes_to_the_devices_and_back():
    tree = {"a": np.arange(6.0).reshape(2, 3), "b": (np.int32(4), np.zeros(0))}
    copies = parallel.replicate(tree)
    assert copies["a"].shape == (4, 2, 3)
    back = parallel.first(copies)
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    np.testing.assert_array_equal(back["a"], tree["a"])
    assert back["b"][0] == 4


def test_rows_are_dealt_and_gathered_in_order():
    rows = np.arange(8.0)
    dealt = parallel.split(rows)
    assert dealt.shape == (4, 2)
    everyone = parallel.mapped(parallel.gather, (0,))(dealt)
    for device in range(4):
        np.testing.assert_array_equal(everyone[device], rows)


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(
        ValueError,
        match="a batch of 30 rows cannot be split over 4 devices; choose a multiple of 4",
    ):
        parallel.split(np.zeros((30, 2)))
    step = parallel.build_step(_method(0), optax.sgd(0.1), seed=0)
    with pytest.raises(ValueError, match="6 rows"):
        step(parallel.replicate(_start()), jax.tree.map(lambda x: x[:6], _batch(0)))


def test_rows_are_rounded_up_to_the_devices():
    assert [parallel.whole(rows) for rows in (0, 1, 4, 5)] == [0, 4, 4, 8]
    assert parallel.share() == (0, 1) and parallel.agreed(True) and not parallel.agreed(False)


def _method(group):
    """A linear layer and a batch normalisation.

    The loss of each row depends on every other row and on a random number.
    """
    norm = BatchNorm(group=group, average=parallel.average)

    def forward(variables, carry, batch, key):
        x = batch.image.reshape(batch.image.shape[0], -1) @ variables["params"]["w"]
        scaled = {"params": variables["params"]["norm"], "batch_stats": variables["batch_stats"]}
        x, moved = norm.apply(scaled, x, True, mutable=["batch_stats"])
        noise = jax.vmap(lambda index: jax.random.normal(jax.random.fold_in(key, index), (3,)))(
            batch.tags.index
        )
        return {"x": x + 0.1 * noise}, moved["batch_stats"]

    def loss(outputs, tags, carry, step):
        near = jnp.exp(-jnp.square(outputs["x"][:, None] - outputs["x"][None]).sum(-1))
        same = tags.label[:, None] == tags.label[None]
        value = jnp.mean(jnp.where(same, 1 - near, near)) + 0.1 * carry
        return value, Aux({"rows": jnp.float32(len(same))}, near.mean())

    def update(carry, variables, aux):
        return 0.9 * carry + 0.1 * aux.arrays

    return Method(None, None, forward, loss, update)


def _start():
    weights = np.random.default_rng(1).normal(0, 0.2, (12, 3)).astype(np.float32)
    norm = BatchNorm().init(jax.random.key(0), jnp.zeros((2, 3)), False)
    variables = {
        "params": {"w": weights, "norm": norm["params"]},
        "batch_stats": norm["batch_stats"],
    }
    opt = optax.sgd(0.1).init(variables["params"])
    return TrainState(np.int32(0), variables, opt, np.float32(0))


def _batch(step):
    image = np.random.default_rng([2, step]).normal(0.5, 1, (8, 1, 2, 2, 3)).astype(np.float32)
    return Batch(image, Tags(ROWS // 2, ROWS + 8 * step, ROWS % 2, 0 * ROWS, ROWS))


def _trained(devices, group):
    devices = jax.devices()[:devices]
    step = parallel.build_step(_method(group), optax.sgd(0.1), seed=3, devices=devices)
    state, losses = parallel.replicate(_start(), devices), []
    for number in range(5):
        state, metrics = step(state, _batch(number))
        losses.append(float(metrics["loss"][0]))
        assert float(metrics["rows"][0]) == 8
    copies = jax.tree.map(np.asarray, state)
    assert all(
        (leaf == leaf[:1]).all() for leaf in jax.tree.leaves(copies)
    )  # the devices agree bit for bit
    return parallel.first(state), losses


def test_a_step_takes_the_memory_of_the_state():
    state = parallel.replicate(_start())
    step = parallel.build_step(_method(0), optax.sgd(0.1), seed=0)
    after, _ = step(state, _batch(0))
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state.variables["params"]))
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(after))


@pytest.mark.parametrize("group", [0, 2, 4])  # the whole batch; a device's rows; two devices' rows
def test_four_devices_step_as_one(group):
    (four, losses), (one, expected) = _trained(4, group), _trained(1, group)
    assert tiny.difference(four, one) < 1e-5
    np.testing.assert_allclose(losses, expected, atol=1e-5)
    assert (
        four.step == 5
        and tiny.difference(four.variables, _start().variables) > 1e-2
        and four.carry > 0
    )


def test_embeddings_are_those_of_one_device_and_of_both_sides():
    model = tiny.encoder()
    variables = model.init(jax.random.key(0))
    image = np.random.default_rng(0).integers(0, 256, (8, *tiny.SIZE, 3), np.uint8)
    plain = partial(model.apply, variables)
    one = np.asarray(plain(image, False)[0].embedding)
    mirrored = np.asarray(plain(image[:, :, ::-1], False)[0].embedding)
    np.testing.assert_allclose(
        parallel.build_embed(model)(parallel.replicate(variables), image), one, atol=1e-5
    )
    both = sum(x / np.linalg.norm(x, axis=1, keepdims=True) for x in (one, mirrored))
    flipped = parallel.build_embed(model, flip=True)(parallel.replicate(variables), image)
    np.testing.assert_allclose(flipped, both, atol=1e-5)


def test_only_what_was_replaced_is_sent_and_it_keeps_its_shape():
    tree = parallel.replicate({"a": np.arange(3.0, dtype=np.float32), "b": np.zeros(2, np.int32)})
    before = parallel.first(tree)
    after = parallel.renew(tree, before, {**before, "b": np.ones(2, np.int32)})
    assert after["a"] is tree["a"] and after["b"].shape == (4, 2)
    np.testing.assert_array_equal(parallel.first(after)["b"], [1, 1])
    with pytest.raises(ValueError, match=r"'a'.* was float32\[3\] and has become float32\[4\]"):
        parallel.renew(tree, before, {**before, "a": np.zeros(4, np.float32)})
    with pytest.raises(ValueError, match="has become float64"):
        parallel.renew(tree, before, {**before, "a": np.zeros(3)})

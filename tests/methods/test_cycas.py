"""Rows, groups and queues of CycAs; its losses, queue and frame pairs have their own tests."""

from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from reid_jax.data import records
from reid_jax.data.pairs import frame_pairs
from reid_jax.data.simulated import simulated_pairs
from reid_jax.losses import associate, xbm
from reid_jax.methods.cycas import cycas
from reid_jax.models import norm
from reid_jax.types import Batch, Tags, student
from tests import tiny


def films():
    """The tiny world's persons in 2 videos of three persons and 2 scenes of three by two cameras.

    A frame has two or three persons.
    """
    whole = tiny.world(persons=12, pictures=8)
    person, take = whole.person - 1, np.tile(np.arange(8), 12)
    scene = person >= 6
    group = np.where(scene, 10 + (person - 6) // 3, person // 3)
    camera = np.where(scene, take % 2, 0) + 2 * group
    made = records.make(
        whole.image, whole.person, camera, 1, group, frame=np.where(scene, take // 2, take)
    )
    return records.take(made, (person % 3 > 0) | (take > 1))


WORLD = films
NEAR = partial(frame_pairs, pairs=2, crops=5, interval=3, times=4)
SOFT = partial(associate.relaxed, epsilon=0.3)
EXAM = [
    lambda model: cycas(model, groups=2, draw=NEAR, loss=SOFT, memory=64, hardest=5, weight=0.1),
    lambda model: cycas(
        model,
        groups=2,
        draw=partial(NEAR, pairs=3, times=12, early=1),
        memory=48,
        shared=True,
        weight=0.01,
        loss=partial(associate.symmetric, epsilon=0.2),
        clean=True,
    ),
    lambda model: cycas(
        model,
        groups=2,
        memory=0,
        draw=partial(simulated_pairs, persons=4, intra=1.0, inter=1.0, iterations=10),
    ),
]
MOVES = [{"update": ["carry/embedding", "carry/video", "carry/next"]}] * 2 + [{}]
ROOMY = partial(NEAR, crops=7)  # more places than two frames of three persons: some stay empty
RNG = np.random.default_rng(0)


def _batch(made, rows):
    columns = (
        np.full(len(made.group), -1),
        np.arange(len(made.group)),
        made.camera,
        made.domain,
        made.group,
    )
    return Tags(
        *(jnp.asarray(np.where(rows >= 0, column[rows], -1), jnp.int32) for column in columns)
    )


def _start(method, made):
    carry = method.init(jax.random.key(0), made)[1]
    state, plan = method.plan(
        SimpleNamespace(step=np.int32(0)), made, None, np.random.default_rng(8)
    )
    return carry, plan


@pytest.mark.parametrize("shared", [False, True])
def test_each_group_and_each_queue_has_its_own_loss(shared):
    made = films()
    method = cycas(
        tiny.encoder(), groups=2, draw=ROOMY, memory=16, hardest=3, weight=0.5, shared=shared
    )
    carry, plan = _start(method, made)
    assert plan.rows.shape[1] == 28 and (plan.label == -1).all() and (plan.rows < 0).any()
    queues = [[] for _ in carry["video"]]
    assert len(queues) == 2 - shared
    loss, update = jax.jit(method.loss), jax.jit(method.update)
    relaxed, negative = jax.jit(associate.relaxed), jax.jit(partial(xbm.negatives, hardest=3))
    for rows in plan.rows[:5]:
        tags, f = _batch(made, rows), RNG.standard_normal((28, 12), np.float32)
        f /= np.linalg.norm(f, axis=1, keepdims=True)
        value, aux = loss({"f": jnp.asarray(f)}, tags, carry, 0)
        associated, negatives = [], []
        for side, rows_of in zip(f.reshape(2, 2, 7, 12), rows.reshape(2, 2, 7), strict=True):
            first, second = rows_of >= 0
            associated.append(float(relaxed(*side, first_valid=first, second_valid=second)))
        for number, queue in enumerate(queues):
            mine = slice(None) if shared else slice(14 * number, 14 * number + 14)
            valid = rows[mine] >= 0
            z, w = zip(*queue, strict=True) if queue else (np.zeros((1, 12), np.float32), [-1])
            video = made.group[rows[mine][valid]]
            padded = np.zeros((16, 12), np.float32), np.full(16, -1, np.int32)
            padded[0][: len(z)], padded[1][: len(w)] = z, w
            all_videos = np.where(valid, made.group[rows[mine]], -1).astype(np.int32)
            negatives.append(float(negative(f[mine], all_videos, *padded)))
            queue += zip(f[mine][valid], video, strict=True)
            del queue[:-16]
        assert float(aux.metrics["associate"]) == pytest.approx(np.mean(associated), rel=1e-4)
        assert float(aux.metrics["negatives"]) == pytest.approx(0.5 * np.mean(negatives), rel=1e-4)
        assert float(value) == pytest.approx(
            sum(float(one) for one in aux.metrics.values()), rel=1e-6
        )
        carry = update(carry, {}, aux)
    for number, queue in enumerate(queues):
        assert sorted(int(v) for v in carry["video"][number] if v >= 0) == sorted(
            int(v) for _, v in queue
        )


def test_empty_places_have_no_gradient_and_change_no_queue():
    made = films()
    method = cycas(tiny.encoder(), draw=ROOMY, memory=16)
    carry, plan = _start(method, made)
    rows = next(rows for rows in plan.rows if (rows < 0).any())
    f = jnp.asarray(RNG.standard_normal((14, 12), np.float32))
    loss = jax.jit(lambda f, tags: method.loss({"f": f}, tags, carry, 0))
    gradient = jax.grad(lambda f: loss(f, _batch(made, rows))[0])(f)
    assert (np.asarray(gradient)[rows < 0] == 0).all() and np.isfinite(gradient).all()
    empty = _batch(made, np.full(14, -1))
    value, aux = loss(f, empty)
    assert float(value) == 0
    for before, after in zip(
        jax.tree.leaves(carry), jax.tree.leaves(method.update(carry, {}, aux)), strict=True
    ):
        np.testing.assert_array_equal(before, after)


def test_without_a_memory_the_carry_is_empty():
    method = cycas(tiny.encoder(), draw=ROOMY, memory=0)
    carry, plan = _start(method, films())
    value, aux = method.loss({"f": jnp.ones((14, 12))}, _batch(films(), plan.rows[0]), carry, 0)
    assert (
        carry == {} == method.update(carry, {}, aux)
        and set(aux.metrics) == {"associate"}
        and float(value) > 0
    )


def test_a_clean_queue_holds_the_second_view_which_changes_nothing_else():
    made, model = films(), tiny.encoder(norm_average=norm.alone)
    methods = [
        cycas(model, draw=ROOMY, memory=16, hardest=3, clean=clean) for clean in (False, True)
    ]
    variables, carry = methods[0].init(jax.random.key(0), made)
    carry["embedding"], carry["video"] = carry["embedding"] + 0.3, carry["video"] + 100
    rows = _start(methods[0], made)[1].rows[0]
    first = np.stack([made.image[max(int(row), 0)] for row in rows])
    image, tags = jnp.asarray(np.stack([first, 255 - first], axis=1)), _batch(made, rows)

    def run(params, method):
        outputs, stats = method.forward(
            {**variables, "params": params}, carry, Batch(image, tags), jax.random.key(0)
        )
        value, aux = method.loss(outputs, tags, carry, 0)
        return value, (stats, aux.arrays)

    plain, clean = (
        jax.value_and_grad(run, has_aux=True)(variables["params"], method) for method in methods
    )
    both = [
        jax.tree.leaves((value, stats, gradient))
        for (value, (stats, _)), gradient in (plain, clean)
    ]
    for one, other in zip(*both, strict=True):
        np.testing.assert_array_equal(one, other)
    encoder = student(variables, carry)
    for view, ((_, (_, (pushed, video))), _) in enumerate((plain, clean)):
        x = model.apply(encoder, image[:, view], True, None, tags)[0].embedding
        np.testing.assert_allclose(
            pushed[0], x / jnp.linalg.norm(x, axis=1, keepdims=True), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_array_equal(video[0], tags.group)
    with pytest.raises(ValueError, match="a second view"):
        methods[1].forward(variables, carry, Batch(image[:, :1], tags), jax.random.key(0))

"""Theory's mornings against its rules written out with dense matrices; its triplet loss has tests of its own."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from reid_jax.cluster import jaccard
from reid_jax.losses.triplet import semi_hard
from reid_jax.methods.ide import ide
from reid_jax.methods.theory import Clusters, theory
from reid_jax.types import Batch, Tags
from tests import tiny
from tests.cluster.drawn import filled

NEAR = Clusters(rho=0.1, k1=7, k2=2)
SMALL = {"persons": 3, "per_person": 4, "iterations": 4, "epochs": 2, "clusters": NEAR}
WORLD = tiny.mixture


def _two_features():
    """The tiny encoder with a second feature, whose weights begin at 0.3 and not at 0.001: from there the exam's rate throws
    them far, and float32 rounds what is large by more than the exam allows.
    """
    model = tiny.encoder(second=True)

    def init(key):
        def larger(path, leaf):
            return 300 * leaf if "feat" in str(path) and "kernel" in str(path) else leaf

        return jax.tree.map_with_path(larger, model.init(key))

    return model._replace(init=init)


EXAM = [
    lambda model: theory(_two_features(), **SMALL),
    lambda model: theory(model, **{**SMALL, "clusters": Clusters(by="kmeans", k=6), "iterations": 0}),
]
MOVES = [{"plan": ["carry/label", "carry/eps"]}, {"plan": ["carry/label"]}]


class _State(SimpleNamespace):
    def _replace(self, carry):
        return _State(carry=carry, step=self.step)


def _mornings(records, count=1, noise=0.3, steps=4, drift=0.05, **options):
    """(embeddings by morning, what was asked, [(carry, plan)]) with made-up embeddings that move from day to day."""
    method = theory(tiny.encoder(), **{**SMALL, **options})
    rng = np.random.default_rng(0)
    place = np.eye(12)[records.person - 1] + noise * rng.standard_normal((len(records.person), 12))
    seen = [(2 * place + drift * day * rng.standard_normal(place.shape)).astype(np.float32) for day in range(count)]
    asked, told = [], []
    state = _State(carry=jax.tree.map(np.asarray, method.init(jax.random.key(0), records)[1]), step=np.int32(0))
    for day in range(count):

        def see(rows, day=day):
            asked.append((day, rows))
            return seen[day][rows]

        state.step = np.int32(day * steps)
        state, plan = method.plan(state, records, see, np.random.default_rng(day))
        told.append((state.carry, plan))
    return seen, asked, told


def _by_hand(target, source, eps=None, rho=0.1, weight=0.1):
    """(labels, eps, whether pairs are within reach) with dense float64 matrices and scikit-learn's DBSCAN."""
    near = np.exp(-((target[:, None].astype(float) - source[None]) ** 2).sum(2)).max(1)
    term = (1 - near) / (1 - near).max()
    whole = (1 - weight) * filled(jaccard.distance(target, k1=7, k2=2, variant="Z")).astype(float)
    whole += weight * (term[:, None] + term[None])
    above = whole[np.triu_indices(len(target), 1)]
    above = np.sort(above[above != 0])
    eps = above[: round(rho * len(above))].mean() if eps is None else eps
    return DBSCAN(eps=eps, min_samples=4, metric="precomputed").fit_predict(np.maximum(whole, 0)), eps


def _same(a, b):
    """Two labellings are one partition with the same outliers."""
    return np.array_equal((a[:, None] == a[None]) & (a >= 0)[:, None], (b[:, None] == b[None]) & (b >= 0)[:, None])


@pytest.mark.parametrize("normalise", [False, True])
def test_labels_and_eps_are_those_of_the_dense_rules(normalise):
    records = tiny.mixture()
    target, source = records.domain == 1, records.domain == 0
    clusters = NEAR._replace(normalise=normalise)
    seen, asked, told = _mornings(records, count=5, clusters=clusters)
    if normalise:
        seen = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in seen]
    labels, eps = _by_hand(seen[0][target], seen[0][source])
    for day, (carry, plan) in enumerate(told):
        if day % 2 == 0:
            labels, _ = _by_hand(seen[day][target], seen[day][source], eps)
        assert carry["eps"] == pytest.approx(eps, rel=1e-6)  # of the first morning
        assert _same(plan.label[target], labels) and (plan.label[source] == -1).all()
        assert ("eps" in plan.report) == (day % 2 == 0)
        np.testing.assert_array_equal(carry["label"], plan.label)
    assert sorted({day for day, _ in asked}) == [0, 2, 4]
    assert not _same(told[0][1].label, told[4][1].label)


def test_later_labels_do_not_depend_on_what_the_graph_leaves_out():
    """Beyond the first morning the distances above eps are not stored."""
    records = tiny.mixture()
    few = _mornings(records, count=3, drift=0.0)[2]
    assert _same(few[0][1].label, few[2][1].label)


@pytest.mark.parametrize("by", ["hdbscan", "kmeans"])
def test_the_other_clusterings_find_the_persons(by):
    records = tiny.mixture()
    _, asked, [(carry, plan)] = _mornings(records, noise=0.1, clusters=NEAR._replace(by=by, k=6))
    target = records.domain == 1
    assert plan.report["purity"] == 1 and plan.report["labels"] == 6 and carry["eps"] == -1
    assert len(asked) == (1 if by == "kmeans" else 2)
    assert plan.rows.shape == (4, 12) and target[plan.rows].all()


def test_batches_hold_whole_labels_however_few_there_are():
    records = tiny.mixture()
    _, _, [(_, plan)] = _mornings(records, noise=0.1, persons=8)  # 6 persons
    labels = plan.label[plan.rows].reshape(4, 8, 4)
    assert (labels == labels[:, :, :1]).all() and (labels >= 0).all()


def test_cameras_choose_labels_and_rows():
    records = tiny.mixture()
    first = records.person == records.person.max()
    records = records._replace(camera=np.where(first, 0, np.arange(len(records.person)) % 3).astype(np.int32))
    [(_, every)], [(_, some)] = (
        _mornings(records, noise=0.1, clusters=NEAR._replace(cameras=cameras), other_cameras=True)[2]
        for cameras in (1, 2)
    )
    assert (every.label[first] >= 0).any() and (some.label[first] == -1).all()
    assert some.label.max() == every.label.max() - 1
    batches = records.camera[some.rows].reshape(-1, 4)
    assert (batches[:, 1:] != batches[:, :1]).all()


def test_no_iterations_are_a_pass_over_the_target():
    _, _, told = _mornings(tiny.mixture(), count=3, iterations=0, noise=0.1)
    assert [plan.rows.shape for _, plan in told] == [(4, 12)] * 3


def test_a_clustering_without_labels_keeps_the_last_ones():
    records = tiny.mixture()
    _, _, told = _mornings(records, count=3, noise=0.1, drift=30.0)
    assert told[2][1].report["labels"] >= 2
    np.testing.assert_array_equal(told[0][1].label, told[2][1].label)
    with pytest.raises(ValueError, match="clustering gave 0 labels of 48"):
        _mornings(records, noise=30.0, clusters=NEAR._replace(rho=0.005))


def test_both_features_have_a_triplet_loss():
    model, records = tiny.encoder(norm_average=_alone, second=True), tiny.mixture()
    method = theory(model, **SMALL)
    variables, carry = method.init(jax.random.key(0), records)
    rows = np.arange(48, 64)
    label = jnp.asarray(records.person[rows] - 1)
    tags = Tags(label, *[jnp.asarray(rows, jnp.int32)] * 4)
    image = jnp.stack([records.image[int(row)] for row in rows])[:, None]
    outputs, stats = method.forward(variables, carry, Batch(image, tags), jax.random.key(0))
    value, aux = method.loss(outputs, tags, carry, 0)
    seen = model.apply({name: tree["encoder"] for name, tree in variables.items()}, image[:, 0], True)[0]
    part = variables["params"]["encoder"]["feat"]
    plain = np.float64(seen.embedding) @ np.float64(part["fc_0"]["kernel"])
    x2 = np.maximum((plain - plain.mean(0)) / np.sqrt(plain.var(0) + 1e-5), 0)
    np.testing.assert_allclose(outputs["feature"], seen.feature)
    np.testing.assert_allclose(outputs["f"], seen.embedding)
    np.testing.assert_allclose(outputs["second"], x2, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(value, semi_hard(seen.feature, label) + semi_hard(np.float32(x2), label), rtol=1e-3)
    assert set(aux.metrics) == {"triplet", "second_triplet"} and "feat" in stats["encoder"]


def _alone(moments, span):
    return moments, 1


def test_stage_one_classifies_the_second_feature():
    method = ide(tiny.encoder(norm_average=_alone, second=True), persons=2, per_person=2)
    variables, carry = method.init(jax.random.key(0), tiny.world())
    tags = Tags(*[jnp.zeros(4, jnp.int32)] * 5)

    def logits(variables):
        batch = Batch(jnp.asarray(np.random.default_rng(0).integers(0, 256, (4, 1, 8, 8, 3)), jnp.uint8), tags)
        return method.forward(variables, carry, batch, jax.random.key(0))[0]["logits"].sum()

    gradient = jax.grad(lambda params: logits({**variables, "params": params}))(variables["params"])
    assert np.abs(gradient["encoder"]["feat"]["fc_0"]["kernel"]).max() > 0


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="no target image"):
        theory(tiny.encoder()).init(jax.random.key(0), tiny.world())
    alone = tiny.world()._replace(domain=np.ones(96, np.int32))
    with pytest.raises(ValueError, match="no source image"):
        theory(tiny.encoder()).init(jax.random.key(0), alone)
    theory(tiny.encoder(), clusters=Clusters(weight=0.0)).init(jax.random.key(0), alone)
    with pytest.raises(ValueError, match="expected one of dbscan, hdbscan, kmeans"):
        theory(tiny.encoder(), clusters=Clusters(by="k-means"))
    with pytest.raises(ValueError, match="choose a smaller rho"):
        _mornings(tiny.mixture(), clusters=NEAR._replace(rho=1.0))

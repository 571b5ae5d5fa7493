"""Theory's plans against its rules with dense matrices; its triplet loss has its own tests."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from reid_jax.clustering import jaccard
from reid_jax.losses.triplet import semi_hard
from reid_jax.methods.ide import ide
from reid_jax.methods.theory import Clusters, theory
from reid_jax.types import Batch, Tags, student
from tests import tiny
from tests.clustering.drawn import filled

NEAR = Clusters(rho=0.1, k1=7, k2=2)
SMALL = {"persons": 3, "per_person": 4, "iterations": 4, "epochs": 2, "clusters": NEAR}
WORLD = tiny.mixture


def _two_features():
    """The tiny encoder with a second feature, whose weights start at 0.3 instead of 0.001.

    From 0.001 the exam's learning rate makes them so large that float32's rounding exceeds the
    exam's tolerance.
    """
    model = tiny.encoder(second=True)

    def init(key):
        def larger(path, leaf):
            return 300 * leaf if "feat" in str(path) and "kernel" in str(path) else leaf

        return jax.tree.map_with_path(larger, model.init(key))

    return model._replace(init=init)


EXAM = [
    lambda model: theory(_two_features(), **SMALL),
    lambda model: theory(
        model, **{**SMALL, "clusters": Clusters(by="kmeans", k=6), "iterations": 0}
    ),
]
MOVES = [{"plan": ["carry/label", "carry/eps"]}, {"plan": ["carry/label"]}]


class _State(SimpleNamespace):
    def _replace(self, carry):
        return _State(carry=carry, step=self.step)


def _plan_epochs(records, count=1, noise=0.3, steps=4, drift=0.05, **options):
    """(embeddings of each epoch, (epoch, embedded rows), [(carry, plan)]).

    The embeddings are made up and change from epoch to epoch.
    """
    method = theory(tiny.encoder(), **{**SMALL, **options})
    rng = np.random.default_rng(0)
    place = np.eye(12)[records.person - 1] + noise * rng.standard_normal((len(records.person), 12))
    embedding = [
        (2 * place + drift * epoch * rng.standard_normal(place.shape)).astype(np.float32)
        for epoch in range(count)
    ]
    embedded, epochs = [], []
    state = _State(
        carry=jax.tree.map(np.asarray, method.init(jax.random.key(0), records)[1]), step=np.int32(0)
    )
    for epoch in range(count):

        def embed(rows, epoch=epoch):
            embedded.append((epoch, rows))
            return embedding[epoch][rows]

        state.step = np.int32(epoch * steps)
        state, plan = method.plan(state, records, embed, np.random.default_rng(epoch))
        epochs.append((state.carry, plan))
    return embedding, embedded, epochs


def _by_hand(target, source, eps=None, rho=0.1, weight=0.1):
    """(labels, eps) with dense float64 matrices and scikit-learn's DBSCAN."""
    near = np.exp(-((target[:, None].astype(float) - source[None]) ** 2).sum(2)).max(1)
    term = (1 - near) / (1 - near).max()
    whole = (1 - weight) * filled(jaccard.distance(target, k1=7, k2=2, variant="Z")).astype(float)
    whole += weight * (term[:, None] + term[None])
    above = whole[np.triu_indices(len(target), 1)]
    above = np.sort(above[above != 0])
    eps = above[: round(rho * len(above))].mean() if eps is None else eps
    return DBSCAN(eps=eps, min_samples=4, metric="precomputed").fit_predict(
        np.maximum(whole, 0)
    ), eps


def _same(a, b):
    """Two labellings are one partition with the same outliers."""
    return np.array_equal(
        (a[:, None] == a[None]) & (a >= 0)[:, None], (b[:, None] == b[None]) & (b >= 0)[:, None]
    )


@pytest.mark.parametrize("normalise", [False, True])
def test_labels_and_eps_are_those_of_the_dense_rules(normalise):
    records = tiny.mixture()
    target, source = records.domain == 1, records.domain == 0
    clusters = NEAR._replace(normalise=normalise)
    embedding, embedded, epochs = _plan_epochs(records, count=5, clusters=clusters)
    if normalise:
        embedding = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in embedding]
    labels, eps = _by_hand(embedding[0][target], embedding[0][source])
    for epoch, (carry, plan) in enumerate(epochs):
        if epoch % 2 == 0:
            labels, _ = _by_hand(embedding[epoch][target], embedding[epoch][source], eps)
        assert carry["eps"] == pytest.approx(eps, rel=1e-6)  # of the first epoch
        assert _same(plan.label[target], labels) and (plan.label[source] == -1).all()
        assert ("eps" in plan.report) == (epoch % 2 == 0)
        np.testing.assert_array_equal(carry["label"], plan.label)
    assert sorted({epoch for epoch, _ in embedded}) == [0, 2, 4]
    assert not _same(epochs[0][1].label, epochs[4][1].label)


def test_later_labels_do_not_depend_on_pairs_that_are_not_stored():
    """After the first epoch the distances above eps are not stored."""
    records = tiny.mixture()
    few = _plan_epochs(records, count=3, drift=0.0)[2]
    assert _same(few[0][1].label, few[2][1].label)


@pytest.mark.parametrize("by", ["hdbscan", "kmeans"])
def test_the_other_clusterings_find_the_persons(by):
    records = tiny.mixture()
    _, embedded, [(carry, plan)] = _plan_epochs(
        records, noise=0.1, clusters=NEAR._replace(by=by, k=6)
    )
    target = records.domain == 1
    assert plan.report["purity"] == 1 and plan.report["labels"] == 6 and carry["eps"] == -1
    assert len(embedded) == (1 if by == "kmeans" else 2)
    assert plan.rows.shape == (4, 12) and target[plan.rows].all()


def test_batches_hold_whole_labels_however_few_there_are():
    records = tiny.mixture()
    _, _, [(_, plan)] = _plan_epochs(records, noise=0.1, persons=8)  # 6 persons
    labels = plan.label[plan.rows].reshape(4, 8, 4)
    assert (labels == labels[:, :, :1]).all() and (labels >= 0).all()


def test_cameras_choose_labels_and_rows():
    records = tiny.mixture()
    first = records.person == records.person.max()
    records = records._replace(
        camera=np.where(first, 0, np.arange(len(records.person)) % 3).astype(np.int32)
    )
    [(_, every)], [(_, some)] = (
        _plan_epochs(
            records, noise=0.1, clusters=NEAR._replace(cameras=cameras), other_cameras=True
        )[2]
        for cameras in (1, 2)
    )
    assert (every.label[first] >= 0).any() and (some.label[first] == -1).all()
    assert some.label.max() == every.label.max() - 1
    batches = records.camera[some.rows].reshape(-1, 4)
    assert (batches[:, 1:] != batches[:, :1]).all()


def test_no_iterations_are_a_pass_over_the_target():
    _, _, epochs = _plan_epochs(tiny.mixture(), count=3, iterations=0, noise=0.1)
    assert [plan.rows.shape for _, plan in epochs] == [(4, 12)] * 3


def test_a_clustering_without_labels_keeps_the_last_ones():
    records = tiny.mixture()
    _, _, epochs = _plan_epochs(records, count=3, noise=0.1, drift=30.0)
    assert epochs[2][1].report["labels"] >= 2
    np.testing.assert_array_equal(epochs[0][1].label, epochs[2][1].label)
    with pytest.raises(ValueError, match="clustering gave 0 labels of 48"):
        _plan_epochs(records, noise=30.0, clusters=NEAR._replace(rho=0.005))


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
    out, _ = model.apply(student(variables, carry), image[:, 0], True)
    part = variables["params"]["encoder"]["feat"]
    plain = np.float64(out.embedding) @ np.float64(part["fc_0"]["kernel"])
    x2 = np.maximum((plain - plain.mean(0)) / np.sqrt(plain.var(0) + 1e-5), 0)
    np.testing.assert_allclose(outputs["feature"], out.feature)
    np.testing.assert_allclose(outputs["f"], out.embedding)
    np.testing.assert_allclose(outputs["second"], x2, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        value, semi_hard(out.feature, label) + semi_hard(np.float32(x2), label), rtol=1e-3
    )
    assert set(aux.metrics) == {"triplet", "second_triplet"} and "feat" in stats["encoder"]


def _alone(moments, span):
    return moments, 1


def test_stage_one_classifies_the_second_feature():
    method = ide(tiny.encoder(norm_average=_alone, second=True), persons=2, per_person=2)
    variables, carry = method.init(jax.random.key(0), tiny.world())
    tags = Tags(*[jnp.zeros(4, jnp.int32)] * 5)

    def logits(variables):
        batch = Batch(
            jnp.asarray(np.random.default_rng(0).integers(0, 256, (4, 1, 8, 8, 3)), jnp.uint8), tags
        )
        return method.forward(variables, carry, batch, jax.random.key(0))[0]["logits"].sum()

    gradient = jax.grad(lambda params: logits({**variables, "params": params}))(variables["params"])
    assert np.abs(gradient["encoder"]["feat"]["fc_0"]["kernel"]).max() > 0


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="no target image"):
        theory(tiny.encoder()).init(jax.random.key(0), tiny.world())
    alone = tiny.world()._replace(domain=np.ones(96, np.int32))
    with pytest.raises(ValueError, match="no source image"):
        theory(tiny.encoder()).init(jax.random.key(0), alone)
    theory(tiny.encoder(), clusters=Clusters(weight=0.0)).init(jax.random.key(0), alone)
    with pytest.raises(ValueError, match="expected one of dbscan, hdbscan, kmeans"):
        theory(tiny.encoder(), clusters=Clusters(by="k-means"))
    with pytest.raises(ValueError, match="choose a smaller rho"):
        _plan_epochs(tiny.mixture(), clusters=NEAR._replace(rho=1.0))

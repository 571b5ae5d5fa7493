"""The operating point against scikit-learn's ROC, loops over pairs and worked cases."""

import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score, roc_curve

from reid_jax.retrieval import operating, point
from reid_jax.retrieval.tally import BINS, EDGES, Tally
from tests.retrieval import drawn

STEP = 2 / BINS


def _pairs(query, gallery, named, same_camera=False):
    """Whether each pair that counts is of one person, its cosine, and its query."""
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, gallery)]
    cosine = unit[0].astype(np.float64) @ unit[1].T.astype(np.float64)
    one, other = named["query_person"][:, None], named["gallery_person"][None]
    same = one == other
    junk = same & (named["query_camera"][:, None] == named["gallery_camera"][None])
    junk &= named["query_camera"][:, None] >= 0
    counted = (one >= 1) & (other >= 0) & ~(junk & (not same_camera))
    return same[counted], cosine[counted], np.nonzero(counted)[0]


@pytest.fixture(scope="module")
def problem():
    query, gallery, named = drawn.official()
    named["query_person"][::9], named["gallery_person"][::11] = -1, -1
    named["query_camera"][::8] = -1
    return 3 * query, gallery, named


@pytest.fixture(scope="module")
def curves(problem):
    return operating.curves(*problem[:2], **problem[2])


def test_rates_are_scikit_learns(problem, curves):
    same, cosine, _ = _pairs(*problem[:2], problem[2])
    assert (curves.same.pairs, curves.other.pairs) == (same.sum(), (~same).sum())
    for at in range(0, BINS + 1, 512):
        edge = EDGES[at]
        assert curves.fmr[at] == pytest.approx((cosine[~same] >= edge).mean(), abs=2e-4)
        assert curves.fnmr[at] == pytest.approx((cosine[same] < edge).mean(), abs=2e-3)
    fpr, tpr, _ = roc_curve(same, cosine)
    found = point.labelled(curves, 0.01)
    assert found.tpr == pytest.approx(tpr[np.flatnonzero(fpr <= 0.01)[-1]], abs=3e-3)
    miss = np.abs((1 - tpr) - fpr).argmin()
    assert found.eer == pytest.approx((fpr[miss] + 1 - tpr[miss]) / 2, abs=2e-3)
    area = -np.trapezoid(1 - curves.fnmr, curves.fmr)
    assert area == pytest.approx(roc_auc_score(same, cosine), abs=1e-3)


def test_a_threshold_keeps_its_rate_and_a_lower_one_does_not(problem, curves):
    same, cosine, _ = _pairs(*problem[:2], problem[2])
    for rate in (0.001, 0.02, 0.3):
        threshold, low, high = curves.other.threshold(rate)
        assert (cosine[~same] >= threshold + 1e-6).mean() <= rate
        assert (cosine[~same] >= threshold - STEP - 1e-6).mean() > rate
        assert low <= threshold <= high and high - low < 0.1


def test_the_interval_is_that_of_a_loop_that_draws_persons(problem, curves):
    query, gallery, named = problem
    same, cosine, row = _pairs(query, gallery, named)
    person, rng, drawn_ = named["query_person"][row][~same], np.random.default_rng(5), []
    own = {one: cosine[~same][person == one] for one in np.unique(person)}
    for _ in range(400):
        some = np.concatenate([own[one] for one in rng.choice([*own], len(own))])
        drawn_.append(np.quantile(some, 1 - 0.01))
    _, low, high = curves.other.threshold(0.01)
    np.testing.assert_allclose((low, high), np.percentile(drawn_, (2.5, 97.5)), atol=0.01)


def test_open_set_figures_are_those_of_a_loop(problem, curves):
    same, cosine, row = _pairs(*problem[:2], problem[2])
    queries = np.unique(row)
    stranger = np.array([cosine[(row == q) & ~same].max() for q in queries])
    own = [cosine[(row == q) & same].max(initial=-np.inf) for q in queries]
    for fpir in (0.01, 0.1, 0.5):
        bar = np.sort(stranger)[::-1][int(fpir * len(queries))]
        assert (stranger > bar).mean() <= fpir
        hits = [o > max(s, bar) for o, s in zip(own, stranger, strict=True) if o > -np.inf]
        assert curves.identified(fpir) == pytest.approx(np.mean(hits))


def test_pairs_of_one_camera_count_where_they_should(problem):
    query, gallery, named = problem
    counted = operating.curves(query, gallery, **named, same_camera=True)
    same = _pairs(query, gallery, named, same_camera=True)[0]
    assert counted.same.pairs == same.sum()


def test_probabilities(problem, curves):
    same, cosine, _ = _pairs(*problem[:2], problem[2])
    found = point.labelled(curves, 0.01)
    weight = np.where(same, 1 / same.sum(), 1 / (~same).sum())
    level = IsotonicRegression(y_min=0, y_max=1).fit(cosine, same, weight)
    at = np.linspace(-0.5, 0.95, 30)
    # far from a knot both are steps of the same height; the mean difference is that of the bins
    assert (
        np.abs(
            found.chance(at)
            - level.predict(np.clip(at, *cosine[[cosine.argmin(), cosine.argmax()]]))
        ).mean()
        < 0.02
    )
    for by in ("isotonic", "logistic"):
        line = found.chance(at, by=by)
        assert (np.diff(line) >= 0).all() and line[0] < 0.05 and line[-1] > 0.95
        rare = found.chance(at, by=by, prior=0.001)
        np.testing.assert_allclose(
            rare, line * 0.001 / (line * 0.001 + (1 - line) * 0.999), atol=1e-12
        )
        # of the pairs that are said to be one person with p, about a share p is
        near = np.abs(found.chance(cosine, by=by) - 0.5) < 0.15
        assert np.average(same[near], weights=weight[near]) == pytest.approx(0.5, abs=0.12)
    with pytest.raises(ValueError, match="prior=1"):
        found.chance(0.5, prior=1)
    with pytest.raises(ValueError, match="labels do"):
        point.Point(0.1, 0.5, 0.4, 0.6, 100).chance(0.5)


def test_refusals(problem, curves):
    query, gallery, named = problem
    with pytest.raises(ValueError, match=r"0\.0001 needs 100,000 pairs of different persons, and"):
        curves.other.threshold(1e-4)
    for rate in (0, 1, -1, np.nan):
        with pytest.raises(ValueError, match="choose between 0 and 1"):
            curves.other.threshold(rate)
    with pytest.raises(ValueError, match="no pair of one person by two cameras"):
        operating.curves(query, gallery, **{**named, "gallery_person": np.zeros(500, int)})
    one = {"gallery_person": np.ones(500, int), "query_person": np.ones(100, int)}
    with pytest.raises(ValueError, match="no pair of different persons"):
        operating.curves(query, gallery, **{**named, **one})
    with pytest.raises(ValueError, match="embed both with one model"):
        operating.curves(query[:, :3], gallery, **named)
    with pytest.raises(ValueError, match="no pair of one person"):
        operating.curves(
            query[:0], gallery, **{k: v[: 500 * ("g" in k[0])] for k, v in named.items()}
        )
    broken = gallery.copy()
    broken[3] = np.nan
    with pytest.raises(ValueError, match=r"1 of 500 gallery embeddings .* rows 3;"):
        operating.curves(query, broken, **named)


def test_a_point_is_kept_with_its_encoder(curves, tmp_path):
    weights = {"params": {"a": np.arange(6, dtype=np.float32), "b": np.zeros((2, 3), np.float32)}}
    assert point.load(tmp_path, weights) is None
    found = point.labelled(curves, 0.01)
    path = point.save(tmp_path, found, weights)
    assert point.load(tmp_path, weights) == found
    blind = point.Point(0.1, 0.5, 0.4, 0.6, 100)
    point.save(tmp_path, blind, weights)
    assert repr(point.load(tmp_path, weights)) == repr(blind) and "NaN" not in path.read_text()
    other = {"params": {**weights["params"], "b": np.ones((2, 3), np.float32)}}
    with pytest.raises(ValueError, match="is of another encoder"):
        point.load(tmp_path, other)
    for text in ("", "{}", "[]", '{"encoder": "a", "typo": 1}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="(is no|is not an) operating point.*; measure again"):
            point.load(tmp_path, weights)


def test_a_tally_of_nothing():
    assert np.isnan(Tally(0).reached()).all() and Tally(0).pairs == 0


def test_annotations_hold(problem):
    query, gallery, named = problem
    typed = jaxtyped(typechecker=beartype)
    assert typed(operating.curves)(query, gallery, **named).same.pairs > 0

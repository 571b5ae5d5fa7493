"""What a report says of a run, and that its pictures explain themselves."""

import types

import numpy as np
import pytest

from experiments import cycas, domainmix, ide, mmt, remix, report, spcl
from reid_jax import evaluate
from reid_jax.app import about, baselines, canvas, distances, lists, markdown, sheets
from reid_jax.app.about import About
from reid_jax.app.page import inks
from reid_jax.data import records
from reid_jax.retrieval.distances import DistanceCounts
from reid_jax.types import Plan
from tests import tiny


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (cycas.Config(data="csv:a"), "`csv:a`"),
        (spcl.Config(data="csv:a", target="csv:b"), "`csv:a` and `csv:b` without its labels"),
        (spcl.Config(data="", target="csv:b"), "`csv:b` without its labels"),
        (domainmix.Config(data="csv:a", target=""), "`csv:a`"),
        (domainmix.Config(data="", target="csv:b", pseudo_labels="given"), "`csv:b`"),
        (mmt.Config(target="csv:b", first="runs/a", second="runs/b"), "`csv:b` without its labels"),
        (remix.Config(data="csv:a", videos="csv:v"), "`csv:a` and the videos of `csv:v`"),
        (remix.Config(data="csv:a", videos="csv:v", labels=0), "`csv:a`"),
        (
            remix.Config(data="csv:a", videos="", labelled=0.25),
            "`csv:a` and 75% of its persons without their labels",
        ),
    ],
)
def test_it_names_what_was_learnt_from(config, said):
    assert markdown.trained_on(config) == said


def _job(train, test):
    return types.SimpleNamespace(train=train, test=test, model=types.SimpleNamespace(start=""))


def _test_part():
    """Two queries of two persons, three pictures in the gallery."""
    return records.make(
        np.zeros((5, 8, 4, 3), np.uint8),
        person=np.array([1, 2, 1, 2, 2]),
        camera=np.array([0, 0, 1, 1, 1]),
        split=np.array(["query", "query", "gallery", "gallery", "gallery"]),
    )


FIGURES = dict.fromkeys(("mAP", "rank1", "rank5", "mINP"), 0.5)


def test_it_opens_with_what_was_trained_and_tested():
    config = ide.Config(data="csv:a", test="csv:c", epochs=3)
    whence = About("ide", "street", "9.9.9", "runs/before")
    lines = markdown.opening(_job(tiny.world(3, 4), _test_part()), config, whence, epochs=2)
    for said in ("`ide`", "recipe street", "2 epochs of 3", "9.9.9", "`runs/before`"):
        assert said in lines[0]
    assert "`csv:a`: 12 pictures, 3 persons, 3 cameras" in lines[1]
    assert "`csv:c`: 2 queries of 2 persons in a gallery of 3 pictures" in lines[2]
    table = {"the network, as it began": {**FIGURES, "mAP": 0.7}, markdown.TRAINED: FIGURES}
    assert "not better than the network, as it began" in markdown.verdict(table)
    assert not markdown.verdict({**table, markdown.TRAINED: {**FIGURES, "mAP": 0.9}})
    told = [one[0] for one in markdown.following("runs/a", config, whence, True)]
    assert "reid-jax evaluate --workdir=runs/a --test=csv:/my/test.csv" in told
    assert "reid-jax ide --workdir=NEW --config.weights=runs/a ..." in told


@pytest.mark.parametrize(
    ("config", "tested", "looked"),
    [
        (spcl.Config(data="", target="csv:b"), "csv:b", "csv:b"),
        (spcl.Config(data="", target="csv:b", test="csv:c"), "csv:c", "csv:b"),
        (remix.Config(data="csv:a", test="", videos="csv:v"), "csv:a", "csv:v"),
        (remix.Config(data="csv:a", test="", videos="csv:v", labels=0), "csv:a", "csv:a"),
    ],
)
def test_it_names_the_data_of_the_test_and_of_the_pictures(config, tested, looked):
    assert (markdown.tested_on(config), markdown.looked_at(config)) == (tested, looked)


def test_without_a_test_it_says_so_and_how_to_make_one():
    job = _job(tiny.world(3, 4), records.take(_test_part(), np.zeros(0, int)))
    config = ide.Config(data="csv:a", test="")
    lines = markdown.opening(job, config, About(), epochs=10)
    assert "**Not tested**: `csv:a` has no query and no gallery picture." in lines
    told = " ".join(one[0] for one in markdown.no_test("runs/a"))
    assert "path,person,camera,split" in told and "--config.test=" in told
    assert "reid-jax evaluate --workdir=runs/a" in told
    assert "evaluate" not in str(markdown.following("runs/a", config, About(), False))


def test_the_health_of_pseudo_labels():
    """Of 6 labelled and 8 other pictures: labels of 4 and 2, an outlier, one like SpCL's."""
    train = tiny.world(2, 7)._replace(domain=(np.arange(14) >= 6).astype(np.int32))
    label = np.array([9] * 6 + [1, 1, 1, 1, 2, 2, -1, 3])
    train = train._replace(camera=np.array([0] * 6 + [0, 1, 0, 1, 2, 2, 0, 1]))
    figures = {"labels": 2.0, "labelled": 6.0, "outlier_part": 0.25}
    plan = Plan(np.zeros((1, 1), int), label, figures)
    text = "\n".join(markdown.health(plan, train))
    assert "2 labels of 6 pictures; 25%" in text and "2 to 4 pictures (median 3)" in text
    assert "50% of the labels are of one camera only" in text and "persons are unknown" in text
    known = "\n".join(markdown.health(plan._replace(report={**figures, "purity": 0.75}), train))
    assert "Purity 75%" in known and "unknown" not in known
    assert markdown.health(None, train) == markdown.health(plan._replace(report={}), train) == []
    config = spcl.Config(eps=0.6)
    assert "smaller `--config.eps` than 0.6" in markdown.radius(plan, train, config)  # 4 of 6
    loose = {**figures, "labelled": 8.0, "outlier_part": 0.6}
    assert "larger" in markdown.radius(plan._replace(report=loose), train, config)
    assert not markdown.radius(plan, train, ide.Config())


@pytest.mark.parametrize("width", [300, 900])
def test_a_caption_fits_its_sheet_and_leaves_it_as_it_is(width):
    sheet = np.full((50, width, 3), 77, np.uint8)
    title = "Data: csv:/a/very/long/path/" + "x" * 200
    made = canvas.captioned(sheet, title, "A sentence of some words. " * 12)
    band = made[:-50]
    assert made.shape[1] >= width and len(band) > 60
    np.testing.assert_array_equal(made[-50:, :width], sheet)
    dark = np.flatnonzero((band < 128).all(-1).any(0))
    assert dark.min() > 0 and dark.max() < made.shape[1] - 1  # no letter is cut
    longer = canvas.captioned(sheet, title, "A sentence of some words. " * 24)
    assert len(longer) > len(made)


def test_wrapping_loses_no_letter():
    text = "one two three-" + "y" * 90 + " four"
    lines = canvas.wrapped(text, 120, canvas.TEXT)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert len(lines) > 5 and "one two" in lines[0]


def _frames(sheet, ink):
    """How many pixels have exactly the colour of a frame."""
    return int((sheet == np.array(ink.rgb, np.uint8)).all(-1).sum())


def test_blue_is_right_and_orange_is_wrong_in_every_sheet():
    test = _test_part()
    same = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [0, 1]], np.float32)  # of each person
    edge = 136 * 70 - 128 * 64  # pixels of a frame
    result = evaluate.rank_records(same, test, metric="cosine")
    drawn = canvas.drawn(lists.ranked(lists.Tested(test, same, result, "cosine", False, "csv:c")))
    assert _frames(drawn, inks.RIGHT) == 3 * edge
    assert _frames(drawn, inks.WRONG) == 3 * edge
    near = canvas.drawn(sheets.neighbours(same, test, "cosine", 0, "csv:c", across=1))
    assert _frames(near, inks.RIGHT) == 5 * edge and not _frames(near, inks.WRONG)
    unknown = test._replace(person=np.full(5, -1, np.int32))
    near = canvas.drawn(sheets.neighbours(same, unknown, "cosine", 0, "csv:c", across=1))
    assert not _frames(near, inks.RIGHT) and not _frames(near, inks.WRONG)
    label = np.array([0, -1, 0, 0, -1])  # persons 1, 1, 2
    found = canvas.drawn(sheets.clusters(label, test, 0, "csv:c"))
    assert _frames(found, inks.RIGHT) == 2 * edge
    assert _frames(found, inks.WRONG) == edge


def test_blue_is_the_same_person_in_distances_too(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(canvas, "save", lambda path, image: drawn.append(image))
    near, far = (np.bincount([place], minlength=100) for place in (10, 90))
    distances.histograms({"test": DistanceCounts(same=near, other=far)}, tmp_path / "d.png")
    places = []
    for ink in (inks.RIGHT, inks.WRONG):
        shade = np.round(0.6 * np.array(ink.rgb) + 0.4 * 255)  # half transparent on white
        places.append(np.flatnonzero((np.abs(drawn[0] - shade) <= 2).all(-1)[200:].any(0)).min())
    assert places[0] < places[1]
    distances.histograms({}, tmp_path / "d.png")
    assert len(drawn) == 1
    evil = DistanceCounts(same=near, other=far)
    distances.histograms({"csv:$HOME^{/$x": evil}, tmp_path / "d.png")  # no formula
    assert len(drawn) == 2


def test_persons_of_two_domains_with_one_number_share_no_row():
    mixed = tiny.world(4, 3)
    mixed = mixed._replace(person=np.repeat([1, 2, 1, 2], 3), domain=np.repeat([0, 1], 6))
    mixed = mixed._replace(group=np.arange(12) // 3, camera=np.full(12, -1))
    sheet = sheets.data_sheet(mixed, 0, "title")
    assert {row.name: {tile.caption for tile in row.tiles} for row in sheet.rows} == {
        "person 1\nlabelled": {("video 0",)},
        "person 2\nlabelled": {("video 1",)},
        "person 1\nunlabelled": {("video 2",)},
        "person 2\nunlabelled": {("video 3",)},
    }


@pytest.mark.parametrize(
    ("start", "its", "said"),
    [
        ("a.pth", "a.pth", "the network, as it began (a.pth)"),
        ("", "", "the network, as it began (random numbers)"),
        ("", "a.pth", "the network, from random numbers; its start, a.pth, is gone"),
        ("", None, "the network, from random numbers; what the run began with is not known"),
    ],
)
def test_the_untrained_row_says_what_it_is(start, its, said):
    assert baselines.began(start, its) == said


def test_a_redrawn_report_begins_with_the_weights_of_the_run_or_with_none(tmp_path):
    model = tiny.encoder()
    config = types.SimpleNamespace(weights="")
    for start in (None, "", str(tmp_path / "gone.pth")):
        assert report.started(config, model, start) is model
    assert about.read(tmp_path) == About("", "", "", None)


def test_large_test_sets_have_no_colour_histograms(monkeypatch, capsys):
    monkeypatch.setattr(baselines, "embed_rows", lambda *rest: np.zeros((5, 2), np.float32))
    monkeypatch.setattr(baselines.parallel, "replicate", lambda tree: tree)
    job = _job(tiny.world(3, 4), _test_part())
    job.model.init = lambda key: {}
    monkeypatch.setattr(about, "started", lambda job: "")
    rest = (types.SimpleNamespace(seed=0), None, {}, About("", "", "", None))
    made = baselines.embeddings(job, *rest)
    assert len(made) == 3 and next(iter(made.values())).shape == (5, 6 * 8**3)
    monkeypatch.setattr(baselines, "HISTOGRAMS", 4)
    assert [*baselines.embeddings(job, *rest)] == [*made][1:]
    assert "no colour histograms of 5 test pictures" in capsys.readouterr().out

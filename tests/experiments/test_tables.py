"""Every row of every table makes a command that its script accepts, with every recipe it names."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

import experiments
from experiments import domainmix, spcl
from experiments.tables import __main__ as tables
from experiments.tables import sets, targets
from experiments.tables.results import Result, markdown
from experiments.tables.trainings import Asked, lacking, trainings, wanted, with_needed
from experiments.tables.weights import named_files, started
from reid_jax import encoders
from reid_jax.app import kinds, labels, words
from reid_jax.app import table as rows_of
from reid_jax.app.protocols.places import placed
from reid_jax.models import backbones
from tests.data.sets import miniature
from tests.data.sets.miniature import plant
from tests.experiments.test_kinds import MAKERS

EXPERIMENTS = experiments.find()

CLAIMED = [
    pytest.param(script, table, recipe, id=f"{name}.{number}-{recipe}")
    for name, script in EXPERIMENTS.items()
    for number, table in script.tables.items()
    for recipe in table.recipes
]
ROWS = [
    (f"{name}.{number}", row)
    for name, script in EXPERIMENTS.items()
    for number, table in script.tables.items()
    for row in table.rows
]
LIE = {name: f"csv:/data/{name}.csv" for name in sets.SETS}


def made(table, script, recipe, given=(), lie=LIE):
    """The trainings of a table in /runs."""
    name = next(name for name, one in EXPERIMENTS.items() if one is script)
    return trainings(table, Asked(EXPERIMENTS, name, recipe, list(given), lie), Path("/runs"))


@pytest.mark.parametrize(("script", "table", "recipe"), CLAIMED)
def test_every_row_makes_a_command(script, table, recipe):
    listed = made(table, script, recipe)
    files = {one.start: f"/weights/{one.start}" for one in listed if one.start}
    assert not lacking(listed)
    trained = {}
    for one in started(listed, files):
        row, script = table.rows[one.row], EXPERIMENTS[one.experiment]
        fields = {field.name: field.type for field in dataclasses.fields(script.config)}
        assert {*row.options, *row.data} <= set(fields)
        assert {Path(f"/runs/row{number}-seed0") for number in one.needs} <= set(trained)
        if not one.words:
            stage = one.folder.parent if one.folder.name == "stage1" else one.folder
            source = Path(str(one.folder).removesuffix("-source"))
            assert stage in trained or source in trained
            assert stage == one.folder or trained[stage].pseudo_labels in ("spcl", "mmt")
            continue
        assert one.folder == Path(f"/runs/row{one.row}-seed0")
        config = words.parsed(script.config, script.recipes, one.words)
        for name, kind in fields.items():
            value = getattr(config, name)
            assert isinstance(value, kind), f"{row.name}: {name}={value!r}"
            assert not isinstance(value, str) or "{" not in value
        assert config == one.config and config.weights != encoders.NEEDED
        if script is domainmix.EXPERIMENT:  # options of other experiments, in a text
            labels.check(config, experiments.labellers())
            spcl.source_config(config)
        for folder, rest in re.findall(
            r"(/runs/row\d+-seed0)([^,]*)", " ".join(map(str, vars(config).values()))
        ):
            there = trained[Path(folder)]  # of a row that has been trained by then
            if rest.startswith("/stage1"):
                assert there.pseudo_labels in ("spcl", "mmt")
        trained[one.folder] = config


@pytest.mark.parametrize(("script", "table", "recipe"), CLAIMED)
def test_no_row_of_a_paper_is_lost_as_another_ones(script, table, recipe):
    """On the street rows of several data sets are one training, in a paper's recipe hardly any."""
    there = [row for row in table.rows if recipe in (row.recipes or table.recipes)]
    left = len(there) - len(made(table, script, recipe))
    assert rows_of.small(recipe) or left == (table.title == "DomainMix, table 1") * 2
    assert left == 0 or left < len(there)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_row_is_compared_with_what_starts_as_it_does(name, row):
    if row.paper:
        lines = [line for line in targets.read() if f"{line.table}/{line.row}" == row.paper]
        assert lines and row.paper.partition(".")[0] == name.partition(".")[0]
        assert {line.start for line in lines} == {row.start}


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_the_papers_figures_are_of_what_a_row_is_tested_on(name, row):
    """Each figure of a row, and none of another source or target, stands beside a measured one."""
    script, key = name.split(".")
    table = EXPERIMENTS[script].tables[key]
    recipe = next(one for one in table.recipes if not rows_of.small(one))
    if row.paper and recipe in (row.recipes or table.recipes):
        one = next(
            (x for x in made(table, EXPERIMENTS[script], recipe) if table.rows[x.row] is row), None
        )
        if one is None:  # an earlier row's training
            return
        lines = targets.of(row.paper, one.config.backbone)
        assert {line.target for line in lines} <= {test.title for test in one.tests}
        assert {line.encoder for line in lines} == {one.config.backbone}
        for line in lines:
            for title in re.split(r" \+ | without labels", line.source.replace("LMP-video", "")):
                texts = [*one.config.__dict__.values()]
                here = [n for n, x in sets.SETS.items() if x.title == title.strip()]
                assert (
                    not title
                    or one.folder.name == "stage1"
                    or any(f"/data/{n}.csv" in str(text) for n in here for text in texts)
                ), (title, row.name)


def test_every_figure_of_the_papers_has_a_row_and_a_meaning():
    keys = [f"{line.table}/{line.row}" for line in targets.read()]
    assert set(keys) == {row.paper for _, row in ROWS if row.paper}
    places = [(line.table, line.row, line.encoder, line.target) for line in targets.read()]
    assert len(set(places)) == len(places) > 200
    for line in targets.read():
        assert all((line.source, line.start, line.target, line.evidence))
        assert line.mAP or line.rank1 or line.hours
        assert line.encoder in {**encoders.BACKBONES, **backbones.MGNS}
        mean, first = (float(one) if one else math.nan for one in (line.mAP, line.rank1))
        assert not mean >= 100 and not first >= 100 and not min(mean, first) <= 2
        if line.table.partition(".")[0] not in ("mgn", "cycas") and "CUHK03" not in line.target:
            assert not mean > first  # these sets have several pictures of a query in the gallery


def test_one_run_has_one_figure_of_a_set():
    """60.7 / 76.9 and 61.6 / 77.6 stood for one run: their encoders were pretrained differently."""
    told: dict[tuple, set] = {}
    for name, script in EXPERIMENTS.items():
        for key, table in script.tables.items():
            recipe = next(one for one in table.recipes if not rows_of.small(one))
            for one in made(table, script, recipe):
                row = table.rows[one.row]
                for line in targets.of(row.paper, one.config.backbone) if one.words else ():
                    for figure in ("mAP", "rank1"):
                        place = (figure, one.start, repr(one.config), line.target, line.encoder)
                        told.setdefault(place, set()).add(getattr(line, figure))
            assert name, key
    assert not {run: found for run, found in told.items() if len(found - {""}) > 1}
    assert len(told) > 200


TABLE = rows_of.Table(
    "two encoders, two starts",
    (
        rows_of.Row("small", {"backbone": "resnet50"}),
        rows_of.Row("large", {}, start="luperson"),
        rows_of.Row("goes on", {"weights": "{0}"}),
    ),
)


def test_what_rows_start_from_is_asked_for_before_the_first(tmp_path):
    script = EXPERIMENTS["remix"]
    found = made(TABLE, script, "paper")
    with pytest.raises(
        ValueError,
        match=r"resnet50 \(rows 0\), luperson/resnet50_ibn_a \(rows 1\).*--weights=resnet50=FILE",
    ):
        started(found, {})
    with pytest.raises(ValueError, match="luperson/resnet50_ibn_a=FILE"):
        started(found, {"resnet50": "a", "resnet50_ibn_a": "b"})
    for kind in ("resnet50", "luperson/resnet50_ibn_a"):
        (tmp_path / kind.rpartition("/")[2]).write_text("")
    files = named_files(
        [
            f"imagenet/resnet50={tmp_path}/resnet50",
            f"luperson/resnet50_ibn_a={tmp_path}/resnet50_ibn_a",
        ]
    )
    listed = [one.words for one in started(found, files)]
    given = [
        words.parsed(script.config, script.recipes, one).weights.removeprefix(str(tmp_path))
        for one in listed
    ]
    assert given == ["/resnet50", "/resnet50_ibn_a", "/runs/row0-seed0"]
    nothing = made(TABLE, script, "paper", ["--config.weights=none"])
    assert started(nothing, {}) == nothing


def test_one_file_does_not_serve_rows_that_start_differently():
    script = EXPERIMENTS["remix"]
    with pytest.raises(ValueError, match="--weights=resnet50=FILE,luperson/resnet50_ibn_a=FILE"):
        started(made(TABLE, script, "paper", ["--config.weights=a.pth"]), {})
    alone = made(TABLE, script, "paper", ["--config.weights=a.pth"])[1:]
    assert [one.config.weights for one in started(alone, {})] == [
        str(Path.cwd() / "a.pth"),
        "/runs/row0-seed0",
    ]


def test_weights_are_named_by_their_encoder():
    with pytest.raises(ValueError, match="did you mean 'resnet50'"):
        named_files(["imagenet/resnet5=a.pth"])
    with pytest.raises(FileNotFoundError, match="there is no file or folder 'a.pth'"):
        named_files(["resnet50=a.pth"])


def test_rows_are_named_by_numbers_ranges_and_words():
    script = EXPERIMENTS["remix"]
    table = script.tables["4"]
    street, paper = (made(table, script, recipe) for recipe in ("street", "paper"))
    assert wanted(table, paper, "paper", []) == [0, 1, 2, 3, 4]
    assert wanted(table, paper, "paper", ["0", "2-3"]) == [0, 2, 3]
    assert wanted(table, paper, "paper", ["From LUPerson"]) == [3, 4]
    with pytest.raises(ValueError, match="the rows of --recipe=street are 0, 1, 2"):
        wanted(table, street, "street", ["3"])
    with pytest.raises(ValueError, match="did you mean 'labelled data alone'"):
        wanted(table, street, "street", ["labeled data alone"])
    with pytest.raises(ValueError, match="unknown option|no float|could not convert"):
        made(table, script, "street", ["--config.learning_rate=fast"])


def test_what_a_row_goes_on_from_is_trained_as_well():
    gds = EXPERIMENTS["gds"]
    listed = made(gds.tables["3"], gds, "paper")
    assert [one.row for one in with_needed(listed, [1])] == [0, 1]
    assert [one.row for one in with_needed(listed, [7])] == [0, 7]  # M -> C, of M -> D's source
    mix = EXPERIMENTS["domainmix"]
    assert [one.row for one in with_needed(made(mix.tables["1"], mix, "paper"), [5])] == [1, 5]
    street = made(mix.tables["1"], mix, "street")
    assert [one.row for one in with_needed(street, [5])] == [0, 1, 5]


def test_data_sets_are_named_once(tmp_path):
    script = EXPERIMENTS["remix"]
    table = script.tables["4"]
    lie = sets.where(placed(["msmt17:/m,market1501=csv:/a.csv,cuhk03=packed:/c"]))
    assert lie["msmt17_merged"] == "msmt17:/m,train=all" and "duke" not in lie
    assert lie["market"] == "csv:/a.csv" and lie["cuhk03_labelled"] == "packed:/c"
    assert sets.where(placed(["msmt17=csv:/m"]))["msmt17_merged"] == "csv:/m,train=all"
    (tmp_path / "Market-1501").mkdir()
    below = sets.where(placed(["youtube=packed:/y"], str(tmp_path)))
    assert below == {"market": f"market1501:{tmp_path}/Market-1501", "youtube": "packed:/y"}
    with pytest.raises(ValueError, match="did you mean 'youtube'"):
        sets.where(placed(["youtub=packed:/y"]))
    with pytest.raises(ValueError, match="youtube=csv:/a.csv.csv:/b.csv: rows need one source"):
        sets.where(placed(["youtube=csv:/a.csv+csv:/b.csv"]))
    with pytest.raises(ValueError, match="--root=/nowhere: there is no such folder"):
        sets.where(placed([], "/nowhere"))
    (first, *_) = made(table, script, "paper", lie=lie)
    assert first.config.data == "msmt17:/m,train=all" and first.config.labels == 0
    assert [test.title for test in first.tests] == ["Market-1501", "DukeMTMC-reID"]
    assert lacking([first]) == ["--at=dukemtmc:FOLDER (rows 0)"] and not lacking(
        [first], tests=False
    )
    own = made(table, script, "paper", ["--config.data=csv:/mine.csv"])[0]
    assert own.config.data == "csv:/mine.csv" and own.config.test == LIE["market"]
    assert made(table, script, "street")[0].config.data == "synthetic:plaza,persons=50,cameras=2"
    videos = EXPERIMENTS["cycas"]
    assert "--at=youtube=KIND:PATH (rows 0)" in lacking(
        made(videos.tables["losses"], videos, "paper", lie={})[:1]
    )
    ten = sets.splits("prid", "prid2011:/p")
    assert ten[0] == "prid2011:/p,split=1" and len(ten) == 10
    assert sets.splits("prid", "csv:/p.csv") == ["csv:/p.csv"]
    assert sets.splits("prid", "prid2011:/p,split=3") == ["prid2011:/p,split=3"]


def test_the_sources_that_rows_name_open(tmp_path):
    """Each form of each data set that a row of a paper needs, on miniatures of their layouts."""
    makers = {**MAKERS, "cuhk03": _cuhk03, "luperson": miniature.luperson}
    base = {
        one.place: f"{one.place}:{makers[one.place](tmp_path / one.place)}"
        for one in sets.SETS.values()
        if one.place in makers
    }
    lie = sets.where(placed([",".join(base.values())]))
    (tmp_path / "v.csv").write_text(
        "path,person,camera,split,group\na.png,,,train,x\nb.png,,,train,x\nc.png,,,train,y\n"
    )
    plant(tmp_path, "a.png", "b.png", "c.png")
    lie |= dict.fromkeys(("youtube", "surveillance"), f"csv:{tmp_path}/v.csv")
    texts = set()
    for script in EXPERIMENTS.values():
        for table in script.tables.values():
            recipe = next(one for one in table.recipes if not rows_of.small(one))
            for one in made(table, script, recipe, lie=lie):
                texts |= {source for test in one.tests for source in test.sources}
                options = (getattr(one.config, name, "") for name in ("data", "target", "videos"))
                texts |= {text for text in options if one.words and "pictures=" not in text}
    assert len(texts) > 40 and not any("{" in text for text in texts)
    missing = {f"{base['grid']},split={number}" for number in range(3, 11)}  # of the miniature
    for text in texts - {"", "synthetic-videos:station", "synthetic:plaza"} - missing:
        found = kinds.open_source(text, say=lambda line: None)
        assert len(found.image), text
    merged = kinds.open_source(lie["msmt17_merged"], say=lambda line: None)
    assert set(merged.split) == {"train"}
    few = kinds.open_source(f"csv:{tmp_path}/v.csv,pictures=2+csv:{tmp_path}/v.csv,pictures=1")
    assert len(few.image) == 3


def _cuhk03(root):
    for boxes in ("detected", "labeled"):
        miniature.cuhk03_config(miniature.cuhk03_folder(root, boxes), boxes)
    return root


def test_what_a_training_takes_is_handed_to_it():
    """Options in two words, and the flags of every training, which this process knows as well."""
    values = flags.FLAGS
    values.set_gnu_getopt()
    with flagsaver.flagsaver():
        called = [
            "tables",
            "--table",
            "remix.8",
            "--config.rate",
            "1e-3",
            "--workers",
            "2",
            "--noreport",
            "--seeds=2",
        ]
        rest = values(called, known_only=True)
        handed = tables._handed(rest[1:], EXPERIMENTS["remix"])
    assert sorted(handed) == ["--config.learning_rate=1e-3", "--noreport", "--workers=2"]
    for strange in (["--wokers=2"], ["--config.skip_broken", "true"]):
        with pytest.raises(ValueError, match="unexpected|unknown flag --wokers"):
            tables._handed(strange, EXPERIMENTS["remix"])
    with pytest.raises(ValueError, match="did you mean '--config.epochs'"):
        tables._handed(["--config.epoch", "1"], EXPERIMENTS["remix"])


def test_the_papers_figures_stand_beside_what_was_measured():
    measured = np.array([[[0.50, 0.60]], [[0.52, 0.62]]])
    lines = targets.of("remix.4/with", "resnet50_ibn_a")
    rows = [
        Result("a", lines, ("DukeMTMC-reID",), measured),
        Result("b", lines, ("mine",), measured[:1]),
        Result("c", lines, ("DukeMTMC-reID",), np.full((1, 1, 2), np.nan), "not trained"),
        Result("d", lines, ("DukeMTMC-reID",), measured[:1], alike=False),
    ]
    text = markdown("t", rows, ("mAP", "rank1"))
    head, _, *told = text.splitlines()[2:8]
    cells = [[cell.strip() for cell in line.split("|")][1:-1] for line in (head, *told)]
    assert cells[0][1:5] == ["tested on", "mAP", "paper", "difference"]
    duke = "57.0 / 81.3 (Market-1501)"
    assert cells[1][2:] == ["51.0 ± 1.4", "60.7", "-9.7", "61.0 ± 1.4", "76.9", "-15.9", duke]
    assert cells[2][1:3] == ["mine", "50.0"] and "60.7 / 76.9 (DukeMTMC-reID)" in cells[2][-1]
    assert cells[3][2:5] == ["not trained", "60.7", ""] and cells[4][2:5] == ["50.0", "60.7", ""]
    source = "of resnet50_ibn_a, trained on MSMT17-merged + LUPerson, from imagenet; published in: "
    assert f"The paper's figures are {source}a public note on table 4." in text
    plain = markdown("t", [Result("a", [], ("x",), measured)], ("mAP", "rank1"))
    assert "paper" not in plain
    timed = Result("a", [], ("x",), np.array([[[0.5, 12.34]]]))
    assert "| 50.0 | 12.3 |" in markdown("t", [timed], ("mAP", "cpu"))


def test_table_14_is_listed_and_made_by_its_own_command(capsys):
    with flagsaver.flagsaver():
        flags.FLAGS.mark_as_parsed()
        tables.main([])
    assert re.search(
        r"^remix\.14 .*Deep SORT.*\n +made by reid-jax track", capsys.readouterr().out, re.M
    )
    with flagsaver.flagsaver(table="remix.14"):
        flags.FLAGS.mark_as_parsed()
        tables.main([])
    assert "73.8 / 249, 80.5 / 333, 88.6 / 375 at 2, 4, 8 Hz on MOT17" in capsys.readouterr().out
    with (
        flagsaver.flagsaver(table="remix.14", workdir="runs/14"),
        pytest.raises(ValueError, match="reid-jax track table --without=RUN"),
    ):
        flags.FLAGS.mark_as_parsed()
        tables.main([])

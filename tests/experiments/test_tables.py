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
from experiments.tables import targets
from experiments.tables.results import Result, markdown
from experiments.tables.trainings import named_files, started, trainings, wanted
from reid_jax import encoders
from reid_jax.app import labels, table, words

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


def made(table, script, recipe, given=(), named=()):
    """The trainings of a table in /runs."""
    there = wanted(table, recipe, named)
    return trainings(table, script, recipe, Path("/runs"), list(given), rows=there, seeds=1)


@pytest.mark.parametrize(("script", "table", "recipe"), CLAIMED)
def test_every_row_makes_a_command(script, table, recipe):
    listed = made(table, script, recipe)
    files = {one.start: f"/weights/{one.start}" for one in listed if one.start}
    fields = {field.name: field.type for field in dataclasses.fields(script.config)}
    trained = {}
    for one in started(listed, files):
        row = table.rows[one.row]
        assert set(row.options) <= set(fields)
        if not one.words:
            stage = one.folder.name == "stage1"
            assert one.folder in trained or (
                stage and trained[one.folder.parent].pseudo_labels in ("spcl", "mmt")
            )
            continue
        assert one.folder == Path(f"/runs/row{one.row}-seed0")
        config = words.parsed(script.config, script.recipes, one.words)
        for name, kind in fields.items():
            value = getattr(config, name)
            assert isinstance(value, kind), f"{row.name}: {name}={value!r}"
            assert not isinstance(value, str) or "{" not in value
        assert config.weights != encoders.NEEDED
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
def test_no_two_rows_are_one_training(script, table, recipe):
    """`run` reports again what has been trained; without videos the street has few rows."""
    found = [one for one in made(table, script, recipe) if one.words]
    assert recipe == "street" or len({(one.start, repr(one.config)) for one in found}) == len(found)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_row_is_compared_with_what_starts_as_it_does(name, row):
    if row.paper:
        lines = [line for line in targets.read() if f"{line.table}/{line.row}" == row.paper]
        assert lines and row.paper.startswith(f"{name}/")
        assert {line.start for line in lines} == {row.start}


def test_every_figure_of_the_papers_has_a_row_and_a_meaning():
    keys = [f"{line.table}/{line.row}" for line in targets.read()]
    assert set(keys) == {row.paper for _, row in ROWS if row.paper}
    places = [(line.table, line.row, line.encoder, line.column) for line in targets.read()]
    assert len(set(places)) == len(places) > 200
    for line in targets.read():
        assert all((line.source, line.start, line.target, line.evidence)) and (
            line.mAP or line.rank1
        )
        assert line.encoder in {**encoders.BACKBONES, **encoders.MGNS}
        mean, first = (float(one) if one else math.nan for one in (line.mAP, line.rank1))
        assert not mean >= 100 and not first >= 100 and not min(mean, first) <= 2
        if line.table.partition(".")[0] not in ("mgn", "cycas") and "CUHK03" not in line.target:
            assert not mean > first  # these sets have several pictures of a query in the gallery


def test_one_run_has_one_figure_of_a_set():
    """60.7 / 76.9 and 61.6 / 77.6 stood for one run: their encoders were pretrained differently."""
    told: dict[tuple, set] = {}
    for name, row in ROWS:
        script, table = name.split(".")
        script = EXPERIMENTS[script]
        table = script.tables[table]
        if row.paper and not row.run and "paper" in table.recipes:
            one = made(table, script, "paper", named=[str(table.rows.index(row))])[0]
            for line in targets.of(row.paper, one.config.backbone):
                for figure in ("mAP", "rank1"):
                    key = (figure, one.start, repr(one.config), line.column, line.encoder)
                    told.setdefault(key, set()).add(getattr(line, figure))
    assert not {run: found for run, found in told.items() if len(found - {""}) > 1}
    assert len(told) > 200


TABLE = table.Table(
    "two encoders, two starts",
    (
        table.Row("small", {"backbone": "resnet50"}),
        table.Row("large", {}, start="luperson"),
        table.Row("goes on", {"weights": "{0}"}),
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
    alone = made(TABLE, script, "paper", ["--config.weights=a.pth"], named=["1", "2"])
    assert [one.config.weights for one in started(alone, {})] == [
        str(Path.cwd() / "a.pth"),
        "/runs/row0-seed0",
    ]


def test_weights_are_named_by_their_encoder():
    with pytest.raises(ValueError, match="did you mean 'resnet50'"):
        named_files(["imagenet/resnet5=a.pth"])
    with pytest.raises(FileNotFoundError, match="there is no file or folder 'a.pth'"):
        named_files(["resnet50=a.pth"])


def test_a_row_that_a_recipe_has_not_is_refused():
    script = EXPERIMENTS["remix"]
    table = script.tables["4"]
    assert len(wanted(table, "paper", [])) > len(wanted(table, "street", []))
    with pytest.raises(ValueError, match="the rows of --recipe=street are 0, 1, 2"):
        wanted(table, "street", ["3"])
    with pytest.raises(ValueError, match="unknown option|no float|could not convert"):
        made(table, script, "street", ["--config.learning_rate=fast"])


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


def test_the_papers_figures_stand_below_what_they_are_of():
    measured = np.array([[[50.0, 60.0]], [[52.0, 62.0]]])
    lines = (
        targets.of("remix.4/with", "resnet50_ibn_a"),
        targets.of("remix.4/with, luperson", "resnet_small"),
    )
    text = markdown(
        "t",
        [Result("a", lines[0], measured), Result("b", lines[1], measured[:1])],
        [],
    )
    head, _, first, second = text.splitlines()[2:6]
    cells = [[cell.strip() for cell in line.split("|")] for line in (head, first, second)]
    told = dict(zip(cells[0], zip(*cells[1:], strict=True), strict=True))
    assert told["mAP"] == ("51.0 ± 1.4", "50.0") and told["rank-1"] == ("61.0 ± 1.4", "60.0")
    for start, figures in (("imagenet", ("60.7 / 76.9", "")), ("luperson", ("", "61.6 / 77.6"))):
        column = f"paper, mAP / rank-1: MSMT17-merged + LUPerson, from {start} -> DukeMTMC-reID"
        assert told[column] == figures
    source = "of resnet50_ibn_a; published in: a public note on table 4."
    assert f"The paper's figures are {source}" in text
    assert "paper" not in markdown("t", [Result("a", [], measured)], [])

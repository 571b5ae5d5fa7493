"""Options that name paths: `~`, $VARIABLES, and the same meaning from every folder."""

import dataclasses
import json
import re

import pytest

import experiments
from reid_jax import encoders, options
from reid_jax.app import kinds, labels, parts, words, workdirs
from reid_jax.app.paths import resolved, source
from reid_jax.options import CSV, PATH, SOURCE, option
from reid_jax.video import find
from tests.experiments.called import call

CONFIGS = {name: experiment.config for name, experiment in experiments.find().items()}


@dataclasses.dataclass
class Config:
    weights: str = option("", "a file", holds=PATH)
    labels: str = option("spcl", "a labeller or a file", holds=CSV)
    data: str = option("", "KIND:PATH", holds=SOURCE)
    source: str = option("", "options", holds=parts.INNER_PATHS)
    name: str = option("", "no path")


def marked(config, name):
    return options._about(config, name)["holds"]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_option_that_names_a_path_is_marked(name):
    for field in dataclasses.fields(CONFIGS[name]):
        sentence = options.sentence(CONFIGS[name], field.name)
        holds = marked(CONFIGS[name], field.name)
        if re.search(r"KIND:PATH|\bfile\b|folder|\.csv\b", sentence):
            assert holds, f"{field.name}: {sentence}"
        if "options, by comma" in sentence:
            assert holds == parts.INNER_PATHS
        elif holds in (PATH, SOURCE):  # or it would be forgotten inside a text of options
            assert parts.INNER_PATHS[field.name] == holds


def test_paths_are_absolute_and_words_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DATA", "/data")
    given = Config(
        "~/a.pth", "runs/labels.csv", "csv:a b/c,d+e.csv+packed:$DATA/x/+synthetic:plaza,persons=5",
        "epochs=3,weights=w.pth,schedule=4,7,data=synthetic:plaza\\,persons=9,beside=csv:a,b.csv",
        "~/name",
    )  # fmt: skip
    here = str(tmp_path)
    assert resolved(given) == Config(
        "/home/me/a.pth", f"{here}/runs/labels.csv",
        f"csv:{here}/a b/c,d+e.csv+packed:/data/x+synthetic:plaza,persons=5",
        f"epochs=3,weights={here}/w.pth,schedule=4,7,data=synthetic:plaza\\,persons=9,"
        f"beside=csv:{here}/a,b.csv",
        "~/name",
    )  # fmt: skip
    assert resolved(resolved(given)) == resolved(given)
    for weights in ("", "none", "needed"):
        assert resolved(Config(weights, "spcl")) == Config(weights, "spcl")
    assert resolved(Config(labels=labels.EACH_EPOCH)).labels == labels.EACH_EPOCH


def test_a_variable_that_is_not_set_is_named_and_a_name_that_is_there_stays(tmp_path, monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    for text in ("$NOWHERE/a", "${NOWHERE}/a"):
        with pytest.raises(ValueError, match=r"\$NOWHERE of the path"):
            options.expanded(text)
    odd = tmp_path / "a$NOWHERE"
    odd.touch()
    assert options.expanded(str(odd)) == str(odd)


def test_only_a_plus_before_a_kind_joins_sources():
    assert kinds.split("csv:a+b.csv+packed:c+d") == ["csv:a+b.csv", "packed:c+d"]
    assert source("synthetic:plaza+synthetic:station") == "synthetic:plaza+synthetic:station"


def test_a_source_is_opened_with_its_variables(tmp_path, monkeypatch):
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "p.jpg").write_bytes(b"")
    (folder / "c,d+e.csv").write_text("path,person,camera,split\np.jpg,1,1,train\n")
    monkeypatch.setenv("HERE", str(folder))
    assert len(kinds.open_source("csv:$HERE/c,d+e.csv").person) == 1
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(kinds.open_source("csv:~/a b/c,d+e.csv+csv:$HERE/c,d+e.csv").person) == 2
    with pytest.raises(FileNotFoundError, match=f"no file or folder {tmp_path}/none"):
        encoders.start(encoders.Network(weights="~/none"))


def test_a_text_of_options_may_hold_commas():
    mine = words.changed(Config(), "--config.source", "data=csv:/a,b.csv,name=x\\,weights=1")
    assert (mine.data, mine.name) == ("csv:/a,b.csv", "x,weights=1")
    given = [("name", "a,b"), ("data", "x,weights=1")]
    assert options.pairs(options.paired(given)) == given


def test_a_kept_configuration_means_the_same_from_another_folder(tmp_path, monkeypatch):
    run, other = tmp_path / "runs" / "a", tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(tmp_path)
    workdirs.write(run, Config("w.pth", data="csv:a.csv"))
    (run / "checkpoints" / "1").mkdir(parents=True)
    kept = json.loads((run / "config.json").read_text())
    assert (kept["weights"], kept["data"]) == (f"{tmp_path}/w.pth", f"csv:{tmp_path}/a.csv")
    workdirs.check(run, Config("w.pth", data="csv:./a.csv"))
    monkeypatch.chdir(other)
    workdirs.check(run, Config("../w.pth", data=f"csv:{tmp_path}/a.csv"))
    with pytest.raises(ValueError, match="another configuration"):
        workdirs.check(run, Config("w.pth", data="csv:a.csv"))


def test_a_run_of_relative_paths_goes_on_in_its_folder(tmp_path, monkeypatch):
    """As an earlier version kept it: the paths as they were written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run" / "checkpoints" / "1").mkdir(parents=True)
    old = dataclasses.asdict(Config("w.pth", data="csv:a.csv"))
    (tmp_path / "run" / "config.json").write_text(json.dumps(old))
    workdirs.check(tmp_path / "run", resolved(Config("w.pth", data="csv:a.csv")))
    with pytest.raises(ValueError, match="another configuration"):
        workdirs.check(tmp_path / "run", Config("other.pth", data="csv:a.csv"))


def test_a_command_line_is_settled(data, tmp_path, monkeypatch):
    monkeypatch.setenv("RUNS", str(tmp_path))
    monkeypatch.setenv("DATA", str(data))
    call(
        "ide", "--workdir=$RUNS/one", "--config.data=csv:$DATA/source.csv", "--config.test=",
        "--config.size=32x16", "--config.persons=2", "--config.per_person=2", "--config.epochs=1",
        "--config.iterations=1", "--config.warmup=0", "--noreport",
    )  # fmt: skip
    kept = json.loads((tmp_path / "one" / "config.json").read_text())
    assert kept["data"] == f"csv:{data}/source.csv"


def test_a_name_that_is_there_is_taken_with_its_commas(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("a,b c.mp4", "d.mp4", "e.mp4", "a"):
        (tmp_path / name).touch()
    here = str(tmp_path)
    assert options.listed(["~/a,b c.mp4", "x,y"]) == [f"{here}/a,b c.mp4", "x", "y"]
    text = f"{here}/d.mp4,{here}/a,b c.mp4,~/e.mp4,"
    assert options.listed([text]) == [f"{here}/{name}" for name in ("d.mp4", "a,b c.mp4", "e.mp4")]
    views = find.rig(f"{here}/a,b c.mp4,~/d.mp4").views
    assert [view.name for view in views] == ["a,b c", "d"]


def test_several_sources_of_one_flag():
    assert kinds.listed(["synthetic:plaza,persons=5,csv:/a,b.csv,c", "packed:d"]) == [
        "synthetic:plaza,persons=5", "csv:/a,b.csv,c", "packed:d",
    ]  # fmt: skip

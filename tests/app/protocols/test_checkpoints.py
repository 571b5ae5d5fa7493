"""Which checkpoints there are, and what they were trained on."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from reid_jax.app.protocols import checkpoints
from reid_jax.app.protocols.places import placed
from reid_jax.types import Input, Model

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def run(folder, step=3, **config):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    if step:
        (folder / "checkpoints" / str(step)).mkdir(parents=True)
    return folder


def test_a_row_is_a_folder_a_folder_of_seeds_or_a_pattern(tmp_path):
    for one in ("a", "seeds/0", "seeds/1", "dg-1", "dg-2"):
        run(tmp_path / one)
    (tmp_path / "seeds" / "table.md").write_text("")
    found = checkpoints.groups([f"{tmp_path}/{one}" for one in ("a/", "seeds", "dg-*")])
    names = {
        row.removeprefix(f"{tmp_path}/"): [str(one.relative_to(tmp_path)) for one in folders]
        for row, folders in found.items()
    }
    assert names == {"a": ["a"], "seeds": ["seeds/0", "seeds/1"], "dg-*": ["dg-1", "dg-2"]}


def test_what_is_no_checkpoint_is_refused(tmp_path):
    run(tmp_path / "begun", step=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="begun is a run without a checkpoint"):
        checkpoints.groups([str(tmp_path / "begun")])
    with pytest.raises(ValueError, match="neither it nor a folder in it is a run"):
        checkpoints.groups([str(tmp_path / "empty")])
    with pytest.raises(ValueError, match="there is nothing of that name"):
        checkpoints.groups([str(tmp_path / "no*")])
    broken = run(tmp_path / "broken")
    (broken / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is no configuration"):
        checkpoints.config_of(broken)


def trained(folder):
    found = checkpoints.trained(folder, placed([]))
    return found and sorted(found.parts)


def test_what_a_run_was_trained_on_is_read_with_the_runs_that_it_began_from(tmp_path):
    first = run(tmp_path / "first", data="randperson:/r+market1501:/m,train=all")
    assert trained(first) == ["market1501,train=all", "randperson"]
    second = run(tmp_path / "second", data="msmt17:/s", target="grid:/g", weights=str(first))
    assert trained(second) == [
        "grid,labels=no", "market1501,train=all", "msmt17", "randperson"
    ]  # fmt: skip
    assert trained(run(tmp_path / "third", data="viper:/v", weights="/w.pth")) == ["viper"]
    given = run(tmp_path / "given", target="grid:/g", pseudo_labels="given")
    assert trained(given) == ["grid"]
    videos = {"data": "viper:/v", "videos": "csv:/c.csv"}
    assert trained(run(tmp_path / "with", **videos, labels=1)) == ["csv:/c.csv,labels=no", "viper"]
    assert trained(run(tmp_path / "without", **videos, labels=0)) == ["viper"]
    teachers = run(tmp_path / "mmt", data="viper:/v", target="grid:/g", first=str(first))
    assert "viper" not in trained(teachers) and "market1501,train=all" in trained(teachers)


def test_a_run_of_an_old_version_is_a_checkpoint(tmp_path):
    with tarfile.open(EXPERIMENTS / "run-0.2.0.tar.gz") as file:
        file.extractall(tmp_path / "old", filter="data")
    config = tmp_path / "old" / "config.json"
    config.write_text(config.read_text().replace("DATA", "/d"))
    assert checkpoints.groups([str(tmp_path)]) == {str(tmp_path): [tmp_path / "old"]}
    assert trained(tmp_path / "old") == ["csv:/d/target.csv,labels=no"]
    assert checkpoints.step(tmp_path / "old") == 3


def test_nobody_knows_of_a_weights_file_or_of_a_run_that_began_from_one(tmp_path):
    unknown = tmp_path / "unknown"
    unknown.mkdir()
    (unknown / "encoder.json").write_text(json.dumps({"config": {"backbone": "resnet50"}}))
    assert trained(unknown) is None
    assert trained(run(tmp_path / "later", data="viper:/v", weights=str(unknown))) is None


def test_the_digest_is_of_the_arrays_and_of_what_they_are_used_for():
    def digest(arrays, config=None, **input):
        model = Model(None, None, 4, Input((32, 16), **input), None, config or {})
        return checkpoints.digest({"params": arrays}, model)

    arrays = {"a": np.zeros(3, np.float32), "b": np.ones(2, np.float32)}
    whole = digest(arrays)
    assert digest(dict(reversed(arrays.items())), {"weights": "/w"}) == whole
    others = [
        digest({**arrays, "a": np.ones(3, np.float32)}),
        digest({"a": arrays["a"]}),
        digest(arrays, resize="bilinear"),
        digest(arrays, {"pooling": "gem"}),
    ]
    assert len({whole, *others}) == 5

"""Whose a run's folder is."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from reid_jax.app import parts, workdirs
from reid_jax.data import records
from reid_jax.files import lock
from reid_jax.options import option


@dataclasses.dataclass
class Config(parts.Schedule, parts.Data):
    pad: int = option(0, "new in this version; 0 is what the version before did")


@dataclasses.dataclass
class Falling(Config):
    def fixed(self):
        return "it falls"


@pytest.fixture
def folder(tmp_path):
    """A run of one epoch, begun and never saved."""
    workdirs.write(tmp_path / "run", Config(epochs=1))
    (tmp_path / "run" / "metrics.jsonl").write_text("{}\n")
    (tmp_path / "run" / "events").mkdir()
    return tmp_path / "run"


def saved(folder, where="checkpoints"):
    (folder / where / "12").mkdir(parents=True)


def test_a_start_that_saved_nothing_is_as_if_it_had_never_been(folder):
    (folder / "checkpoints" / "12.orbax-checkpoint-tmp").mkdir(parents=True)  # a kill's rest
    other = Config(epochs=3, seed=1)
    workdirs.check(folder, other)
    workdirs.write(folder, other)
    assert json.loads((folder / "config.json").read_text())["seed"] == 1
    assert not (folder / "metrics.jsonl").exists() and not (folder / "events").exists()


@pytest.mark.parametrize("where", ["checkpoints", "source/checkpoints"])
def test_what_saved_something_is_of_its_options(folder, where):
    saved(folder, where)
    workdirs.check(folder, Config(epochs=1))
    with pytest.raises(ValueError, match="another configuration .seed: 0 there, 1 now"):
        workdirs.check(folder, Config(epochs=1, seed=1))
    workdirs.write(folder, Config(epochs=1))
    assert (folder / "metrics.jsonl").exists()


def test_broken_pictures_may_be_left_out_from_now_on(folder):
    saved(folder)
    made = dataclasses.make_dataclass(
        "Skips", [("epochs", int, 1), ("skip_broken", bool, False)], bases=(Config,)
    )
    workdirs.write(folder, made())
    workdirs.check(folder, made(skip_broken=True))
    workdirs.write(folder, made(skip_broken=True))
    with pytest.raises(ValueError, match="skip_broken: True there, False now"):
        workdirs.check(folder, made())


def test_a_run_is_extended_where_its_schedule_allows_it(folder):
    saved(folder)
    workdirs.check(folder, Config(epochs=2))
    with pytest.raises(ValueError, match="cannot be extended to 2: it falls"):
        workdirs.check(folder, Falling(epochs=2))
    for changed in (Config(epochs=2, seed=1), Config(epochs=0)):
        with pytest.raises(ValueError, match="another configuration"):
            workdirs.check(folder, changed)


def test_an_option_that_is_new_does_not_strand_an_old_run(folder):
    saved(folder)
    kept = json.loads((folder / "config.json").read_text())
    del kept["pad"]
    (folder / "config.json").write_text(json.dumps(kept))
    workdirs.check(folder, Config(epochs=1))
    with pytest.raises(ValueError, match="pad: 0 there, 3 now"):
        workdirs.check(folder, Config(epochs=1, pad=3))


@pytest.mark.parametrize("text", ['{"model": 1, "hidden": 2, "heads": 3}', "[]", "{", ""])
def test_the_configuration_of_something_else_is_not_written_over(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config\.json is not the configuration of a run"):
        workdirs.check(tmp_path, Config())


def test_other_files_are_not_mixed_with(tmp_path):
    (tmp_path / "thesis.tex").touch()
    for path in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(ValueError, match="holds other files"):
            workdirs.check(path, Config())


@pytest.mark.parametrize("place", ["/proc/run", "file/run"])
def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=f"--workdir={place}: cannot write in"):
        workdirs.check(Path(place), Config())


def test_one_run_in_a_workdir(tmp_path):
    """A second one is refused while the first lives, and not after it was killed."""
    held = (
        "import sys; from pathlib import Path; from reid_jax.app import workdirs\n"
        "with workdirs.locked(Path(sys.argv[1])): print('has', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "has\n"
        told = rf"run is being trained in by process {other.pid} on .* since 20.*choose another"
        with pytest.raises(ValueError, match=told):
            workdirs.locked(tmp_path / "run").__enter__()
        other.kill()
        other.wait()
    with workdirs.locked(tmp_path / "run"):
        pass


def test_a_run_goes_on_with_the_same_data_only(folder, tmp_path):
    data = records.make(["a/1.jpg", "a/2.jpg", "a/3.jpg"], [1, 1, 2], camera=[0, 1, 0])
    workdirs.check_data(folder, data)
    saved(folder)
    moved = data._replace(image=np.array(["b/1.jpg", "b/2.jpg", "b/3.jpg"], object))
    workdirs.check_data(folder, moved)
    for other, told in (
        (records.take(data, np.array([0, 1])), "pictures: 3 there, 2 now"),
        (data._replace(person=np.array([1, 2, 2], np.int32)), "hash of the persons"),
        (data._replace(camera=np.array([0, 1, 1], np.int32)), "hash of the places"),
        (data._replace(image=data.image[::-1]), "hash of the names"),
    ):
        with pytest.raises(ValueError, match=f"was trained on other data .*{told}") as caught:
            workdirs.check_data(folder, other)
        assert ("persons: " in str(caught.value)) == ("person" in told or "pictures" in told)
    (folder / "data.json").write_text('{"pictures"')
    with pytest.raises(ValueError, match=r"data\.json is not .*: it is cut short; remove it"):
        workdirs.check_data(folder, data)


def test_a_lock_gives_signs_of_life(tmp_path):
    path = tmp_path / ".lock"
    with lock.Lock(path, beat=0.05).held():
        first = json.loads(path.read_text())
        time.sleep(1.2)
        last = json.loads(path.read_text())
    assert last["seconds"] > first["seconds"] + 1 and last["process"] == os.getpid()
    assert last["time"] == first["time"] and path.read_text() == ""

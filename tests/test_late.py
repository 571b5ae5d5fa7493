"""A shared folder shows one process late what another did in it."""

import dataclasses
import json
import threading
import time

import jax
import pytest

from experiments import ide
from reid_jax import checkpoint, parallel, sound
from reid_jax.app import labels, run, stages, workdirs
from reid_jax.files import late
from reid_jax.whole import whole

LAG = 0.6  # seconds


@pytest.fixture
def second(monkeypatch):
    """This process is process 1 of two, which agree with it."""
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    monkeypatch.setattr(late, "LIMIT", 20.0)


@pytest.fixture
def lagging():
    """Call it with what process 0 did: this is seen `LAG` seconds later."""
    timers = []

    def later(function, *arguments):
        timers.append(threading.Timer(LAG, function, arguments))
        timers[-1].start()

    yield later
    for timer in timers:
        timer.join()


def _write(path, text):
    with whole(path) as unfinished:
        unfinished.write_text(text)


def test_it_waits_for_what_comes_and_names_what_does_not(tmp_path, lagging):
    began = time.monotonic()
    lagging(_write, tmp_path / "new" / "a", "")
    late.wait(tmp_path / "new" / "a", limit=20)
    assert time.monotonic() - began >= LAG
    began = time.monotonic()
    late.wait(tmp_path / "new" / "a", limit=20)  # at once
    with pytest.raises(TimeoutError, match=r"written .*/b, and it is not seen here after 0 s"):
        late.wait(tmp_path / "b", limit=0.2)
    assert 0.2 <= time.monotonic() - began < LAG


def test_checkpoints_are_those_that_process_0_sees(tmp_path, second, lagging, monkeypatch):
    (tmp_path / "2").mkdir()
    monkeypatch.setattr(parallel, "firsts", lambda mine: [4, 6])
    lagging((tmp_path / "4").mkdir)
    lagging((tmp_path / "2").rename, tmp_path / "6")  # a new one, and an old one removed
    checkpoint._see_alike(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {"4", "6"}
    monkeypatch.setattr(late, "LIMIT", 0.2)
    (tmp_path / "6").rmdir()
    with pytest.raises(TimeoutError, match=r"written .*/6"):
        checkpoint._see_alike(tmp_path)


def test_a_damaged_one_that_process_0_moved_is_gone_before_the_list_is_read(
    tmp_path, second, lagging, monkeypatch
):
    (tmp_path / "4").mkdir()
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(sound.multihost_utils, "sync_global_devices", lambda name: None)

    class Checkpoints:
        directory = tmp_path

        def all_steps(self):
            return [2, 4]

        def reload(self):
            assert not (tmp_path / "4").exists()

    lagging((tmp_path / "4").rmdir)
    sound.leave_newer(Checkpoints(), 2)


def test_a_workdir_whose_configuration_is_late_is_no_strangers(tmp_path, second, lagging):
    config = ide.Config()
    (tmp_path / "metrics.jsonl").touch()
    lagging(_write, tmp_path / "config.json", json.dumps(dataclasses.asdict(config)))
    workdirs.check(tmp_path, config)
    workdirs.check(tmp_path / "none", config)  # nothing is there: at once
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "a").touch()
    late.LIMIT = 0.2  # `second` sets it back
    with pytest.raises(TimeoutError, match=r"config\.json"):
        workdirs.check(tmp_path / "strange", config)


def test_a_stage_is_finished_where_process_0_sees_it(tmp_path, second, monkeypatch):
    _write(tmp_path / "about.json", json.dumps({"finished": 10}))
    config, asked = ide.Config(epochs=10), []
    monkeypatch.setattr(parallel, "agreed", lambda wish: asked.append(wish) or False)
    assert run.ended(config, tmp_path) is False and asked == [False]
    monkeypatch.setattr(jax, "process_index", lambda: 0)
    run.ended(config, tmp_path)
    assert asked == [False, True]


def test_labels_and_copies_are_waited_for(tmp_path, second, lagging, monkeypatch):
    lagging((tmp_path / "to").mkdir)
    stages.copy(tmp_path / "from", tmp_path / "to")
    assert (tmp_path / "to").is_dir()
    monkeypatch.setattr(labels, "stage_config", lambda *_: None)
    monkeypatch.setattr(labels.stages, "finish", lambda *_: None)
    monkeypatch.setattr(labels, "read", lambda path, part: path.read_text())
    part = type("Part", (), {"person": [0, 0]})()
    job = type("Job", (), {"train": type("T", (), {"domain": 1})()})()
    labeller = type("Labeller", (), {"build": staticmethod(lambda own: job)})()
    monkeypatch.setattr(labels, "_last", lambda *_: {True: [0, 1], False: []})
    config = type("C", (), {"pseudo_labels": "one"})()
    lagging(_write, tmp_path / "stage1" / "labels.csv", "labels")
    assert labels.of(config, part, tmp_path / "stage1", {"one": labeller}) == "labels"

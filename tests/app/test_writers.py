"""Writers of --log: what they get, that they go on, and that none of them stops a training."""

import dataclasses
import json
import threading

import numpy as np
import pytest
from absl import flags

from experiments import ide
from reid_jax.app import canvas, run, writers
from reid_jax.app.writers import WRITERS, Writers
from tests.experiments.called import refused, two_domains

if not flags.FLAGS.is_parsed():
    flags.FLAGS.mark_as_parsed()


@pytest.fixture
def log():
    """--log."""

    def choose(*names):
        flags.FLAGS["log"].value = list(names)

    yield choose
    flags.FLAGS["log"].value = []


@pytest.fixture
def config(tmp_path):
    data = two_domains(tmp_path)
    return ide.Config(
        size="32x16", backbone="vit_mini", epochs=1, iterations=2, persons=2, per_person=2,
        warmup=0, test="", data=f"csv:{data}/source.csv", schedule="constant",
    )  # fmt: skip


class Deaf:
    """A writer that fails where it is told to, or notes what it is asked."""

    fails, asked = "", []

    def __getattr__(self, name):
        def called(*given):
            if name == self.fails:
                raise SystemExit("the server\nis gone")
            self.asked.append((name, *given))
            return "a-run"

        return called


@pytest.fixture
def deaf(monkeypatch, log):
    monkeypatch.setattr(Deaf, "asked", [])
    monkeypatch.setitem(WRITERS, "mlflow", Deaf)
    monkeypatch.setattr(writers, "_there", lambda name: True)
    monkeypatch.setattr(writers, "_load", lambda name: None)
    log("mlflow")
    return Deaf


def test_a_writer_gets_all_of_a_run_and_its_name_at_the_next_start(deaf, config, tmp_path):
    run.train_all(ide.EXPERIMENT, config, tmp_path / "runs" / "a")
    begun, *middle, ended = deaf.asked
    assert begun[:2] == ("begin", "runs/a") and begun[-1] == "" and ended == ("end", "finished")
    assert begun[3]["backbone"] == "vit_mini" and begun[3]["seed"] == 0
    figures = [one for one in middle if one[0] == "figures"]
    lines = (tmp_path / "runs" / "a" / "metrics.jsonl").read_text().splitlines()
    for line, (_, told, step) in zip(map(json.loads, lines), figures, strict=True):
        kind, at = line.pop("kind"), line.pop("step")
        line.pop("epoch")
        assert told == {f"{kind}/{name}": value for name, value in line.items()} and step == at
    assert middle[-1] == ("pictures", tmp_path / "runs" / "a" / "report")
    run.train_all(ide.EXPERIMENT, dataclasses.replace(config, epochs=2), tmp_path / "runs" / "a")
    assert [one[-1] for one in deaf.asked if one[0] == "begin"] == ["", "a-run"]


@pytest.mark.parametrize("where", ["begin", "figures", "end"])
def test_a_writer_that_fails_is_left_out_and_says_so_once(
    deaf, monkeypatch, tmp_path, capsys, where
):
    monkeypatch.setattr(deaf, "fails", where)
    tmp_path.mkdir(exist_ok=True)
    both = Writers(tmp_path, {})
    for step in range(3):
        both.figures("train", {"loss": 1.0}, step)
    both.pictures(tmp_path)
    both.end("finished")
    said = capsys.readouterr().out
    assert said == (
        "warning: --log=mlflow is left out from here on: SystemExit: the server is gone\n"
    )
    assert not any(name == where for name, *_ in deaf.asked)


def test_one_that_hangs_is_waited_for_for_a_while(deaf, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(writers, "WAIT", 0.2)
    hang = threading.Event()
    monkeypatch.setattr(deaf, "begin", lambda *_: hang.wait(60), raising=False)
    both = Writers(tmp_path, {})
    both.end("stopped")
    hang.set()
    assert "did not answer within 0 s" in capsys.readouterr().out


def test_a_broken_installation_is_left_out(deaf, monkeypatch, tmp_path, capsys):
    def broken(name):
        raise AttributeError("no such thing")

    monkeypatch.setattr(writers, "_load", broken)
    Writers(tmp_path, {}).end("finished")
    assert capsys.readouterr().out.count("AttributeError: no such thing") == 1 and not deaf.asked


def test_a_name_that_there_is_not_and_one_that_is_not_installed(log, monkeypatch, tmp_path):
    told = refused("ide", f"--workdir={tmp_path}/a", "--log=mlflo")
    assert "--log='mlflo' is not known, did you mean 'mlflow'?; the choices are mlflow, w" in told
    assert told.count("\n") == 1 and not (tmp_path / "a").exists()
    monkeypatch.setattr(writers, "_there", lambda name: False)
    log("wandb")
    with pytest.raises(ImportError, match=r"needs wandb: `pip install 'reid_jax\[wandb\]'`"):
        writers.named()


def a_run(folder, how, first=0):
    """Write a run's figures and a picture."""
    report = folder / "report"
    report.mkdir(parents=True, exist_ok=True)
    canvas.save(report / "ranked.png", np.full((8, 8, 3), 99, np.uint8))
    both = Writers(folder, {"seed": 0, "backbone": "x" * 600, "first": first})
    for step in range(first, first + 2):
        both.figures("train", {"loss": 1.0 + step, "odd": float("nan")}, step)
    both.figures("test", {"mAP": 0.5}, first + 1)
    both.pictures(report)
    both.end(how)


def test_mlflow_has_the_run_and_goes_on_with_it(log, monkeypatch, tmp_path, capsys):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path}/mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    log("mlflow")
    a_run(tmp_path / "run", "stopped")
    a_run(tmp_path / "run", "finished", first=2)
    assert "left out" not in capsys.readouterr().out
    client = MlflowClient()
    (found,) = client.search_runs(client.get_experiment_by_name("reid_jax").experiment_id)
    assert found.info.status == "FINISHED" and found.info.run_name.endswith("/run")
    history = client.get_metric_history(found.info.run_id, "train/loss")
    assert sorted((one.step, one.value) for one in history) == [(n, n + 1.0) for n in range(4)]
    assert found.data.metrics["test/mAP"] == 0.5 and found.data.params["seed"] == "0"
    assert [one.path for one in client.list_artifacts(found.info.run_id, "report")] == [
        "report/ranked.png"
    ]


def test_wandb_writes_without_a_network(log, monkeypatch, tmp_path, capsys):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    log("wandb")
    a_run(tmp_path / "run", "stopped")
    a_run(tmp_path / "run", "finished", first=2)
    assert "left out" not in capsys.readouterr().out
    kept = json.loads((tmp_path / "run" / "wandb.json").read_text())["run"]
    names = [path.name for path in (tmp_path / "run" / "wandb").glob("offline-run-*")]
    assert names and all(name.endswith(kept) for name in names)
    media = list((tmp_path / "run" / "wandb").glob("offline-run-*/files/media/images/report/*"))
    assert media and all(path.name.startswith("ranked") for path in media)

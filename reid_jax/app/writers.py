"""Other places where a run's figures, pictures and configuration go: --log=mlflow,wandb.

Each writer works in a thread of its own, so that a slow server holds nothing up; one that fails at
any moment says so once and is left out, and the training goes on.
"""

import contextlib
import importlib
import importlib.util
import json
import os
import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from absl import flags

from reid_jax.app import progress
from reid_jax.options import choose
from reid_jax.whole import whole

_LOG = flags.DEFINE_list(
    "log",
    [],
    "where figures, pictures and configuration go besides the run's folder, by comma: mlflow, "
    "wandb; their own variables say which server, as MLFLOW_TRACKING_URI and WANDB_MODE",
)
PROJECT = "reid_jax"  # where the variables name none
WAIT = 30.0  # seconds that the end of a run waits for a writer
MOST = 100  # parameters that mlflow takes at once
LONGEST = 500  # letters of a parameter


class Writer(Protocol):
    """One of them; whatever it raises leaves it out."""

    def begin(self, name: str, workdir: Path, config: Mapping[str, Any], kept: str) -> str:
        """Go on with the run `kept`, or begin one; returns its name for the next start."""

    def figures(self, figures: Mapping[str, float], step: int) -> None:
        """Write figures of a step."""

    def pictures(self, folder: Path) -> None:
        """Write what a report drew."""

    def end(self, how: str) -> None:
        """End: finished, stopped or failed."""


class Mlflow:
    """A run of mlflow."""

    def begin(self, name: str, workdir: Path, config: Mapping[str, Any], kept: str) -> str:
        """Go on with a run, or begin one in the experiment of MLFLOW_EXPERIMENT_NAME."""
        from mlflow.entities import Param
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        self.client = MlflowClient()
        if kept:
            with contextlib.suppress(MlflowException):  # it was deleted, or this is another server
                self.run = self.client.get_run(kept).info.run_id
                self.client.update_run(self.run, status="RUNNING")
                return self.run
        project = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        there = self.client.get_experiment_by_name(project)
        experiment = there.experiment_id if there else self.client.create_experiment(project)
        self.run = self.client.create_run(experiment, run_name=name).info.run_id
        params = [Param(key, str(value)[:LONGEST]) for key, value in config.items()]
        for start in range(0, len(params), MOST):
            self.client.log_batch(self.run, params=params[start : start + MOST])
        return self.run

    def figures(self, figures: Mapping[str, float], step: int) -> None:
        """Write figures of a step."""
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, step) for name, value in figures.items()]
        self.client.log_batch(self.run, metrics=metrics)

    def pictures(self, folder: Path) -> None:
        """Write the whole folder of the report."""
        self.client.log_artifacts(self.run, str(folder), folder.name)

    def end(self, how: str) -> None:
        """Say how the run ended."""
        word = {"finished": "FINISHED", "stopped": "KILLED"}.get(how, "FAILED")
        self.client.set_terminated(self.run, word)


class Wandb:
    """A run of Weights & Biases."""

    def begin(self, name: str, workdir: Path, config: Mapping[str, Any], kept: str) -> str:
        """Go on with a run, or begin one in the project of WANDB_PROJECT."""
        import wandb

        self.image = wandb.Image
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=name,
            id=kept or None,
            resume="allow",
            dir=os.environ.get("WANDB_DIR", str(workdir)),
            config=dict(config),
            allow_val_change=True,  # a run may get more epochs
            settings=wandb.Settings(console="off", silent=True, login_timeout=int(WAIT)),
        )
        self.run.define_metric("*", step_metric="step")  # a run goes on from before its last line
        return str(self.run.id)

    def figures(self, figures: Mapping[str, float], step: int) -> None:
        """Write figures of a step."""
        self.run.log({**figures, "step": step})

    def pictures(self, folder: Path) -> None:
        """Write the pictures of the report."""
        files = sorted(folder.glob("*.png"))
        self.run.log({f"{folder.name}/{file.stem}": self.image(str(file)) for file in files})

    def end(self, how: str) -> None:
        """Say how the run ended."""
        self.run.finish(exit_code=int(how == "failed"))


WRITERS: dict[str, type[Mlflow] | type[Wandb]] = {"mlflow": Mlflow, "wandb": Wandb}


def named() -> list[str]:
    """The writers of --log.

    Raises:
        ValueError: there is none of a name.
        ImportError: its library is not installed.
    """
    names = list(dict.fromkeys(filter(None, _LOG.value or [])))
    for name in names:
        choose("--log", name, WRITERS)
        if not _there(name):
            raise ImportError(
                f"--log={name} needs {name}: `pip install 'reid_jax[{name}]'` installs it"
            )
    return names


def _there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _load(name: str) -> None:
    importlib.import_module(name)


class Writers:
    """Those of a run; of several processes the first has them."""

    def __init__(self, workdir: Path, config: Mapping[str, Any]):
        self.all = [_Thread(name, workdir, config) for name in named()]

    def figures(self, kind: str, figures: Mapping[str, float], step: int) -> None:
        """Hand figures on, "train/loss" by name."""
        told = {f"{kind}/{name}": float(value) for name, value in figures.items()}
        for one in self.all:
            one.ask("figures", told, step)

    def pictures(self, folder: Path) -> None:
        """Hand the pictures of a report on."""
        for one in self.all:
            one.ask("pictures", folder)

    def end(self, how: str) -> None:
        """End all, and wait for what they still have to write."""
        for one in self.all:
            one.ask("end", how)
            one.asked.put(None)
        until = time.monotonic() + WAIT
        for one in self.all:
            one.wait(until)


class _Thread:
    """A writer and its thread."""

    def __init__(self, name: str, workdir: Path, config: Mapping[str, Any]):
        self.name, self.asked, self.left_out = name, queue.SimpleQueue[Any](), False
        self.kept = workdir / f"{name}.json"
        with self._alone():
            _load(name)  # here: some libraries hang if a thread imports them
        self.writer: Writer = WRITERS[name]()
        title = "/".join(workdir.absolute().parts[-2:])
        self.thread = threading.Thread(target=self._work, daemon=True, name=name)
        self.thread.start()
        self.ask("begin", title, workdir, config)

    def ask(self, what: str, *given: Any) -> None:
        """Have the thread call a function of the writer."""
        if not self.left_out:
            self.asked.put((what, given))

    def wait(self, until: float) -> None:
        """Wait for all that was asked, up to a time of `time.monotonic`."""
        with progress.doing(f"writing to {self.name}"):
            self.thread.join(max(0.0, until - time.monotonic()))
        if self.thread.is_alive():
            self._leave(f"it did not answer within {WAIT:.0f} s")

    def _work(self) -> None:
        while (one := self.asked.get()) is not None:
            if not self.left_out:
                with self._alone():
                    self._do(*one)

    def _do(self, what: str, given: tuple[Any, ...]) -> None:
        if what != "begin":
            getattr(self.writer, what)(*given)
            return
        name, workdir, config = given
        kept = json.loads(self.kept.read_text())["run"] if self.kept.is_file() else ""
        run = self.writer.begin(name, workdir, config, kept)
        with whole(self.kept) as unfinished:
            unfinished.write_text(json.dumps({"run": run}) + "\n")

    @contextlib.contextmanager
    def _alone(self) -> Any:
        """An error inside leaves the writer out; a stop of the command goes on."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 (SystemExit too)
            words = " ".join(str(error).split()) or "no reason told"
            self._leave(f"{type(error).__name__}: {words[:LONGEST]}")

    def _leave(self, why: str) -> None:
        if not self.left_out:
            self.left_out = True
            with contextlib.suppress(OSError, ValueError):  # nobody reads any more
                progress.say(f"warning: --log={self.name} is left out from here on: {why}")

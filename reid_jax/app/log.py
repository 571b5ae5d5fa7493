"""The log of a run: lines for people, JSON lines and TensorBoard events for programs.

With --log it goes to other places too, see `reid_jax.app.writers`.
"""

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import jax
from tensorboard.summary import Writer

from reid_jax import parallel
from reid_jax.app import command, info, writers
from reid_jax.app.job import Job
from reid_jax.app.paths import resolved
from reid_jax.data import copies
from reid_jax.data.check import summary, survey
from reid_jax.files import jsons
from reid_jax.train import Moment, Position
from reid_jax.whole import whole

WRITER = "_AsyncWriterThread"  # of tensorboard
LINE = {"kind": str, "epoch": int, "step": int}  # what each line of metrics.jsonl has


class Log:
    """Only process 0 writes."""

    def __init__(self, workdir: Path, config: Any, job: Job):
        self.writes = jax.process_index() == 0
        self.path, self.epochs = workdir / "metrics.jsonl", config.epochs
        self.events = Writer(str(workdir / "events")) if self.writes else None
        threading.excepthook = partial(_but_writers, threading.excepthook)
        self.others = None
        if self.writes and writers.named():
            self.others = writers.Writers(workdir, dataclasses.asdict(resolved(config)))
        self.began = self.moment_began = time.monotonic()
        self.done: int | None = None  # steps up to the last moment
        self.first: tuple[float, int] | None = None  # time and steps of the first moment
        self.at = (0, 0)  # epoch and step of the last moment
        if self.writes:
            self.say(f"training data\n{summary(survey(job.train))}")
            ways = {"same_camera": bool(getattr(config, "same_camera", False))}
            if len(job.test.person):
                lines = [summary(survey(job.test), **ways)]
                lines += [f"  {line}" for line in copies.told(job.train, job.test, **ways)]
                self.say("\n".join(["test data", *lines]))
            else:
                self.say(
                    "no test data (no query, no gallery picture), so the run ends without figures; "
                    "`reid-jax evaluate --test=KIND:PATH` gives them later"
                )
            if job.validation is not None:
                lines = summary(survey(job.validation), **ways).splitlines()
                self.say("\n".join(["validation data, held out of the training", *lines]))
            self.say(f"{info.devices()}, {jax.process_count()} process(es); {workdir}")

    def begin(self, step: int, resume: Position | None) -> None:
        """Say where the run starts; a resumed run drops the lines after its checkpoint."""
        if self.writes and self.path.is_file():
            lines, others = jsons.lines(self.path, LINE)
            if others:
                self.say(f"warning: {self.path} has {others} damaged line(s), which are left out")
            kept = [json.dumps(line) for line in lines if line["step"] <= step]
            with whole(self.path) as unfinished:
                unfinished.write_text("".join(line + "\n" for line in kept))
        if resume is not None:
            self.at = (resume.epoch, step)
            steps = len(resume.plan.rows)
            self.say(f"going on from epoch {resume.epoch + 1}, step {resume.done} of {steps}")
        self.moment_began = time.monotonic()

    def moment(self, moment: Moment) -> None:
        """Write a line of progress, with images/s and the time left."""
        epoch, at, plan = moment.position
        self.at = (epoch, _step(moment))
        steps, batch = plan.rows.shape  # epochs may differ
        done, now = self.at[1], time.monotonic()
        seconds, self.moment_began = now - self.moment_began, now
        figures, clock = dict(moment.metrics), "compiled"
        if self.done is None or self.first is None:  # the first moment holds the compilation
            self.first = (now, done)
        else:
            rate = (done - self.done) * batch / seconds
            pace = (now - self.first[0]) / (done - self.first[1])
            left = timedelta(seconds=round(pace * ((self.epochs - epoch) * steps - at)))
            figures["images_per_second"] = rate
            clock = f"{rate:.0f} images/s  {left} left"
        self.done = done
        self._write("train", figures)
        metrics = "  ".join(f"{name} {value:.3f}" for name, value in moment.metrics.items())
        line = f"epoch {epoch + 1}/{self.epochs}  step {at}/{steps}  {metrics}  {clock}"
        self.say(line, fleeting=not moment.position.whole)

    def test(self, figures: dict[str, float], kind: str = "test") -> None:
        """Write the figures of an evaluation; without figures, that there was nothing to test."""
        if figures:
            shown = {name: 100 * value for name, value in figures.items() if name != "queries"}
            text = "  ".join(f"{name} {value:.1f}" for name, value in shown.items())
            self.say(f"{kind}: {text}  ({figures['queries']:.0f} queries)")
        if not self.tested(kind):
            self._write(kind if figures else "untested", figures)
        self.moment_began = time.monotonic()

    def pictures(self, folder: Path) -> None:
        """Hand the pictures of a report to the writers of --log."""
        if self.others:
            self.others.pictures(folder)

    def end(self, how: str) -> None:
        """Say how the run ended: finished, stopped or failed."""
        if self.others:
            self.others.end(how)
        if how != "failed":
            self.say(f"{timedelta(seconds=round(time.monotonic() - self.began))} in all")
        if self.events:
            with suppress(OSError) if how == "failed" else nullcontext():
                self.events.close()

    def say(self, text: str, fleeting: bool = False) -> None:
        """Print a line; on a terminal the next one overwrites a fleeting one."""
        if self.writes:
            command.say(text, fleeting)

    def tested(self, kind: str = "test") -> bool:
        """Whether there is a line of such an evaluation after this step, e.g. of before a kill."""
        kinds = {"untested", kind} if kind == "test" else {kind}
        lines = jsons.lines(self.path, LINE)[0]
        return any(line["kind"] in kinds and line["step"] == self.at[1] for line in lines)

    def _write(self, kind: str, figures: dict[str, float]) -> None:
        if self.events is None:
            return
        epoch, step = self.at
        line = {"kind": kind, "epoch": epoch, "step": step, **figures}
        for name, value in figures.items():
            self.events.add_scalar(f"{kind}/{name}", value, step)
        self.events.flush()  # before the line: what has a line is in the events too
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        if self.others:
            self.others.figures(kind, figures, step)


def _but_writers(hook: Callable[[Any], Any], told: Any) -> None:
    """What a thread says of its end; a writer of events hands its error on, so it is told once."""
    if not (isinstance(told.exc_value, OSError) and type(told.thread).__name__ == WRITER):
        hook(told)


def _step(moment: Moment) -> int:
    """Steps since the run began."""
    return int(parallel.first(moment.state.step))

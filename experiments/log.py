"""A run's voice: lines for people, JSON lines and TensorBoard events for programs."""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import jax
from tensorboard.summary import Writer

from reid_jax import parallel
from reid_jax.data.check import summary, survey
from reid_jax.train import Moment


class Log:
    """Only process 0 speaks."""

    def __init__(self, workdir: Path, config: Any, job: Any):
        self.speaks = jax.process_index() == 0
        self.path, self.epochs, self.seen = workdir / "metrics.jsonl", config.epochs, 0
        self.events = Writer(str(workdir / "events")) if self.speaks else None
        self.began = self.moment_began = time.monotonic()
        self.done = self.first = None
        if self.speaks:
            device = jax.devices()[0]
            self.say(f"training data\n{summary(survey(job.train))}")
            self.say(f"test data\n{summary(survey(job.test))}")
            self.say(f"{jax.device_count()} x {device.device_kind}, {jax.process_count()} process(es); {workdir}")

    def begin(self, step: int, resume: tuple | None) -> None:
        """Tell where the run starts; a resumed run forgets the lines after its checkpoint."""
        if self.speaks and self.path.is_file():
            lines = self.path.read_text().splitlines()
            kept = [line for line in lines if json.loads(line)["step"] <= step]
            self.path.write_text("".join(line + "\n" for line in kept))
        if resume is not None:
            self.say(f"going on from epoch {resume[0] + 1}, step {resume[1]} of {len(resume[2].rows)}")
        self.moment_began = time.monotonic()

    def moment(self, moment: Moment) -> None:
        """A line of progress, with images/s and the time left."""
        steps = len(moment.plan.rows)  # epochs may differ
        done = _step(moment)
        now = time.monotonic()
        taken, self.moment_began = now - self.moment_began, now
        since, self.done = done - self.done if self.done is not None else None, done
        rate = None
        if since is None:  # the first moment holds the compilation
            self.first = (now, done)
        else:
            rate = since * moment.plan.rows.shape[1] / taken
        figures = dict(moment.metrics)
        if rate:
            figures["images_per_second"] = rate
        self._write("train", moment, done, figures)
        told = "  ".join(f"{name} {value:.3f}" for name, value in moment.metrics.items())
        clock = "compiled"
        if self.first and done > self.first[1]:
            pace = (now - self.first[0]) / (done - self.first[1])
            left = timedelta(seconds=round(pace * ((self.epochs - moment.epoch) * steps - moment.done)))
            clock = f"{rate:.0f} images/s  {left} left"
        line = f"epoch {moment.epoch + 1}/{self.epochs}  step {moment.done}/{steps}  {told}  {clock}"
        self.say(line, fleeting=not moment.whole)

    def test(self, moment: Moment | None, figures: dict[str, float]) -> None:
        """The figures of an evaluation."""
        told = "  ".join(f"{name} {100 * value:.1f}" for name, value in figures.items() if name != "queries")
        self.say(f"test: {told}  ({figures['queries']:.0f} queries)")
        if moment is not None:
            self._write("test", moment, _step(moment), figures)
        self.moment_began = time.monotonic()

    def end(self, *, stopped: bool) -> None:
        """Say how it ended."""
        if stopped:
            self.say("asked to stop: the state is saved; the same command goes on from here")
        self.say(f"{timedelta(seconds=round(time.monotonic() - self.began))} in all")
        if self.events:
            self.events.close()

    def say(self, text: str, fleeting: bool = False) -> None:
        """A line; on a terminal a fleeting one is overwritten by the next."""
        if not self.speaks:
            return
        clear = "\r\033[K" if sys.stdout.isatty() else ""
        print(f"{clear}{text}", end="" if fleeting and clear else "\n", flush=True)

    def _write(self, kind: str, moment: Moment, step: int, figures: dict[str, float]) -> None:
        if not self.speaks:
            return
        line = {"kind": kind, "epoch": moment.epoch, "step": step, **figures}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in figures.items():
            self.events.add_scalar(f"{kind}/{name}", value, step)


def _step(moment: Moment) -> int:
    """Steps since the run began."""
    return int(parallel.first(moment.state.step))

"""What every training shares: flags, the `for` over moments, the log, evaluation, checkpoints."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags

from reid_jax import checkpoint, evaluate, parallel, train
from reid_jax.app import about, command, report
from reid_jax.app.job import Experiment, Figures, Job
from reid_jax.app.log import Log
from reid_jax.data import batch as batching
from reid_jax.types import Batch, Model, Plan, Records, Variables

_EVALUATE = flags.DEFINE_integer(
    "evaluate_every", 0, "epochs between evaluations; 0: after the last one only"
)
_SAVE = flags.DEFINE_float(
    "save_minutes", 5.0, "minutes between checkpoints; one is written after the last epoch too"
)
_REPORT = flags.DEFINE_boolean(
    "report",
    True,
    "draw pictures at each evaluation, and after the last epoch compare with the baselines",
)

EVERY = 20  # steps between two looks at the clock


def main(experiment: Experiment) -> None:
    """Parse the flags and train; the caller's mistakes end in one line."""
    command.main(experiment.config, partial(train_all, experiment), experiment.recipes)


def train_all(experiment: Experiment, config: Any, workdir: Path) -> Figures | None:
    """Train all stages of an experiment; the figures of the last test, None if it was stopped."""
    if experiment.train is not None:
        return experiment.train(config, workdir)
    return run(config, experiment.build, workdir)


def run(config: Any, build: Callable[[Any], Job], workdir: Path) -> Figures | None:
    """Train `build(config)` in `workdir`, from where an earlier run of this configuration stopped.

    Args:
        config: the configuration, a dataclass.
        build: makes the job.
        workdir: the run's folder.

    Returns:
        The figures of the test after the last epoch, none without a test set; None where the run
        was asked to stop before.
    """
    command.check_workdir(workdir, config)
    job = build(config)
    command.write_config(workdir, config)
    about.write(workdir, config, job)
    log = Log(workdir, config, job)
    embed = parallel.build_embed(job.model)
    checkpoints = checkpoint.manager(workdir / "checkpoints")
    start = train.create(job.method, job.optimiser, jax.random.key(config.seed), job.train)
    state, resume = checkpoint.restore(checkpoints, start) or (start, None)
    log.begin(int(state.step), resume)
    state = parallel.replicate(state)
    encoder = job.method.encoder(state.variables, state.carry)
    at, moment = resume, None
    figures: dict[str, float] = {}
    saved, stop = time.monotonic(), _stop_signals()
    for moment in train.epochs(
        job.method,
        job.optimiser,
        parallel.build_step(job.method, job.optimiser, seed=config.seed),
        partial(embed_rows, embed, job.model, job.train),
        partial(_batches, job, config.seed),
        job.train,
        state,
        count=config.epochs,
        seed=config.seed,
        every=EVERY,
        resume=resume,
    ):
        log.moment(moment)
        at, encoder = (
            moment.position,
            job.method.encoder(moment.state.variables, moment.state.carry),
        )
        last = at.ends(config.epochs)
        stopping = parallel.agreed(bool(stop))
        if last or stopping or parallel.agreed(time.monotonic() - saved > 60 * _SAVE.value):
            checkpoint.save(checkpoints, moment, parallel.first(encoder), job.model.input)
            saved = time.monotonic()
        if stopping:
            break
        if at.whole and not last and _EVALUATE.value and (at.epoch + 1) % _EVALUATE.value == 0:
            embedding, figures = test(job, config, embed, encoder)
            log.test(moment, figures)
            if _REPORT.value:
                folder = workdir / "report"
                report.progress(job, config, embed, encoder, embedding, folder, at.epoch + 1)
    checkpoints.wait_until_finished()
    finished = False
    if at is not None and at.ends(config.epochs):
        finished = True
        _, figures = test(job, config, embed, encoder)
        log.test(moment, figures)
        if _REPORT.value:
            report.write(job, config, embed, encoder, workdir / "report", at.plan)
    checkpoints.close()
    log.end(stopped=not finished)
    return figures if finished else None


def test(
    job: Job, config: Any, embed: parallel.Embed, encoder: Variables
) -> tuple[np.ndarray, dict[str, float]]:
    """Embeddings f32[n d] of the test data, and the figures of their ranking; none without data."""
    rows = np.arange(len(job.test.person))
    if not len(rows):
        return np.zeros((0, job.model.width), np.float32), {}
    embedding = embed_rows(embed, job.model, job.test, encoder, rows)
    ways = {"metric": config.rank_by, "same_camera": config.same_camera}
    return embedding, dict(evaluate.measured(embedding, job.test, **ways))


def ended(config: Any, workdir: Path) -> bool:
    """Whether the run in `workdir` did its last epoch and the test after it, if it has one."""
    path = workdir / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    last = [line["kind"] for line in lines if line["epoch"] + 1 == config.epochs]
    return bool({"test", "untested"} & {*last})


def embed_rows(
    embed: parallel.Embed, model: Model, records: Records, variables: Variables, rows: np.ndarray
) -> np.ndarray:
    """Embeddings f32[len(rows) d] of rows of `records`, by a model's replicated variables."""
    return evaluate.embed_rows(
        embed, variables, records, rows, input=model.input, workers=command.workers()
    )


def _batches(job: Job, seed: int, plan: Plan, epoch: int, start: int) -> Iterator[Batch]:
    return batching.batches(
        job.train,
        plan,
        views=job.views,
        input=job.model.input,
        seed=seed,
        epoch=epoch,
        start=start,
        share=parallel.share(),
        workers=command.workers(),
    )


def _stop_signals() -> list:
    """A list that fills when the run is asked to end (a preemption's SIGTERM, Ctrl-C).

    The run saves then and stops; asked a second time, it stops at once.
    """
    asked: list = []

    def ask(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, ask)
    return asked

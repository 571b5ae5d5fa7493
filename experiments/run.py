"""What every training script shares: flags, the `for` over moments, the log, evaluation, checkpoints."""

import json
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from absl import flags

from experiments import command, report
from experiments.log import Log
from reid_jax import checkpoint, evaluate, parallel, train
from reid_jax.data import batch as batching
from reid_jax.data.augment import Augment
from reid_jax.types import Method, Model, Records, Variables

_WORKERS = flags.DEFINE_integer("workers", 0, "processes that decode pictures; 0: threads of this process")
_EVALUATE = flags.DEFINE_integer("evaluate_every", 0, "epochs between evaluations; 0: after the last one only")
_SAVE = flags.DEFINE_float("save_minutes", 5.0, "minutes between checkpoints; one is written after the last epoch too")
_REPORT = flags.DEFINE_boolean(
    "report", True, "draw pictures at each evaluation, and after the last epoch compare with the baselines"
)

EVERY = 20  # steps between two looks at the clock


class Job(NamedTuple):
    """What an experiment builds; `train` and `test` are Records."""

    method: Method
    model: Model
    optimiser: optax.GradientTransformation
    views: tuple[Augment, ...]
    train: Records
    test: Records


def main(config_class: type, build: Callable[[Any], Job], recipes: Mapping[str, dict] | None = None) -> None:
    """Parse the flags and run; the caller's mistakes are told in a line."""
    command.main(config_class, lambda config, workdir: run(config, build, workdir), recipes)


def run(config: Any, build: Callable[[Any], Job], workdir: Path) -> dict[str, float]:
    """Train `build(config)` in `workdir`, going on where an earlier run of the same configuration stopped.

    Returns the figures of the test after the last epoch; none where the run was asked to stop before.
    """
    command.check_workdir(workdir, config)
    job = build(config)
    command.write_config(workdir, config)
    log = Log(workdir, config, job)
    step = parallel.build_step(job.method, job.optimiser, seed=config.seed)
    embed = parallel.build_embed(job.model)
    see = partial(look, embed, job.model, job.train)

    def test(encoder: Variables) -> tuple[np.ndarray, dict[str, float]]:
        embedding = look(embed, job.model, job.test, encoder, np.arange(len(job.test.person)))
        return embedding, dict(
            evaluate.measured(embedding, job.test, metric=config.rank_by, same_camera=config.same_camera)
        )

    checkpoints = checkpoint.manager(workdir / "checkpoints")
    start = train.create(job.method, job.optimiser, jax.random.key(config.seed), job.train)
    state, resume = checkpoint.restore(checkpoints, start) or (start, None)
    log.begin(int(state.step), resume)
    state = parallel.replicate(state)
    saved, stop, figures, moment = time.monotonic(), _stop_signals(), {}, None
    last = resume is not None and resume[0] + 1 == config.epochs and resume[1] == len(resume[2].rows)
    encoder = job.method.encoder(state.variables, state.carry)
    for moment in train.epochs(
        job.method, step, see, partial(_batches, job, config.seed), job.train, state,
        count=config.epochs, seed=config.seed, every=EVERY, resume=resume,
    ):  # fmt: skip
        log.moment(moment)
        encoder = job.method.encoder(moment.state.variables, moment.state.carry)
        last = moment.whole and moment.epoch + 1 == config.epochs
        stopping = parallel.agreed(bool(stop))
        if last or stopping or parallel.agreed(time.monotonic() - saved > 60 * _SAVE.value):
            checkpoint.save(checkpoints, moment, parallel.first(encoder), job.model.input)
            saved = time.monotonic()
        if stopping:
            break
        if moment.whole and not last and _EVALUATE.value and (moment.epoch + 1) % _EVALUATE.value == 0:
            embedding, figures = test(encoder)
            log.test(moment, figures)
            if _REPORT.value:
                report.progress(job, config, embed, encoder, embedding, workdir / "report", moment.epoch + 1)
    checkpoints.wait_until_finished()
    if last:
        _, figures = test(encoder)
        log.test(moment, figures)
        if _REPORT.value:
            report.write(job, config, embed, encoder, workdir / "report", moment.plan if moment else resume[2])
    checkpoints.close()
    log.end(stopped=not last)
    return figures if last else {}


def finished(config: Any, workdir: Path) -> bool:
    """Whether the run in `workdir` has been tested after its last epoch."""
    path = workdir / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    return any(line["kind"] == "test" and line["epoch"] + 1 == config.epochs for line in lines)


def look(embed: parallel.Embed, model: Model, records: Records, variables: Variables, rows: np.ndarray) -> np.ndarray:
    """Embeddings f32[len(rows) d] of rows of `records`."""
    return evaluate.embed_rows(embed, variables, records, rows, taken=model.input, workers=_WORKERS.value)


def _batches(job: Job, seed: int, plan, epoch: int, start: int):
    return batching.batches(
        job.train, plan, views=job.views, taken=job.model.input, seed=seed, epoch=epoch, start=start,
        share=parallel.share(), workers=_WORKERS.value,
    )  # fmt: skip


def _stop_signals() -> list:
    """A list that fills when the run is asked to end (a preemption's SIGTERM, Ctrl-C): it saves, then stops.

    Asked a second time, it stops at once.
    """
    asked: list = []

    def ask(number, frame) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, ask)
    return asked

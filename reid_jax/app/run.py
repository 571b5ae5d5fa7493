"""What every training shares: flags, the `for` over moments, the log, evaluation, checkpoints."""

import dataclasses
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import jax
from absl import flags

from reid_jax import checkpoint, parallel, train
from reid_jax.app import (
    about,
    best,
    command,
    progress,
    report,
    seeds,
    slow,
    sources,
    stop,
    workdirs,
    writers,
)
from reid_jax.app.embedding import embed_rows, ranked
from reid_jax.app.job import Experiment, Figures, Job
from reid_jax.app.keeper import Keeper, encoder_of
from reid_jax.app.log import LINE, Log
from reid_jax.app.paths import resolved
from reid_jax.app.results import record
from reid_jax.data import batch as batching
from reid_jax.files import jsons
from reid_jax.retrieval import point
from reid_jax.retrieval.ranking import Ranking
from reid_jax.train import Moment, Position
from reid_jax.types import Batch, Plan, TrainState, Variables

_EVALUATE = flags.DEFINE_integer(
    "evaluate_every",
    0,
    "epochs between evaluations; 0: after the last one only (and validations after each)",
    lower_bound=0,
)
_REPORT = flags.DEFINE_boolean(
    "report",
    True,
    "draw pictures at each evaluation, and after the last epoch compare with the baselines",
)

EVERY = 20  # steps between two looks at the clock
READING = "reading the pictures of a step"


def main(experiment: Experiment) -> None:
    """Parse the flags and train; the caller's mistakes end in one line."""

    def first_line(config: Any, recipe: str) -> str:
        writers.named()  # a name that there is not is told before any work
        return report.first_line(config, recipe) + seeds.checked(config)

    command.main(experiment.config, partial(_begin, experiment), experiment.recipes, first_line)


def _begin(experiment: Experiment, config: Any, workdir: Path) -> None:
    """Train one seed, or those of --seeds."""
    workdirs.begin(workdir)
    if count := seeds.count():
        seeds.train(config, workdir, count, finished=ended)
    else:
        train_all(experiment, config, workdir)


def train_all(experiment: Experiment, config: Any, workdir: Path) -> Figures:
    """Train all stages of an experiment; the figures of the last test."""
    if experiment.train is not None:
        return experiment.train(config, workdir)
    return run(config, experiment.build, workdir)


def run(config: Any, build: Callable[[Any], Job], workdir: Path) -> Figures:
    """Train `build(config)` in `workdir`, from where an earlier run of this configuration stopped.

    Args:
        config: the configuration, a dataclass.
        build: makes the job.
        workdir: the run's folder.

    Returns:
        The figures of the test after the last epoch, none without a test set.

    Raises:
        Stopped: the run was asked to stop; what it did is saved.
    """
    workdirs.begin(workdir)
    workdirs.check(workdir, config)
    began = time.monotonic()
    job = build(config)._replace(validation=sources.validation(config))
    with workdirs.locked(workdir):
        workdirs.check(workdir, config)  # another run may have begun meanwhile
        workdirs.check_data(workdir, job.train)
        return _run(config, job, workdir, began)


def _run(config: Any, job: Job, workdir: Path, began: float) -> Figures:
    workdirs.write(workdir, config)
    about.write(workdir, config, job)
    log = Log(workdir, config, job)
    embed = parallel.build_embed(job.model)
    keeper = Keeper(checkpoint.manager(workdir / "checkpoints", alone=True), job, workdir, began)
    with progress.doing("making the network"):
        start = train.create(job.method, job.optimiser, jax.random.key(config.seed), job.train)
    state, at = checkpoint.restore(keeper.checkpoints, start, log.say) or (start, None)
    log.begin(int(state.step), at)
    state = parallel.replicate(state)
    encoder = job.method.encoder(state.variables, state.carry)
    try:
        with stop.held():
            if at is not None:
                again = Moment(at, state, {})
                _at_once(_validate)(job, config, embed, again, log, keeper)
                if _looks(at, config) and parallel.agreed(_unseen(at, workdir, log)):
                    _at_once(_look)(job, config, embed, again, log, workdir)
            for moment in _moments(job, config, embed, state, at):
                log.moment(moment)
                at, encoder = moment.position, encoder_of(job, moment)
                keeper.look(moment, now=at.ends(config.epochs))
                if parallel.agreed(bool(stop.asked())):
                    raise stop.Stopped(stop.asked() or signal.SIGTERM)
                _at_once(_validate)(job, config, embed, moment, log, keeper)
                if _looks(at, config):
                    _at_once(_look)(job, config, embed, moment, log, workdir)
        keeper.close()
        embedding, figures, ranking = ranked(job.test, job.model, config, embed, encoder)
        log.test(figures)
        _record(job, config, workdir, encoder, at, figures, ranking)
        if _REPORT.value and at is not None:
            with progress.doing("drawing the report"):
                report.write(
                    job,
                    config,
                    embed,
                    encoder,
                    workdir / "report",
                    at.plan,
                    embedding=embedding,
                    ranked=ranking,
                )
            log.pictures(workdir / "report")
        about.finished(workdir, 0 if at is None else at.epoch + at.whole)
    except stop.Stopped:
        keeper.write()
        keeper.close()
        if workdirs.used(workdir):
            log.say("the state is saved")
        log.end("stopped")
        raise
    except Exception:
        log.end("failed")
        raise
    log.end("finished")
    return figures


def _at_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """`stop.at_once`; but of several processes none may leave the others by itself."""
    return stop.at_once(function) if parallel.share()[1] == 1 else function


def _moments(
    job: Job, config: Any, embed: parallel.Embed, state: TrainState, resume: Position | None
) -> Iterator[Moment]:
    """The loop; a stop breaks an epoch's plan off, and waits for the end of a step."""
    plan = _at_once(job.method.plan)

    def planned(*parts: Any) -> tuple[TrainState, Plan]:
        what = "choosing the pictures of the epoch"
        with progress.doing(what), slow.watched(what):
            return plan(*parts)

    alone, steps = parallel.share()[1] == 1, count(int(parallel.first(state.step)) + 1)
    method = job.method._replace(plan=planned)
    return train.epochs(
        method,
        job.optimiser,
        slow.step(parallel.build_step(method, job.optimiser, seed=config.seed)),
        partial(embed_rows, embed, job.model, job.train),
        partial(_batches, job, config.seed),
        job.train,
        state,
        count=config.epochs,
        seed=config.seed,
        every=EVERY,
        pause=lambda: parallel.preempted(next(steps)) or (alone and bool(stop.asked())),
        resume=resume,
    )


def _looks(at: Position, config: Any) -> bool:
    """Whether the run is evaluated here, on its way."""
    due = at.whole and _EVALUATE.value and (at.epoch + 1) % _EVALUATE.value == 0
    return bool(due) and not at.ends(config.epochs)


def _validate(
    job: Job, config: Any, embed: parallel.Embed, moment: Moment, log: Log, keeper: Keeper
) -> None:
    """Where it is due, measure a run by the persons held out, and keep the best moment aside."""
    held, at = job.validation, moment.position
    due = (at.whole and (at.epoch + 1) % (_EVALUATE.value or 1) == 0) or at.ends(config.epochs)
    if held is None or not due or not parallel.agreed(not log.tested(best.KIND)):
        return
    figures = ranked(held, job.model, config, embed, encoder_of(job, moment))[1]
    if keeper.keep(moment, figures):
        log.say(f"the best validation yet, kept in {keeper.workdir / best.FOLDER}")
    log.test(figures, best.KIND)


def _unseen(at: Position, workdir: Path, log: Log) -> bool:
    """Whether a kill came between a checkpoint and the end of the evaluation behind it."""
    drawn = report.midway_file(workdir / "report", at.epoch + 1)
    return not log.tested() or bool(_REPORT.value and not drawn.is_file())


def _look(
    job: Job, config: Any, embed: parallel.Embed, moment: Moment, log: Log, workdir: Path
) -> None:
    """Evaluate a run on its way."""
    encoder, epoch = encoder_of(job, moment), moment.position.epoch + 1
    embedding, figures, _ = ranked(job.test, job.model, config, embed, encoder)
    log.test(figures)
    if _REPORT.value:
        report.midway(job, config, embed, encoder, embedding, workdir / "report", epoch)


def _record(
    job: Job,
    config: Any,
    workdir: Path,
    encoder: Variables,
    at: Position | None,
    figures: Figures,
    ranking: Ranking | None,
) -> None:
    """Write the results of a run."""
    kept = dataclasses.asdict(resolved(config))
    told = record.run_about(kept, workdir, point.fingerprint(parallel.first(encoder)))
    told |= {
        "seconds": about.read(workdir).seconds,
        "epochs": 0 if at is None else at.epoch + at.whole,
    }
    if ranking is not None:
        ways = {"metric": config.rank_by, "same_camera": config.same_camera, "flip": False}
        told["test"] = record.test_of(job.test, sources.tested_on(kept), **ways)
    record.write(workdir / record.FILE, figures, ranking, job.test, told)


def ended(config: Any, workdir: Path) -> bool:
    """Whether the run in `workdir` did its last epoch and all that follows it.

    All processes are told what process 0 sees. Versions before 0.6.0 did not say so; of their runs
    the last test is looked for.
    """
    return parallel.agreed(jax.process_index() == 0 and _ended(config, workdir))


def _ended(config: Any, workdir: Path) -> bool:
    known = about.read(workdir).finished
    if known >= 0:
        return known == config.epochs
    path = workdir / "metrics.jsonl"
    last = [
        line["kind"] for line in jsons.lines(path, LINE)[0] if line["epoch"] + 1 == config.epochs
    ]
    return bool({"test", "untested"} & {*last})


def _batches(job: Job, seed: int, plan: Plan, epoch: int, start: int) -> Iterator[Batch]:
    batches = batching.batches(
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
    with closing(batches):
        with progress.doing(f"epoch {epoch + 1}, its first step, which may be compiled"):
            yield from islice(batches, 1)
        with progress.doing(f"epoch {epoch + 1}, steps") as watch:
            for done, batch in enumerate(slow.each(batches, READING), start + 1):
                watch(done, len(plan.rows))
                yield batch

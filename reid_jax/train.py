"""The one loop. It yields; logging, evaluation and saving are lines of the caller's `for`."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from reid_jax import parallel
from reid_jax.types import (
    Array,
    Batch,
    EncoderOf,
    Method,
    Plan,
    Records,
    TrainState,
    Variables,
)

HUGE = 1e6  # of a loss: no training comes back from there, though it stays finite

Embed = Callable[[Variables, np.ndarray], np.ndarray]
Batches = Callable[[Plan, int, int], Iterator[Batch]]


class Position(NamedTuple):
    """Where a run stands: `done` of the `len(plan.rows)` steps of `epoch` are done."""

    epoch: int
    done: int
    plan: Plan

    @property
    def whole(self) -> bool:
        """Whether the epoch is complete."""
        return self.done == len(self.plan.rows)

    def ends(self, count: int) -> bool:
        """Whether a run of `count` epochs is complete."""
        return self.whole and self.epoch + 1 == count


class Moment(NamedTuple):
    """A look at a run: where it stands, and the means of the metrics since the last moment."""

    position: Position
    state: TrainState
    metrics: dict[str, float]


class Diverged(ArithmeticError):
    """A loss term is not a finite number, or the loss is above `HUGE`."""


def create(
    method: Method, optimiser: optax.GradientTransformation, key: Array, records: Records
) -> TrainState:
    """The state before step 0, on the host."""
    variables, carry = method.init(key, records)
    return TrainState(
        jnp.zeros((), jnp.int32), variables, optimiser.init(variables["params"]), carry
    )


def epochs(
    method: Method,
    optimiser: optax.GradientTransformation,
    step: parallel.Step,
    embed: Embed,
    batches: Batches,
    records: Records,
    state: TrainState,
    *,
    count: int,
    seed: int,
    every: int = 0,
    pause: Callable[[], bool] = lambda: False,
    resume: Position | None = None,
) -> Iterator[Moment]:
    """Train for `count` epochs; yield after every `every` steps and after each epoch.

    Args:
        method: what is trained.
        optimiser: the one that `step` was built with.
        step: from `parallel.build_step`.
        embed: (encoder variables, rows) -> embeddings f32[len(rows) d], for the plan.
        batches: (plan, epoch, start) -> this process's share of the batches from step `start` on.
        records: the training data.
        state: replicated on all devices.
        count: epochs in all, those before `resume` counted.
        seed: of the plans.
        every: steps between two moments; 0: only whole epochs are yielded.
        pause: asked after each step whether to yield there as well.
        resume: the position that `state` was saved at.

    Yields:
        Moments.

    Raises:
        Diverged: a loss is not finite, or huge; it names epoch, step and term.
    """
    first = 0 if resume is None else resume.epoch + resume.whole
    at = None if resume is None or resume.whole else resume
    for epoch in range(first, count):
        if at is None:
            state, plan = plan_epoch(
                method, optimiser, embed, records, state, seed=seed, epoch=epoch
            )
            at = Position(epoch, 0, plan)
        watch = _Watch(epoch)
        for done, batch in enumerate(batches(at.plan, epoch, at.done), at.done + 1):
            state, metrics = step(state, batch)
            watch.add(done, metrics)
            now = Position(epoch, done, at.plan)
            if pause() or now.whole or (every and done % every == 0):
                report = dict(at.plan.report) if now.whole else {}
                yield Moment(now, state, watch.means() | report)
        at = None


def plan_epoch(
    method: Method,
    optimiser: optax.GradientTransformation,
    embed: Embed,
    records: Records,
    state: TrainState,
    *,
    seed: int,
    epoch: int,
) -> tuple[TrainState, Plan]:
    """The plan of an epoch, and the state with what the plan replaced; arguments as of `epochs`."""

    def embed_rows(rows: np.ndarray, encoder: EncoderOf = method.encoder) -> np.ndarray:
        return embed(encoder(state.variables, state.carry), rows)

    before = parallel.first(state)
    after, plan = method.plan(before, records, embed_rows, np.random.default_rng((seed, epoch)))
    if plan.reset_optimiser:
        opt = optimiser.init(after.variables["params"])
        after = after._replace(opt=jax.tree.map(np.asarray, opt))
    return parallel.renew(state, before, after), plan


class _Watch:
    """Metrics of the steps since the last moment, read one step late: the device never waits."""

    def __init__(self, epoch: int):
        self.epoch = epoch
        self.waiting: tuple[int, dict[str, Array]] | None = None
        self.read: list[dict[str, float]] = []

    def add(self, done: int, metrics: dict[str, Array]) -> None:
        earlier, self.waiting = self.waiting, (done, metrics)
        self._fetch(earlier)

    def means(self) -> dict[str, float]:
        self._fetch(self.waiting)
        rows, self.read, self.waiting = self.read, [], None
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def _fetch(self, earlier: tuple[int, dict[str, Array]] | None) -> None:
        if earlier is None:
            return
        done, metrics = earlier
        row = {name: float(value) for name, value in parallel.first(metrics).items()}
        broken = [
            f"{name} = {value:.4g}"
            for name, value in row.items()
            if not np.isfinite(value) or (name == "loss" and abs(value) > HUGE)
        ]
        if broken:
            raise Diverged(
                f"epoch {self.epoch}, step {done}: {', '.join(broken)}; the last checkpoint is "
                "good; a lower learning rate or a longer warm-up are the usual cures"
            )
        self.read.append(row)

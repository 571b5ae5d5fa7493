"""The one loop. It yields; logging, evaluation and saving are lines of the caller's `for`."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import optax

from reid_jax import parallel
from reid_jax.types import Array, Batch, Method, Plan, Records, TrainState


class Moment(NamedTuple):
    """Where a run stands: `done` of the `len(plan.rows)` steps of `epoch`; metrics are means since the last moment."""

    epoch: int
    done: int
    plan: Plan
    state: TrainState
    metrics: dict[str, float]

    @property
    def whole(self) -> bool:
        """The epoch is complete."""
        return self.done == len(self.plan.rows)


class Diverged(ArithmeticError):
    """A loss term is not a finite number."""


def create(method: Method, optimiser: optax.GradientTransformation, key: Array, records: Records) -> TrainState:
    """The state before step 0, on the host."""
    variables, carry = method.init(key, records)
    return TrainState(jnp.zeros((), jnp.int32), variables, optimiser.init(variables["params"]), carry)


def epochs(
    method: Method,
    step: parallel.Step,
    see: Callable,
    batches: Callable[[Plan, int, int], Iterator[Batch]],
    records: Records,
    state: TrainState,
    *,
    count: int,
    seed: int,
    every: int = 0,
    resume: tuple[int, int, Plan] | None = None,
) -> Iterator[Moment]:
    """Train for `count` epochs; yields after every `every` steps (0: never) and after each epoch.

    step:    from `parallel.build_step`.
    see:     (encoder variables, rows) -> embeddings f32[len(rows) d], for the plan.
    batches: (plan, epoch, start) -> this process's share of the batches from step `start` on.
    state:   replicated. resume: (epoch, done, plan) of the moment that `state` was saved at.

    Raises Diverged, naming epoch, step and term, when a loss is not finite.
    """
    epoch, start, plan = resume or (0, 0, None)
    if plan is not None and start == len(plan.rows):
        epoch, start, plan = epoch + 1, 0, None
    while epoch < count:
        if plan is None:
            state, plan = morning(method, see, records, state, seed=seed, epoch=epoch)
        watch = _Watch(epoch)
        for done, batch in enumerate(batches(plan, epoch, start), start + 1):
            state, metrics = step(state, batch)
            watch.add(done, metrics)
            last = done == len(plan.rows)
            if last or (every and done % every == 0):
                yield Moment(epoch, done, plan, state, watch.means() | (dict(plan.report) if last else {}))
        epoch, start, plan = epoch + 1, 0, None


def morning(
    method: Method, see: Callable, records: Records, state: TrainState, *, seed: int, epoch: int
) -> tuple[TrainState, Plan]:
    """The plan of an epoch, and the state with what the method replaced; arguments as of `epochs`."""

    def look(rows: np.ndarray, encoder: Callable = method.encoder) -> np.ndarray:
        return see(encoder(state.variables, state.carry), rows)

    before = parallel.first(state)
    after, plan = method.plan(before, records, look, np.random.default_rng((seed, epoch)))
    return parallel.renew(state, before, after), plan


class _Watch:
    """Metrics of the steps since the last moment. They are read one step late, so that the device never waits."""

    def __init__(self, epoch: int):
        self.epoch, self.waiting, self.read = epoch, None, []

    def add(self, done: int, metrics: dict[str, Array]) -> None:
        earlier, self.waiting = self.waiting, (done, metrics)
        self._fetch(earlier)

    def means(self) -> dict[str, float]:
        self._fetch(self.waiting)
        rows, self.read, self.waiting = self.read, [], None
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def _fetch(self, earlier: tuple | None) -> None:
        if earlier is None:
            return
        done, metrics = earlier
        row = {name: float(value) for name, value in parallel.first(metrics).items()}
        broken = [f"{name} = {value}" for name, value in row.items() if not np.isfinite(value)]
        if broken:
            raise Diverged(
                f"epoch {self.epoch}, step {done}: {', '.join(broken)}; the last checkpoint is good; a lower rate or a "
                "longer warm-up are the usual cures"
            )
        self.read.append(row)

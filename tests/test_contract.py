"""The exam that every method of the folder sits: a new file in methods/ is found and examined.

A method's own test file says how it is built and what it moves, in `tests/methods/test_NAME.py`:

    EXAM = [lambda model: method(model, ...)]
    MOVES = [{"plan": ["carry/bank"], "update": ["carry/bank", "carry/teacher"]}]

one of `MOVES` for one of `EXAM`: the leaves of the state that `plan` replaces, and those of the carry that `update` moves; a
name stands for all that lies under it. `WORLD`, if there, makes the records that it trains on. Every method is trained four
times, and the tests look at these trainings.
"""

import importlib
import pkgutil
from types import SimpleNamespace
from typing import NamedTuple

import jax
import numpy as np
import optax
import pytest

from reid_jax import checkpoint, methods, parallel
from tests import tiny
from tests.tiny import Run

SMALL_STEPS = optax.sgd(0.02)  # with which rounding does not grow
NAMES = [module.name for module in pkgutil.iter_modules(methods.__path__)]


class Exam(NamedTuple):
    make: tuple  # what `Run` takes
    moves: dict[str, list[str]] | None


def _tests(name):
    return importlib.import_module(f"tests.methods.test_{name}")


def _exams():
    for name in NAMES:
        tests = _tests(name)
        moves = getattr(tests, "MOVES", [])
        for number, make in enumerate(tests.EXAM):
            said = moves[number] if number < len(moves) else None
            yield pytest.param(Exam((make, getattr(tests, "WORLD", tiny.world)), said), id=f"{name}-{number}")


@pytest.fixture(scope="module", params=list(_exams()))
def exam(request):
    return request.param


@pytest.fixture(scope="module")
def straight(exam):
    """Three epochs by plain gradient steps on four devices."""
    return _watched(Run(exam.make, optimiser=SMALL_STEPS), count=3)


@pytest.fixture(scope="module")
def adams(exam, tmp_path_factory):
    """(losses of eight epochs by Adam, the state after three, the same of a run that was stopped in the second epoch)."""
    first, losses = Run(exam.make, optimiser=optax.adam(2e-2)), [[] for _ in range(8)]
    with checkpoint.manager(tmp_path_factory.mktemp("stopped")) as checkpoints:
        for moment in first.moments(count=8, every=1):
            losses[moment.epoch].append(moment.metrics["loss"])
            if moment[:2] == (1, 1):
                checkpoint.save(checkpoints, moment, parallel.first(moment.state.variables), tiny.INPUT)
            if moment.epoch == 2 and moment.whole:
                after = parallel.first(moment.state)
        checkpoints.wait_until_finished()
        second = Run(exam.make, optimiser=optax.adam(2e-2))
        state, resume = checkpoint.restore(checkpoints, second.start())
    assert resume[:2] == (1, 1)
    return np.array([np.mean(epoch) for epoch in losses]), after, second.end(state=state, resume=resume)


def test_state_keeps_its_tree_shapes_and_dtypes(straight):
    described = [(x.shape, x.dtype) for x in map(np.asarray, jax.tree.leaves(straight.start))]
    assert jax.tree.structure(straight.end) == jax.tree.structure(straight.start)
    assert [(x.shape, x.dtype) for x in jax.tree.leaves(straight.end)] == described


def test_one_trace_over_several_epochs(straight):
    assert straight.traces[0] <= 2  # value_and_grad may look at a forward twice within its one trace
    assert len(straight.traces) == 3 and set(straight.traces) == {straight.traces[0]}


def test_what_is_to_move_moves_and_no_more(exam, straight):
    assert not _complaints(straight, exam.moves or {})


def test_every_row_of_a_plan_has_a_label_or_the_method_needs_none(straight):
    for plan in straight.plans:
        labels = plan.label[plan.rows]
        assert (labels >= 0).all() or (plan.label == -1).all()


def test_four_devices_equal_one(exam, straight):
    one = Run(exam.make, 1, optimiser=SMALL_STEPS).end()
    for four, alone in zip(jax.tree.leaves(straight.end), jax.tree.leaves(one), strict=True):
        np.testing.assert_allclose(four, alone, rtol=1e-5, atol=1e-5)  # a loss of a device's own rows differs by 0.05
    assert int(straight.end.step) > 10


def test_stopped_at_any_step_it_goes_on_bit_for_bit(adams):
    _, unbroken, resumed = adams
    assert tiny.difference(resumed, unbroken) == 0


def test_the_loss_falls_on_separable_persons(adams):
    losses, _, _ = adams
    assert losses[-2:].mean() < 0.8 * losses[:2].mean()


def test_a_plan_or_an_update_that_does_nothing_fails(exam, straight):
    """Nothing but `plan` and `update` moves the carry, so without one of them it stays as it was before."""
    for part, before, after in (("plan", "nights", "mornings"), ("update", "mornings", "evenings")):
        idle = straight._replace(**{after: getattr(straight, before)})
        lacking = [name for name in (exam.moves or {}).get(part, []) if not name.startswith("params")]
        assert all(any(name in told and part in told for told in _complaints(idle, exam.moves)) for name in lacking)


def test_an_update_that_does_nothing_fails_from_end_to_end():
    tests = _tests("ide")

    def idle(model):
        return tests.EXAM[1](model)._replace(update=lambda carry, variables, aux: carry)

    told = _complaints(_watched(Run(idle), count=1), tests.MOVES[1])
    assert told == ["carry/centres: MOVES says that update moves it, and it stays"]


def test_what_moves_without_being_named_is_told():
    state = SimpleNamespace(variables={"params": {"w": np.zeros(2)}}, opt=(), carry={"bank": np.zeros(2), "next": 0})
    other = SimpleNamespace(variables={"params": {"w": np.ones(2)}}, opt=(), carry={"bank": np.ones(2), "next": 0})
    watched = Watched(state, [state], [state], [other], [], [])
    assert _complaints(watched, {}) == ["carry/bank: update moves it, and MOVES does not say so"]
    assert _complaints(watched, {"update": ["carry"]}) == ["carry/next: MOVES says that update moves it, and it stays"]
    assert _complaints(watched, {"update": ["carry/bank"]}) == []
    assert _complaints(watched, {"update": ["carry/bnak", "carry/bank"]}) == ["carry/bnak: the state has no such leaf"]
    watched = Watched(state, [state], [other], [other], [], [])
    assert _complaints(watched, {"plan": ["carry/bank"]}) == ["params/w: plan moves it, and MOVES does not say so"]


@pytest.mark.parametrize("name", NAMES)
def test_every_method_says_what_it_moves(name):
    _said(_tests(name), name)


def test_a_method_that_says_nothing_is_told_what_to_write():
    for said in ({}, {"MOVES": [{}]}, {"MOVES": [{}, {"updates": ["carry"]}]}):
        tests = SimpleNamespace(EXAM=[None, None], **said)
        with pytest.raises(pytest.fail.Exception, match=r"tests/methods/test_yours.py: MOVES = \[\{"):
            _said(tests, "yours")


def _said(tests, name):
    said = getattr(tests, "MOVES", [])
    if len(said) != len(tests.EXAM) or not all(set(one) <= {"plan", "update"} for one in said):
        pytest.fail(
            f"write into tests/methods/test_{name}.py: MOVES = "
            '[{"plan": ["carry/bank"], "update": ["carry/bank"]}], with a dictionary for each of EXAM: the leaves of the '
            "state that plan replaces, and those of the carry that update moves; {} where nothing does",
            pytrace=False,
        )


class Watched(NamedTuple):
    """A training: states before each plan, after it, and at the epoch's end; how often `forward` was traced by then."""

    start: object
    nights: list
    mornings: list
    evenings: list
    plans: list
    traces: list[int]

    @property
    def end(self):
        return self.evenings[-1]


def _watched(run, count):
    start, nights, mornings = run.start(), [], []
    decide = run.method.plan

    def plan(state, *arguments):
        after, drawn = decide(state, *arguments)
        nights.append(state)
        mornings.append(after)
        return after, drawn

    run.method = run.method._replace(plan=plan)
    ends = [(parallel.first(one.state), one.plan, run.traces) for one in run.moments(state=start, count=count)]
    return Watched(start, nights, mornings, *(list(column) for column in zip(*ends, strict=True)))


def _complaints(watched, moves):
    """What moved otherwise than `moves` says: any leaf, for plan; those of the carry, for update."""
    told = []
    for part, before, after in (
        ("plan", watched.nights, watched.mornings),
        ("update", watched.mornings, watched.evenings),
    ):
        moved = [_moved(*pair) for pair in zip(before, after, strict=True)]
        moved = {name: any(one[name] for one in moved) for name in moved[0]}
        named = {name: [leaf for leaf in moved if f"{leaf}/".startswith(f"{name}/")] for name in moves.get(part, [])}
        told += [f"{name}: the state has no such leaf" for name, leaves in named.items() if not leaves]
        named = {leaf for leaves in named.values() for leaf in leaves}
        told += [f"{leaf}: MOVES says that {part} moves it, and it stays" for leaf in sorted(named) if not moved[leaf]]
        others = [leaf for leaf in moved if leaf not in named and (part == "plan" or leaf.startswith("carry/"))]
        told += [f"{leaf}: {part} moves it, and MOVES does not say so" for leaf in others if moved[leaf]]
    return told


def _moved(before, after):
    """Whether each leaf of the state moved, by its path."""
    before, after = ({"carry": state.carry, "opt": state.opt, **state.variables} for state in (before, after))
    leaves = zip(jax.tree.leaves_with_path(before), jax.tree.leaves(after), strict=True)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): not np.array_equal(old, new)
        for (path, old), new in leaves
    }

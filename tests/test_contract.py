"""The exam of the contract, which every method of the folder takes; new files are found.

A method's own test file, `tests/methods/test_NAME.py`, states how it is built and what it changes:

    EXAM = [lambda model: method(model, ...)]
    MOVES = [{"plan": ["carry/bank"], "update": ["carry/bank", "carry/teacher"]}]

MOVES has a dictionary for each of EXAM: the leaves of the state that `plan` replaces, and those of
the carry that `update` changes. A name stands for all leaves under it. `WORLD`, if present, makes
the records. Every method is trained four times, and the tests check these trainings.
"""

import importlib
import importlib.util
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

SMALL_STEPS = optax.sgd(0.02)  # rounding errors do not grow
NAMES = [module.name for module in pkgutil.iter_modules(methods.__path__)]


class Exam(NamedTuple):
    make: tuple  # the first argument of `Run`
    moves: dict[str, list[str]]


def _tests(name):
    """A method's own test module, None if there is no such file."""
    module = f"tests.methods.test_{name}"
    return importlib.import_module(module) if importlib.util.find_spec(module) else None


def _exams():
    for name in NAMES:
        tests = _tests(name)
        world, moves = getattr(tests, "WORLD", tiny.world), getattr(tests, "MOVES", [])
        for number, make in enumerate(getattr(tests, "EXAM", [])):
            stated = moves[number] if number < len(moves) else {}
            marks = [pytest.mark.slow] if number else []  # the first of each method is quick enough
            yield pytest.param(Exam((make, world), stated), id=f"{name}-{number}", marks=marks)


@pytest.fixture(scope="module", params=list(_exams()))
def exam(request):
    return request.param


@pytest.fixture(scope="module")
def training(exam):
    """Three epochs of plain gradient steps on four devices."""
    return _train(Run(exam.make, optimiser=SMALL_STEPS), count=3)


@pytest.fixture(scope="module")
def by_adam(exam, tmp_path_factory):
    """(losses of eight epochs by Adam, state after three, the same of an interrupted run).

    The interrupted run was stopped in the second epoch and resumed.
    """
    first, losses = Run(exam.make, optimiser=optax.adam(2e-2)), [[] for _ in range(8)]
    with checkpoint.manager(tmp_path_factory.mktemp("stopped")) as checkpoints:
        for moment in first.moments(count=8, every=1):
            losses[moment.position.epoch].append(moment.metrics["loss"])
            if moment.position[:2] == (1, 1):
                checkpoint.save(
                    checkpoints, moment, parallel.first(moment.state.variables), tiny.INPUT
                )
            if moment.position.epoch == 2 and moment.position.whole:
                after = parallel.first(moment.state)
        checkpoints.wait_until_finished()
        second = Run(exam.make, optimiser=optax.adam(2e-2))
        state, resume = checkpoint.restore(checkpoints, second.start())
    assert resume[:2] == (1, 1)
    losses = np.array([np.mean(epoch) for epoch in losses])
    return losses, after, second.end(state=state, resume=resume)


@pytest.mark.parametrize("name", NAMES)
def test_every_method_has_an_exam(name):
    _check_exam(_tests(name), name)


def test_state_keeps_its_tree_shapes_and_dtypes(training):
    described = [(x.shape, x.dtype) for x in map(np.asarray, jax.tree.leaves(training.start))]
    assert jax.tree.structure(training.end) == jax.tree.structure(training.start)
    assert [(x.shape, x.dtype) for x in jax.tree.leaves(training.end)] == described


def test_one_trace_over_several_epochs(training):
    # Within its one trace, value_and_grad may trace a forward twice.
    assert training.traces[0] <= 2
    assert len(training.traces) == 3 and set(training.traces) == {training.traces[0]}


def test_the_stated_leaves_change_and_no_others(exam, training):
    assert not _complaints(training, exam.moves)


def test_every_row_of_a_plan_has_a_label_or_the_method_needs_none(training):
    for plan in training.plans:
        labels = plan.label[plan.rows]
        assert (labels >= 0).all() or (plan.label == -1).all()


def test_four_devices_equal_one(exam, training):
    one = Run(exam.make, 1, optimiser=SMALL_STEPS).end()
    for four, alone in zip(jax.tree.leaves(training.end), jax.tree.leaves(one), strict=True):
        # With a loss of each device's own rows they would differ by 0.05.
        np.testing.assert_allclose(four, alone, rtol=1e-5, atol=1e-5)
    assert int(training.end.step) > 10


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(by_adam):
    _, uninterrupted, resumed = by_adam
    assert tiny.difference(resumed, uninterrupted) == 0


def test_the_loss_falls_on_separable_persons(by_adam):
    losses, _, _ = by_adam
    assert losses[-2:].mean() < 0.8 * losses[:2].mean()


def test_a_plan_or_an_update_that_does_nothing_fails(exam, training):
    """Only `plan` and `update` change the carry, so without one of them it stays the same."""
    for part, old, new in (("plan", "before", "planned"), ("update", "planned", "after")):
        idle = training._replace(**{new: getattr(training, old)})
        complaints = _complaints(idle, exam.moves)
        for name in exam.moves.get(part, []):
            if not name.startswith("params"):
                assert any(name in line and part in line for line in complaints)


def test_an_update_that_does_nothing_fails_in_a_whole_training():
    tests = _tests("ide")

    def idle(model):
        return tests.EXAM[1](model)._replace(update=lambda carry, variables, aux: carry)

    complaints = _complaints(_train(Run(idle), count=1), tests.MOVES[1])
    assert complaints == ["carry/centres: MOVES states that update changes it, and it does not"]


def test_changes_that_are_not_stated_are_reported():
    zeros, ones = (
        SimpleNamespace(
            variables={"params": {"w": value}}, opt=(), carry={"bank": value, "next": np.zeros(())}
        )
        for value in (np.zeros(2), np.ones(2))
    )
    training = Training(zeros, [zeros], [zeros], [ones], [], [])
    assert _complaints(training, {}) == ["carry/bank: update changes it, and MOVES lacks it"]
    assert _complaints(training, {"update": ["carry"]}) == [
        "carry/next: MOVES states that update changes it, and it does not"
    ]
    assert _complaints(training, {"update": ["carry/bank"]}) == []
    assert _complaints(training, {"update": ["carry/bnak", "carry/bank"]}) == [
        "carry/bnak: the state has no such leaf"
    ]
    training = Training(zeros, [zeros], [ones], [ones], [], [])
    assert _complaints(training, {"plan": ["carry/bank"]}) == [
        "params/w: plan changes it, and MOVES lacks it"
    ]


@pytest.mark.parametrize(
    "tests",
    [
        None,
        SimpleNamespace(),
        SimpleNamespace(EXAM=[], MOVES=[]),
        SimpleNamespace(EXAM=[None, None]),
        SimpleNamespace(EXAM=[None, None], MOVES=[{}]),
        SimpleNamespace(EXAM=[None, None], MOVES=[{}, {"updates": ["carry"]}]),
    ],
)
def test_a_missing_or_incomplete_exam_is_explained(tests):
    expected = r"tests/methods/test_yours.py: EXAM = \[lambda model: .*\] and MOVES = \[\{"
    with pytest.raises(pytest.fail.Exception, match=expected):
        _check_exam(tests, "yours")


def test_a_method_without_a_test_file_does_not_break_the_collection(monkeypatch):
    monkeypatch.setitem(globals(), "NAMES", ["yours", "ide"])
    assert [parameter.id for parameter in _exams()] == ["ide-0", "ide-1", "ide-2"]


def _check_exam(tests, name):
    exam, moves = getattr(tests, "EXAM", []), getattr(tests, "MOVES", [])
    complete = exam and len(moves) == len(exam)
    if not complete or not all(set(one) <= {"plan", "update"} for one in moves):
        pytest.fail(
            f"write into tests/methods/test_{name}.py: EXAM = [lambda model: {name}(model, ...)] "
            'and MOVES = [{"plan": ["carry/bank"], "update": ["carry/bank"]}], a dictionary for '
            "each of EXAM: the leaves of the state that plan replaces, and those of the carry that "
            "update changes; {} if there are none",
            pytrace=False,
        )


class Training(NamedTuple):
    """A training; all lists are by epoch.

    Attributes:
        start: the state before the first step.
        before: states before the plan.
        planned: states after the plan.
        after: states at the end of the epoch.
        plans: the plans.
        traces: how often `forward` was traced until the end of the epoch.
    """

    start: object
    before: list
    planned: list
    after: list
    plans: list
    traces: list[int]

    @property
    def end(self):
        return self.after[-1]


def _train(run, count):
    start, before, planned = run.start(), [], []
    plan_of_method = run.method.plan

    def plan(state, *arguments):
        new, plan = plan_of_method(state, *arguments)
        before.append(state)
        planned.append(new)
        return new, plan

    run.method = run.method._replace(plan=plan)
    after, plans, traces = [], [], []
    for moment in run.moments(state=start, count=count):
        after.append(parallel.first(moment.state))
        plans.append(moment.position.plan)
        traces.append(run.traces)
    return Training(start, before, planned, after, plans, traces)


def _complaints(training, moves):
    """How the changes differ from `moves`: any leaf for plan, leaves of the carry for update."""
    complaints = []
    for part, old, new in (
        ("plan", training.before, training.planned),
        ("update", training.planned, training.after),
    ):
        epochs = [_changed(*states) for states in zip(old, new, strict=True)]
        changed = {leaf: any(epoch[leaf] for epoch in epochs) for leaf in epochs[0]}
        stated = {
            name: [leaf for leaf in changed if f"{leaf}/".startswith(f"{name}/")]
            for name in moves.get(part, [])
        }
        unknown = [name for name, leaves in stated.items() if not leaves]
        complaints += [f"{name}: the state has no such leaf" for name in unknown]
        stated = {leaf for leaves in stated.values() for leaf in leaves}
        complaints += [
            f"{leaf}: MOVES states that {part} changes it, and it does not"
            for leaf in sorted(stated)
            if not changed[leaf]
        ]
        others = [
            leaf
            for leaf in changed
            if leaf not in stated and (part == "plan" or leaf.startswith("carry/"))
        ]
        complaints += [
            f"{leaf}: {part} changes it, and MOVES lacks it" for leaf in others if changed[leaf]
        ]
    return complaints


def _changed(old, new):
    """Whether each leaf of the state changed, by its path."""
    old, new = ({"carry": state.carry, "opt": state.opt, **state.variables} for state in (old, new))
    leaves = zip(jax.tree.leaves_with_path(old), jax.tree.leaves(new), strict=True)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): not np.array_equal(was, now)
        for (path, was), now in leaves
    }

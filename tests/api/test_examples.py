"""The examples of the docstrings run."""

import doctest
import inspect
import shutil

import pytest

import reid_jax
from reid_jax.api.encoder import Encoder

pytestmark = pytest.mark.usefixtures("optimised")
OWN = [
    getattr(reid_jax, name)
    for name, home in reid_jax._HOMES.items()
    if not home.startswith(("methods.", "types"))
]
FOUND = [
    test
    for thing in [*OWN, Encoder.stream]
    for test in doctest.DocTestFinder(recurse=False).find(
        thing, thing.__name__, globs={}, module=inspect.getmodule(thing)
    )
]


def test_every_public_function_has_an_example():
    assert len(FOUND) == len(OWN) + 1 > 15
    assert all(test.examples for test in FOUND), [t.name for t in FOUND if not t.examples]


@pytest.mark.parametrize("test", FOUND, ids=lambda test: test.name)
def test_an_example_runs_and_shows_what_it_says(test, prepared, tmp_path, monkeypatch):
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    said = []
    options = doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(optionflags=options).run(test, out=said.append)
    assert not said, "".join(said)

"""House style of public functions, by reflection."""

import importlib
import inspect
import pkgutil

import pytest

import reid_jax

# ruff holds the docstrings of reid_jax.app too; its modules are left out here, as importing those
# of two tools would define a flag twice.
MODULES = [
    module.name
    for module in pkgutil.walk_packages(reid_jax.__path__, "reid_jax.")
    if not module.name.startswith("reid_jax.app")
]


def _public(module):
    for name, thing in vars(module).items():
        own = getattr(thing, "__module__", None) == module.__name__
        if (
            own
            and not name.startswith("_")
            and (inspect.isfunction(thing) or inspect.isclass(thing))
        ):
            yield name, thing


@pytest.mark.parametrize("name", MODULES)
def test_public_things_are_documented_and_annotated(name):
    module = importlib.import_module(name)
    if not name.endswith("__init__") and list(_public(module)):
        assert module.__doc__, f"{name} has no docstring"
    for thing_name, thing in _public(module):
        assert inspect.getdoc(thing), f"{name}.{thing_name} has no docstring"


@pytest.mark.parametrize(
    "name", [n for n in MODULES if n.startswith(("reid_jax.losses", "reid_jax.memory"))]
)
def test_options_of_losses_are_keywords_and_their_docstrings_tell_the_source(name):
    for thing_name, thing in _public(importlib.import_module(name)):
        if inspect.isfunction(thing):
            for parameter in inspect.signature(thing).parameters.values():
                if parameter.default is not inspect.Parameter.empty:
                    assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, (
                        f"{name}.{thing_name}({parameter})"
                    )
            assert "Departs from the paper" in thing.__doc__, f"{name}.{thing_name}"


def test_names_that_others_call():
    from reid_jax.losses.classify import cross_entropy
    from reid_jax.losses.triplet import batch_hard
    from reid_jax.retrieval.ranking import rank

    assert {"smoothing", "temperature", "active"} <= set(
        inspect.signature(cross_entropy).parameters
    )
    assert "margin" in inspect.signature(batch_hard).parameters
    assert {"query_person", "gallery_person", "query_camera", "gallery_camera", "metric"} <= set(
        inspect.signature(rank).parameters
    )

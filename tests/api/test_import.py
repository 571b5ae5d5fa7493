"""What `import reid_jax` costs, and the names that it gives."""

import ast
import configparser
import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import reid_jax

ROOT = Path(reid_jax.__file__).parent
SETTINGS = """
import json, os, sys, time
begun = time.perf_counter()
import reid_jax
seconds = time.perf_counter() - begun
heavy = sorted({"jax", "flax", "numpy", "cv2", "PIL", "grain", "absl"} & set(sys.modules))
print(json.dumps([seconds, heavy, os.environ.get("XLA_FLAGS", ""), dir(reid_jax)]))
"""


def _imported():
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS], capture_output=True, text=True, check=True,
        cwd=ROOT.parent, env={"PATH": "", "PYTHONPATH": str(ROOT.parent)},
    )  # fmt: skip
    return json.loads(done.stdout)


def test_the_import_is_fast_and_light_and_mends_xla():
    runs = [_imported() for _ in range(3)]
    assert statistics.median(seconds for seconds, *_ in runs) < 0.3
    _, heavy, flags, names = runs[0]
    assert heavy == []
    assert flags == reid_jax.xla.mended("", _jaxlib())
    assert set(reid_jax.__all__) <= set(names)


def _jaxlib():
    import jaxlib

    return jaxlib.__version__


@pytest.mark.parametrize("name", reid_jax.__all__)
def test_every_name_is_there_and_says_what_it_is(name):
    assert getattr(reid_jax, name).__doc__


def test_type_checkers_see_the_same_names_from_the_same_places():
    tree = ast.parse((ROOT / "__init__.py").read_text())
    (block,) = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    seen = {}
    for node in block.body:
        for alias in node.names:
            own = f":{alias.name}" if alias.asname else ""
            home = node.module.removeprefix("reid_jax").removeprefix(".")
            seen[alias.asname or alias.name] = home + own
    modules = {name for name, home in seen.items() if not home}
    assert {*seen, "__version__"} == set(reid_jax.__all__)
    assert {name: home for name, home in seen.items() if home} == reid_jax._HOMES
    assert all((ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file() for name in modules)


def test_every_method_has_a_name():
    files = {path.stem for path in (ROOT / "methods").glob("[!_]*.py")}
    assert files and not files - set(reid_jax.__all__), "name them in reid_jax/__init__.py"
    assert all(callable(getattr(reid_jax, name)) for name in files)


def test_submodules_are_reached_and_not_hidden():
    modules = {path.stem for path in ROOT.glob("[!_]*.py")} | {
        path.parent.name for path in ROOT.glob("*/__init__.py")
    }
    assert modules & set(reid_jax.__all__) == {"optimise", "synthetic"}
    for name in ("losses", "clustering", "export", "evaluate"):
        assert getattr(reid_jax, name).__name__ == f"reid_jax.{name}"


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = reid_jax.lod
    with pytest.raises(ImportError, match="lod"):
        from reid_jax import lod  # noqa: F401


def test_the_package_and_the_marker_of_types_are_installed():
    assert (ROOT / "py.typed").is_file()
    settings = configparser.ConfigParser()
    settings.read(ROOT.parent / "setup.cfg")
    files = settings["options.package_data"]["reid_jax"].split(", ")
    assert files == ["py.typed", "weights/street/*"]
    assert all(list(ROOT.glob(file)) for file in files)
    assert {"find:", "reid_jax.api"} & set(settings["options"]["packages"].split())

"""The direction of imports, and who may know devices."""

import ast
from pathlib import Path

import reid_jax

ROOT = Path(reid_jax.__file__).parent
# A layer may import the layers before it, and files of its own layer if that layer is a folder.
LAYERS = [
    ["xla"], ["types"], ["distance"], ["losses"], ["carry"], ["cluster"], ["retrieval"], ["models"], ["data"], ["video"],
    ["methods"], ["optimise"], ["parallel"], ["train"], ["evaluate"], ["checkpoint"], ["export"], ["tracking"],
]  # fmt: skip
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _layer(path):
    return path.relative_to(ROOT).with_suffix("").parts[0]


def test_imports_point_downwards_only():
    for path in FILES:
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] == "experiments":
                raise AssertionError(f"{path} imports {name}")
            if parts[0] == "reid_jax" and len(parts) > 1 and parts[1] in LEVEL:
                mine = _layer(path)
                assert LEVEL[parts[1]] < LEVEL[mine] or parts[1] == mine, f"{path} imports {name}"


def test_every_file_has_a_layer():
    assert {_layer(path) for path in FILES} <= set(LEVEL)


def test_no_jax_on_the_host_side():
    for path in FILES:
        if _layer(path) in ("data", "video"):
            assert not [name for name in _imports(path) if name.split(".")[0] in ("jax", "flax")], path


def test_no_flax_in_losses():
    for path in FILES:
        if _layer(path) in ("losses", "carry"):
            assert not [name for name in _imports(path) if name.split(".")[0] == "flax"], path


def test_one_file_knows_devices():
    for path in FILES:
        if path.name != "parallel.py":
            names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
            assert not names & {"pmap", "pmean", "psum", "all_gather", "axis_index", "axis_size", "ppermute"}, path


def test_files_are_small_and_named_for_what_they_hold():
    for path in FILES + sorted((ROOT.parent / "experiments").glob("*.py")):
        assert len(path.read_text().splitlines()) <= 300, path
        assert path.stem not in {"utils", "common", "helpers", "base", "misc"}, path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 80, f"{path}: {node.name}"

"""The direction of imports, and who may know devices."""

import ast
import re
from pathlib import Path

import reid_jax

ROOT = Path(reid_jax.__file__).parent
# A layer may import the layers before it, and files of its own layer if that layer is a folder.
LAYERS = [
    ["xla"], ["worker"], ["options"], ["whole"], ["files"], ["types"], ["distance"], ["dealt"],
    ["graph"], ["losses"], ["memory"], ["clustering"], ["retrieval"], ["models"], ["data"],
    ["synthetic"], ["video"], ["tracking"], ["methods"], ["optimise"], ["mapped"], ["parallel"],
    ["train"], ["evaluate"], ["sound"], ["checkpoint"], ["forms"], ["card"], ["lean"],
    ["hub"], ["export"],
    ["network"], ["encoders"], ["gallery"], ["app"], ["api"], ["serve"],
]  # fmt: skip
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")
SCRIPTS = sorted((ROOT.parent / "experiments").rglob("*.py"))


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:  # of the scripts, which a wheel has below reid_jax
                assert path in SCRIPTS, f"{path}: relative import"
                above = _module(path.parent / "__init__.py").split(".")
                module = ".".join([*above[: len(above) - node.level + 1], *filter(None, [module])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _layer(path):
    return path.relative_to(ROOT).with_suffix("").parts[0]


def test_imports_point_downwards_only():
    for path in FILES:
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] == "reid_jax" and len(parts) > 1 and parts[1] in LEVEL:
                mine = _layer(path)
                assert LEVEL[parts[1]] < LEVEL[mine] or parts[1] == mine, f"{path} imports {name}"


def test_only_experiments_import_experiments():
    """Three floors: experiments stand on reid_jax.app, which stands on the rest of the library."""
    for path in FILES:
        above = [name for name in _imports(path) if name.split(".")[0] == "experiments"]
        assert not above, f"{path} imports {above[0]}"
    for path in (ROOT.parent / "experiments" / "tables").glob("*.py"):
        names = {name for name in _imports(path) if name.startswith(("experiments.", "reid_jax."))}
        if re.search(r"^TABLES = ", path.read_text(), re.M):  # an experiment imports it
            assert names <= {
                "reid_jax.app.table",
                "reid_jax.app.table.Row",
                "reid_jax.app.table.Table",
            }


def _module(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_file_imports_itself_by_way_of_others():
    modules = {_module(path): path for path in [*FILES, *SCRIPTS]}
    graph = {
        name: {other for other in _imports(path) if other in modules and other != name}
        for name, path in modules.items()
    }
    done, on_the_way = set(), []

    def visit(name):
        assert name not in on_the_way, " -> ".join([*on_the_way, name])
        if name not in done:
            on_the_way.append(name)
            for other in graph[name]:
                visit(other)
            on_the_way.pop()
            done.add(name)

    for name in graph:
        visit(name)


def test_every_file_has_a_layer():
    assert {_layer(path) for path in FILES} <= set(LEVEL)


def test_no_jax_on_the_host_side():
    for path in FILES:
        if _layer(path) in ("data", "synthetic", "video", "tracking"):
            assert not [name for name in _imports(path) if name.split(".")[0] in ("jax", "flax")], (
                path
            )


def test_no_flax_in_losses():
    for path in FILES:
        if _layer(path) in ("losses", "memory"):
            assert not [name for name in _imports(path) if name.split(".")[0] == "flax"], path


MAPS = {"pmap", "shard_map"}
TALK = {"pmean", "psum", "all_gather", "axis_index", "axis_size", "ppermute"}


def test_one_file_knows_devices():
    """Only `mapped.py` maps over devices, and only in `parallel.py` do they talk to each other."""
    for path in FILES:
        names = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
        }
        assert path.name == "mapped.py" or not names & MAPS, path
        assert path.name == "parallel.py" or not names & TALK, path


def test_files_are_small_and_named_for_what_they_hold():
    for path in FILES + SCRIPTS:
        assert len(path.read_text().splitlines()) <= 300, path
        assert path.stem not in {"utils", "common", "helpers", "base", "misc"}, path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                assert _length(node) <= 60, f"{path}: {node.name} has {_length(node)} lines"


def _length(function):
    """Lines of a function without its docstring and without the functions inside it."""
    inner = [
        one
        for one in ast.walk(function)
        if isinstance(one, ast.FunctionDef) and one is not function
    ]
    lines = set(range(function.lineno, function.end_lineno + 1))
    if ast.get_docstring(function) is not None:
        inner.append(function.body[0])
    for one in inner:
        lines -= set(range(one.lineno, one.end_lineno + 1))
    return len(lines)


def test_no_flag_of_a_benchmark_is_defined_in_the_tests_process():
    """A flag of that name may be there already, of whichever module another test has imported."""
    tests = sorted((ROOT.parent / "tests").rglob("*.py"))
    imported = {name for path in tests for name in _imports(path) if "benchmarks." in name}
    for name in imported:
        path = ROOT.parent / f"{name.replace('.', '/')}.py"
        if path.exists():
            assert "absl.flags" not in set(_imports(path)), name

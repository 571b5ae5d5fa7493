"""Do the tests notice? One small fault at a time is put into the arithmetic or into a recipe, and its tests are run.

python -m benchmarks.mutants --sample=100 --only=reid_jax           a hundred of the arithmetic
python -m benchmarks.mutants --only=reid_jax/losses/triplet.py:4      every fault of the lines 4, 40 to 49 and so on
python -m benchmarks.mutants --only=reid_jax/losses --list            the faults, without a run

A fault: + for -, * for /, < for <=, == for !=, `and` for `or`, min for max, sum for mean, any for all, a number changed, a
`not` or a sign dropped, the two sides of an `if ... else` exchanged. Texts, annotations, decorators, the sizes of np.empty,
what is raised and what is logged stay.
Arithmetic is mutated anywhere, an experiment in its recipes and its options' defaults.

The tests run in a copy of the project, each mutant's in a process of its own, forked from one that has imported the
libraries and computed nothing. A mutant dies when a test fails or they take longer than `--limit` seconds.
"""

import collections
import contextlib
import hashlib
import importlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from absl import app, flags

from benchmarks import faults
from benchmarks.faults import Mutant

_SAMPLE = flags.DEFINE_integer("sample", 0, "how many mutants; 0: all")
_SEED = flags.DEFINE_integer("seed", 0, "of the sample")
_ONLY = flags.DEFINE_string("only", "", "mutants whose place, FILE:LINE, begins so")
_LIST = flags.DEFINE_boolean("list", False, "list the mutants and run nothing")
_LIMIT = flags.DEFINE_integer("limit", 120, "seconds of processor time that a mutant's tests may take")
_ROOT = flags.DEFINE_string("root", str(Path(__file__).parent.parent), "the project")
_WARM = flags.DEFINE_list(
    "warm",
    "jax,jax.numpy,flax.linen,optax,orbax.checkpoint,grain.python,sklearn.cluster,scipy.sparse,numba,"
    "ml_collections.config_flags",
    "what is imported once, before the first fork",
)

WHERE = (
    *(f"reid_jax/{one}" for one in ("losses/*.py", "carry/*.py", "cluster/*.py", "retrieval/*.py", "data/sample.py")),
    *("reid_jax/distance.py", "reid_jax/evaluate.py", "experiments/*.py"),
)
MORE = {  # tests of what has no test file of its own; a folder's file is tested by its neighbours' tests
    "reid_jax/carry/ema.py": ["tests/methods/test_moco.py"],
    **{
        f"reid_jax/cluster/{one}.py": ["tests/cluster/test_others.py"]
        for one in ("centroids", "hdbscan", "kmeans", "refine")
    },
    **{
        f"reid_jax/cluster/{one}.py": ["tests/cluster/test_neighbours.py", "tests/cluster/test_approximate.py"]
        for one in ("exact", "products", "select", "workers")
    },
    "reid_jax/cluster/overlap.py": ["tests/cluster/test_jaccard.py"],
}


def tests_of(file: str, root: Path) -> list[str]:
    """The test files that are to notice a fault of a file."""
    below = Path(*Path(file).parts[1:])
    own = [str(Path("tests") / below.parent / f"test_{below.name}"), *MORE.get(file, [])]
    if file.startswith("experiments/"):
        own = ["tests/experiments/test_recipes.py"]
    own = [one for one in own if (root / one).exists()]
    return [*own, "tests/test_defaults.py"] if own and (root / "tests/test_defaults.py").exists() else own


def run(mutant: Mutant | None, tests: list[str], copied: Path, limit: int) -> tuple[str, str]:
    """("died", "survived" or "timed out", the tests' output), by a process that is forked for it."""
    path = copied / mutant.file if mutant else None
    before = (path.read_bytes(), path.stat()) if path else None
    told = copied / "told.txt"
    if path:
        path.write_text(mutant.source)
    child = os.fork()
    if not child:
        _test(tests, copied, told, limit)
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # it, and what it may have left running
    if path:
        path.write_bytes(before[0])
        os.utime(path, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))  # what was compiled of it still holds
    output = told.read_text(errors="replace")
    if code == 5:
        raise SystemExit(f"no test was found in {' '.join(tests)}:\n{output}")
    return {0: "survived", -signal.SIGXCPU: "timed out", -signal.SIGKILL: "timed out"}.get(code, "died"), output


def _test(tests: list[str], copied: Path, told: Path, limit: int) -> None:
    """In the child: pytest, and nothing of the parent behind it."""
    code = 3
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        others = ("", os.getcwd(), _ROOT.value, str(Path(__file__).parent.parent))
        sys.path[:] = [str(copied), *(one for one in sys.path if one not in others)]
        os.chdir(copied)
        sys.dont_write_bytecode = True
        with told.open("w") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
            code = int(pytest.main(["-x", "-q", "-n0", "-p", "no:cacheprovider", *tests]))
            sys.stdout.flush()
    except BaseException:  # noqa: BLE001, it goes into what the tests told
        traceback.print_exc()
    finally:
        os._exit(code)


def _warm(folder: str) -> None:
    """Import what takes long, under the settings of tests/conftest.py, which comes too late to make them."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(Path(folder) / "compiled")
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"
    for name in _WARM.value:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)


def copied_to(folder: str) -> Path:
    """A copy of the project without what is not code."""
    root, target = Path(_ROOT.value), Path(folder) / "project"
    target.mkdir()
    for name in ("reid_jax", "tests", "experiments", "benchmarks"):
        if (root / name).exists():
            shutil.copytree(root / name, target / name)
    for name in ("pyproject.toml", "setup.cfg", "README.md"):
        if (root / name).exists():
            shutil.copy2(root / name, target / name)
    return target


def chosen() -> list[tuple[Mutant, list[str]]]:
    """The mutants that are asked for, each with its tests."""
    root, found = Path(_ROOT.value), []
    for file in sorted({path.relative_to(root).as_posix() for where in WHERE for path in root.glob(where)}):
        tests, made = tests_of(file, root), faults.of(file, (root / file).read_text())
        made = [one for one in made if one.place.startswith(_ONLY.value)]
        found += [(one, tests) for one in made]
        if made and not tests:
            raise SystemExit(f"no test file is known for {file}: write one, or name some in MORE")
    print(f"{len(found)} mutants in {len({one.file for one, _ in found})} files")
    if _SAMPLE.value and _SAMPLE.value < len(found):
        lots = _lots([one for one, _ in found])
        found = [one for _, one in sorted(zip(lots, found, strict=True), key=lambda pair: pair[0])][: _SAMPLE.value]
    return sorted(found, key=lambda one: one[0][:3])


def _lots(found: list[Mutant]) -> Iterator[str]:
    """Where each mutant stands in the sample's queue; it stays there when others come and go and lines move."""
    seen = collections.Counter()
    for mutant in found:
        seen[mutant.file, mutant.told] += 1
        name = f"{_SEED.value} {mutant.file} {mutant.told} {seen[mutant.file, mutant.told]}"
        yield hashlib.sha256(name.encode()).hexdigest()


def main(_: list[str]) -> None:
    """Sample, run, count, and list who lives."""
    picked = chosen()
    if _LIST.value:
        for mutant, _ in picked:
            print(f"{mutant.place}  {mutant.told}")
        return
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        _warm(folder)
        copied = copied_to(folder)
        everything = sorted({test for _, tests in picked for test in tests})
        sound, output = run(None, everything, copied, 60 * _LIMIT.value)
        if sound != "survived":
            raise SystemExit(f"the tests do not pass without a mutant:\n{output}")
        lives = []
        for number, (mutant, tests) in enumerate(picked, 1):
            begun = time.time()
            fate, output = run(mutant, tests, copied, _LIMIT.value)
            lives += [mutant] * (fate == "survived")
            spent = time.time() - begun
            print(f"{number:4d} {fate:9s} {spent:5.0f} s  {mutant.place}  {mutant.told}", flush=True)
    print(f"{len(picked) - len(lives)} of {len(picked)} died; survivors:")
    for mutant in lives:
        print(f"{mutant.place}  {mutant.told}")


if __name__ == "__main__":
    app.run(main)

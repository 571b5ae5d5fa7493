"""Mutation testing: put one small fault at a time into the code and see whether its tests fail.

A hundred faults of the library:
    python -m benchmarks.mutants --sample=100 --only=reid_jax
Every fault in the lines 4, 40 to 49 and so on of a file:
    python -m benchmarks.mutants --only=reid_jax/losses/triplet.py:4
List the faults and run nothing:
    python -m benchmarks.mutants --only=reid_jax/losses --list

A fault is one of these: + for -, * for /, < for <=, == for !=, `and` for `or`, min for max, sum for
mean, any for all, a changed number, a dropped `not` or sign, exchanged branches of `... if ...
else ...`. Texts, annotations, decorators, the sizes of np.empty, `raise` statements and logging are
not mutated. Of an experiment only the recipes and the defaults of the options are mutated.

The tests run in a copy of the project. Those of each mutant run in their own process, forked from
one that has imported the libraries but computed nothing. A mutant dies if a test fails or if its
tests take longer than `--limit` seconds.
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
_ONLY = flags.DEFINE_string("only", "", "only mutants whose place, FILE:LINE, begins with this")
_LIST = flags.DEFINE_boolean("list", False, "list the mutants and run nothing")
_LIMIT = flags.DEFINE_integer(
    "limit", 120, "seconds of processor time that a mutant's tests may take"
)
_ROOT = flags.DEFINE_string("root", str(Path(__file__).parent.parent), "the project")
_WARM = flags.DEFINE_list(
    "warm",
    "jax,jax.numpy,flax.linen,optax,orbax.checkpoint,grain.python,sklearn.cluster,scipy.sparse,"
    "numba,ml_collections.config_flags",
    "modules that are imported once, before the first fork",
)

WHERE = (
    *(
        f"reid_jax/{one}"
        for one in (
            "losses/*.py",
            "memory/*.py",
            "clustering/*.py",
            "retrieval/*.py",
            "data/sample.py",
        )
    ),
    *("reid_jax/distance.py", "reid_jax/evaluate.py", "experiments/*.py", *faults.OPTIONS),
)
MORE = {  # tests of files that have no test file of their name
    "reid_jax/memory/ema.py": ["tests/methods/test_moco.py"],
    **{
        f"reid_jax/clustering/{one}.py": ["tests/clustering/test_others.py"]
        for one in ("centroids", "hdbscan", "kmeans", "refine")
    },
    **{
        f"reid_jax/clustering/{one}.py": [
            "tests/clustering/test_neighbours.py",
            "tests/clustering/test_approximate.py",
        ]
        for one in ("exact", "products", "select", "workers")
    },
    "reid_jax/clustering/overlap.py": ["tests/clustering/test_jaccard.py"],
}


def tests_of(file: str, root: Path) -> list[str]:
    """The test files that should fail if a file has a fault."""
    below = Path(*Path(file).parts[1:])
    own = [str(Path("tests") / below.parent / f"test_{below.name}"), *MORE.get(file, [])]
    if file.startswith("experiments/") or file in faults.OPTIONS:
        own = ["tests/experiments/test_recipes.py"]
    own = [one for one in own if (root / one).exists()]
    return (
        [*own, "tests/test_defaults.py"]
        if own and (root / "tests/test_defaults.py").exists()
        else own
    )


def run(mutant: Mutant | None, tests: list[str], copied: Path, limit: int) -> tuple[str, str]:
    """Run tests in a forked process; returns "died", "survived" or "timed out", and the output."""
    path = copied / mutant.file if mutant else None
    before = (path.read_bytes(), path.stat()) if path else None
    log = copied / "log.txt"
    if path:
        path.write_text(mutant.source)
    child = os.fork()
    if not child:
        _test(tests, copied, log, limit)
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # it, and what it may have left running
    if path:
        path.write_bytes(before[0])
        # with the old times, so that the file's compiled version is still used
        os.utime(path, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))
    output = log.read_text(errors="replace")
    if code == 5:
        raise SystemExit(f"no test was found in {' '.join(tests)}:\n{output}")
    return {0: "survived", -signal.SIGXCPU: "timed out", -signal.SIGKILL: "timed out"}.get(
        code, "died"
    ), output


def _test(tests: list[str], copied: Path, log: Path, limit: int) -> None:
    """Run pytest in the child process, and end the process."""
    code = 3
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        others = ("", os.getcwd(), _ROOT.value, str(Path(__file__).parent.parent))
        sys.path[:] = [str(copied), *(one for one in sys.path if one not in others)]
        os.chdir(copied)
        sys.dont_write_bytecode = True
        with log.open("w") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
            code = int(pytest.main(["-x", "-q", "-n0", "-p", "no:cacheprovider", *tests]))
            sys.stdout.flush()
    except BaseException:  # noqa: BLE001, it is written to the tests' output
        traceback.print_exc()
    finally:
        os._exit(code)


def _warm(folder: str) -> None:
    """Import the slow modules, with the environment of tests/conftest.py, which runs later."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(Path(folder) / "compiled")
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"
    for name in _WARM.value:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)


def copied_to(folder: str) -> Path:
    """Copy the code of the project into a folder; returns the copy's root."""
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
    """The selected mutants, each with its tests."""
    root, mutants = Path(_ROOT.value), []
    for file in sorted(
        {path.relative_to(root).as_posix() for where in WHERE for path in root.glob(where)}
    ):
        tests, made = tests_of(file, root), faults.of(file, (root / file).read_text())
        made = [one for one in made if one.place.startswith(_ONLY.value)]
        mutants += [(one, tests) for one in made]
        if made and not tests:
            raise SystemExit(f"no test file is known for {file}: write one, or name some in MORE")
    print(f"{len(mutants)} mutants in {len({one.file for one, _ in mutants})} files")
    if _SAMPLE.value and _SAMPLE.value < len(mutants):
        keys = _keys([one for one, _ in mutants])
        pairs = sorted(zip(keys, mutants, strict=True), key=lambda pair: pair[0])
        mutants = [one for _, one in pairs][: _SAMPLE.value]
    return sorted(mutants, key=lambda one: one[0][:3])


def _keys(mutants: list[Mutant]) -> Iterator[str]:
    """A hash of each mutant by which the sample is sorted.

    It does not depend on the line and on other mutants, so a sample changes little with the code.
    """
    seen = collections.Counter()
    for mutant in mutants:
        seen[mutant.file, mutant.told] += 1
        name = f"{_SEED.value} {mutant.file} {mutant.told} {seen[mutant.file, mutant.told]}"
        yield hashlib.sha256(name.encode()).hexdigest()


def main(_: list[str]) -> None:
    """Sample and run mutants, count them, and list the survivors."""
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
        survivors = []
        for number, (mutant, tests) in enumerate(picked, 1):
            begun = time.time()
            fate, output = run(mutant, tests, copied, _LIMIT.value)
            survivors += [mutant] * (fate == "survived")
            spent = time.time() - begun
            print(
                f"{number:4d} {fate:9s} {spent:5.0f} s  {mutant.place}  {mutant.told}", flush=True
            )
    print(f"{len(picked) - len(survivors)} of {len(picked)} died; survivors:")
    for mutant in survivors:
        print(f"{mutant.place}  {mutant.told}")


if __name__ == "__main__":
    app.run(main)

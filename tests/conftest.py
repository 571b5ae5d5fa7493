"""Settings of all tests, made before jax is imported.

Four fake devices, rank promotion is an error, and compiled programs are kept for the session. Most
of the time is compiling, so it is done with few optimisations, also in the scripts that tests call;
JAX_DISABLE_MOST_OPTIMIZATIONS=0 compiles as a user's programs are.
"""

import atexit
import itertools
import os
import shutil
import tempfile

# pytest imports it when it needs it, which fails during the lazy imports of tensorflow_datasets
import tracemalloc  # noqa: F401

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # workers and scripts that tests call inherit it
    compiled = os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="reid-compiled-")
    atexit.register(shutil.rmtree, compiled, ignore_errors=True)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

if "XDG_CACHE_HOME" not in os.environ:  # what scripts draw is drawn once
    kept = os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="reid-kept-")
    atexit.register(shutil.rmtree, kept, ignore_errors=True)

import jax
import pytest

# before anything is computed: it switches off what jaxlib computes wrongly
from reid_jax import xla

os.environ["XLA_FLAGS"] = os.environ["XLA_FLAGS"].replace(
    f"{xla.ONEDNN}=true",
    f"{xla.ONEDNN}=false",  # which keeps no compiled programs
)

jax.config.update("jax_numpy_rank_promotion", "raise")

_DONE = itertools.count(1)


@pytest.fixture(autouse=True)
def forgetting():
    """Clear the compiled programs now and then.

    Each maps memory of its own, and a process may not have as many as there are tests.
    """
    yield
    if not next(_DONE) % 25:
        jax.clear_caches()


@pytest.fixture(scope="module")
def optimised():
    """Compile as a user's programs are, here and in scripts: longer, for steps that are quicker."""
    name = "JAX_DISABLE_MOST_OPTIMIZATIONS"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, "0")
        jax.config.update(name.lower(), False)
        yield
    jax.config.update(name.lower(), os.environ[name] == "1")

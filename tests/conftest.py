"""Four fake devices, rank promotion an error, what was compiled kept for the session; set before jax is imported."""

import atexit
import itertools
import os
import shutil
import tempfile
import tracemalloc  # noqa: F401 - pytest imports it when it needs it, which fails amid the lazy imports of tensorflow_datasets

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # workers and scripts that tests call inherit it
    compiled = os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="reid-compiled-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"
    atexit.register(shutil.rmtree, compiled, ignore_errors=True)

import jax
import pytest

import reid_jax  # noqa: F401 - before anything is computed: what jaxlib does wrongly is switched off

jax.config.update("jax_numpy_rank_promotion", "raise")

_DONE = itertools.count(1)


@pytest.fixture(autouse=True)
def forgetting():
    """A process may hold so many compiled programs only (each maps memory of its own), and there are more tests than that."""
    yield
    if not next(_DONE) % 25:
        jax.clear_caches()

"""What a bug report needs to say of an installation."""

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterator

import jax

import reid_jax
from reid_jax.app import cache, hugepages

LIBRARIES = (
    "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy", "scipy", "scikit-learn",
    "numba", "opencv-python-headless", "tensorflow-datasets",
)  # fmt: skip
# by extra: what it adds
EXTRAS = {
    "search": ("lancedb", "pyarrow"),
    "video": ("scenedetect", "onnxruntime"),
    "approximate": ("faiss",),
    "beam": ("apache_beam",),
    "onnx": ("onnx", "onnxruntime"),
    "torch": ("torch",),
    "heic": ("pillow_heif",),
    "mlflow": ("mlflow",),
    "wandb": ("wandb",),
}
VARIABLES = (
    "XLA_FLAGS", "JAX_PLATFORMS", "JAX_COMPILATION_CACHE_DIR", "REID_MAP", "REID_TRACEBACK",
    "REID_DATA", "GLIBC_TUNABLES",
)  # fmt: skip


def told() -> Iterator[tuple[str, str]]:
    """Yield (what, value)."""
    yield from machine()
    yield "cache", str(cache.folder() or "nothing is kept")
    for extra, modules in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        yield f"extra {extra}", f"without {', '.join(missing)}" if missing else "there"
    for name in VARIABLES:
        yield name, os.environ.get(name, "not set")


def machine() -> Iterator[tuple[str, str]]:
    """Yield (what, value) of versions and hardware."""
    yield "reid_jax", reid_jax.__version__
    yield "Python", f"{platform.python_version()} on {platform.platform()}"
    for name in LIBRARIES:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, "not installed"
    yield "devices", f"{devices()} ({jax.default_backend()})"
    yield "processor cores", str(os.cpu_count())
    yield "large pages", hugepages.state()


def devices() -> str:
    """How many devices there are, of all processes, and of which kind."""
    return f"{jax.device_count()} x {jax.devices()[0].device_kind}"

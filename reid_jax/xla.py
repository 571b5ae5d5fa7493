"""XLA's flags, which count from jax's first computation on: a fault of two versions of jaxlib is switched off.

On a CPU, jaxlib 0.10.2 (the last one for Python 3.11) and 0.11.0 hand parts of a program to YNNPACK in ways that give wrong
sums under jit and vmap (jax's issue 39103, 0.10.2) or end the process at a reduction of seven or more axes (39257 and 40412,
both). `import reid_jax` switches that off, before or after `import jax`, unless XLA_FLAGS speaks of it already.
"""

import importlib.metadata
import os
import sys
import warnings

FLAG = "--xla_cpu_experimental_ynn_fusion_type"
FAULTY = ("0.10.2", "0.11.0")


def mended(flags: str, version: str) -> str:
    """`flags` with the fusions switched off, where this jaxlib has the fault; as they are if they speak of them already."""
    if version not in FAULTY or FLAG in flags:
        return flags
    return f"{flags} {FLAG}=".strip()


def mend() -> None:
    """Put that into XLA_FLAGS; warns where jax has computed already and reads them no more."""
    try:
        version = importlib.metadata.version("jaxlib")
    except importlib.metadata.PackageNotFoundError:
        return
    flags = os.environ.get("XLA_FLAGS", "")
    wanted = mended(flags, version)
    if wanted == flags:
        return
    os.environ["XLA_FLAGS"] = wanted
    bridge = sys.modules.get("jax._src.xla_bridge")  # jax has no public name for it, and these versions are of the past
    if bridge is not None and bridge.backends_are_initialized():
        warnings.warn(
            f"jaxlib {version} computes wrong sums on a CPU, and jax had begun before `import reid_jax` could switch that off; "
            f"import reid_jax first, or set XLA_FLAGS={FLAG}=",
            RuntimeWarning,
            stacklevel=2,
        )

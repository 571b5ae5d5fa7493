"""Workaround for a fault of two jaxlib versions, by an XLA flag that is set before jax computes.

On a CPU, jaxlib 0.10.2 (the last one for Python 3.11) and 0.11.0 pass parts of a program to
YNNPACK. This gives wrong sums under jit and vmap (jax issue 39103, version 0.10.2), or ends the
process at a reduction of seven or more axes (issues 39257 and 40412, both versions).
`import reid_jax` switches this off, before or after `import jax`, unless XLA_FLAGS already contains
the flag. XLA reads the flags at jax's first computation.
"""

import importlib.metadata
import os
import sys
import warnings

FLAG = "--xla_cpu_experimental_ynn_fusion_type"
FAULTY = ("0.10.2", "0.11.0")


def mended(flags: str, version: str) -> str:
    """Return XLA flags that switch the faulty fusions off.

    Args:
        flags: value of XLA_FLAGS.
        version: version of jaxlib.

    Returns:
        `flags` with FLAG appended; `flags` unchanged if they contain FLAG or the version has no
        fault.
    """
    if version not in FAULTY or FLAG in flags:
        return flags
    return f"{flags} {FLAG}=".strip()


def mend() -> None:
    """Set the flags of `mended` in XLA_FLAGS; warn if jax has already computed and ignores them."""
    try:
        version = importlib.metadata.version("jaxlib")
    except importlib.metadata.PackageNotFoundError:
        return
    flags = os.environ.get("XLA_FLAGS", "")
    wanted = mended(flags, version)
    if wanted == flags:
        return
    os.environ["XLA_FLAGS"] = wanted
    # jax has no public name for this; the faulty versions are released and do not change.
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is not None and bridge.backends_are_initialized():
        warnings.warn(
            f"jaxlib {version} computes wrong sums on a CPU, and jax had computed before "
            "`import reid_jax` could switch that off; import reid_jax first, or set "
            f"XLA_FLAGS={FLAG}=",
            RuntimeWarning,
            stacklevel=2,
        )

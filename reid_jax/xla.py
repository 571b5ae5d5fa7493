"""XLA flags by the version of jaxlib, set before jax computes: against a fault, and for speed.

On a CPU, jaxlib 0.10.2 (the last one for Python 3.11) and 0.11.0 pass parts of a program to
YNNPACK. This gives wrong sums under jit and vmap (jax issue 39103, version 0.10.2), or ends the
process at a reduction of seven or more axes (issues 39257 and 40412, both versions).
`import reid_jax` switches this off, before or after `import jax`, unless XLA_FLAGS already contains
the flag. XLA reads the flags at jax's first computation.

In 0.12.0.1 convolutions and products are faster by oneDNN, which torch uses too, but only where the
same fusions do not take them first. Both flags together give 12% more training and 22% more
embedding on a CPU, neither of them gives anything alone (benchmarks/README.md); results differ by
rounding. The price: jaxlib cannot write a program with oneDNN to its cache of compiled programs
(std::bad_alloc), so that each process compiles anew; XLA_FLAGS with ONEDNN=false has the cache
instead. A flag that a jaxlib does not know ends the process, so each version names its own.
"""

import importlib.metadata
import os
import sys
import warnings

FLAG = "--xla_cpu_experimental_ynn_fusion_type"
FAULTY = ("0.10.2", "0.11.0")
ONEDNN = "--xla_cpu_experimental_onednn_custom_call"
FLAGS = {"0.10.2": {FLAG: ""}, "0.11.0": {FLAG: ""}, "0.12.0.1": {FLAG: "", ONEDNN: "true"}}


def mended(flags: str, version: str) -> str:
    """Return XLA flags that suit a version of jaxlib.

    Args:
        flags: value of XLA_FLAGS.
        version: version of jaxlib.

    Returns:
        `flags` with the version's FLAGS appended, except those that they contain already.
    """
    missing = [
        f"{flag}={value}" for flag, value in FLAGS.get(version, {}).items() if flag not in flags
    ]
    return " ".join([flags, *missing]).strip() if missing else flags


def keeps() -> bool:
    """Whether jaxlib can write compiled programs to a cache, as it cannot with oneDNN."""
    return f"{ONEDNN}=true" not in os.environ.get("XLA_FLAGS", "")


def mend() -> None:
    """Set the flags of `mended` in XLA_FLAGS; warn if it is too late to switch a fault off."""
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
    late = bridge is not None and bridge.backends_are_initialized()
    if late and version in FAULTY:
        warnings.warn(
            f"jaxlib {version} computes wrong sums on a CPU, and jax had computed before "
            "`import reid_jax` could switch that off; import reid_jax first, or set "
            f"XLA_FLAGS={FLAG}=",
            RuntimeWarning,
            stacklevel=2,
        )

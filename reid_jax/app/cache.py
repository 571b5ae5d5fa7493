"""What is kept between commands in the user's cache folder: compiled programs, drawn pictures."""

import hashlib
import os
import platform
from pathlib import Path

import jax
from absl import flags

from reid_jax import xla
from reid_jax.options import expanded

NONE = "none"
LEAST = 0.3  # seconds of a compilation that is worth a file
_CACHE = flags.DEFINE_string(
    "cache",
    "",
    "folder for compiled programs and drawn pictures, which later commands read; empty: reid_jax "
    f"in the user's cache folder; {NONE}: nothing is kept. It may be deleted at any time",
)


def folder() -> Path | None:
    """The folder of --cache, or None where nothing is kept."""
    named = _CACHE.value if flags.FLAGS.is_parsed() else ""
    if named == NONE:
        return None
    if named:
        return Path(expanded(named))
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "reid_jax"


def begin() -> None:
    """Keep compiled programs, unless the user has told jax where to (JAX_COMPILATION_CACHE_DIR)."""
    place = folder()
    if place is None or not xla.keeps() or os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    jax.config.update("jax_compilation_cache_dir", str(place / "compiled" / _machine()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", LEAST)


def _machine() -> str:
    """A name for this kind of processor: a home may be shared, a program for another one fails."""
    about = platform.machine() + platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    about += "".join(sorted({line for line in lines if line.startswith(("flags", "model name"))}))
    return hashlib.sha256(about.encode()).hexdigest()[:12]

"""Person re-identification that generalises, in JAX."""

from reid_jax import xla

__version__ = "0.3.0"

xla.mend()

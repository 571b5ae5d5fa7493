"""Person re-identification that generalises, in JAX."""

__version__ = "0.1.0"

"""The first variables of a module."""

import jax
from flax import linen as nn

from reid_jax.types import Array, Variables

# What runs once need not run fast: a level less than XLA's own halves the compilation on a CPU,
# and the numbers stay the same.
_ONCE = {"xla_backend_optimization_level": 1}


def initial(module: nn.Module, key: Array, x: Array) -> Variables:
    """`module.init(key, x, False)`, compiled; inside another jit, by that."""
    if isinstance(key, jax.core.Tracer):
        return module.init(key, x, False)
    options = _ONCE if jax.default_backend() == "cpu" else None
    return jax.jit(module.init, static_argnums=2, compiler_options=options)(key, x, False)

"""The options of GDS, which every experiment may have, and the wrapper that they choose."""

import dataclasses
from typing import Any

from reid_jax.methods.gds import gds
from reid_jax.options import choose, option
from reid_jax.types import Method


@dataclasses.dataclass
class Separation:
    """Global distance-distributions separation; the paper does not tell what is marked so."""

    gds: str = option("none", "none, gds, gds-h: with hard tails")
    beta: float = option(
        0.9, "momentum of the running moments of GDS; not published", least=0, most=1
    )
    lambda_sigma: float = option(1.0, "weight of GDS's variances", least=0)
    lambda_h: float = option(0.5, "weight of GDS's hard tails", least=0)
    kappa: float = option(3.0, "standard deviations from a mean to its tail", least=0)
    distance: str = option("cosine", "of GDS: cosine (half of it), euclidean; not published")
    around: str = option(
        "new", "the running mean that GDS's variance is around: new, old; not published"
    )
    straight: bool = option(
        False, "the whole gradient of a batch's moments, not 1 - beta of it; not the paper's"
    )


def separated(method: Method, config: Any) -> Method:
    """The method, with GDS around it if --config.gds asks for it."""
    weights = {"none": None, "gds": 0.0, "gds-h": config.lambda_h}
    weight = choose("--config.gds", config.gds, weights)
    choose("--config.distance", config.distance, dict.fromkeys(("cosine", "euclidean")))
    choose("--config.around", config.around, dict.fromkeys(("new", "old")))
    if not 0 <= config.beta <= 1:
        raise ValueError(f"--config.beta is {config.beta}, expected a number from 0 to 1")
    if weight is None:
        return method
    return gds(
        method,
        lambda_h=weight,
        metric=config.distance,
        beta=config.beta,
        lambda_sigma=config.lambda_sigma,
        kappa=config.kappa,
        around=config.around,
        straight=config.straight,
    )

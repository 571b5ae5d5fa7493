"""The options of GDS, which every experiment may have, and the wrapper that they choose."""

import dataclasses
from typing import Any

from experiments.choices import choose
from reid_jax.methods.gds import gds
from reid_jax.types import Method


@dataclasses.dataclass
class Separation:
    """The options of GDS; what the paper's supplement does not tell is marked so."""

    gds: str = "none"  # none, gds, gds-h: with hard tails
    beta: float = 0.9  # of the running moments; not told
    lambda_sigma: float = 1.0  # weight of the variances
    lambda_h: float = 0.5  # weight of the hard tails
    kappa: float = 3.0  # standard deviations to the tails
    distance: str = "cosine"  # cosine (half of it), euclidean; not told
    around: str = "new"  # which running mean the variance is around: new, old; not told
    straight: bool = False  # the whole gradient of the batch's moments, not 1 - beta of it; not the paper's


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
    options = {name: getattr(config, name) for name in ("beta", "lambda_sigma", "kappa", "around", "straight")}
    return gds(method, lambda_h=weight, metric=config.distance, **options)

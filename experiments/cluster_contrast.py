"""Cluster Contrast: learn from pictures without labels, and without a source.

    python -m experiments.cluster_contrast --workdir=runs/cluster_contrast

trains on the synthetic station; `--recipe=paper` is its code's setting for Market-1501, unmeasured.
"""

import dataclasses

from reid_jax import encoders
from reid_jax.app import command, job, parts, run, sources, standard
from reid_jax.methods.cluster_contrast import cluster_contrast
from reid_jax.options import option


@dataclasses.dataclass
class Config(standard.Options, parts.Unlabelled):
    """The options of Cluster Contrast, at its code's values."""

    backbone: str = "resnet50"
    size: str = "256x128"
    resize: str = "bicubic"
    pooling: str = "gem"
    bn_group: int = 64  # four devices
    per_person: int = 16
    iterations: int = 200
    momentum: float = option(0.1, "of a centroid of the memory", least=0, most=1)
    temperature: float = option(0.05, "of the loss", above=0)
    hardest_only: bool = option(False, "only the hardest picture of a label moves its centroid")
    pad: int = 10
    erase: float = 0.5


STREET = {**standard.SMALL, "pooling": "average", "bn_group": 0, "k1": 20, "pad": 5}
STREET |= {"epochs": 10, "iterations": 60, "fall": 6, "learning_rate": 1e-3, "per_person": 4}
STREET |= {"jitter": 0.8}
RECIPES: dict[str, dict] = {"street": STREET, "paper": {"weights": encoders.NEEDED}}


def build(config: Config) -> job.Job:
    """Everything that the run needs, checked before step 0."""
    model, data = encoders.build(config, command.say), sources.adaptation(config)
    method = cluster_contrast(model, **parts.keywords(cluster_contrast, config))
    return standard.with_adam(config, method, model, parts.falling(config), *data)


EXPERIMENT = job.Experiment(Config, build, RECIPES)

if __name__ == "__main__":
    run.main(EXPERIMENT)

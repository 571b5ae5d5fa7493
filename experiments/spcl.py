r"""SpCL: adapt to a target whose labels are not used, with a labelled source or without one.

    python -m experiments.spcl --workdir=runs/spcl

adapts from the synthetic plaza to the station; `--config.data=` is the unsupervised form. Your own
data:

    python -m experiments.spcl --workdir=runs/mine --config.data=market1501:/data/market1501 \
        --config.target=csv:/my/crops.csv --config.test=csv:/my/test.csv

`--recipe=adapt` and `--recipe=alone` are the authors' settings with and without a source
(ResNet-50, 256x128, 50 epochs of 400 batches of 64 + 64, Adam 3.5e-4, a tenth every 20 epochs,
batch statistics of 16 rows of each domain); no figure of them has been measured here.
"""

import dataclasses
from pathlib import Path
from typing import Any

from experiments import ide
from experiments.tables.spcl import TABLES
from reid_jax import encoders
from reid_jax.app import command, parts, run, sources, stages, standard
from reid_jax.app.job import Experiment, Figures, Job
from reid_jax.data.check import check_training
from reid_jax.data.records import take
from reid_jax.methods.spcl import Clusters, spcl
from reid_jax.options import option
from reid_jax.types import Domain


@dataclasses.dataclass
class Config(
    standard.Options, parts.SelfPaced, parts.FallingSchedule, parts.CameraBatch, parts.FromSource
):
    """The options of SpCL, at the authors' values; lengths in epochs unless said."""

    backbone: str = "resnet50"
    size: str = "256x128"
    resize: str = "bicubic"
    bn_group: int = 32  # 16 of each domain, which alternate in a batch
    bn_domains: bool = True
    momentum: float = option(0.2, "of a row of the memory")
    temperature: float = option(0.05, "of the loss")
    pad: int = 10
    erase: float = 0.5


RECIPES: dict[str, dict[str, Any]] = {
    "street": {
        **standard.SMALL,
        "bn_group": 0,
        "epochs": 10,
        "iterations": 60,
        "k1": 20,
        "learning_rate": 1e-3,
        "fall": 6,
        "pad": 5,
        "jitter": 0.8,
        "source": "epochs=6,iterations=60,learning_rate=2e-3",
    },
    "adapt": {"weights": encoders.NEEDED},
    "alone": {"weights": encoders.NEEDED, "data": "", "bn_domains": False, "bn_group": 16},
}


def train(config: Config, workdir: Path) -> Figures | None:
    """Train on the source by itself, where that is asked for, then SpCL."""
    command.check_workdir(workdir, config)
    source = source_config(config)
    job = build(config)  # which reports mistakes before the first stage
    command.write_config(workdir, config)
    begun = stages.begun(ide.EXPERIMENT, config, source, workdir / "source")
    if begun is None:
        return None
    return run.run(config, lambda _: job if begun is config else build(begun), workdir)


def source_config(config: Any) -> ide.Config:
    """The training on the source that --config.source asks for, with batch statistics as ide's."""
    return stages.of_source(
        ide.EXPERIMENT, config, parts.Batch, but=encoders.STATISTICS, options=config.source
    )


def build(config: Config) -> Job:
    """Everything that the run needs, checked before step 0."""
    if config.bn_domains and not config.data:
        raise ValueError("without a source there is one domain: --config.bn_domains=false")
    model = encoders.build(config, command.say)
    records, test = sources.adaptation(config)
    if config.data:
        source = take(records, records.domain == Domain.LABELLED)
        check_training(source, persons=config.persons, per_person=config.per_person)
    clusters = Clusters(config.eps, config.gap, config.min_samples, config.k1, config.k2)
    method = spcl(model, **parts.keywords(spcl, config, clusters=clusters))
    return standard.with_adam(config, method, model, parts.falling(config), records, test)


EXPERIMENT = Experiment(Config, build, RECIPES, train, TABLES)

if __name__ == "__main__":
    run.main(EXPERIMENT)

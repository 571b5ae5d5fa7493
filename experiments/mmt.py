r"""MMT: adapt to a target whose labels are not used, with two networks that teach each other.

    python -m experiments.mmt --workdir=runs/mmt

trains two networks on the synthetic plaza (in source1 and source2 of the workdir), then adapts both
to the station. Stopped at any time, the same command goes on. Your own data:

    python -m experiments.mmt --workdir=runs/mine --config.data=market1501:/data/market1501 \
        --config.target=csv:/my/crops.csv --config.test=csv:/my/test.csv

`--config.first=` and `--config.second=` name two trained encoders to begin with instead.
`--recipe=paper` is the authors' setting (ResNet-50, 256x128, batch statistics of 16 rows; 80 epochs
of 100 batches on the source, 40 of 400 on the target, Adam 3.5e-4, 500 labels by k-means); no
figure of it has been measured here.
"""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

from reid_jax import encoders, optimise
from reid_jax.app import command, parts, run, sources, stages, standard, views, workdirs
from reid_jax.app.job import Experiment, Figures, Job
from reid_jax.app.separation import separated
from reid_jax.methods.mmt import Clusters, mmt
from reid_jax.options import PATH, option
from reid_jax.types import Records

from . import ide


@dataclasses.dataclass
class Config(
    standard.Options,
    parts.DBSCAN,
    parts.Jaccard,
    parts.Schedule,
    parts.CameraBatch,
    parts.Adaptation,
):
    """The options of MMT, at the authors' values; `weights` is what the source begins with."""

    backbone: str = "resnet50"
    size: str = "256x128"
    resize: str = "bicubic"
    bn_group: int = 16
    first: str = option(
        "",
        "an encoder trained on a source, a run's folder or a weights file; empty: it is trained on "
        "`data`",
        holds=PATH,
    )
    second: str = option("", "another one", holds=PATH)
    source_epochs: int = option(80, "of the training on the source, and so on", least=1)
    source_iterations: int = option(100, "batches of an epoch", least=0)
    source_learning_rate: float = option(3.5e-4, "its peak", was="source_rate", least=0)
    source_warmup: int = option(10, "epochs in which it rises", least=0, below="source_epochs")
    source_schedule: str = option("40,70", "as in experiments.ide")
    source_erase: float = option(0.0, "probability of random erasing", least=0, most=1)
    source_beside: bool = option(
        True, "batch statistics see the target too while the source is trained on, as in its code"
    )
    epochs: int = 40
    clusters: int = option(500, "labels, by k-means; 0: DBSCAN", least=0)
    eps: float = option(
        0.0,
        "radius of DBSCAN; 0: the mean distance of the nearest `rho` of the pairs in the first "
        "epoch, which is kept",
        least=0,
        below=1,
    )
    rho: float = option(1.6e-3, "share of the pairs, for eps = 0", above=0, most=1)
    k1: int = 20
    capacity: int = option(
        0,
        "labels that an epoch can have with DBSCAN; 0: one for each min_samples pictures",
        was="room",
        least=0,
    )
    soft_classify: float = option(
        0.5,
        "share of the classification loss whose targets are the other teacher's",
        least=0,
        most=1,
    )
    soft_triplet: float = option(0.8, "the same of the triplet loss", least=0, most=1)
    smoothing: float = option(0.1, "of the labels", least=0, below=1)
    momentum: float = option(0.999, "of the teachers", least=0, most=1)
    pad: int = 10
    erase: float = 0.5


RECIPES: dict[str, dict[str, Any]] = {
    "street": {
        **standard.SMALL,
        "bn_group": 0,
        "target": "synthetic:station,persons=200",
        "source_epochs": 6,
        "source_iterations": 100,
        "source_learning_rate": 2e-3,
        "source_warmup": 1,
        "source_schedule": "cosine",
        "source_erase": 0.3,
        "source_beside": False,
        "epochs": 6,
        "iterations": 40,
        "clusters": 150,
        "jitter": 0.8,
        "momentum": 0.99,
        "pad": 5,
    },
    "paper": {"weights": encoders.NEEDED},
}


def train(config: Config, workdir: Path) -> Figures:
    """Train the two networks on the source, unless they are given, then MMT."""
    workdirs.check(workdir, config)
    records = data(config)
    if config.first:
        build_all = partial(build, records=records, first=config.first, second=config.second)
        return run.run(config, build_all, workdir)
    build(config, records)  # which reports mistakes before the source is trained on

    def build_source(own: ide.Config) -> Job:
        job = ide.build(own)
        workdirs.write(workdir, config)  # the source has been found good as well
        return job

    experiment = ide.EXPERIMENT._replace(build=build_source)
    folders = [workdir / "source1", workdir / "source2"]
    for number, folder in enumerate(folders):
        stages.finish(experiment, source_config(config, number), folder)
    first, second = map(str, folders)
    return run.run(config, partial(build, records=records, first=first, second=second), workdir)


def build(
    config: Config,
    records: tuple[Records, Records] | None = None,
    first: str = "",
    second: str = "",
) -> Job:
    """Everything that MMT's own run needs.

    Args:
        config: the configuration.
        records: of `data`.
        first: the encoder to begin with, a run's folder or a weights file; empty: random numbers.
        second: the other one.
    """
    target, test = records or data(config)
    model, other = (
        encoders.build(dataclasses.replace(config, weights=weights), command.say)
        for weights in (first, second)
    )
    clusters = Clusters(
        config.clusters,
        config.eps,
        config.rho,
        config.min_samples,
        config.k1,
        config.k2,
        config.capacity,
    )
    method = mmt(
        model,
        **parts.keywords(mmt, config, second=other, clusters=clusters),
    )
    return Job(
        method=separated(method, config),
        model=model,
        optimiser=optimise.adam(config.learning_rate, weight_decay=config.weight_decay),
        views=(views.view(config, model.input),) * 2,
        train=target,
        test=test,
    )


def data(config: Config) -> tuple[Records, Records]:
    """The target, and query and gallery of the test, after the configuration was checked."""
    if bool(config.first) != bool(config.second):
        raise ValueError(
            "name both networks, --config.first and --config.second, or neither: then they are "
            "trained first"
        )
    if config.first and config.weights not in encoders.WORDS:
        raise ValueError(
            "--config.weights is what the source begins with, and --config.first needs none"
        )
    if not config.first and not config.data:
        raise ValueError(
            "without --config.data there is no source to train on: name --config.first and "
            "--config.second"
        )
    encoders.size(config.size)
    if not config.first:
        encoders.start(config)
    if config.bn_domains:
        raise ValueError("MMT trains on one domain at a time: --config.bn_domains=false")
    target, test = sources.adaptation(dataclasses.replace(config, data=""))
    pictures = len(target.person)
    if config.clusters > pictures:
        raise ValueError(
            f"{config.clusters} labels of {pictures} pictures; choose --config.clusters of at most "
            f"{pictures}"
        )
    return target, test


def source_config(config: Config, number: int) -> ide.Config:
    """One of the two trainings on the source."""
    return stages.of_source(
        ide.EXPERIMENT,
        config,
        parts.CameraBatch,
        epochs=config.source_epochs,
        iterations=config.source_iterations,
        learning_rate=config.source_learning_rate,
        weight_decay=config.weight_decay,
        warmup=config.source_warmup,
        schedule=config.source_schedule,
        smoothing=config.smoothing,
        erase=config.source_erase,
        beside=config.target if config.source_beside else "",
        seed=config.seed + number,
    )


EXPERIMENT = Experiment(Config, build, RECIPES, train)

if __name__ == "__main__":
    run.main(EXPERIMENT)

"""SpCL: adapt to a target whose labels are not used, with a labelled source or without one.

    python -m experiments.spcl --workdir=runs/spcl

adapts from the synthetic plaza to the station; `--config.data=` is the unsupervised form. Your own data:

    python -m experiments.spcl --workdir=runs/mine --config.data=market1501:/data/market1501 \\
        --config.target=csv:/my/crops.csv --config.test=csv:/my/test.csv

`--recipe=adapt` and `--recipe=alone` are the authors' settings with and without a source (ResNet-50, 256x128, 50 epochs of
400 batches of 64 + 64, Adam 3.5e-4, a tenth every 20 epochs, batch statistics of 16 rows of each domain); no figure of
them has been measured here.
"""

import dataclasses
from pathlib import Path

from experiments import command, encoders, run, source, sources, views
from experiments.rows import Row, Table
from experiments.separation import Separation, separated
from reid_jax import optimise
from reid_jax.data.check import check_test, check_training
from reid_jax.data.records import take
from reid_jax.methods.spcl import SOURCE, Clusters, spcl


@dataclasses.dataclass
class Config(Separation, encoders.Encoder, views.Views):
    """The options of SpCL, at the authors' values; lengths in epochs unless said."""

    backbone: str = "resnet50"
    size: str = "256x128"
    resize: str = "bicubic"
    bn_group: int = 32  # 16 of either domain, which alternate in a batch
    bn_domains: bool = True
    data: str = "synthetic:plaza"  # KIND:PATH of the labelled source; empty: none
    target: str = "synthetic:station"  # KIND:PATH of the target; its labels, if any, are not used
    test: str = ""  # KIND:PATH of the test data; empty: the query and gallery of `target`
    skip_broken: bool = False  # leave out pictures that cannot be read
    same_camera: bool = False  # count matches within one camera as well
    persons: int = 16  # labels of a batch, of each domain
    per_person: int = 4
    other_cameras: bool = True  # a label's further images come from other cameras than its first
    epochs: int = 50
    iterations: int = 400
    eps: float = 0.6  # of DBSCAN
    gap: float = 0.02  # to the tighter and to the looser radius
    min_samples: int = 4
    k1: int = 30  # of the Jaccard distance
    k2: int = 6
    rate: float = 3.5e-4
    weight_decay: float = 5e-4
    fall: int = 20  # epochs after which the rate is a tenth, again and again
    momentum: float = 0.2  # of a row of the memory
    temperature: float = 0.05
    pad: int = 10
    erase: float = 0.5
    source: str = ""  # options, by comma, of experiments.ide, to begin with a training on the source; empty: none
    seed: int = 0


RECIPES = {
    "street": {
        "backbone": "resnet_small_ibn_a",
        "size": "128x64",
        "resize": "area",
        "bn_group": 0,
        "epochs": 10,
        "iterations": 60,
        "k1": 20,
        "rate": 1e-3,
        "fall": 6,
        "pad": 5,
        "jitter": 0.8,
        "source": "epochs=6,iterations=60,rate=2e-3",
    },
    "adapt": {"weights": encoders.NEEDED},
    "alone": {"weights": encoders.NEEDED, "data": "", "bn_domains": False, "bn_group": 16},
}


TABLES = {"alone": Table("SpCL without a source", (Row("SpCL", {}, "spcl.alone/alone"),), ("alone",))}


def stages(config: Config, workdir: Path) -> dict[str, float]:
    """The source by itself, where that is asked for, then SpCL."""
    command.check_workdir(workdir, config)
    source.check(config)
    job = build(config)  # whose mistakes are told before the first of them
    command.write_config(workdir, config)
    started = source.begun(config, workdir / "source")
    return run.run(config, lambda _: job if started is config else build(started), workdir) if started else {}


def build(config: Config) -> run.Job:
    """Everything that the run needs, checked before step 0."""
    if config.bn_domains and not config.data:
        raise ValueError("without a source there is one domain: --config.bn_domains=false")
    model = encoders.build(config)
    train, test = sources.adaptation(config)
    if config.data:
        check_training(take(train, train.domain == SOURCE), persons=config.persons, per_person=config.per_person)
    check_test(test, same_camera=config.same_camera)
    clusters = Clusters(config.eps, config.gap, config.min_samples, config.k1, config.k2)
    method = spcl(
        model,
        persons=config.persons,
        per_person=config.per_person,
        other_cameras=config.other_cameras,
        iterations=config.iterations,
        clusters=clusters,
        momentum=config.momentum,
        temperature=config.temperature,
    )
    falls = tuple(range(config.fall, config.epochs, config.fall))
    rate = optimise.schedule(config.rate, epochs=config.epochs, iterations=config.iterations, milestones=falls)
    seen = (views.view(config, model.input),)
    return run.Job(
        separated(method, config), model, optimise.adam(rate, weight_decay=config.weight_decay), seen, train, test
    )


if __name__ == "__main__":
    command.main(Config, stages, RECIPES)

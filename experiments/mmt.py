"""MMT: adapt to a target whose labels are not used, with two networks that teach each other.

    python -m experiments.mmt --workdir=runs/mmt

trains two networks on the synthetic plaza (in source1 and source2 of the workdir), then adapts both to the station. Stopped
at any time, the same command goes on. Your own data:

    python -m experiments.mmt --workdir=runs/mine --config.data=market1501:/data/market1501 \\
        --config.target=csv:/my/crops.csv --config.test=csv:/my/test.csv

`--config.first=` and `--config.second=` name two trained encoders to begin with instead. `--recipe=paper` is the authors'
setting (ResNet-50, 256x128, batch statistics of 16 rows; 80 epochs of 100 batches on the source, 40 of 400 on the target,
Adam 3.5e-4, 500 labels by k-means); no figure of it has been measured here.
"""

import dataclasses
from pathlib import Path

from experiments import command, encoders, ide, run, sources, views
from experiments.separation import Separation, separated
from reid_jax import optimise
from reid_jax.data.check import check_test
from reid_jax.methods.mmt import Clusters, mmt
from reid_jax.types import Records


@dataclasses.dataclass
class Config(Separation, encoders.Encoder, views.Views):
    """The options of MMT, at the authors' values; lengths in epochs unless said. `weights`: what the source begins with."""

    backbone: str = "resnet50"
    size: str = "256x128"
    resize: str = "bicubic"
    bn_group: int = 16
    data: str = "synthetic:plaza"  # KIND:PATH of the labelled source
    target: str = "synthetic:station"  # KIND:PATH of the target; its labels, if any, are not used
    test: str = ""  # KIND:PATH of the test data; empty: the query and gallery of `target`
    skip_broken: bool = False  # leave out pictures that cannot be read
    same_camera: bool = False  # count matches within one camera as well
    first: str = (
        ""  # two encoders trained on a source, runs' folders or weights files; empty: they are trained on `data`
    )
    second: str = ""
    source_epochs: int = 80
    source_iterations: int = 100
    source_rate: float = 3.5e-4
    source_warmup: int = 10
    source_schedule: str = "40,70"  # as in experiments.ide
    source_erase: float = 0.0
    source_beside: bool = True  # batch statistics see the target too while the source is trained on, as in its code
    persons: int = 16  # labels of a batch
    per_person: int = 4
    other_cameras: bool = True  # a label's further images come from other cameras than its first
    epochs: int = 40
    iterations: int = 400
    clusters: int = 500  # labels, by k-means; 0: DBSCAN
    eps: float = 0.0  # of DBSCAN; 0: the mean distance of the nearest `rho` of the pairs in the first epoch, kept
    rho: float = 1.6e-3
    min_samples: int = 4
    k1: int = 20  # of the Jaccard distance
    k2: int = 6
    room: int = 0  # labels that an epoch can hold with DBSCAN; 0: one for each min_samples pictures
    rate: float = 3.5e-4
    weight_decay: float = 5e-4
    soft_classify: float = 0.5  # parts of the losses whose targets are the other teacher's
    soft_triplet: float = 0.8
    smoothing: float = 0.1
    momentum: float = 0.999  # of the teachers
    pad: int = 10
    erase: float = 0.5
    seed: int = 0


RECIPES = {
    "street": {
        "backbone": "resnet_small_ibn_a",
        "size": "128x64",
        "resize": "area",
        "bn_group": 0,
        "target": "synthetic:station,persons=200",
        "source_epochs": 6,
        "source_iterations": 100,
        "source_rate": 2e-3,
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


def stages(config: Config, workdir: Path) -> dict[str, float]:
    """The two networks on the source, unless they are given, then MMT; whatever is done is not done again."""
    command.check_workdir(workdir, config)
    parts = data(config)
    if config.first:
        return run.run(config, lambda config: build(config, parts, config.first, config.second), workdir)
    build(config, parts)  # whose mistakes are told before the networks of the source are trained

    def source(options: ide.Config) -> run.Job:
        job = ide.build(options)
        command.write_config(workdir, config)
        return job

    first, second = workdir / "source1", workdir / "source2"
    for number, (folder, after) in enumerate(((first, second), (second, workdir))):
        begun = (after / "checkpoints").is_dir()  # what comes after, so this is finished
        if not begun and not run.run(_source(config, number), source, folder):
            return {}  # asked to stop
    return run.run(config, lambda config: build(config, parts, str(first), str(second)), workdir)


def build(config: Config, parts: tuple[Records, Records] | None = None, first: str = "", second: str = "") -> run.Job:
    """Everything that MMT's own run needs. parts: what `data` gives; first, second: the encoders to begin with, or none."""
    target, test = parts or data(config)
    model, other = (encoders.build(dataclasses.replace(config, weights=weights)) for weights in (first, second))
    clusters = Clusters(config.clusters, config.eps, config.rho, config.min_samples, config.k1, config.k2, config.room)
    method = mmt(
        model,
        second=other,
        persons=config.persons,
        per_person=config.per_person,
        other_cameras=config.other_cameras,
        iterations=config.iterations,
        clusters=clusters,
        soft_classify=config.soft_classify,
        soft_triplet=config.soft_triplet,
        smoothing=config.smoothing,
        momentum=config.momentum,
    )
    seen = views.view(config, model.input)
    optimiser = optimise.adam(config.rate, weight_decay=config.weight_decay)
    return run.Job(separated(method, config), model, optimiser, (seen, seen), target, test)


def data(config: Config) -> tuple[Records, Records]:
    """(the target, query and gallery of the test), with the configuration found sound."""
    if bool(config.first) != bool(config.second):
        raise ValueError(
            "name both networks, --config.first and --config.second, or neither: then they are trained first"
        )
    if config.first and config.weights not in encoders.WORDS:
        raise ValueError("--config.weights is what the source begins with, and --config.first needs none")
    if not config.first and not config.data:
        raise ValueError(
            "without --config.data there is no source to train on: name --config.first and --config.second"
        )
    if not config.first:
        encoders.start(config)
    if config.bn_domains:
        raise ValueError("MMT trains on one domain at a time: --config.bn_domains=false")
    target, test = sources.adaptation(dataclasses.replace(config, data=""))
    if config.clusters > len(target.person):
        there = len(target.person)
        raise ValueError(f"{config.clusters} labels of {there} pictures; choose --config.clusters of at most {there}")
    check_test(test, same_camera=config.same_camera)
    return target, test


def _source(config: Config, number: int) -> ide.Config:
    """One of the two trainings on the source."""
    names = {field.name for field in dataclasses.fields(encoders.Encoder)} | set(views.NAMES) - {"erase"}
    names |= {
        "data",
        "skip_broken",
        "same_camera",
        "persons",
        "per_person",
        "other_cameras",
        "weight_decay",
        "smoothing",
    }
    source = {"epochs", "iterations", "rate", "warmup", "schedule", "erase"}
    return ide.Config(
        **{name: getattr(config, name) for name in names},
        **{name: getattr(config, f"source_{name}") for name in source},
        test=config.test or config.target,
        beside=config.target if config.source_beside else "",
        seed=config.seed + number,
    )


if __name__ == "__main__":
    command.main(Config, stages, RECIPES)

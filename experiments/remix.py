r"""ReMix: train on labelled multi-camera data and unlabelled single-camera videos together.

    python -m experiments.remix --workdir=runs/remix

trains on a few persons of the synthetic plaza and on videos of the station, and tests on the
harbour, which neither has seen; `--config.labels=0` is the same without videos. Your own data:

    python -m experiments.remix --workdir=runs/mine --config.data=market1501:/data/market1501 \
        --config.videos=csv:/my/crops.csv --config.test=csv:/my/test.csv

where crops.csv has the columns path and group (the video). `--recipe=paper` is the published
setting: ResNet50-IBN-a at 256x128, 100 epochs of 400 batches of 8 x 4 + 8 x 4, Adam 3.5e-4; on one
H100 or its like it is a day's work, and no figure of it has been measured here.
"""

import dataclasses
from functools import partial
from typing import Any

from reid_jax import encoders, optimise
from reid_jax.app import command, parts, run, sources, standard, views
from reid_jax.app.job import Experiment, Job
from reid_jax.app.separation import separated
from reid_jax.clustering import videos
from reid_jax.data import records
from reid_jax.data.augment import Augment
from reid_jax.data.check import check_training
from reid_jax.methods.remix import Terms, remix
from reid_jax.options import SOURCE, choose, option

from .tables.remix import TABLES


@dataclasses.dataclass
class Config(standard.Options, parts.DBSCAN, parts.WarmSchedule, parts.Batch, parts.Data):
    """The options of ReMix, at the paper's values; lengths in epochs unless said."""

    backbone: str = "resnet50_ibn_a"
    size: str = "256x128"
    resize: str = "bicubic"  # as in ICE's code, which ReMix goes on from; not published
    videos: str = option(
        "synthetic-videos:station",
        "KIND:PATH of the videos; their labels, if any, are not used",
        holds=SOURCE,
    )
    labelled: float = option(
        1.0,
        "share of the persons of `data` that keep their label; the others' groups are videos",
        above=0,
        most=1,
    )
    persons: int = 8
    labels: int = option(8, "pseudo labels of a batch; 0: without videos", least=0)
    per_label: int = option(4, "pictures of each pseudo label in a batch", least=1)
    videos_a_batch: int = option(
        0, "videos that a batch's pseudo labels come from; 0: any", least=0
    )
    epochs: int = 100
    images: int = option(
        0, "pictures that get pseudo labels in an epoch; 0: as many as its batches hold", least=0
    )
    eps: float = 0.8
    metric: str = option("euclidean", "of DBSCAN: euclidean, cosine, jaccard")
    momentum: float = option(0.999, "of the momentum encoder", least=0, most=1)
    instance: float = option(1.0, "weight of the instance loss", least=0)
    augmentation: float = option(1.0, "weight of the augmentation loss", least=0)
    centroid: float = option(1.0, "weight of the centroid loss", least=0)
    camera_centroid: float = option(0.5, "weight of the camera centroid loss, gamma", least=0)
    temperatures: str = option("0.1,0.1,0.5,0.07", "of the four losses, in that order")
    apart: bool = option(
        True, "the first two losses compare pictures with those of their own kind of data only"
    )
    own: bool = option(True, "a picture is among its own positives in the instance loss")
    against: str = option("original", "negatives of the augmentation loss: original, augmented")
    unit: bool = option(
        True, "the centroid loss compares embeddings of length one; ICE's code does not"
    )
    own_camera: bool = option(
        False, "a camera centroid of the picture's own camera is among its positives"
    )
    together: bool = option(True, "all camera centroids of a person in one denominator")
    by_camera: bool = option(
        False, "the camera centroid loss is a sum over cameras, as in ICE's code, not a mean"
    )
    negatives: int = option(50, "camera centroids of other persons", least=1)
    second_view: bool = option(
        False, "the momentum encoder sees an augmented view of its own, as in ICE's code"
    )
    pad: int = 10
    blur: float = 0.5
    gray: float = 0.1


RECIPES: dict[str, dict[str, Any]] = {
    "street": {
        **standard.SMALL,
        "data": "synthetic:plaza,persons=50,cameras=2",
        "videos_a_batch": 2,
        "epochs": 15,
        "iterations": 60,
        "eps": 0.5,
        "learning_rate": 2e-3,
        "warmup": 1,
        "momentum": 0.99,
        "pad": 5,
        "jitter": 0.8,
    },
    "paper": {"weights": encoders.NEEDED},
}


def build(config: Config) -> Job:
    """Everything that the run needs, checked before step 0."""
    model = encoders.build(config, command.say)
    labelled, test = sources.train_and_test(config)
    if not config.labels:
        config = dataclasses.replace(config, videos="")  # none is read
    labelled, single = sources.single_camera(config, labelled)
    if config.labels and not len(single.person):
        raise ValueError(
            "name the videos with --config.videos, or train without them: --config.labels=0"
        )
    check_training(labelled, persons=config.persons, per_person=config.per_person)
    choose("--config.metric", config.metric, dict.fromkeys(videos.METRICS))
    choose("--config.against", config.against, dict.fromkeys(("original", "augmented")))
    method = remix(
        model,
        **parts.keywords(
            remix,
            config,
            multi=(config.persons, config.per_person),
            single=(config.labels, config.per_label) if config.labels else (0, 0),
            labeller=partial(videos.label_videos, **parts.keywords(videos.label_videos, config)),
            terms=terms(config),
        ),
    )
    rate = optimise.schedule(
        config.learning_rate,
        epochs=config.epochs,
        iterations=config.iterations,
        warmup=config.warmup,
        start=0.1,
    )
    view = views.view(config, model.input)
    return Job(
        method=separated(method, config),
        model=model,
        optimiser=optimise.adam(rate, weight_decay=config.weight_decay),
        views=(view, view, Augment()) if config.second_view else (view, Augment()),
        train=records.concat([labelled, single]) if config.labels else labelled,
        test=test,
    )


def terms(config: Config) -> Terms:
    """The losses' options."""
    try:
        first, second, third, fourth = (float(one) for one in config.temperatures.split(","))
    except ValueError:
        first = second = third = fourth = 0.0
    temperature = (first, second, third, fourth)
    if min(temperature) <= 0:
        raise ValueError(
            f"--config.temperatures are four numbers above 0, by comma, not {config.temperatures!r}"
        )
    weight = (config.instance, config.augmentation, config.centroid, config.camera_centroid)
    names = set(Terms._fields) - {"weight", "temperature"}
    return Terms(weight, temperature, **{name: getattr(config, name) for name in names})


EXPERIMENT = Experiment(Config, build, RECIPES, tables=TABLES)

if __name__ == "__main__":
    run.main(EXPERIMENT)

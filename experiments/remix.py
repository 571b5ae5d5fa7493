"""ReMix: train on labelled multi-camera data and unlabelled single-camera videos together.

    python -m experiments.remix --workdir=runs/remix

trains on a few persons of the synthetic plaza and on videos of the station, and tests on the harbour, which neither has
seen; `--config.labels=0` is the same without videos. Your own data:

    python -m experiments.remix --workdir=runs/mine --config.data=market1501:/data/market1501 \\
        --config.videos=csv:/my/crops.csv --config.test=csv:/my/test.csv

where crops.csv has the columns path and group (the video). `--recipe=paper` is the published setting: ResNet50-IBN-a at
256x128, 100 epochs of 400 batches of 8 x 4 + 8 x 4, Adam 3.5e-4; on one H100 or its like it is a day's work, and no figure
of it has been measured here.
"""

import dataclasses
from functools import partial
from typing import Any

from experiments import encoders, run, sources, views
from experiments.choices import choose
from experiments.rows import Row, Table
from experiments.separation import Separation, separated
from reid_jax import optimise
from reid_jax.cluster import videos
from reid_jax.data import records
from reid_jax.data.augment import Augment
from reid_jax.data.check import check_test, check_training
from reid_jax.methods.remix import Terms, remix


@dataclasses.dataclass
class Config(Separation, encoders.Encoder, views.Views):
    """The options of ReMix, at the paper's values; lengths in epochs unless said."""

    backbone: str = "resnet50_ibn_a"
    size: str = "256x128"
    resize: str = "bicubic"  # as ICE's code, which ReMix goes on from; not told
    data: str = "synthetic:plaza"  # KIND:PATH of the labelled multi-camera data
    videos: str = "synthetic-videos:station"  # KIND:PATH of the videos; their labels, if any, are not used
    labelled: float = 1.0  # the share of the persons of `data` that keep their label; the others' groups are videos
    test: str = "synthetic:harbour"  # KIND:PATH of the test data; empty: the query and gallery of `data`
    skip_broken: bool = False  # leave out pictures that cannot be read
    same_camera: bool = False  # count matches within one camera as well
    persons: int = 8  # of a batch, and images of each
    per_person: int = 4
    labels: int = 8  # pseudo labels of a batch, and images of each; 0: without videos
    per_label: int = 4
    videos_a_batch: int = 0  # that its pseudo labels come from; 0: any
    epochs: int = 100
    iterations: int = 400
    images: int = 0  # that get pseudo labels each morning, 0: as many as an epoch's batches hold
    eps: float = 0.8  # of DBSCAN
    min_samples: int = 4
    metric: str = "euclidean"  # of DBSCAN: euclidean, cosine, jaccard
    rate: float = 3.5e-4
    weight_decay: float = 5e-4
    warmup: int = 10
    momentum: float = 0.999  # of the momentum encoder
    instance: float = 1.0  # weights of the losses
    augmentation: float = 1.0
    centroid: float = 1.0
    camera_centroid: float = 0.5  # gamma
    temperatures: str = "0.1,0.1,0.5,0.07"  # of the losses, in that order
    apart: bool = True  # the first two losses compare images with those of their own kind of data only
    own: bool = True  # an image is among its own positives in the instance loss
    against: str = "original"  # what the augmentation loss's negatives are: original, augmented
    unit: bool = True  # the centroid loss compares embeddings of length one; false: as they are, as ICE's code does
    own_camera: bool = False  # a camera centroid of the image's own camera is among its positives
    together: bool = True  # all camera centroids of a person in one denominator
    by_camera: bool = (
        False  # the camera centroid loss is a sum over the batch's cameras, as ICE's code has it; else a mean
    )
    negatives: int = 50  # camera centroids of other persons
    second_view: bool = False  # the momentum encoder sees an augmented view of its own, as in ICE's code
    pad: int = 10
    blur: float = 0.5
    gray: float = 0.1
    seed: int = 0


RECIPES = {
    "street": {
        "backbone": "resnet_small_ibn_a",
        "size": "128x64",
        "resize": "area",
        "data": "synthetic:plaza,persons=50,cameras=2",
        "videos_a_batch": 2,
        "epochs": 15,
        "iterations": 60,
        "eps": 0.5,
        "rate": 2e-3,
        "warmup": 1,
        "momentum": 0.99,
        "pad": 5,
        "jitter": 0.8,
    },
    "paper": {"weights": encoders.NEEDED},
}


def build(config: Config) -> run.Job:
    """Everything that the run needs, checked before step 0."""
    model = encoders.build(config)
    labelled, test = sources.train_and_test(config)
    if not config.labels:
        config = dataclasses.replace(config, videos="")  # none is read
    labelled, single = sources.single_camera(config, labelled)
    if config.labels and not len(single.person):
        raise ValueError("name the videos with --config.videos, or train without them: --config.labels=0")
    train = records.concat([labelled, single]) if config.labels else labelled
    check_training(labelled, persons=config.persons, per_person=config.per_person)
    check_test(test, same_camera=config.same_camera)
    choose("--config.metric", config.metric, dict.fromkeys(videos.METRICS))
    choose("--config.against", config.against, dict.fromkeys(("original", "augmented")))
    labeller = partial(videos.labels, eps=config.eps, min_samples=config.min_samples, metric=config.metric)
    method = remix(
        model,
        multi=(config.persons, config.per_person),
        single=(config.labels, config.per_label) if config.labels else (0, 0),
        videos_a_batch=config.videos_a_batch,
        iterations=config.iterations,
        images=config.images,
        labeller=labeller,
        momentum=config.momentum,
        terms=terms(config),
    )
    length = {"epochs": config.epochs, "iterations": config.iterations, "warmup": config.warmup}
    rate = optimise.schedule(config.rate, start=0.1, **length)
    seen = views.view(config, model.input)
    seen = (seen, seen, Augment()) if config.second_view else (seen, Augment())
    return run.Job(
        separated(method, config), model, optimise.adam(rate, weight_decay=config.weight_decay), seen, train, test
    )


def terms(config: Config) -> Terms:
    """The losses' options."""
    try:
        temperature = tuple(float(one) for one in config.temperatures.split(","))
    except ValueError:
        temperature = ()
    if len(temperature) != 4 or min(temperature) <= 0:
        raise ValueError(f"--config.temperatures are four numbers above 0, by comma, not {config.temperatures!r}")
    weight = (config.instance, config.augmentation, config.centroid, config.camera_centroid)
    options = ("apart", "own", "against", "unit", "own_camera", "together", "by_camera", "negatives")
    return Terms(weight, temperature, **{name: getattr(config, name) for name in options})


_WITHOUT = {"labels": 0}
_SIZES = {"256x128": {"street": "128x64", "paper": "256x128"}, "384x128": {"street": "192x64", "paper": "384x128"}}
_BACKBONES = {
    "resnet50": {"street": "resnet_small", "paper": "resnet50"},
    "resnet50_ibn_a": {"street": "resnet_small_ibn_a", "paper": "resnet50_ibn_a"},
}


def _both(name: str, value: Any, told: str, key: str) -> tuple[Row, Row]:
    """Without videos from ImageNet, and with them from LUPerson, as the paper's later tables compare."""
    return (
        Row(f"{told}, without videos", {**_WITHOUT, name: value}, f"{key} without"),
        Row(f"{told}, with videos", {name: value}, f"{key} with", start="luperson"),
    )


TABLES = {
    "4": Table(
        "ReMix, table 4: with and without videos",
        (
            Row("labelled data alone", _WITHOUT, "remix.4/without"),
            Row("with videos, a batch's labels from any of them", {"videos_a_batch": 0}, "remix.4/with"),
            Row("with videos, a batch's labels from two", {"videos_a_batch": 2}),
            Row(
                "labelled data alone, from LUPerson",
                _WITHOUT,
                "remix.4/without, luperson",
                start="luperson",
                recipes=("paper",),
            ),
            Row(
                "with videos, from LUPerson",
                {"videos_a_batch": 0},
                "remix.4/with, luperson",
                start="luperson",
                recipes=("paper",),
            ),
        ),
    ),
    "8": Table(
        "ReMix, table 8: the radius of DBSCAN",
        tuple(Row(f"eps {eps}", {"eps": eps}, f"remix.8/{eps}") for eps in (0.65, 0.7, 0.8, 0.85)),
    ),
    "9": Table(
        "ReMix, table 9: images of a batch, B_m without videos and B_s beside B_m = 32",
        tuple(
            Row(f"B_m = {4 * persons}, B_s = 0", {**_WITHOUT, "persons": persons}, f"remix.9/B_m {4 * persons}")
            for persons in (4, 8, 16)
        )
        + tuple(
            Row(f"B_s = {4 * labels}", {"labels": labels}, f"remix.9/B_s {4 * labels}", start="luperson")
            for labels in (4, 8, 16)
        ),
    ),
    "10": Table(
        "ReMix, table 10: images of a label in a batch, of 32 labelled ones without videos and of 32 of videos",
        tuple(
            Row(
                f"N_K = {each}, without videos",
                {**_WITHOUT, "persons": 32 // each, "per_person": each},
                f"remix.10/N_K^m {each}",
            )
            for each in (2, 4, 8)
        )
        + tuple(
            Row(
                f"N_K = {each} of videos",
                {"labels": 32 // each, "per_label": each},
                f"remix.10/N_K^s {each}",
                start="luperson",
            )
            for each in (2, 4, 8)
        ),
    ),
    "11": Table(
        "ReMix, table 11: the size of the pictures",
        _both("size", _SIZES["256x128"], "as in the paper", "remix.11/256x128")
        + _both("size", _SIZES["384x128"], "half as high again", "remix.11/384x128"),
    ),
    "12": Table(
        "ReMix, table 12: the encoder",
        _both("backbone", _BACKBONES["resnet50"], "without IBN", "remix.12/resnet50")
        + _both("backbone", _BACKBONES["resnet50_ibn_a"], "IBN-a", "remix.12/resnet50_ibn_a"),
    ),
    "13": Table(
        "ReMix, table 13: tested on other persons of the labelled data's own cameras",
        (
            Row("without videos", {**_WITHOUT, "test": ""}, "remix.13/without"),
            Row("with videos", {"test": ""}, "remix.13/with", start="luperson"),
        ),
    ),
}

if __name__ == "__main__":
    run.main(Config, build, RECIPES)

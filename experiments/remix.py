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
    own_camera: bool = False  # a camera centroid of the image's own camera is among its positives
    together: bool = True  # all camera centroids of a person in one denominator
    negatives: int = 50  # camera centroids of other persons
    second_view: bool = False  # the momentum encoder sees an augmented view of its own
    pad: int = 10
    blur: float = 0.5
    gray: float = 0.1
    seed: int = 0


RECIPES = {
    "street": {
        "backbone": "resnet_small_ibn_a",
        "size": "128x64",
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
    options = ("apart", "own", "against", "own_camera", "together", "negatives")
    return Terms(weight, temperature, **{name: getattr(config, name) for name in options})


_WITHOUT = {"labels": 0}
_SIZES = {"street": ("128x64", "192x64"), "paper": ("256x128", "384x128")}
_BACKBONES = {
    "street": ("resnet_small_ibn_a", "resnet_small"),
    "paper": ("resnet50_ibn_a", "resnet50"),
}


def _by_recipe(name: str, choices: dict[str, tuple[str, str]], place: int) -> dict:
    return {name: {recipe: values[place] for recipe, values in choices.items()}}


# beside each row what the paper has, mAP / rank-1 on DukeMTMC-reID unless said
TABLES = {
    "4": Table(
        "ReMix, table 4: with and without videos",
        (
            Row("labelled data alone", _WITHOUT, "58.7 / 75.8"),
            Row("with videos, a batch's labels from any of them", {"videos_a_batch": 0}, "60.7 / 76.9"),
            Row("with videos, a batch's labels from two", {"videos_a_batch": 2}),
        ),
    ),
    "8": Table(
        "ReMix, table 8: the radius of DBSCAN",
        tuple(
            Row(f"eps {eps}", {"eps": eps}, paper)
            for eps, paper in ((0.65, "60.2 / 76.3"), (0.7, "60.5 / 76.3"), (0.8, "60.7 / 76.9"), (0.85, "60.1 / 76.0"))
        ),
    ),
    "9": Table(
        "ReMix, table 9: images of a batch, B_m without videos and B_s beside B_m = 32",
        tuple(
            Row(f"B_m = {4 * persons}, B_s = 0", {**_WITHOUT, "persons": persons}, paper)
            for persons, paper in ((4, "49.0 / 69.1"), (8, "58.7 / 75.8"), (16, "58.9 / 75.0"))
        )
        + tuple(
            Row(f"B_s = {4 * labels}", {"labels": labels}, paper)
            for labels, paper in ((4, "61.4 / 77.3"), (8, "61.6 / 77.6"), (16, "61.4 / 77.1"))
        ),
    ),
    "10": Table(
        "ReMix, table 10: images of a label in a batch, of 32 labelled ones without videos and of 32 of videos",
        tuple(
            Row(f"N_K = {each}, without videos", {**_WITHOUT, "persons": 32 // each, "per_person": each}, paper)
            for each, paper in ((2, "58.5 / 76.0"), (4, "58.7 / 75.8"), (8, "51.0 / 70.6"))
        )
        + tuple(
            Row(f"N_K = {each} of videos", {"labels": 32 // each, "per_label": each}, paper)
            for each, paper in ((2, "61.0 / 76.6"), (4, "61.6 / 77.6"), (8, "62.1 / 77.5"))
        ),
    ),
    "11": Table(
        "ReMix, table 11: the size of the pictures",
        (
            Row("as in the paper, without videos", {**_WITHOUT, **_by_recipe("size", _SIZES, 0)}, "58.7 / 75.8"),
            Row("as in the paper, with videos", _by_recipe("size", _SIZES, 0), "61.6 / 77.6"),
            Row("half as high again, without videos", {**_WITHOUT, **_by_recipe("size", _SIZES, 1)}, "59.3 / 76.2"),
            Row("half as high again, with videos", _by_recipe("size", _SIZES, 1), "63.3 / 78.4"),
        ),
    ),
    "12": Table(
        "ReMix, table 12: the encoder",
        (
            Row("without IBN, without videos", {**_WITHOUT, **_by_recipe("backbone", _BACKBONES, 1)}, "53.5 / 72.4"),
            Row("without IBN, with videos", _by_recipe("backbone", _BACKBONES, 1), "56.4 / 73.6"),
            Row("IBN-a, without videos", {**_WITHOUT, **_by_recipe("backbone", _BACKBONES, 0)}, "58.7 / 75.8"),
            Row("IBN-a, with videos", _by_recipe("backbone", _BACKBONES, 0), "61.6 / 77.6"),
        ),
    ),
    "13": Table(
        "ReMix, table 13: tested on other persons of the labelled data's own cameras (the paper's figures: Market-1501)",
        (
            Row("without videos", {**_WITHOUT, "test": ""}, "84.9 / 94.7"),
            Row("with videos", {"test": ""}, "89.8 / 96.2"),
        ),
    ),
}

if __name__ == "__main__":
    run.main(Config, build, RECIPES)

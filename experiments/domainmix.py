r"""DomainMix: a labelled synthetic domain and an unlabelled real one, in three stages.

    python -m experiments.domainmix --workdir=runs/domainmix

labels the synthetic station with SpCL from the plaza (stage1/), trains on both (stage2/), then lets
a discriminator of domains and the backbone learn by turns, and tests on the harbour, which neither
has seen. Your own data:

    python -m experiments.domainmix --workdir=runs/mine --config.data=csv:/synthetic.csv \
        --config.target=csv:/my/crops.csv --config.test=csv:/my/test.csv

Stopped at any time the same command goes on. To begin again at a later stage, name an earlier run
in a new --workdir: `--config.pseudo_labels=runs/domainmix/stage1/labels.csv` begins with its
labels, `--config.begun=runs/domainmix/stage2` with its second stage. `--recipe=paper` is the
published setting, `--recipe=code` that of the code published later: new labels each epoch, one
batch of ten for the discriminator, halved logits. (Its warm-up, begun anew each epoch, left the
learning rate at a hundredth; its milestones give the same.) No figure of either was measured here.
"""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax import encoders, optimise, parallel
from reid_jax.app import (
    command,
    domains,
    labels,
    parts,
    run,
    sources,
    stages,
    standard,
    views,
    workdirs,
)
from reid_jax.app.job import Experiment, Figures, Job
from reid_jax.app.separation import separated
from reid_jax.data import records
from reid_jax.data.check import check_training
from reid_jax.methods.domainmix import AGAINST, Turns, Weights, domainmix
from reid_jax.methods.spcl import Clusters, self_paced
from reid_jax.models.discriminator import judge
from reid_jax.models.norm import BatchNorm
from reid_jax.options import CSV, PATH, choose, expanded, option
from reid_jax.types import Domain, Records

from . import ide, labellers, spcl
from .tables.domainmix import TABLES


@dataclasses.dataclass
class Config(
    standard.Options, parts.SelfPaced, parts.WarmSchedule, parts.CameraBatch, parts.FromSource
):
    """The options of DomainMix, at the paper's values; lengths in epochs unless said."""

    backbone: str = "resnet50"
    size: str = "256x128"
    resize: str = "bicubic"
    bn_group: int = 16
    test: str = "synthetic:harbour"
    pseudo_labels: str = option(
        "spcl",
        "of `target`: an experiment that adapts (spcl, mmt, gds), each_epoch (new ones at its "
        "start), given (its persons), or a labels.csv of a run",
        values={"morning": "each_epoch"},
        holds=CSV,
    )
    means: bool = option(False, "all classifiers start at the means of their pictures")
    stage1: str = option(
        "epochs=50,iterations=800",
        "options, by comma, of the first stage's experiment, written as those of `source`",
        inner=parts.RENAMED,
        holds=parts.INNER_PATHS,
    )
    begun: str = option("", "a run's folder whose second stage is done; go on from it", holds=PATH)
    least: int = option(5, "pictures of a pseudo label that is kept", least=1)
    most: int = option(120, "likewise, at most; 0: no bound", least=0)
    epochs: int = 40
    begin: int = option(
        20,
        "the epoch from which discriminator and backbone take turns; 0: never (DirectMix)",
        least=0,
    )
    turn: int = option(
        0, "0: epochs by turns; else one batch of so many is the discriminator's", least=0
    )
    discriminator_first: bool = option(
        False, "of the epochs by turns; the paper begins with the backbone"
    )
    iterations: int = 2000
    against: str = option("balance", "the domain loss: balance, kl")
    identity: float = option(10.0, "weight of the classification loss in the second stage", least=0)
    identity_third: float = option(10.0, "the same in the third stage", least=0)
    domain: float = option(1.0, "weight of the domain loss", least=0)
    smoothing: float = option(0.0, "of the labels", least=0, below=1)
    temperature: float = option(1.0, "divides the logits", above=0)
    margin: float = option(-1.0, "of the triplet loss; negative: the soft margin", least=-1)
    ratio: float = option(100.0, "the discriminator's learning rate, to the backbone's", least=0)
    warmup: int = 0
    falls: str = option("10,15", "epochs after which the learning rate is a tenth, by comma")
    pad: int = 10
    erase: float = 0.5
    kept_out: int = option(
        0,
        "pictures of each domain that are not trained on, to measure the gap between domains",
        least=0,
    )


RECIPES: dict[str, dict[str, Any]] = {
    "street": {
        **standard.SMALL,
        "bn_group": 0,
        "means": True,
        "source": "epochs=12,iterations=60,learning_rate=2e-3",
        "stage1": "epochs=1,iterations=40,learning_rate=1e-4,k1=10,eps=0.4,bn_group=0",
        "epochs": 10,
        "begin": 6,
        "iterations": 40,
        "discriminator_first": True,
        "learning_rate": 1e-3,
        "falls": "4",
        "ratio": 10.0,
        "eps": 0.4,
        "k1": 10,
        "pad": 5,
        "jitter": 0.8,
        "kept_out": 100,
    },
    "paper": {"weights": encoders.NEEDED},
    "code": {
        "weights": encoders.NEEDED,
        "pseudo_labels": "each_epoch",
        "most": 0,
        "epochs": 60,
        "begin": 30,
        "turn": 10,
        "identity_third": 1.0,
        "smoothing": 0.1,
        "temperature": 2.0,
        "ratio": 1.0,
        "warmup": 5,
    },
}


def train(config: Config, workdir: Path) -> Figures:
    """Train all stages, each from where it was stopped."""
    workdirs.check(workdir, config)
    named = labellers()
    source = check(config, named)
    workdirs.write(workdir, config)
    started = stages.begun(ide.EXPERIMENT, config, source, workdir / "source")
    mixed, test = data(started)
    real = mixed.domain == Domain.UNLABELLED
    pseudo = labels.of(started, records.take(mixed, real), workdir / "stage1", named)
    kept = domains.kept_out(mixed, config.kept_out)
    build_all = partial(
        build_on, mixed=records.take(mixed, ~kept), test=test, pseudo=pseudo[~kept[real]]
    )
    second = Path(expanded(config.begun)) if config.begun else workdir / "stage2"
    if config.begin and not parallel.agreed((workdir / "checkpoints").is_dir()):
        if not config.begun:
            command.say("stage 2: the persons of both domains")
            run.run(dataclasses.replace(started, epochs=config.begin, begin=0), build_all, second)
        stages.copy(second / "checkpoints", workdir / "checkpoints")
    command.say("stage 3: discriminator and backbone by turns" if config.begin else "stage 2")
    figures = run.run(config, lambda _: build_all(started), workdir)
    if kept.any():
        folders = {"trained": workdir}
        if config.begin:
            folders = {"before the turns": second, "after the turns": workdir}
        job, report = build_all(started), workdir / "report"
        names = {Domain.LABELLED: config.data, Domain.UNLABELLED: config.target}
        domains.write(
            job, records.take(mixed, kept), folders, report, seed=config.seed, names=names
        )
    return figures


def check(config: Config, named: labels.Labellers) -> ide.Config:
    """Refuse options that contradict each other; the training on the source that is asked for."""
    encoders.start(config)
    choose("--config.against", config.against, AGAINST)
    if config.begin and not config.begin < config.epochs:
        raise ValueError(f"--config.begin={config.begin} is not before epoch {config.epochs}")
    if config.begin and not (config.data and config.target):
        raise ValueError("a discriminator needs two domains; with one: --config.begin=0")
    labels.check(config, named)
    source = spcl.source_config(config)
    if config.begun:
        theirs, _ = encoders.of_run(expanded(config.begun))
        if not config.begin or theirs.epochs != config.begin or theirs.begin:
            raise ValueError(
                f"--config.begun={config.begun} is no second stage of {config.begin} epochs; it "
                f"has {theirs.epochs} and turns from {theirs.begin} on"
            )
    _falls(config)
    return source


def data(config: Config) -> tuple[Records, Records]:
    """The training data of both domains, and query and gallery of the test."""
    return sources.adaptation(config) if config.target else sources.train_and_test(config)


def build(config: Config) -> Job:
    """The second and the third stage, for pseudo labels that need no training of their own."""
    mixed, test = data(config)
    real = records.take(mixed, mixed.domain == Domain.UNLABELLED)
    return build_on(config, mixed, test, labels.known(config, real))


def build_on(config: Config, mixed: Records, test: Records, pseudo: np.ndarray) -> Job:
    """The second and the third stage on their data.

    Args:
        config: the configuration.
        mixed: the training data of both domains.
        test: query and gallery.
        pseudo: i[n], the labels of the real pictures; -1 where there is none.
    """
    if config.data:
        synthetic = records.take(mixed, mixed.domain == Domain.LABELLED)
        check_training(synthetic, persons=1, per_person=config.per_person)
    model = encoders.build(config, command.say)
    clusters = Clusters(config.eps, config.gap, config.min_samples, config.k1, config.k2)
    anew = config.pseudo_labels == labels.EACH_EPOCH
    given = config.pseudo_labels == labels.GIVEN
    turns = _turns(config)
    norm = partial(BatchNorm, group=config.bn_group, average=parallel.average)
    method = domainmix(
        model,
        judge(model.width, norm=norm),
        **parts.keywords(
            domainmix,
            config,
            labels=partial(self_paced, clusters=clusters) if anew else pseudo,
            least=1 if given else config.least,
            most=None if given else config.most or None,
            margin=None if config.margin < 0 else config.margin,
            weights=Weights(config.identity, config.identity_third, config.domain),
            turns=turns if config.begin else None,
        ),
    )
    return Job(
        method=separated(method, config),
        model=model,
        optimiser=_optimiser(config, turns),
        views=(views.view(config, model.input),),
        train=mixed,
        test=test,
    )


def _optimiser(config: Config, turns: Turns) -> Any:
    """An Adam for the discriminator, which learns in its turns, and one for all else."""
    rate = optimise.schedule(
        config.learning_rate,
        milestones=_falls(config),
        epochs=config.epochs,
        iterations=config.iterations,
        warmup=config.warmup,
    )
    return optimise.groups(
        lambda path: path[0] if path[0] == "discriminator" else "others",
        discriminator=optimise.adam(
            lambda step: config.ratio * rate(step),
            weight_decay=config.weight_decay,
            rest=lambda step: ~turns.judging(step),
        ),
        others=optimise.adam(rate, weight_decay=config.weight_decay, rest=turns.judging),
    )


def _turns(config: Config) -> Turns:
    length = config.iterations
    begin = (config.begin or config.epochs) * length  # at the end: no turn is the discriminator's
    first = 0 if config.discriminator_first else length
    if config.turn:
        return Turns(begin, config.turn, 0, 1)
    return Turns(begin, 2 * length, first, length)


def _falls(config: Config) -> tuple[int, ...]:
    try:
        return tuple(int(one) for one in filter(None, config.falls.split(",")))
    except ValueError:
        raise ValueError(f"--config.falls are epochs by comma, not {config.falls!r}") from None


EXPERIMENT = Experiment(Config, build, RECIPES, train, TABLES)

if __name__ == "__main__":
    run.main(EXPERIMENT)

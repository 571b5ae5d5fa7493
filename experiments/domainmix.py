"""DomainMix: a labelled synthetic domain and an unlabelled real one, in three stages.

    python -m experiments.domainmix --workdir=runs/domainmix

labels the synthetic station with SpCL from the plaza (stage1/), trains on both (stage2/), then lets a discriminator of
domains and the backbone learn by turns, and tests on the harbour, which neither has seen. Your own data:

    python -m experiments.domainmix --workdir=runs/mine --config.data=csv:/synthetic.csv --config.target=csv:/my/crops.csv \\
        --config.test=csv:/my/test.csv

Stopped at any time the same command goes on. To begin again at a later stage, name an earlier run in a new --workdir:
`--config.pseudo_labels=runs/domainmix/stage1/labels.csv` begins with its labels, `--config.begun=runs/domainmix/stage2`
with its second stage. `--recipe=paper` is the published setting, `--recipe=code` that of the code published later: labels anew
each morning, one batch of ten for the discriminator, halved logits. (Its warm-up, begun anew each epoch, left the rate at a
hundredth; its milestones give the same.) No figure of either has been measured here.
"""

import dataclasses
import shutil
from functools import partial
from pathlib import Path

import jax
import numpy as np

from experiments import command, domains, encoders, labels, run, source, sources, views
from experiments.choices import choose
from experiments.domainmix_rows import TABLES  # noqa: F401, for experiments.tables
from experiments.separation import Separation, separated
from reid_jax import optimise, parallel
from reid_jax.data import records
from reid_jax.data.check import check_test, check_training
from reid_jax.methods.domainmix import AGAINST, REAL, SYNTHETIC, Turns, Weights, domainmix
from reid_jax.methods.spcl import Clusters, self_paced
from reid_jax.models.discriminator import judge
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Records


@dataclasses.dataclass
class Config(Separation, encoders.Encoder, views.Views):
    """The options of DomainMix, at the paper's values; lengths in epochs unless said."""

    backbone: str = "resnet50"
    size: str = "256x128"
    resize: str = "bicubic"
    bn_group: int = 16
    data: str = "synthetic:plaza"  # KIND:PATH of the labelled synthetic domain; empty: none
    target: str = "synthetic:station"  # KIND:PATH of the real domain; empty: none
    test: str = "synthetic:harbour"  # KIND:PATH of the test data
    skip_broken: bool = False  # leave out pictures that cannot be read
    same_camera: bool = False  # count matches within one camera as well
    # of `target`: spcl, mmt, morning (anew each epoch), given (its persons), or a labels.csv of a run
    pseudo_labels: str = "spcl"
    means: bool = False  # all classifiers start at the means of their images, not at random
    source: str = ""  # options, by comma, of experiments.ide, to begin with a training on `data`; empty: none
    stage1: str = "epochs=50,iterations=800"  # options of the first stage's script, by comma
    begun: str = ""  # a run's folder whose second stage is done; go on from it
    least: int = 5  # images of a pseudo label that is kept
    most: int = 120  # 0: no bound
    persons: int = 16  # of a batch, of both domains together
    per_person: int = 4
    other_cameras: bool = True  # a label's further images come from other cameras than its first
    epochs: int = 40
    begin: int = 20  # the epoch from which discriminator and backbone take turns; 0: never (DirectMix)
    turn: int = 0  # 0: epochs by turns; otherwise one batch of so many is the discriminator's
    discriminator_first: bool = False  # of the epochs by turns; the paper begins with the backbone
    iterations: int = 2000
    against: str = "balance"  # the domain loss: balance, kl
    identity: float = 10.0  # weights of the losses; of the second stage
    identity_third: float = 10.0
    domain: float = 1.0
    smoothing: float = 0.0
    temperature: float = 1.0  # divides the logits
    margin: float = -1.0  # of the triplet loss; negative: the soft margin
    rate: float = 3.5e-4
    ratio: float = 100.0  # the discriminator's rate, to the backbone's
    weight_decay: float = 5e-4
    warmup: int = 0
    falls: str = "10,15"  # epochs after which the rate is a tenth, by comma
    eps: float = 0.6  # of DBSCAN, where labels are made each morning
    gap: float = 0.02  # to the tighter and to the looser radius
    min_samples: int = 4
    k1: int = 30  # of the Jaccard distance
    k2: int = 6
    pad: int = 10
    erase: float = 0.5
    kept_out: int = 0  # images of each domain that are not trained on, to measure how far the domains are apart
    seed: int = 0


RECIPES = {
    "street": {
        "backbone": "resnet_small_ibn_a",
        "size": "128x64",
        "resize": "area",
        "bn_group": 0,
        "means": True,
        "source": "epochs=12,iterations=60,rate=2e-3",
        "stage1": "epochs=1,iterations=40,rate=1e-4,k1=10,eps=0.4,bn_group=0",
        "epochs": 10,
        "begin": 6,
        "iterations": 40,
        "discriminator_first": True,
        "rate": 1e-3,
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
        "pseudo_labels": "morning",
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


def stages(config: Config, workdir: Path) -> None:
    """All stages, each gone on with where it was stopped."""
    command.check_workdir(workdir, config)
    check(config)
    command.write_config(workdir, config)
    whole, config = config, source.begun(config, workdir / "source")
    if config is None:
        return
    mixed, test = sources.adaptation(config) if config.target else sources.train_and_test(config)
    pseudo = labels.of(config, records.take(mixed, mixed.domain == REAL), workdir / "stage1")
    if pseudo is None:
        return
    kept = domains.kept_out(mixed, config.kept_out)
    parts = {"mixed": records.take(mixed, ~kept), "test": test, "pseudo": pseudo[~kept[mixed.domain == REAL]]}
    job = partial(build, **parts)
    second = Path(config.begun or workdir / "stage2")
    if config.begin and not parallel.agreed((workdir / "checkpoints").is_dir()):
        if not config.begun:
            print("stage 2: the persons of both domains", flush=True)
            if not run.run(dataclasses.replace(config, epochs=config.begin, begin=0), job, second):
                return
        _copy(second / "checkpoints", workdir / "checkpoints")
    print("stage 3: discriminator and backbone by turns" if config.begin else "stage 2", flush=True)
    if run.run(whole, lambda _: job(config), workdir) and kept.any():
        folders = {"before the turns": second, "after the turns": workdir} if config.begin else {"trained": workdir}
        domains.tell(job(config), records.take(mixed, kept), folders, workdir / "report", seed=config.seed)


def check(config: Config) -> None:
    """Refuse options that contradict each other, before the first stage."""
    encoders.start(config)
    choose("--config.against", config.against, AGAINST)
    if config.begin and not config.begin < config.epochs:
        raise ValueError(f"--config.begin={config.begin} is not before the last of --config.epochs={config.epochs}")
    if config.begin and not (config.data and config.target):
        raise ValueError("a discriminator needs two domains; with one: --config.begin=0")
    labels.check(config)
    source.check(config)
    if config.begun:
        theirs, _ = encoders.of_run(config.begun)
        if not config.begin or theirs.epochs != config.begin or theirs.begin:
            raise ValueError(
                f"--config.begun={config.begun} is no second stage of {config.begin} epochs; it has {theirs.epochs} and "
                f"turns from {theirs.begin} on"
            )
    _falls(config)


def build(config: Config, mixed: Records, test: Records, pseudo: np.ndarray) -> run.Job:
    """The second and the third stage. mixed: both domains; pseudo: labels i[n] of the real images, or nothing."""
    if config.data:
        check_training(records.take(mixed, mixed.domain == SYNTHETIC), persons=1, per_person=config.per_person)
    check_test(test, same_camera=config.same_camera)
    model = encoders.build(config)
    clusters = Clusters(config.eps, config.gap, config.min_samples, config.k1, config.k2)
    turns = _turns(config)
    bounds = (1, None) if config.pseudo_labels == "given" else (config.least, config.most or None)
    method = domainmix(
        model,
        judge(model.width, norm=partial(BatchNorm, group=config.bn_group, average=parallel.average)),
        labels=partial(self_paced, clusters=clusters) if config.pseudo_labels == "morning" else pseudo,
        means=config.means,
        least=bounds[0],
        most=bounds[1],
        persons=config.persons,
        per_person=config.per_person,
        other_cameras=config.other_cameras,
        iterations=config.iterations,
        smoothing=config.smoothing,
        temperature=config.temperature,
        margin=None if config.margin < 0 else config.margin,
        against=config.against,
        weights=Weights(config.identity, config.identity_third, config.domain),
        turns=turns if config.begin else None,
    )
    length = {"epochs": config.epochs, "iterations": config.iterations, "warmup": config.warmup}
    rate = optimise.schedule(config.rate, milestones=_falls(config), **length)
    optimiser = optimise.groups(
        lambda path: path[0] if path[0] == "discriminator" else "others",
        discriminator=optimise.adam(
            lambda step: config.ratio * rate(step),
            weight_decay=config.weight_decay,
            rest=lambda step: ~turns.judging(step),
        ),
        others=optimise.adam(rate, weight_decay=config.weight_decay, rest=turns.judging),
    )
    seen = (views.view(config, model.input),)
    return run.Job(separated(method, config), model, optimiser, seen, mixed, test)


def _turns(config: Config) -> Turns:
    length = config.iterations
    begin = (config.begin or config.epochs) * length  # at the end: no turn is the discriminator's
    first = 0 if config.discriminator_first else length
    return Turns(begin, config.turn, 0, 1) if config.turn else Turns(begin, 2 * length, first, length)


def _falls(config: Config) -> tuple[int, ...]:
    try:
        return tuple(int(one) for one in filter(None, config.falls.split(",")))
    except ValueError:
        raise ValueError(f"--config.falls are epochs by comma, not {config.falls!r}") from None


def _copy(source: Path, to: Path) -> None:
    """Whole or not at all, by the first process."""
    if jax.process_index() == 0:
        unfinished = to.with_name("checkpoints.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(source, unfinished)
        unfinished.rename(to)
    parallel.agreed(True)


if __name__ == "__main__":
    command.main(Config, stages, RECIPES)

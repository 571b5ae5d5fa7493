r"""CycAs: train on videos without any label, and test on a street that nobody has seen.

    python -m experiments.cycas --workdir=runs/cycas

trains on videos of the synthetic station, where each picture is known by its video and frame and no
person has a name, and tests on the harbour. Your own crops:

    python -m experiments.cycas --workdir=runs/mine --config.data=csv:/my/crops.csv \
        --config.test=csv:/my/test.csv

where crops.csv has the columns path, group (the video), frame and, where videos are cut, shot; a
video that several cameras have is one scene, filmed by all of them at the same time.
`--config.data=csv:/my/videos.csv+csv:/my/scenes.csv` joins two sources, and with
`--config.early=45` the scenes come in after 45 epochs, at `--config.late_learning_rate` (the
paper's second phase). A few scenes among many videos are hardly ever drawn;
`--config.scene_share=0.2` gives them a fifth of the pairs, and `--config.clip=500` cuts what is
long, so that each 500 frames are drawn as often as a short video.

`--recipe=paper` is the published setting: ResNet-50 from ImageNet's weights, which --config.weights
must name, with instance normalisation behind its first two stages, batch normalisation held; 8
groups of 16 frame pairs, a queue of 65,536. With --config.backbone=swin_t it is the transformer's.
How often scenes are drawn is not published: `scene_share=0.2` is inferred, the least share of
figure 8, which shows that they help, if pictures of both kinds are drawn alike (64 of 320 x 10^4;
all 3.0 of 50.8 million would be 0.06). `--recipe=canonical` simulates the pairs from a labelled set
(`pairs_from=persons`, table 3). No figure of either has been measured here.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import optax

from reid_jax import encoders, optimise
from reid_jax.app import command, parts, run, sources, views
from reid_jax.app.job import Experiment, Job
from reid_jax.data import pairs
from reid_jax.data.check import check_training
from reid_jax.data.simulated import simulated_pairs
from reid_jax.methods.cycas import LOSSES, cycas
from reid_jax.methods.ide import ide
from reid_jax.models.norm import batch_norms
from reid_jax.options import SOURCE, choose, option
from reid_jax.types import Method, Model, Records

from .tables.cycas import TABLES


@dataclasses.dataclass
class Config(encoders.Network, views.Views, parts.Schedule, parts.Data):
    """The options of CycAs, at the paper's values where it tells them; lengths in epochs."""

    backbone: str = "resnet50_in"
    size: str = "256x128"
    resize: str = "bilinear"  # torchvision's default; not published
    projection: int = 512
    neck: bool = False
    bn_frozen: bool = True  # weights of batch normalisation neither learn nor decay then
    bn_gaps: bool = True
    data: str = option(
        "synthetic-videos:station",
        "KIND:PATH of the videos; their labels, if any, are not used",
        holds=SOURCE,
    )
    pairs_from: str = option("videos", "videos, or persons: simulated from a labelled set")
    groups: int = option(8, "parts of a batch that know nothing of each other", least=1)
    crops: int = option(40, "persons in each of the two sets of a group, at most", least=1)
    pairs: int = option(16, "frame pairs of a group, at most", least=1)
    interval: int = option(30, "frames between the two of a pair, at most; not published", least=1)
    times: int = option(16, "that a clip is drawn in an epoch", least=1)
    clip: int = option(0, "frames that a clip spans at most; 0: a clip is a shot", least=0)
    scene_share: float = option(
        0.0,
        "of the pairs, beside videos; 0: that of the clips, with few scenes next to none",
        least=0,
        most=1,
    )
    intra: float = option(
        0.9,
        "with pairs_from=persons: share of a set that is in the other too, of one camera",
        least=0,
        most=1,
    )
    inter: float = option(0.6, "the same of two cameras", least=0, most=1)
    intra_spread: float = option(
        0.0, "if above 0, drawn for each group with this deviation", least=0
    )
    inter_spread: float = option(0.0, "the same of two cameras", least=0)
    iterations: int = option(0, "with pairs_from=persons: batches an epoch; 0: a pass", least=0)
    early: int = option(
        0, "epochs without scenes of several cameras; 0: they are there from the beginning", least=0
    )
    learning_rate: float = option(
        1e-4, "the first; it falls by a cosine in `early` epochs or in all", was="rate", least=0
    )
    late_learning_rate: float = option(2.5e-6, "after them", was="late_rate", least=0)
    weight_decay: float = option(0.01, "decoupled weight decay", least=0)
    loss: str = option(
        "relaxed",
        "relaxed, symmetric; identity: the supervised baseline, a classifier of `data`'s persons",
    )
    margin: float = option(0.5, "of the relaxed loss", least=0)
    epsilon: float = option(
        0.1, "of the softmax's temperature, greater is softer; not published", above=0
    )
    memory: int = option(65_536, "embeddings in the queue; 0: no queue", least=0)
    hardest: int = option(10, "of the queue's negatives that count", least=1)
    weight: float = option(1.0, "of the queue's loss; not published", least=0)
    shared: bool = option(False, "one queue for all groups")
    queue_clean: bool = option(
        False, "it holds a second view of the pictures, without erasing; not in the paper"
    )
    pad: int = 10
    erase: float = 0.5

    def fixed(self) -> str:
        """The learning rate falls over all epochs, or over the early ones."""
        return "" if self.early else "its learning rate falls over all of them"


# A network that starts from nothing: at epsilon 0.1 the nearest counts as found, mostly wrong, and
# nothing is learnt; without a neck all cosines are near 1; and two pictures that are erased apart
# are not found in each other.
_SMALL: dict[str, Any] = {
    "backbone": "resnet_small",
    "size": "128x64",
    "resize": "area",
    "projection": 128,
    "neck": True,
    "bn_frozen": False,
    "pad": 5,
    "erase": 0.0,
    "learning_rate": 1e-3,
    "epsilon": 0.4,
}
RECIPES: dict[str, dict[str, Any]] = {
    # Large sets, colours that change from picture to picture, and a thousand batches: small sets of
    # unchanged colours were found again by the place where people stood.
    "street": {
        **_SMALL,
        "data": "synthetic-videos:station,videos=300",
        "backbone": "resnet_small_ibn_a",
        "projection": 0,
        "groups": 1,
        "pairs": 12,
        "crops": 64,
        "epochs": 3,
        "interval": 20,
        "memory": 4096,
        "jitter": 0.8,
    },
    "street-persons": {
        **_SMALL,
        "data": "synthetic:plaza",
        "test": "",
        "pairs_from": "persons",
        "groups": 2,
        "crops": 32,
        "memory": 0,
        "epochs": 20,
    },
    "paper": {"weights": encoders.NEEDED, "early": 45, "scene_share": 0.2},
    "canonical": {
        "weights": encoders.NEEDED,
        "backbone": "resnet50",
        "bn_frozen": False,
        "pairs_from": "persons",
        "test": "",
        "groups": 2,
        "crops": 32,
        "memory": 0,
    },
}


def build(config: Config) -> Job:
    """Everything that the run needs, checked before step 0."""
    model = encoders.build(config, command.say)
    train, test = sources.train_and_test(config)
    method, first, rest = _method(config, model, train)
    rate = optimise.schedule(config.learning_rate, epochs=1, iterations=first, cosine=True)
    if rest:
        late = optax.constant_schedule(config.late_learning_rate)
        rate = optax.join_schedules([rate, late], [first])
    optimiser = optax.adamw(rate, weight_decay=config.weight_decay)
    if config.bn_frozen:
        plain = encoders.build(dataclasses.replace(config, weights=""))  # for its shapes alone
        held = batch_norms(jax.eval_shape(plain.init, jax.random.key(0)))
        optimiser = optax.partition(
            {"held": optax.set_to_zero(), "learns": optimiser}, partial(_groups, held=held)
        )
    view = views.view(config, model.input)
    return Job(
        method=method,
        model=model,
        optimiser=optimiser,
        views=(view, view._replace(erase=0.0)) if config.queue_clean else (view,),
        train=train,
        test=test,
    )


def _method(config: Config, model: Model, train: Records) -> tuple[Method, int, int]:
    """(method, steps of the first phase, epochs of the second)."""
    losses = {**LOSSES, "identity": None}
    loss = choose("--config.loss", config.loss, losses)
    choose("--config.pairs_from", config.pairs_from, dict.fromkeys(("videos", "persons")))
    if config.queue_clean and not config.memory:
        raise ValueError(
            "--config.queue_clean says what is kept in a queue, and --config.memory=0 leaves it out"
        )
    if config.pairs_from == "videos":
        if loss is None:
            raise ValueError(
                "the supervised baseline takes a labelled set: --config.pairs_from=persons"
            )
        return _of_videos(config, model, train)
    batch = config.groups * 2 * config.crops
    check_training(train, persons=batch, per_person=1)
    length = config.iterations or max(1, len(train.person) // batch)
    if loss is None:
        method = ide(
            model, persons=batch, per_person=1, iterations=length, smoothing=0.0, triplet=0.0
        )
    else:
        shares = parts.keywords(simulated_pairs, config, persons=config.crops, iterations=length)
        draw = partial(simulated_pairs, **shares)
        method = _cycas(config, model, draw)
    return method, config.epochs * length, 0


def _of_videos(config: Config, model: Model, train: Records) -> tuple[Method, int, int]:
    count = pairs.count(train, interval=config.interval, clip=config.clip)
    _say(config, count)
    if (config.early or config.scene_share) and not (count.videos and count.scenes):
        raise ValueError(
            "--config.early and scene_share say when and how often scenes of several cameras are "
            "drawn beside videos, and the data have one kind alone: --config.early=0 "
            "--config.scene_share=0, or join a source of the other, "
            "--config.data=KIND:PATH+KIND:PATH"
        )
    if config.early >= config.epochs:
        raise ValueError(f"--config.early={config.early} leaves nothing of {config.epochs} epochs")
    draw = partial(
        pairs.frame_pairs,
        **parts.keywords(pairs.frame_pairs, config),
    )
    method = _cycas(config, model, draw)
    steps = partial(
        pairs.steps, count, groups=config.groups, pairs=config.pairs, times=config.times
    )
    if config.early:
        return method, config.early * steps(scenes=False), config.epochs - config.early
    return method, config.epochs * steps(), 0


def _say(config: Config, count: pairs.Count) -> None:
    """Print what there is to draw pairs from."""
    videos = count.videos + count.scenes
    clips = count.video_clips + count.scene_clips
    command.say(
        f"frame pairs of {count.videos} videos and {count.scenes} scenes of several cameras; "
        f"{count.idle} give none" + (f"; {clips} clips" if clips > videos else "")
    )
    if videos < config.pairs:
        command.say(
            f"a group takes one pair of a video, so {videos} do not fill its "
            f"{config.pairs} pairs and places stay empty: rather --config.pairs={videos}, "
            "fewer --config.crops and more --config.groups"
        )


def _cycas(config: Config, model: Model, draw: Any) -> Method:
    margin = {"margin": config.margin} if config.loss == "relaxed" else {}
    return cycas(
        model,
        **parts.keywords(
            cycas,
            config,
            draw=draw,
            loss=partial(LOSSES[config.loss], epsilon=config.epsilon, **margin),
            clean=config.queue_clean,
        ),
    )


def _groups(params: dict, held: dict) -> dict:
    """Of the encoder's weights those that are held, and what learns."""
    held = {**jax.tree.map(lambda _: False, dict(params)), "encoder": held}
    return jax.tree.map(lambda one: "held" if one else "learns", held)


EXPERIMENT = Experiment(Config, build, RECIPES, tables=TABLES)

if __name__ == "__main__":
    run.main(EXPERIMENT)

"""CycAs: train on videos without any label, and test on a street that nobody has seen.

    python -m experiments.cycas --workdir=runs/cycas

trains on videos of the synthetic station, where each picture is known by its video and frame and no person has a name, and
tests on the harbour. Your own crops:

    python -m experiments.cycas --workdir=runs/mine --config.data=csv:/my/crops.csv --config.test=csv:/my/test.csv

where crops.csv has the columns path, group (the video), frame and, where videos are cut, shot; a video that several cameras
have is one scene, seen by all of them at the same time. `--config.data=csv:/my/videos.csv+csv:/my/scenes.csv` joins two
sources, and with `--config.early=45` the scenes come in after 45 epochs, at the rate `--config.late_rate` (the paper's
second phase). A few scenes among many videos are hardly ever drawn; `--config.scene_share=0.2` gives them a fifth of the
pairs, and `--config.clip=500` cuts what is long, so that each 500 frames are drawn as often as a short video.

`--recipe=paper` is the published setting: ResNet-50 from ImageNet's weights, which --config.weights must name, with instance
normalisation behind its first two stages, batch normalisation held; 8 groups of 16 frame pairs, a queue of 65,536. With
--config.backbone=swin_t it is the transformer's. How often scenes are drawn is not told: `scene_share=0.2` is inferred, the
least share of figure 8, which shows that they help, if pictures of both kinds are drawn alike (64 of 320 x 10^4; all 3.0 of
50.8 million would be 0.06). `--recipe=canonical` simulates the pairs from a labelled set (`pairs_from=persons`, table 3). No
figure of either has been measured here.
"""

import dataclasses
from functools import partial

import jax
import optax

from experiments import encoders, run, sources, views
from experiments.choices import choose
from experiments.rows import Row, Table
from reid_jax import optimise
from reid_jax.data import pairs
from reid_jax.data.check import check_test, check_training
from reid_jax.data.simulated import simulated_pairs
from reid_jax.methods.cycas import LOSSES, cycas
from reid_jax.methods.ide import ide
from reid_jax.models.norm import batch_norms
from reid_jax.types import Method, Records


@dataclasses.dataclass
class Config(encoders.Encoder, views.Views):
    """The options of CycAs, at the paper's values where it tells them; lengths in epochs unless said."""

    backbone: str = "resnet50_in"
    size: str = "256x128"
    resize: str = "bilinear"  # torchvision's default; the paper does not tell it
    head: int = 512
    neck: bool = False
    bn_frozen: bool = True  # weights of batch normalisation neither learn nor decay then
    bn_gaps: bool = True
    data: str = "synthetic-videos:station"  # KIND:PATH of the videos; their labels, if any, are not used
    test: str = "synthetic:harbour"  # KIND:PATH of the test data; empty: the query and gallery of `data`
    skip_broken: bool = False  # leave out pictures that cannot be read
    same_camera: bool = False  # count matches within one camera as well
    pairs_from: str = "videos"  # or persons: simulated from a labelled set
    groups: int = 8  # parts of a batch that know nothing of each other
    crops: int = 40  # persons in each of the two sets of a group, at most
    pairs: int = 16  # frame pairs of a group, at most
    interval: int = 30  # frames between the two of a pair, at most; the paper does not tell it
    times: int = 16  # that a clip is drawn in an epoch
    clip: int = 0  # frames that a clip spans at most, 0: a clip is a shot
    scene_share: float = 0.0  # of the pairs, beside videos; 0: that of the clips, with few scenes next to none
    intra: float = 0.9  # persons: share of a set that is in the other as well, of one camera
    inter: float = 0.6  # of two cameras
    intra_spread: float = 0.0  # if above 0, drawn for each group with this deviation
    inter_spread: float = 0.0
    iterations: int = 0  # persons: batches an epoch, 0: a pass over the data
    epochs: int = 50
    early: int = 0  # without scenes of several cameras, 0: they are there from the beginning
    rate: float = 1e-4  # falls by a cosine, in `early` epochs or in all
    late_rate: float = 2.5e-6  # after them
    weight_decay: float = 0.01  # decoupled
    loss: str = "relaxed"  # relaxed, symmetric; identity: the supervised baseline, a classifier of `data`'s persons
    margin: float = 0.5  # of the relaxed loss
    epsilon: float = 0.1  # of the softmax's temperature, greater is softer; the paper does not tell it
    memory: int = 65_536  # embeddings in the queue, 0: none
    hardest: int = 10
    weight: float = 1.0  # of the memory's loss; the paper does not tell it
    shared: bool = False  # one queue for all groups
    queue_clean: bool = False  # it holds a second view of the pictures, without erasing; not in the paper
    pad: int = 10
    erase: float = 0.5
    seed: int = 0


# A network that starts from nothing: at epsilon 0.1 whoever is nearest counts as found, mostly wrong, and nothing is learnt;
# without a neck all cosines are near 1; and two pictures that are erased apart are not found in each other.
_SMALL = {"backbone": "resnet_small", "size": "128x64", "resize": "area", "head": 128, "neck": True, "bn_frozen": False}
_SMALL |= {"pad": 5, "erase": 0.0, "rate": 1e-3, "epsilon": 0.4}
RECIPES = {
    # Large sets, colours that change from picture to picture, and a thousand batches: small sets of unchanged colours were
    # found again by the place where people stood.
    "street": {
        **_SMALL,
        "data": "synthetic-videos:station,videos=300",
        "backbone": "resnet_small_ibn_a",
        "head": 0,
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


def build(config: Config) -> run.Job:
    """Everything that the run needs, checked before step 0."""
    model = encoders.build(config)
    train, test = sources.train_and_test(config)
    check_test(test, same_camera=config.same_camera)
    method, first, rest = _method(config, model, train)
    rate = optimise.schedule(config.rate, epochs=1, iterations=first, cosine=True)
    rate = optax.join_schedules([rate, optax.constant_schedule(config.late_rate)], [first]) if rest else rate
    optimiser = optax.adamw(rate, weight_decay=config.weight_decay)
    if config.bn_frozen:
        plain = encoders.build(dataclasses.replace(config, weights=""))  # its shape alone is looked at
        held = batch_norms(jax.eval_shape(plain.init, jax.random.key(0)))
        optimiser = optax.partition(
            {"held": optax.set_to_zero(), "learns": optimiser}, lambda params: _groups(params, held)
        )
    seen = [views.view(config, model.input)]
    if config.queue_clean:
        seen.append(seen[0]._replace(erase=0.0))
    return run.Job(method, model, optimiser, tuple(seen), train, test)


def _method(config: Config, model, train: Records) -> tuple[Method, int, int]:
    """(method, steps of the first phase, epochs of the second)."""
    losses = {**LOSSES, "identity": None}
    loss = choose("--config.loss", config.loss, losses)
    choose("--config.pairs_from", config.pairs_from, dict.fromkeys(("videos", "persons")))
    if min(config.groups, config.crops, config.pairs, config.times, config.hardest) < 1 or config.memory < 0:
        raise ValueError("--config.groups, crops, pairs, times and hardest are at least 1, and memory 0 or more")
    if config.queue_clean and not config.memory:
        raise ValueError("--config.queue_clean says what is kept in a queue, and --config.memory=0 leaves it out")
    if config.pairs_from == "videos":
        if not loss:
            raise ValueError("the supervised baseline takes a labelled set: --config.pairs_from=persons")
        return _of_videos(config, model, train, loss)
    batch = config.groups * 2 * config.crops
    check_training(train, persons=batch, per_person=1)
    length = config.iterations or max(1, len(train.person) // batch)
    if not loss:
        plain = ide(model, persons=batch, per_person=1, iterations=length, smoothing=0.0, triplet=0.0)
        return plain, config.epochs * length, 0
    names = ("intra", "inter", "intra_spread", "inter_spread")
    options = {name: getattr(config, name) for name in names}
    draw = partial(simulated_pairs, persons=config.crops, iterations=length, **options)
    return _cycas(config, model, loss, draw), config.epochs * length, 0


def _of_videos(config: Config, model, train: Records, loss) -> tuple[Method, int, int]:
    there = pairs.count(train, interval=config.interval, clip=config.clip)
    told = f"frame pairs of {there.videos} videos and {there.scenes} scenes of several cameras; {there.idle} give none"
    clips = there.video_clips + there.scene_clips
    print(told + (f"; {clips} clips" if clips > there.videos + there.scenes else ""))
    if (count := there.videos + there.scenes) < config.pairs:
        print(
            f"a group takes one pair of a video, so {count} do not fill its {config.pairs} pairs and places stay empty: rather "
            f"--config.pairs={count}, fewer --config.crops and more --config.groups"
        )
    if (config.early or config.scene_share) and not (there.videos and there.scenes):
        raise ValueError(
            "--config.early and scene_share tell when and how often scenes of several cameras are drawn beside videos, and the "
            "data have one kind alone: --config.early=0 --config.scene_share=0, or join a source of the other, "
            "--config.data=KIND:PATH+KIND:PATH"
        )
    if config.early >= config.epochs:
        raise ValueError(f"--config.early={config.early} leaves nothing of {config.epochs} epochs")
    length = {"groups": config.groups, "pairs": config.pairs, "times": config.times}
    draw = partial(
        pairs.frame_pairs,
        pairs=config.pairs,
        crops=config.crops,
        interval=config.interval,
        times=config.times,
        early=config.early,
        clip=config.clip,
        scene_share=config.scene_share,
    )
    method = _cycas(config, model, loss, draw)
    if config.early:
        return method, config.early * pairs.steps(there, scenes=False, **length), config.epochs - config.early
    return method, config.epochs * pairs.steps(there, **length), 0


def _cycas(config: Config, model, loss, draw) -> Method:
    options = {"epsilon": config.epsilon, **({"margin": config.margin} if config.loss == "relaxed" else {})}
    queue = {name: getattr(config, name) for name in ("groups", "memory", "hardest", "weight", "shared")}
    return cycas(model, draw=draw, loss=partial(loss, **options), clean=config.queue_clean, **queue)


def _groups(params: dict, held: dict) -> dict:
    """Of the encoder's weights those that are held, and what learns."""
    held = {**jax.tree.map(lambda _: False, dict(params)), "encoder": held}
    return jax.tree.map(lambda one: "held" if one else "learns", held)


_SYMMETRIC = {"intra": 1.0, "inter": 1.0}
_SIZES = ((0, 0), (1024, 16_384), (2048, 32_768), (4096, 65_536), (8192, 131_072))
_PERSONS = ("street-persons", "canonical")

TABLES = {
    "2": Table(
        "CycAs, table 2: from videos alone",
        (
            Row("CycAs", {}, "cycas.2/resnet50"),
            Row("CycAs, Swin", {"backbone": "swin_t"}, "cycas.2/swin", recipes=("paper",)),
        ),
    ),
    "3": Table(
        "CycAs, table 3: pairs simulated from a labelled set",
        (
            Row("CycAs, shares 0.9 and 0.6 of the persons are found again", {}, "cycas.3/asymmetric"),
            Row("CycAs, all are", _SYMMETRIC, "cycas.3/symmetric"),
            Row("the symmetric loss, all are", {**_SYMMETRIC, "loss": "symmetric"}),
            Row("the symmetric loss, shares 0.9 and 0.6", {"loss": "symmetric"}),
            Row("supervised", {"loss": "identity"}, "cycas.3/supervised"),
        ),
        _PERSONS,
    ),
    "5": Table(
        "CycAs, table 5: the queue and its hardest negatives",
        tuple(
            Row(
                f"M = {large}, on the street {small}",
                {"memory": {"street": small, "paper": large}},
                f"cycas.5/M {large}",
            )
            for small, large in _SIZES
        )
        + tuple(
            Row(f"k = {k}", {"hardest": k}, f"cycas.5/k {k}", run="{3}" if k == 10 else "") for k in (1, 5, 10, 50, 100)
        ),
    ),
    "9": Table(
        "CycAs, figure 9: the share of persons that are found again, drawn for each batch",
        tuple(
            Row(
                f"intra {tau}",
                {"intra": tau, "intra_spread": 0.1},
                f"cycas.9/intra {tau}" if tau in (0.3, 1.0) else "",
            )
            for tau in (0.3, 0.5, 0.7, 0.9, 1.0)
        )
        + tuple(Row(f"inter {tau}", {"inter": tau, "inter_spread": 0.1}) for tau in (0.2, 0.4, 0.6, 0.8, 1.0)),
        _PERSONS,
    ),
    "losses": Table(
        "CycAs on videos: its two losses",
        (Row("relaxed", {"loss": "relaxed"}), Row("symmetric", {"loss": "symmetric"})),
    ),
}

if __name__ == "__main__":
    run.main(Config, build, RECIPES)

"""GDS on the Theory baseline: adapt to a target whose labels are not used, from a labelled source.

    python -m experiments.gds --workdir=runs/gds

trains on the synthetic plaza (stage 1, in runs/gds-source), then clusters the station and trains on its labels again and
again; `--config.gds=gds` is without the hard tails and `none` the baseline. `--config.weights=runs/gds-source` starts from
a stage 1 that is there. The street's recipe leaves out labels of one camera (`cameras`) and draws a label's images from
several (`other_cameras`), which neither paper nor code does: RESULTS.md tells why. Your own data:

    python -m experiments.gds --workdir=runs/mine --config.data=market1501:/data/market1501 \\
        --config.target=csv:/my/crops.csv --config.test=csv:/my/test.csv

`--recipe=paper` is the setting of GDS's supplement, `--recipe=code` that of Theory's public code, both with 30 iterations
of 70 epochs on a ResNet-50 at 256x128, which is a day on a GPU; no figure of them has been measured here. Not as in that
code: one rate for all layers, no dropout before the classifier, a fixed number of batches an epoch. B-SNR is
`--config.backbone=resnet50_snr --config.source_restitution=0.1` (that weight is a guess).

GDS with true labels is `experiments.ide --config.gds=gds-h`; `experiments.spcl` and `experiments.remix` take the same option.
"""

import dataclasses
from pathlib import Path

import numpy as np
import optax

from experiments import command, encoders, ide, run, sources, views
from experiments.choices import choose
from experiments.rows import Row, Table
from experiments.separation import Separation, separated
from reid_jax import optimise
from reid_jax.data.check import check_test, check_training
from reid_jax.data.records import take
from reid_jax.methods.theory import BY, SOURCE, TARGET, Clusters, theory


@dataclasses.dataclass
class Config(Separation, encoders.Encoder, views.Views):
    """The options of GDS, at the values of its supplement; lengths in epochs unless said."""

    gds: str = "gds-h"
    backbone: str = "resnet50_stride2"
    size: str = "256x128"
    resize: str = "bilinear"
    neck: bool = False
    rank_by: str = "euclidean"  # of the pooled feature as it is, as both papers' codes rank
    second_feature: bool = True
    data: str = "synthetic:plaza"  # KIND:PATH of the labelled source
    target: str = "synthetic:station"  # KIND:PATH of the target; its labels, if any, are not used
    test: str = ""  # KIND:PATH of the test data; empty: the query and gallery of `target`
    skip_broken: bool = False  # leave out pictures that cannot be read
    same_camera: bool = False  # count matches within one camera as well
    persons: int = 32  # labels of a batch, and images of each
    per_person: int = 4
    epochs: int = 2100
    round: int = 70  # from one clustering to the next
    iterations: int = 0  # of an epoch; 0: a pass over the target
    clustering: str = "dbscan"  # dbscan, hdbscan, kmeans
    rho: float = 1.6e-3  # part of the pairs, whose mean distance is DBSCAN's radius
    min_samples: int = 4  # of DBSCAN, and images of HDBSCAN's smallest label
    k: int = 500  # labels of k-means; not told
    k1: int = 20  # of the Jaccard distance
    k2: int = 6
    source_weight: float = 0.1  # of the distance to the source
    unit: bool = False  # cluster embeddings of length one
    cameras: int = 1  # labels of fewer are left out
    other_cameras: bool = False  # a label's further images come from other cameras than its first
    margin: float = 0.5  # of the triplet losses
    optimiser: str = "adam"  # adam, sgd
    rate: float = 6e-5
    weight_decay: float = 0.0  # told of stage 1 only
    pad: int = 10
    erase: float = 0.5
    source_epochs: int = 150  # of stage 1, and so on
    source_per_person: int = 4  # in batches as large
    source_rate: float = 3e-4
    source_schedule: str = "thirds"  # see experiments/ide.py
    source_smoothing: float = 0.1
    source_margin: float = 0.5
    source_restitution: float = 0.0  # weight of SNR's loss
    source_pad: int = 10
    source_zoom: float = 0.0
    source_zoom_aspect: str = ""
    seed: int = 0


RECIPES = {
    "street": {
        "backbone": "resnet_small_ibn_a",
        "size": "128x64",
        "resize": "area",
        "persons": 16,
        "k": 400,
        "neck": True,
        "rank_by": "cosine",
        "epochs": 8,
        "round": 2,
        "iterations": 50,
        "rho": 8e-4,
        "cameras": 2,
        "other_cameras": True,
        "rate": 2e-4,
        "unit": True,
        "pad": 5,
        "source_pad": 5,
        "erase": 0.3,
        "jitter": 0.8,
        "source_epochs": 8,
        "source_rate": 2e-3,
        "source_schedule": "cosine",
    },
    "paper": {"weights": encoders.NEEDED},
    "code": {
        "weights": encoders.NEEDED,
        "optimiser": "sgd",
        "iterations": 20,
        "pad": 0,
        "erase_area": "0.02,0.2",
        "erase_fill": "cifar",
        "source_pad": 0,
        "source_zoom": 0.64,
        "source_zoom_aspect": "2,3",
        "source_per_person": 8,
        "source_schedule": "decay",
        "source_smoothing": 0.0,
    },
}


def build(config: Config) -> run.Job:
    """Everything that stages 2 and 3 need, checked before step 0."""
    train, test = sources.adaptation(config)
    check_test(test, same_camera=config.same_camera)
    choose("--config.clustering", config.clustering, dict.fromkeys(BY))
    images, batch = int((train.domain == TARGET).sum()), config.persons * config.per_person
    if config.round < 1 or not 0 <= config.source_weight < 1 or batch < 2:
        raise ValueError(
            f"--config.round is {config.round}, source_weight {config.source_weight} and a batch {batch} images; expected "
            "from 1, from 0 and below 1, and from 2"
        )
    if config.clustering == "kmeans" and not 2 <= config.k <= images:
        raise ValueError(f"--config.k is {config.k} labels of {images} target images; choose from 2 to {images}")
    there = len(np.unique(train.camera[train.domain == TARGET]))
    if not 1 <= config.cameras <= there:
        raise ValueError(f"--config.cameras is {config.cameras} and the target has {there}; expected from 1 to {there}")
    if config.source_weight and config.clustering != "kmeans" and not config.data:
        raise ValueError("without --config.data there is no source to compare with: --config.source_weight=0")
    model = encoders.build(config)
    clusters = Clusters(
        by=config.clustering,
        rho=config.rho,
        min_samples=config.min_samples,
        k=config.k,
        k1=config.k1,
        k2=config.k2,
        weight=config.source_weight,
        normalise=config.unit,
        cameras=config.cameras,
    )
    method = theory(
        model,
        persons=config.persons,
        per_person=config.per_person,
        iterations=config.iterations,
        epochs=config.round,
        margin=config.margin,
        other_cameras=config.other_cameras,
        clusters=clusters,
    )
    moved = {
        "adam": optimise.adam(config.rate, weight_decay=config.weight_decay),
        "sgd": optax.chain(optax.add_decayed_weights(config.weight_decay), optax.sgd(config.rate, momentum=0.9)),
    }
    optimiser = choose("--config.optimiser", config.optimiser, moved)
    seen = (views.view(config, model.input),)
    return run.Job(separated(method, config), model, optimiser, seen, train, test)


def first_stage(config: Config) -> ide.Config:
    """Stage 1: the source with its labels, tested on the target."""
    shared = [field.name for field in dataclasses.fields(encoders.Encoder)]
    crop = ("pad", "zoom", "zoom_aspect")
    shared += ["data", "skip_broken", "same_camera", "seed", *(name for name in views.NAMES if name not in crop)]
    names = ("epochs", "rate", "schedule", "smoothing", "margin", *crop)
    own = {name: getattr(config, f"source_{name}") for name in names}
    return ide.Config(
        **{name: getattr(config, name) for name in shared},
        **own,
        test=config.test or config.target,
        persons=config.persons * config.per_person // config.source_per_person,
        per_person=config.source_per_person,
        restitution=config.source_restitution,
        warmup=0,
    )


def stages(config: Config, workdir: Path) -> dict[str, float]:
    """All three: stage 1 beside the workdir, unless there are weights of a run or it is done."""
    command.check_workdir(workdir, config)
    weights = encoders.start(config)
    if weights and Path(weights).is_dir():
        return run.run(config, build, workdir)
    first, source = first_stage(config), workdir.with_name(f"{workdir.name}-source")
    if not (workdir / "config.json").is_file():
        if not config.data:
            raise ValueError("stage 1 needs labelled data: --config.data, or a run's folder as --config.weights")
        job = build(config)  # whose mistakes are told before stage 1
        persons = config.persons * config.per_person // config.source_per_person
        check_training(
            take(job.train, job.train.domain == SOURCE), persons=persons, per_person=config.source_per_person
        )
        if not run.run(first, ide.build, source):
            return {}
    return run.run(config, lambda config: build(dataclasses.replace(config, weights=str(source))), workdir)


def _rows(key: str, kinds: tuple[str, ...] = ("none", "gds", "gds-h"), **options) -> tuple[Row, ...]:
    names = {"none": "baseline", "gds": "with GDS", "gds-h": "with GDS-H"}
    before = f"{', '.join(options.values())}, " if "clustering" in options else ""
    return tuple(Row(before + names[kind], {"gds": kind, **options}, f"{key}{kind}") for kind in kinds)


_SNR = {"backbone": {"street": "resnet_small_snr", "paper": "resnet50_snr", "code": "resnet50_snr"}}
_RECIPES = ("street", "paper", "code")

_TABLES = {
    "2": Table("GDS, table 2: a large target", _rows("gds.2/", ("none", "gds-h")), _RECIPES),
    "3": Table("GDS, table 3: from one data set to another", _rows("gds.3/"), _RECIPES),
    "snr": Table("GDS, table 3: on SNR", _rows("gds.snr/", **_SNR), _RECIPES),
    "5": Table(
        "GDS, table 5: the clustering",
        tuple(
            row
            for by in ("kmeans", "dbscan", "hdbscan")
            for row in _rows(f"gds.5/{by} ", ("none", "gds-h"), clustering=by)
        ),
        _RECIPES,
    ),
    "beta": Table(
        "GDS-H by beta, which the paper's supplement does not tell",
        (
            *(Row(f"beta {beta}", {"beta": beta}) for beta in (0.9, 0.99, 0.999)),
            Row("beta 0.9, the gradient straight through", {"straight": True}),
        ),
        _RECIPES,
    ),
    "theory": Table(
        "Theory, as its public code has it", (Row("Theory", {"gds": "none"}, "gds.theory/theory"),), ("code",)
    ),
}


def _one_source(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows, of which the first trains on the source for all."""
    return rows[:1] + tuple(row._replace(options={**row.options, "weights": "{0}-source"}) for row in rows[1:])


TABLES = {name: table._replace(rows=_one_source(table.rows)) for name, table in _TABLES.items()}

if __name__ == "__main__":
    command.main(Config, stages, RECIPES)

"""The loop without a flag: a method and records -> moments."""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from reid_jax import checkpoint, evaluate, optimise, parallel, train
from reid_jax.api.encoder import Encoder
from reid_jax.data import batch as batching
from reid_jax.data import records as columns
from reid_jax.data.augment import Augment
from reid_jax.files import jsons, lock
from reid_jax.train import Position
from reid_jax.types import Batch, Domain, Method, Model, Plan, Records, TrainState
from reid_jax.whole import whole

VIEW = Augment(flip=0.5, pad=5, erase=0.3)
LEARNING_RATE = 3.5e-4


@dataclass(frozen=True)
class Moment:
    """A look at a training: where it stands, and the means of the metrics since the last moment.

    Attributes:
        position: the epoch, from 0, its steps that are done, and its plan.
        metrics: the loss, its terms, and after an epoch the figures of its plan, by name.
        state: on the devices, until the loop goes on.
        method: what is trained.

    Example:
        >>> import reid_jax
        >>> people = reid_jax.synthetic.labelled(persons=4, cameras=2, size=(64, 32))
        >>> method = reid_jax.ide(reid_jax.build(size="64x32"), persons=4, per_person=2)
        >>> for moment in reid_jax.fit(method, people, epochs=1):
        ...     print(moment.epoch, moment.whole, moment.encoder())
        0 True Encoder(resnet_small, 64x32 -> 256)
    """

    position: Position
    metrics: dict[str, float]
    state: TrainState
    method: Method

    @property
    def epoch(self) -> int:
        """The number of the epoch, from 0."""
        return self.position.epoch

    @property
    def whole(self) -> bool:
        """Whether the epoch is complete."""
        return self.position.whole

    def encoder(self) -> Encoder:
        """Copy the encoder as it is at this moment; it stays when the training goes on.

        Raises:
            RuntimeError: the training has gone on.
        """
        variables = self.method.encoder(self.state.variables, self.state.carry)
        if any(leaf.is_deleted() for leaf in jax.tree.leaves(variables)):
            raise RuntimeError(
                "the training has gone on since this moment; call moment.encoder() in the loop, "
                "or for the last moment behind it"
            )
        return Encoder(_model(self.method), parallel.first(variables))


def fit(
    method: Method,
    records: Records,
    *,
    epochs: int = 10,
    optimiser: optax.GradientTransformation | None = None,
    views: Augment | Sequence[Augment] | None = None,
    seed: int = 0,
    every: int = 0,
    workdir: str | PathLike | None = None,
    workers: int = 0,
) -> Iterator[Moment]:
    """Train; logging, testing and stopping early are lines of the caller's `for`.

    Args:
        method: what is trained, e.g. `reid_jax.ide(reid_jax.build("osnet_x0_25"))`.
        records: its rows of the split "train" are trained on.
        epochs: passes, each of as many steps as the method plans.
        optimiser: of the method's parameters; Adam at 3.5e-4 by default.
        views: how a picture is augmented, once for each view that the method needs; by default
            mirrored, shifted and erased at random, for a method of one view.
        seed: of all random numbers.
        every: steps between two moments; 0: a moment after each epoch only.
        workdir: a folder for a checkpoint after each epoch. The same call goes on from it, and
            `reid_jax.load` reads the encoder. A training that is complete yields its last moment.
            One training at a time is in it.
        workers: processes that decode pictures; 0: threads of this one.

    Returns:
        An iterator of moments. The training stops where it is no longer asked for the next.

    Raises:
        ValueError: nothing to train on, a method without a model, too few views; or `workdir` holds
            something else, or is being trained in.
        reid_jax.train.Diverged: a loss is not finite.

    Example:
        >>> import reid_jax
        >>> people = reid_jax.synthetic.labelled(persons=4, cameras=2, size=(64, 32))
        >>> method = reid_jax.ide(reid_jax.build(size="64x32"), persons=4, per_person=2)
        >>> for moment in reid_jax.fit(method, people, epochs=2):
        ...     print(moment.epoch, sorted(moment.metrics))
        0 ['accuracy', 'classify', 'loss', 'triplet']
        1 ['accuracy', 'classify', 'loss', 'triplet']
        >>> moment.encoder().save("street-encoder")
    """
    if not isinstance(records, Records):
        raise ValueError(f"fit takes Records, not {records!r}; reid_jax.open_source reads them")
    if epochs < 1:
        raise ValueError(f"epochs={epochs}; give 1 or more")
    records = _training(records)
    model = _model(method)
    if views is None and method.views == 1:
        views = VIEW
    views = (views,) if isinstance(views, Augment) else tuple(views or ())
    if len(views) < method.views:
        raise ValueError(
            f"this method needs {method.views} views of each picture, and views= gives "
            f"{len(views)}; its docstring says what they are, e.g. views=(Augment(flip=0.5), "
            "Augment())"
        )
    chosen = optimise.adam(LEARNING_RATE) if optimiser is None else optimiser
    folder = None if workdir is None else Path(workdir).expanduser()
    if folder is not None:
        _claim(folder, {**model.config, "seed": seed, "epochs": epochs})

    def batches(plan: Plan, epoch: int, start: int) -> Iterator[Batch]:
        return batching.batches(
            records,
            plan,
            views=views,
            input=model.input,
            seed=seed,
            epoch=epoch,
            start=start,
            share=parallel.share(),
            workers=workers,
        )

    see = partial(
        evaluate.embed_rows, parallel.build_embed(model), records=records, input=model.input
    )
    run = partial(
        train.epochs,
        method,
        chosen,
        parallel.build_step(method, chosen, seed=seed),
        lambda variables, rows: see(variables=variables, rows=rows, workers=workers),
        batches,
        records,
        count=epochs,
        seed=seed,
        every=every,
    )
    start = partial(train.create, method, chosen, jax.random.key(seed), records)
    return _moments(method, start, run, epochs) if folder is None else _kept(
        method, start, run, epochs, folder
    )  # fmt: skip


def _moments(method: Method, start: Any, run: Any, epochs: int) -> Iterator[Moment]:
    for position, state, metrics in run(parallel.replicate(start())):
        yield Moment(position, metrics, state, method)


def _kept(method: Method, start: Any, run: Any, epochs: int, folder: Path) -> Iterator[Moment]:
    """The same with a checkpoint after each epoch, from where an earlier call stopped."""
    log = folder / "metrics.jsonl"
    first = parallel.share()[0] == 0
    with (
        lock.of_training(folder, "workdir").held(0) if first else nullcontext(),
        checkpoint.manager(folder / "checkpoints", alone=True) as checkpoints,
    ):
        begun = start()
        state, resume = checkpoint.restore(checkpoints, begun) or (begun, None)
        state = parallel.replicate(state)
        if resume is not None and resume.whole and resume.epoch + 1 >= epochs:
            last = [{}, *jsons.lines(log)[0]][-1]  # a kill can have cut it
            metrics = {name: value for name, value in last.items() if name not in ("kind", "epoch")}
            yield Moment(resume, metrics, state, method)
            return
        for moment in run(state, resume=resume):
            position, state, metrics = moment
            if position.whole:
                encoder = parallel.first(method.encoder(state.variables, state.carry))
                if first:
                    line = {"kind": "train", "epoch": position.epoch, **metrics}
                    with log.open("a") as file:
                        file.write(json.dumps(line) + "\n")
                checkpoint.save(checkpoints, moment, encoder, _model(method).input)
            yield Moment(position, metrics, state, method)
        checkpoints.wait_until_finished()


def _model(method: Method) -> Model:
    if method.model is None:
        raise ValueError("the method has no model; give it one: method._replace(model=model)")
    return method.model


def _training(records: Records) -> Records:
    part = columns.where(records, "train")
    if not len(part.person):
        raise ValueError(
            "the records have no row of the split 'train'; mark rows with "
            "records._replace(split=...), or give others"
        )
    return part


def _claim(folder: Path, config: dict[str, Any]) -> None:
    """Make a new workdir, or see that it is one of this training; more epochs are fine."""
    path = folder / "config.json"
    if path.is_file():
        theirs = jsons.read(path, "the configuration of a training", "choose another workdir")
        differences = [
            f"{name}: {theirs.get(name, 'absent')!r} there, {config.get(name, 'absent')!r} now"
            for name in sorted({*theirs, *config} - {"epochs"})
            if theirs.get(name) != config.get(name)
        ]
        if differences:
            raise ValueError(
                f"{folder} was made by another training ({'; '.join(differences[:3])}); choose "
                "another workdir"
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} holds other files; choose an empty or a new workdir")
    folder.mkdir(parents=True, exist_ok=True)
    with whole(path) as unfinished:
        unfinished.write_text(json.dumps(config, indent=2) + "\n")


def two_domains(labelled: Records | None, unlabelled: Records) -> Records:
    """Join labelled and unlabelled training data, as ReMix, SpCL, DomainMix, MMT and GDS take them.

    Args:
        labelled: its training rows become Domain.LABELLED; None: there are none.
        unlabelled: its training rows (all, where it has none) become Domain.UNLABELLED.

    Returns:
        Records of both, split "train". Videos (`group`) of the two are kept apart.

    Raises:
        ValueError: there is no row.

    Example:
        >>> import reid_jax
        >>> people = reid_jax.synthetic.labelled(persons=4, cameras=2, per_camera=2)
        >>> both = reid_jax.two_domains(people, reid_jax.open_source("pictures:crops"))
        >>> both.domain.tolist()[-2:], set(both.split.tolist())
        ([1, 1], {'train'})
    """
    if (unlabelled.split != "train").all():
        unlabelled = unlabelled._replace(split=np.full_like(unlabelled.split, "train"))
    parts = [(Domain.UNLABELLED, _training(unlabelled))]
    if labelled is not None:
        parts.insert(0, (Domain.LABELLED, _training(labelled)))
    first, joined = 0, []
    for domain, part in parts:
        group = np.where(part.group >= 0, part.group + first, -1).astype(np.int32)
        first = int(group.max(initial=first - 1)) + 1
        joined.append(part._replace(domain=np.full_like(part.domain, domain), group=group))
    return columns.concat(joined)

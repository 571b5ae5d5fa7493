"""Checkpoints by targets by splits: what is missing is measured, what is kept is not."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reid_jax import encoders, parallel
from reid_jax.app import origin
from reid_jax.app.embedding import embed_rows
from reid_jax.app.protocols import checkpoints, kept
from reid_jax.app.protocols.checkpoints import Trained, leak
from reid_jax.app.protocols.kept import Key, Result
from reid_jax.app.protocols.named import Protocol, misfit
from reid_jax.app.protocols.targets import Split, Target, figures
from reid_jax.options import choose
from reid_jax.retrieval.sides import METRICS
from reid_jax.types import Model

Say = Callable[[str], None]


class Entry(NamedTuple):
    """A checkpoint and what it is tested on.

    Attributes:
        folder: of the run or the exported encoder.
        trained: on what; None: unknown.
        targets: names of sets.
    """

    folder: Path
    trained: Trained | None
    targets: tuple[str, ...]


class Options(NamedTuple):
    """How is measured.

    Attributes:
        metric: cosine or euclidean; "": that of each run.
        flip: whether the embedding of the mirrored picture is added.
        same_camera: whether matches by the query's own camera count too.
        draws: see `targets.figures`.
    """

    metric: str = ""
    flip: bool = False
    same_camera: bool = False
    draws: int = 0


def entry(
    folder: Path,
    trained: Trained | None,
    targets: Sequence[str],
    protocol: Protocol,
    *,
    any_sources: bool,
    say: Say,
) -> Entry:
    """What a checkpoint is tested on: the targets for which it is one of the protocol's.

    Args:
        folder: of the checkpoint.
        trained: on what.
        targets: names of sets.
        protocol: the protocol.
        any_sources: test it on all of them.
        say: is told of what nobody knows.

    Raises:
        ValueError: it is one of the protocol's for no target.
    """
    if trained is None:
        say(f"{folder}: nobody knows what it was trained on; it is tested on every target")
        return Entry(folder, None, tuple(targets))
    why = {one: misfit(protocol, trained.names, one) or leak(trained, one) for one in targets}
    fits = tuple(one for one in targets if any_sources or not why[one])
    if not fits:
        reasons = "; ".join(dict.fromkeys(why.values()))
        raise ValueError(
            f"{folder} is none of this protocol's: {reasons}; --any_sources tests it all the same"
        )
    return Entry(folder, trained, fits)


def compared(
    entries: Sequence[Entry],
    targets: Mapping[str, Target],
    results: dict[Key, Result],
    options: Options,
    *,
    path: Path,
    say: Say,
) -> Iterator[tuple[Entry, list[Key]]]:
    """Measure what `results` lacks, and add it to them; each checkpoint is loaded once.

    Args:
        entries: the checkpoints and what each is tested on.
        targets: by name.
        results: what is there; is added to.
        options: how is measured.
        path: of the file that keeps the results.
        say: is told of what is done.

    Yields:
        Each checkpoint and, for each of its targets, the keys of its figures in `results`.

    Raises:
        ValueError: a target is not as it was when other results were measured.
    """
    embeds: dict[str, parallel.Embed] = {}
    for number, one in enumerate(entries, 1):
        config, model, variables = encoders.trained(one.folder)
        metric = options.metric or str(getattr(config, "rank_by", "cosine"))
        choose("metric", metric, METRICS)
        mark = checkpoints.digest(variables, model)
        if _same(model) not in embeds:
            embeds[_same(model)] = parallel.build_embed(model, flip=options.flip)
        variables = parallel.replicate(variables)
        for target in (targets[name] for name in one.targets):
            keys = {_key(mark, target, split, metric, options): split for split in target.splits}
            kept.check(list(results), list(keys), path)
            lacking = {key: split for key, split in keys.items() if key not in results}
            where = f"{number} of {len(entries)}, {one.folder}, on {target.name}"
            if lacking:
                rows = np.arange(len(target.pictures.person))
                say(f"{where}: {len(rows):,} pictures, {len(lacking)} of {len(keys)} splits")
                embed = embeds[_same(model)]
                embedding = embed_rows(embed, model, target.pictures, variables, rows)
                for key, split in lacking.items():
                    found = figures(embedding, split, key)
                    results[key] = _result(key, one, target, split, found)
            else:
                say(f"{where}: is there")
            yield one, list(keys)


def _key(hash: str, target: Target, split: Split, metric: str, how: Options) -> Key:
    return Key(
        hash, target.name, split.number, split.mark, metric, how.flip, how.same_camera, how.draws
    )


def _same(model: Model) -> str:
    """What two encoders share that one compiled program embeds by."""
    return json.dumps([model.config, tuple(model.input)], sort_keys=True, default=str)


def _result(
    key: Key, one: Entry, target: Target, split: Split, figures: dict[str, float]
) -> Result:
    return Result(
        key=key,
        checkpoint=str(one.folder),
        step=checkpoints.step(one.folder),
        sources=sorted(one.trained.parts) if one.trained else None,
        source=target.source,
        counts=split.counts,
        figures=figures,
        about=origin.told(),
    )

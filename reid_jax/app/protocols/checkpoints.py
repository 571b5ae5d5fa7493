"""Checkpoints to compare: which there are, what each was trained on, and which arrays it has."""

import glob
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from reid_jax.app import kinds
from reid_jax.app.protocols.places import Places
from reid_jax.options import expanded
from reid_jax.types import Model, Variables

SOURCES = ("data", "target", "videos", "beside")  # options that name training pictures
BEGINNINGS = ("weights", "begun", "first", "second")  # options that may name an earlier run
EXPORT, RUN = "encoder.json", "config.json"


class Trained(NamedTuple):
    """What a checkpoint was trained on.

    Attributes:
        names: of the sets.
        parts: the same with the options that say which part of a set, as "market1501,train=all".
    """

    names: frozenset[str]
    parts: frozenset[str]


def groups(texts: list[str]) -> dict[str, list[Path]]:
    """The checkpoints of each text: a row of the table.

    Args:
        texts: each a folder of a run or of an exported encoder, a folder of several of them (its
            seeds), or a pattern of such folders.

    Raises:
        ValueError: a text names nothing, or a folder is neither; or a run has no checkpoint.
    """
    found: dict[str, list[Path]] = {}
    for text in texts:
        paths = [Path(one) for one in sorted(glob.glob(expanded(text)))]
        if not paths and Path(expanded(text)).exists():  # a name with the signs of patterns
            paths = [Path(expanded(text))]
        if not paths:
            raise ValueError(f"--runs={text}: there is nothing of that name")
        inside = [one for path in paths for one in _inside(path)]
        if not inside:
            raise ValueError(
                f"--runs={text}: neither it nor a folder in it is a run ({RUN}) or an exported "
                f"encoder ({EXPORT})"
            )
        for one in inside:
            _check(one)
        found[text.rstrip("/")] = inside
    return found


def _inside(path: Path) -> list[Path]:
    if _is(path):
        return [path]
    return sorted(one for one in path.iterdir() if _is(one)) if path.is_dir() else []


def _is(path: Path) -> bool:
    return (path / EXPORT).is_file() or (path / RUN).is_file()


def _check(path: Path) -> None:
    """Refuse a run that has no checkpoint."""
    if not (path / EXPORT).is_file() and step(path) < 0:
        raise ValueError(f"{path} is a run without a checkpoint: train it to one, or leave it out")


def step(folder: Path) -> int:
    """The step of a run's newest checkpoint; -1 of an exported encoder."""
    steps = [one.name for one in (folder / "checkpoints").glob("*") if one.name.isdigit()]
    return max(map(int, steps), default=-1)


def config_of(folder: Path) -> dict[str, Any]:
    """The configuration that a run or an exported encoder keeps.

    Raises:
        ValueError: the file is another one.
    """
    path = folder / (EXPORT if (folder / EXPORT).is_file() else RUN)
    try:
        kept = json.loads(path.read_text())
        return dict(kept["config"] if path.name == EXPORT else kept)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} is no configuration of a run or of an exported encoder") from None


def trained(folder: Path, places: Places) -> Trained | None:
    """What a checkpoint was trained on, with the runs that it began from; None: nobody knows.

    What a file of weights was trained on, as ImageNet's, is not counted; nor is a run that is gone.
    """
    texts = sources(config_of(folder))
    if texts is None:
        return None
    parts = [part for text in texts for part in kinds.split(text)]
    return Trained(
        frozenset(places.name(part) for part in parts),
        frozenset(places.part(part) for part in parts),
    )


def leak(trained: Trained, target: str) -> str:
    """That a checkpoint was trained on a target's test part, in words; "" where it was not."""
    parts = (one.split(",") for one in trained.parts)
    if any(name == target and "train=all" in options for name, *options in parts):
        return f"it was trained on the test part of {target}"
    return ""


def sources(config: Mapping[str, Any]) -> list[str] | None:
    """The sources of a configuration and of the runs that it began from; None: nobody knows."""
    if not any(name in config for name in SOURCES):
        return None
    found = [_source(config, name) for name in SOURCES]
    for name in BEGINNINGS:
        folder = Path(str(config.get(name) or ""))
        if config.get(name) and folder.is_dir():
            earlier = sources(config_of(folder)) if _is(folder) else None
            if earlier is None:
                return None
            found += earlier
    return list(dict.fromkeys(one for one in found if one))


def _source(config: Mapping[str, Any], name: str) -> str:
    """The source that an option names, where its pictures are trained on."""
    text = str(config.get(name) or "")
    if name == "videos" and not config.get("labels", 1):
        return ""
    if name == "data" and config.get("first"):  # of earlier runs, which have sources of their own
        return ""
    unlabelled = name in ("videos", "beside")
    unlabelled |= name == "target" and config.get("pseudo_labels", "") != "given"
    unlabelled |= name == "data" and config.get("pairs_from", "") == "videos"
    return "+".join(
        one + ",labels=no" if unlabelled and one and ",labels=" not in one else one
        for one in kinds.split(text)
    )


def digest(variables: Variables, model: Model) -> str:
    """SHA-256 of an encoder: its arrays, the pictures that it takes, and what joins them."""
    about = [str(model.config.get(name)) for name in ("backbone", "pooling", "dtype")]
    made = hashlib.sha256(repr((*model.input, *about)).encode())
    for path, leaf in sorted(
        (jax.tree_util.keystr(path), np.asarray(leaf))
        for path, leaf in jax.tree_util.tree_leaves_with_path(variables)
    ):
        made.update(f"{path} {leaf.dtype} {leaf.shape}".encode())
        made.update(np.ascontiguousarray(leaf).tobytes())
    return made.hexdigest()

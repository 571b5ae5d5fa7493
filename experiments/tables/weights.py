"""The weights that the rows of a table begin with."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from reid_jax.app.paths import resolved
from reid_jax.encoders import NEEDED
from reid_jax.models.backbones import BACKBONES, MGNS
from reid_jax.options import WORDS, choose, expanded

from .trainings import Training


def started(listed: Sequence[Training], files: Mapping[str, str]) -> list[Training]:
    """The trainings with the weights that they begin with.

    Args:
        listed: of `trainings`.
        files: by [START/]BACKBONE.

    Raises:
        ValueError: weights are missing (it names them), or one file is to serve rows that begin
            differently.
    """
    left = [one for one in listed if one.start and one.start not in files]
    missing = {one.start: None for one in left if one.config.weights == NEEDED}
    shared = {one.start: None for one in left if one.config.weights not in WORDS}
    if missing or len(shared) > 1:
        rows = [f"{name} (rows {_rows(listed, name)})" for name in missing or shared]
        names = ",".join(f"{name}=FILE" for name in missing or shared)
        raise ValueError(
            f"the rows start from weights of {len(rows)} kinds that are not named each, "
            f"{', '.join(rows)}: --weights={names}, or --weights=none for random numbers"
        )
    return [
        one._replace(
            words=[*one.words, f"--config.weights={files[one.start]}"],
            config=resolved(dataclasses.replace(one.config, weights=files[one.start])),
        )
        if one.start in files
        else one
        for one in listed
    ]


def _rows(listed: Sequence[Training], start: str) -> str:
    return ", ".join(dict.fromkeys(str(one.row) for one in listed if one.start == start))


def named_files(words: Sequence[str]) -> dict[str, str]:
    """The words of --weights as files by [START/]BACKBONE.

    Raises:
        ValueError: a backbone is not known.
        FileNotFoundError: there is no such file.
    """
    files = {}
    for word in words:
        name, _, path = word.partition("=")
        path = expanded(path)
        choose("--weights", name.rpartition("/")[2], {**BACKBONES, **MGNS})
        if not path or not Path(path).exists():
            raise FileNotFoundError(f"--weights={word}: there is no file or folder {path!r}")
        files[name.removeprefix("imagenet/")] = path
    return files

"""What a protocol has measured, in a JSON file that a second start goes on with.

{"protocol": "dg1", "form": 1, "results": [{"checkpoint": ..., "target": ..., ...}, ...]}
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from reid_jax.whole import whole

FORM = 1  # of the file


class Key(NamedTuple):
    """What a figure is of: two of the same key are the same figure."""

    hash: str
    target: str
    split: int
    mark: str
    metric: str
    flip: bool
    same_camera: bool
    draws: int

    def same_split(self, other: "Key") -> bool:
        """Whether they are of the same split by name."""
        return (self.target, self.split) == (other.target, other.split)


class Result(NamedTuple):
    """A checkpoint's figures on a split of a target.

    Attributes:
        key: what they are of.
        checkpoint: the folder, as it was named.
        step: of its training; -1 if unknown.
        sources: the sets that it was trained on; None: unknown.
        source: KIND:PATH of the target.
        counts: of the split's pictures, see `targets.Split`.
        figures: by name, in [0, 1].
        about: version, command and date.
    """

    key: Key
    checkpoint: str
    step: int
    sources: list[str] | None
    source: str
    counts: dict[str, int]
    figures: dict[str, float]
    about: dict[str, str]


def read(path: Path, protocol: str) -> dict[Key, Result]:
    """The results of a file; none where there is none.

    Raises:
        ValueError: the file is another one, or of another protocol.
    """
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_text())
        form, name = kept["form"], kept["protocol"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"{path} is no file of `reid-jax protocol`; choose another --out"
        ) from None
    if form != FORM:
        raise ValueError(
            f"{path} was written by a version with other splits (form {form}, here {FORM}); "
            "choose another --out"
        )
    if name != protocol:
        raise ValueError(f"{path} has figures of the protocol {name!r}; choose another --out")
    try:
        results = [_result(one) for one in kept["results"]]
    except (KeyError, TypeError):
        raise ValueError(f"{path} is not whole; choose another --out") from None
    return {one.key: one for one in results}


def check(results: Sequence[Key], wanted: Sequence[Key], path: Path) -> None:
    """Refuse to put figures of two versions of a split into one file.

    Raises:
        ValueError: the file has figures of a split of that name, of other pictures or persons.
    """
    for key in wanted:
        for one in results:
            if one.same_split(key) and one.mark != key.mark:
                split = f", split {key.split}" if key.split else ""
                raise ValueError(
                    f"{path} has figures of {key.target}{split} with other pictures or persons "
                    f"({one.mark}, now {key.mark}): the data have changed; choose another --out"
                )


def write(path: Path, protocol: str, results: dict[Key, Result]) -> None:
    """Write all results."""
    told = {
        "protocol": protocol,
        "form": FORM,
        "results": [_plain(one) for one in results.values()],
    }
    with whole(path) as unfinished:
        unfinished.write_text(json.dumps(told, indent=1) + "\n")


def _plain(one: Result) -> dict[str, Any]:
    return {**one.key._asdict(), **{k: v for k, v in one._asdict().items() if k != "key"}}


def _result(plain: dict[str, Any]) -> Result:
    key = Key(*(plain[name] for name in Key._fields))
    return Result(key, *(plain[name] for name in Result._fields[1:]))

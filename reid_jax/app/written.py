"""Sources as they are written: KIND:PATH,option=value,... and several of them joined by "+"."""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from reid_jax.options import choose, expanded

OPTION = re.compile(r"(.*),([A-Za-z_]+)=([^,=/]*)", re.DOTALL)
Choices = tuple[int, int] | tuple[str, ...] | float  # a range, words, or a share below a number


class Source(NamedTuple):
    """One source: its kind, its path as it is written, and its options as they are written."""

    kind: str
    path: str
    options: dict[str, str]

    def __str__(self) -> str:
        colon = ":" if self.path or self.options else ""
        return f"{self.kind}{colon}{self.path}" + "".join(
            f",{name}={value}" for name, value in self.options.items()
        )


def parsed(text: str) -> Source:
    """Read `KIND:PATH,option=value,...`; what is there with its commas is a path with them."""
    kind, _, path = text.partition(":")
    options: list[tuple[str, str]] = []
    while (match := OPTION.fullmatch(path)) and not os.path.exists(expanded(path)):
        path = match[1]
        options.insert(0, (match[2], match[3]))
    return Source(kind, path, dict(options))


def split(text: str, kinds: Collection[str]) -> list[str]:
    """The parts of a source; a "+" before anything but KIND: belongs to a name."""
    return re.split(rf"\+(?=(?:{'|'.join(kinds)}):)", text)


def listed(texts: Sequence[str], kinds: Collection[str]) -> list[str]:
    """The sources of texts that have several each, by comma."""
    comma = rf",(?=(?:{'|'.join(kinds)}):)"
    return [source for text in texts for source in re.split(comma, text) if source]


def values(source: Source, known: Mapping[str, Choices]) -> dict[str, Any]:
    """The options of a source as numbers and words.

    Args:
        source: the source.
        known: by name, what an option can be: (least, greatest) of whole numbers; words; or a
            number that a share must be below, and above 0.

    Raises:
        ValueError: an option is not known, or its value is none of these.
    """
    return {
        name: _value(source, name, text, choose(f"the option in {str(source)!r}", name, known))
        for name, text in source.options.items()
    }


def _value(source: Source, name: str, text: str, choices: Choices) -> int | float | str:
    here = f"'{name}={text}' in {str(source)!r}"
    if isinstance(choices, float):
        if re.fullmatch(r"0?\.[0-9]+", text) and 0 < float(text) < choices:
            return float(text)
        raise ValueError(f"{here}: write {name}=SHARE, above 0 and below {choices:g}")
    least, most = choices[0], choices[-1]
    if isinstance(least, str) or isinstance(most, str):
        if text in choices:
            return text
        raise ValueError(f"{here}: write {' or '.join(f'{name}={word}' for word in choices)}")
    if re.fullmatch("[0-9]{1,9}", text) and least <= int(text) <= most:
        return int(text)
    raise ValueError(f"{here}: write {name}=NUMBER, a whole one from {least} to {most:,}")

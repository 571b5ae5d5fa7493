"""Options of configurations: a field with its sentence, its range, its old names, its paths."""

import dataclasses
import difflib
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Holds = str | Mapping[str, str]
PATH, CSV, SOURCE = "path", "csv", "source"
WORDS = ("", "none", "needed")  # values of an option that holds a path, but none of them a path
NO_PATHS = (*WORDS, "imagenet", "street")  # and those of weights that a package has, or this one


def option(
    default: Any,
    sentence: str,
    *,
    was: str = "",
    values: Mapping[str, str] | None = None,
    inner: Mapping[str, str] | None = None,
    holds: Holds = "",
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | str | None = None,
) -> Any:
    """A field of a configuration, a dataclass.

    Args:
        default: its value.
        sentence: what it means, in one line or two.
        was: its name in the version before, which is still read.
        values: new words for old ones, which are still read.
        inner: of a text of options of another configuration, `name=value,...`: new names for old
            ones, which are still read.
        holds: PATH: a file or folder; CSV: one if it ends in .csv; SOURCE: KIND:PATH, or several
            joined by "+"; of a text of options: what each of those that name a path holds.
        least: of a number, the smallest that it can be; `checked` looks.
        most: likewise the greatest.
        above: it must be greater than this.
        below: it must be less than this; or than the option of this name.

    Returns:
        A field for a dataclass.
    """
    about = {
        "sentence": sentence,
        "was": was,
        "values": values or {},
        "inner": inner or {},
        "holds": holds,
        "bounds": (least, most, above, below),
    }
    return dataclasses.field(default=default, metadata=about)


def typed(value: Any) -> str:
    """The value of an option as it is typed on a command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def sentence(config_class: type, name: str) -> str:
    """What an option means, as the class that first has it says."""
    return _about(config_class, name).get("sentence", "")


def names(config_class: type) -> list[str]:
    """The options of a configuration."""
    return [field.name for field in dataclasses.fields(config_class)]


def owner(config_class: type, name: str) -> type:
    """The class that first has an option."""
    having = (one for one in reversed(config_class.__mro__) if dataclasses.is_dataclass(one))
    return next(one for one in having if name in {field.name for field in dataclasses.fields(one)})


def holds(config_class: type, name: str, value: Any) -> Holds:
    """What an option holds by way of paths, see `option`; "" where `value` names none."""
    kind = _about(config_class, name).get("holds", "")
    return "" if value in NO_PATHS or (kind == CSV and not value.endswith(".csv")) else kind


def bounds(config_class: type, name: str) -> tuple[Any, ...]:
    """(least, most, above, below) of an option, see `option`."""
    return _about(config_class, name).get("bounds", (None,) * 4)


def checked(config: Any, flag: str = "", names: Iterable[str] | None = None) -> Any:
    """The configuration, whose numbers are within their bounds.

    Args:
        config: a dataclass.
        flag: what stands before an option's name where it is given.
        names: the options to look at, and at those whose bound is one of them; None: all.

    Raises:
        ValueError: a number is out of its bounds, or no number; it names option and bound.
    """
    every = [one.name for one in dataclasses.fields(config)]
    looked = set(every if names is None else names)
    for name in every:
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        least, most, above, below = bounds(type(config), name)
        if not looked & {name, below}:
            continue
        if not math.isfinite(value):
            raise ValueError(f"{flag}{name}={value} is no finite number")
        if least is not None and value < least:
            raise ValueError(f"{flag}{name}={value} is below {least:g}, the least that it can be")
        if most is not None and value > most:
            raise ValueError(f"{flag}{name}={value} is above {most:g}, the most that it can be")
        if above is not None and value <= above:
            raise ValueError(f"{flag}{name}={value} is not above {above:g}, as it must be")
        if isinstance(below, str):
            if value >= getattr(config, below):
                other = f"{flag}{below}={getattr(config, below)}"
                raise ValueError(f"{flag}{name}={value} is not below {other}, as it must be")
        elif below is not None and value >= below:
            raise ValueError(f"{flag}{name}={value} is not below {below:g}, as it must be")
    return config


def pairs(text: str) -> list[tuple[str, str]]:
    r"""(name, value) of each option of a text `name=value,...`.

    A comma begins the next option where `name=` follows it; `\,` never does.
    """
    parts = re.split(r"(?<!\\),(?=\w+=)", text.strip(",")) if text else []
    return [
        (name, value.replace("\\,", ","))
        for name, _, value in (part.partition("=") for part in parts)
    ]


def paired(options: Iterable[tuple[str, str]]) -> str:
    """The text that `pairs` reads so."""
    return ",".join(f"{name}=" + re.sub(r",(?=\w+=)", r"\\,", value) for name, value in options)


def expanded(text: str) -> str:
    """A path with its `~` and `$VARIABLES` put in; one that is there as it is written stays.

    Raises:
        ValueError: a variable is not set.
    """
    if os.path.exists(text):
        return text
    for first, second in re.findall(r"\$(?:(\w+)|\{([^{}]*)\})", text):
        if (name := first or second) not in os.environ:
            raise ValueError(f"the variable ${name} of the path {text!r} is not set")
    return os.path.expandvars(os.path.expanduser(text))


def absolute(text: str) -> str:
    """The path that a text names from the folder that one is in, `expanded`."""
    return os.path.abspath(expanded(text))


def listed(texts: Sequence[str]) -> list[str]:
    """The paths of texts that name several each, by comma, `expanded`.

    A name that is there with its commas is taken with them.

    Raises:
        ValueError: a path has a variable that is not set.
    """
    return [path for text in texts for path in _listed(text.split(","))]


def _listed(pieces: list[str]) -> Iterator[str]:
    while pieces:
        for length in range(len(pieces), 0, -1):
            path = expanded(",".join(pieces[:length]))
            if length == 1 or os.path.exists(path):
                break
        pieces = pieces[length:]
        if path:
            yield path


def renewed(config_class: type, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as an earlier version wrote them, under today's names and words."""
    names = {field.name for field in dataclasses.fields(config_class)}
    now = {_about(config_class, name).get("was"): name for name in names}
    found = {}
    for name, value in options.items():
        name = now.get(name, name) if name not in names else name
        about = _about(config_class, name)
        if isinstance(value, str):
            value = about.get("values", {}).get(value, value)
            for old, new in about.get("inner", {}).items():
                value = re.sub(rf"(^|(?<!\\),){old}=", rf"\1{new}=", value)
        found[name] = value
    return found


def _about(config_class: type, name: str) -> Mapping[str, Any]:
    """The metadata of an option; a class that only changes a default has none of its own."""
    for one in config_class.__mro__:
        field = vars(one).get("__dataclass_fields__", {}).get(name)
        if field is not None and field.metadata:
            return field.metadata
    return {}


def choose(name: str, word: str, choices: Mapping[str, Any]) -> Any:
    """The choice that `word` names.

    Raises:
        ValueError: there is none of that name; it lists the choices and says which is nearest.
    """
    if word in choices:
        return choices[word]
    raise ValueError(
        f"{name}={word!r} is not known{nearest(word, choices)}; the choices are "
        f"{', '.join(choices)}"
    )


def nearest(word: str, choices: Iterable[str], before: str = "") -> str:
    """`, did you mean 'X'?`, or nothing; `before` is written before X."""
    close = difflib.get_close_matches(word, list(choices), 1)
    return f", did you mean {before + close[0]!r}?" if close else ""

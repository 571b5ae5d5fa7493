"""Options of configurations: a field with its sentence, old names, and words among choices."""

import dataclasses
import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any


def option(
    default: Any,
    sentence: str,
    *,
    was: str = "",
    values: Mapping[str, str] | None = None,
    inner: Mapping[str, str] | None = None,
) -> Any:
    """A field of a configuration, a dataclass.

    Args:
        default: its value.
        sentence: what it means, in one line or two.
        was: its name in the version before, which is still read.
        values: new words for old ones, which are still read.
        inner: of a text of options of another configuration, `name=value,...`: new names for old
            ones, which are still read.

    Returns:
        A field for a dataclass.
    """
    about = {"sentence": sentence, "was": was, "values": values or {}, "inner": inner or {}}
    return dataclasses.field(default=default, metadata=about)


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
                value = re.sub(rf"(^|,){old}=", rf"\1{new}=", value)
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

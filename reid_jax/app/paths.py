"""Configurations whose paths mean the same from every folder."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from reid_jax import options
from reid_jax.app import kinds, written


def resolved(config: Any) -> Any:
    """A configuration with its paths `expanded` and absolute.

    A path is a value of an option that is marked so (`option(holds=...)`); words like `none` stay.

    Args:
        config: a dataclass.

    Returns:
        Another one of its class.

    Raises:
        ValueError: a path has a variable that is not set.
    """
    return dataclasses.replace(config, **resolved_values(type(config), vars(config)))


def resolved_values(config_class: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same of some options by name."""
    return {
        name: _resolved(value, options.holds(config_class, name, value))
        for name, value in values.items()
    }


def source(text: str) -> str:
    """A source, KIND:PATH or several joined by "+", with the paths of files absolute."""
    parts = []
    for part in kinds.split(text):
        one = written.parsed(part)
        if one.kind in kinds.FILES and one.path:
            one = one._replace(path=options.absolute(one.path))
        parts.append(str(one))
    return "+".join(parts)


def _resolved(value: Any, holds: options.Holds) -> Any:
    if not holds:
        return value
    if isinstance(holds, Mapping):
        pairs = options.pairs(value)
        return options.paired((name, _inner(one, holds.get(name, ""))) for name, one in pairs)
    return source(value) if holds == options.SOURCE else options.absolute(value)


def _inner(value: str, holds: options.Holds) -> str:
    """A value inside a text of options."""
    return _resolved(value, holds) if value not in options.NO_PATHS else value

"""The words of a command line: flags with one dash or two, old names, typing errors, --config."""

import dataclasses
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from absl import flags
from ml_collections import config_flags

from reid_jax.app.paths import resolved
from reid_jax.options import checked, choose, nearest, pairs, renewed


def normal(
    arguments: Sequence[str],
    config_class: type | None = None,
    flag_values: flags.FlagValues = flags.FLAGS,
    *,
    known_only: bool = False,
) -> list[str]:
    """A command line with each flag as one word, --name=value, under its name of today.

    A flag may have one dash, its value may be the next word, and it may come from a --flagfile.
    What stands behind "--" is no flag.

    Args:
        arguments: the words as they were typed.
        config_class: of --config.NAME; None where the script has no such options.
        flag_values: the flags that there are.
        known_only: whether flags that there are not are handed on.

    Returns:
        The words.

    Raises:
        ValueError: a flag without its value, or that there is not.
    """
    result: list[str] = []
    rest = iter(flag_values.read_flags_from_files(list(arguments), force_gnu=True))
    for word in rest:
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        if word == "--":
            return [*result, word, *rest]
        if not word.startswith("-"):
            result.append(word)
            continue
        name, value = _new(name, value, config_class)
        if not known_only:
            _check(name, config_class, flag_values)
        if _takes_value(name, config_class, flag_values) and not equals:
            equals, value = "=", next(rest, "--")
            if value.startswith("--"):
                raise ValueError(f"--{name} has no value; write --{name}=VALUE")
            name, value = _new(name, value, config_class)
        result.append(f"--{name}{equals}{value}")
    return result


def _new(flag: str, value: str, config_class: type | None) -> tuple[str, str]:
    """Name and value of a flag as they are today; it says so where an old one was given."""
    option = re.fullmatch(r"(no)?config\.(.*)", flag)
    if not option or config_class is None:
        return flag, value
    ((name, new_value),) = renewed(config_class, {option[2]: value}).items()
    if name != option[2]:
        _say_new(f"--config.{option[2]}", f"--config.{name}")
    if new_value != value:
        _say_new(f"--config.{name}={value}", f"--config.{name}={new_value}")
    return f"{option[1] or ''}config.{name}", new_value


def _say_new(old: str, new: str) -> None:
    print(f"{old} is {new} now; the old form works until the next version", file=sys.stderr)


def _check(name: str, config_class: type | None, flag_values: flags.FlagValues) -> None:
    """Refuse a flag that there is not, and name the nearest."""
    kinds = _kinds(config_class)
    known = {f"config.{option}" for option in kinds} | set(flag_values)
    bare = name.removeprefix("no")
    if name in known or (bare in known and _is_boolean(bare, kinds, flag_values)):
        return
    same = {option.removeprefix("config."): option for option in known}  # --epochs, --config.out
    last = name.removeprefix("config.")
    near = f", did you mean '--{same[last]}'?" if last in same else nearest(name, known, "--")
    raise ValueError(f"unknown flag --{name}{near}; --help lists what there is")


def _takes_value(name: str, config_class: type | None, flag_values: flags.FlagValues) -> bool:
    """Whether --name is followed by a value, as all but booleans are."""
    kinds = _kinds(config_class)
    known = name in flag_values or name.removeprefix("config.") in kinds
    return known and not _is_boolean(name, kinds, flag_values)


def _is_boolean(name: str, kinds: Mapping[str, Any], flag_values: flags.FlagValues) -> bool:
    if name.startswith("config."):
        return kinds[name.removeprefix("config.")] is bool
    return bool(flag_values[name].boolean)


def _kinds(config_class: type | None) -> dict[str, Any]:
    """The types of the options of --config."""
    fields = dataclasses.fields(config_class) if config_class else ()
    return {field.name: field.type for field in fields}


def defined(
    config_class: type,
    recipes: Mapping[str, Mapping[str, Any]],
    given: Sequence[str],
    flag_values: flags.FlagValues = flags.FLAGS,
) -> flags.FlagHolder:
    """Define --config, which begins as the recipe that `given`, a result of `words`, names."""
    own = list(takewhile(lambda word: word != "--", given))
    named = [word.removeprefix("--recipe=") for word in own if word.startswith("--recipe=")]
    first = next(iter(recipes), "")
    recipe = choose("--recipe", named[-1] if named else first, recipes) if recipes else {}
    return config_flags.DEFINE_config_dataclass(
        "config", config_class(**recipe), flag_values=flag_values, sys_argv=["", *own]
    )


def parsed(
    config_class: type, recipes: Mapping[str, Mapping[str, Any]], given: Sequence[str]
) -> Any:
    """The configuration of a command line, a result of `words`; this process's flags stay.

    Raises:
        ValueError: an option has a value that it cannot have.
    """
    values = flags.FlagValues()
    config = defined(config_class, recipes, given, values)
    try:
        values(["", *given], known_only=True)
    except flags.Error as error:
        raise ValueError(str(error)) from None
    return settled(config.value)


def settled(config: Any) -> Any:
    """A command line's configuration: its numbers in their ranges, its paths absolute.

    Raises:
        ValueError: an option is out of its range, or a path names a variable that is not set.
    """
    return resolved(checked(config, "--config."))


def changed(config: Any, flag: str, text: str) -> Any:
    """A configuration with the options `name=value,...` that the text of one flag has.

    Raises:
        ValueError: an option that the configuration lacks, or a value that it cannot have.
    """
    kinds = _kinds(type(config))
    values = {}
    for name, value in pairs(text):
        ((new, value),) = renewed(type(config), {name: value}).items()
        if new != name:
            _say_new(f"{flag}={name}=...", f"{flag}={new}=...")
        kind = choose(flag, new, kinds)
        try:
            values[new] = flags.BooleanParser().parse(value) if kind is bool else kind(value)
        except ValueError:
            raise ValueError(f"{flag}: {new}={value!r} is no {kind.__name__}") from None
    return resolved(checked(dataclasses.replace(config, **values), f"{flag}: ", values))

"""The command line: flags, the workdir, and errors that a person can act on."""

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import jax
from absl import app, flags
from ml_collections import config_flags

from reid_jax.app.mistakes import guarded
from reid_jax.app.paths import resolved, resolved_values
from reid_jax.options import checked, choose, expanded, nearest, pairs, renewed

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "the run's folder: configuration, metrics, checkpoints, report"
)
_DISTRIBUTED = flags.DEFINE_boolean(
    "distributed", False, "one of several processes (a TPU pod finds the others itself)"
)
_COORDINATOR = flags.DEFINE_string(
    "coordinator", None, "with --distributed, off a TPU: host:port of process 0"
)
_PROCESSES = flags.DEFINE_integer(
    "processes", None, "with --coordinator: how many processes there are"
)
_PROCESS = flags.DEFINE_integer(
    "process", None, "with --coordinator: which of them this is, from 0"
)

_WORKERS = flags.DEFINE_integer(
    "workers", 0, "processes that decode pictures; 0: threads of this process", lower_bound=0
)


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def main(
    config_class: type,
    body: Callable[[Any, Path], Any],
    recipes: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Define --config from a dataclass, parse the command line, and call body(config, workdir).

    Args:
        config_class: the dataclass.
        body: what is run.
        recipes: by name, what differs from the dataclass's defaults. --recipe=NAME chooses one;
            the first is taken without it.
    """
    flags.FLAGS.set_gnu_getopt()
    if recipes:
        flags.DEFINE_string(
            "recipe",
            next(iter(recipes)),
            f"options that --config.NAME goes on from: {', '.join(recipes)}",
        )
    given = guarded(lambda: words(sys.argv[1:], config_class))
    config = guarded(lambda: defined(config_class, recipes or {}, given))
    flags.mark_flag_as_required("workdir")

    def run(argv: list[str]) -> None:
        _no_strays(argv)
        distribute()
        guarded(lambda: body(settled(config.value), Path(workdir())))

    app.run(run, argv=[sys.argv[0], *given])


def plain(body: Callable[[], Any], jobs: Mapping[str, Callable[[], Any]] | None = None) -> None:
    """The same for a script without --config; a word of the command line may name one of `jobs`."""
    flags.FLAGS.set_gnu_getopt()

    def run(argv: list[str]) -> None:
        word = argv.pop(1) if jobs and len(argv) > 1 else ""
        _no_strays(argv)
        guarded(lambda: (choose("the job", word, jobs or {}) if word else body)())

    app.run(run)


def words(
    arguments: Sequence[str], config_class: type, flag_values: flags.FlagValues = flags.FLAGS
) -> list[str]:
    """A command line with each flag as one word, --name=value, under its name of today.

    A flag may have one dash, its value may be the next word, and it may come from a --flagfile.
    What stands behind "--" is no flag.

    Raises:
        ValueError: a flag without its value, or an option --config.NAME that config_class lacks.
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
        if _takes_value(name, config_class, flag_values) and not equals:
            equals, value = "=", next(rest, "--")
            if value.startswith("--"):
                raise ValueError(f"--{name} has no value; write --{name}=VALUE")
        name, value = _new(name, value, config_class)
        result.append(f"--{name}{equals}{value}")
    return result


def _new(flag: str, value: str, config_class: type) -> tuple[str, str]:
    """Name and value of a flag as they are today; it says so where an old one was given."""
    option = re.fullmatch(r"(no)?config\.(.*)", flag)
    if not option:
        return flag, value
    ((name, new_value),) = renewed(config_class, {option[2]: value}).items()
    if name != option[2]:
        _say_new(f"--config.{option[2]}", f"--config.{name}")
    if new_value != value:
        _say_new(f"--config.{name}={value}", f"--config.{name}={new_value}")
    return f"{option[1] or ''}config.{name}", new_value


def _say_new(old: str, new: str) -> None:
    print(f"{old} is {new} now; the old form works until the next version", file=sys.stderr)


def _takes_value(name: str, config_class: type, flag_values: flags.FlagValues) -> bool:
    """Whether --name is followed by a value, as all but booleans are; absl refuses the unknown."""
    if not (option := re.fullmatch(r"(no)?config\.(.*)", name)):
        return name in flag_values and not flag_values[name].boolean
    kinds = {field.name: field.type for field in dataclasses.fields(config_class)}
    if option[2] not in kinds:
        near = nearest(option[2], kinds)
        raise ValueError(
            f"unknown option --config.{option[2]}{near}; the options are {', '.join(kinds)}"
        )
    return not option[1] and kinds[option[2]] is not bool


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
    kinds = {field.name: field.type for field in dataclasses.fields(config)}
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


def workdir() -> str:
    """The value of --workdir.

    Raises:
        ValueError: it is missing.
    """
    if not _WORKDIR.value:
        raise ValueError("name a run's folder with --workdir=FOLDER")
    return expanded(_WORKDIR.value)


def workers() -> int:
    """The value of --workers."""
    return _WORKERS.value or 0


def distribute() -> None:
    """Join the other processes before the first array is made."""
    if not _DISTRIBUTED.value:
        return
    if _COORDINATOR.value:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value)


def check_workdir(workdir: Path, config: Any) -> None:
    """Check that a workdir is new, or of this configuration.

    Raises:
        ValueError: another configuration made it (the difference is shown), or it holds something
            else.
    """
    mine = dataclasses.asdict(resolved(config))
    path = workdir / "config.json"
    if path.is_file():
        theirs = renewed(type(config), json.loads(path.read_text()))
        theirs = resolved_values(type(config), theirs)
        differences = [
            f"{name}: {theirs.get(name, 'absent')!r} there, {mine.get(name, 'absent')!r} now"
            for name in sorted({*mine, *theirs})
            if mine.get(name) != theirs.get(name)
        ]
        if differences:
            raise ValueError(
                f"{workdir} was made by another configuration ({'; '.join(differences)}); choose "
                "another --workdir, or the same options to go on"
            )
    elif workdir.exists() and (not workdir.is_dir() or any(workdir.iterdir())):
        raise ValueError(
            f"{workdir} holds other files and no config.json; choose an empty or a new --workdir"
        )


def write_config(workdir: Path, config: Any) -> None:
    """Make the workdir and keep the configuration, after data and model were found good."""
    workdir.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dataclasses.asdict(resolved(config)), indent=2)
    (workdir / "config.json").write_text(text + "\n")


def _no_strays(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(
            f"unexpected {' '.join(argv[1:])!r}; options are written --name=value, booleans "
            "--name=true"
        )

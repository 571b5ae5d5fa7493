"""The command line: flags, the workdir, and errors that a person can act on."""

import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import jax
from absl import app, flags
from ml_collections import config_flags

from experiments.choices import choose, nearest

_WORKDIR = flags.DEFINE_string("workdir", None, "the run's folder: configuration, metrics, checkpoints, report")
_DISTRIBUTED = flags.DEFINE_boolean(
    "distributed", False, "one of several processes (a TPU pod finds the others itself)"
)
_COORDINATOR = flags.DEFINE_string("coordinator", None, "with --distributed, off a TPU: host:port of process 0")
_PROCESSES = flags.DEFINE_integer("processes", None, "with --coordinator: how many processes there are")
_PROCESS = flags.DEFINE_integer("process", None, "with --coordinator: which of them this is, from 0")

MISTAKES = (
    ValueError,
    ImportError,
    FileNotFoundError,
    FileExistsError,
    NotADirectoryError,
    ArithmeticError,
    ChildProcessError,
)


def main(config_class: type, body: Callable[[Any, Path], Any], recipes: Mapping[str, dict] | None = None) -> None:
    """Define --config from a dataclass, parse, and call body(config, workdir).

    recipes: by name, what differs from the dataclass's defaults; --recipe=NAME chooses, the first one without it.
    """
    flags.FLAGS.set_gnu_getopt()
    if recipes:
        flags.DEFINE_string(
            "recipe", next(iter(recipes)), f"options that --config.NAME goes on from: {', '.join(recipes)}"
        )
    given = told(lambda: words(sys.argv[1:], config_class))
    config = told(lambda: defined(config_class, recipes or {}, given))
    flags.mark_flag_as_required("workdir")

    def run(argv: list[str]) -> None:
        _no_strays(argv)
        distribute()
        told(lambda: body(config.value, Path(_WORKDIR.value)))

    app.run(run, argv=[sys.argv[0], *given])


def words(arguments: Sequence[str], config_class: type, flag_values: flags.FlagValues = flags.FLAGS) -> list[str]:
    """A command line with each flag as one word, --name=value, also where it has one dash or its value is the next word.

    What a --flagfile holds is put in its place; what stands behind "--" is no flag.

    Raises:
        ValueError: a flag without its value, or an option --config.NAME that config_class has not.
    """
    found, rest = [], iter(flag_values.read_flags_from_files(list(arguments), force_gnu=True))
    for word in rest:
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        if word == "--":
            return [*found, word, *rest]
        if not word.startswith("-"):
            found.append(word)
            continue
        if _takes_value(name, config_class, flag_values) and not equals:
            equals, value = "=", next(rest, "--")
            if value.startswith("--"):
                raise ValueError(f"--{name} has no value; write --{name}=VALUE")
        found.append(f"--{name}{equals}{value}")
    return found


def _takes_value(name: str, config_class: type, flag_values: flags.FlagValues) -> bool:
    """Whether --name is followed by a value, as all but booleans are; what is not known is left to absl, which refuses it."""
    if not (option := re.fullmatch(r"(no)?config\.(.*)", name)):
        return name in flag_values and not flag_values[name].boolean
    kinds = {field.name: field.type for field in dataclasses.fields(config_class)}
    if option[2] not in kinds:
        near = nearest(option[2], kinds)
        raise ValueError(f"unknown option --config.{option[2]}{near}; the options are {', '.join(kinds)}")
    return not option[1] and kinds[option[2]] is not bool


def defined(
    config_class: type, recipes: Mapping[str, dict], given: Sequence[str], flag_values: flags.FlagValues = flags.FLAGS
) -> flags.FlagHolder:
    """--config, which begins as the recipe that `given` (of `words`) names, and is changed when `given` is parsed."""
    own = list(takewhile(lambda word: word != "--", given))
    named = [word.removeprefix("--recipe=") for word in own if word.startswith("--recipe=")]
    recipe = choose("--recipe", named[-1] if named else next(iter(recipes)), recipes) if recipes else {}
    config = config_class(**recipe)
    return config_flags.DEFINE_config_dataclass("config", config, flag_values=flag_values, sys_argv=["", *own])


def parsed(config_class: type, recipes: Mapping[str, dict], given: Sequence[str]) -> Any:
    """The configuration that a command line (of `words`) makes; this process's own flags stay as they are."""
    values = flags.FlagValues()
    config = defined(config_class, recipes, given, values)
    try:
        values(["", *given], known_only=True)
    except flags.Error as error:
        raise ValueError(str(error)) from None
    return config.value


def changed(config: Any, flag: str, text: str) -> Any:
    """A configuration with the options `name=value,...` of another script's, given as the text of one flag."""
    kinds, values = {field.name: field.type for field in dataclasses.fields(config)}, {}
    for one in filter(None, text.split(",")):
        name, _, value = one.partition("=")
        kind = choose(flag, name, kinds)
        try:
            values[name] = flags.BooleanParser().parse(value) if kind is bool else kind(value)
        except ValueError:
            raise ValueError(f"{flag}: {name}={value!r} is no {kind.__name__}") from None
    return dataclasses.replace(config, **values)


def plain(body: Callable[[], Any], jobs: Mapping[str, Callable[[], Any]] | None = None) -> None:
    """The same for a script without --config; jobs: what is called instead, by a word of the command line."""
    flags.FLAGS.set_gnu_getopt()

    def run(argv: list[str]) -> None:
        word = argv.pop(1) if jobs and len(argv) > 1 else ""
        _no_strays(argv)
        told(lambda: (choose("the job", word, jobs) if word else body)())

    app.run(run)


def workdir() -> str:
    """--workdir, or a word on its absence."""
    if not _WORKDIR.value:
        raise ValueError("name a run's folder with --workdir=FOLDER")
    return _WORKDIR.value


def told(body: Callable[[], Any]) -> Any:
    """Run; a mistake of the caller's ends in one line and exit status 2, not in a traceback (REID_TRACEBACK=1: both)."""
    try:
        return body()
    except MISTAKES as error:
        if os.environ.get("REID_TRACEBACK"):
            raise
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(2)  # worker threads and processes of the input pipeline must not keep the command alive


def distribute() -> None:
    """Join the other processes before the first array is made."""
    if not _DISTRIBUTED.value:
        return
    if _COORDINATOR.value:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value)


def check_workdir(workdir: Path, config: Any) -> None:
    """Refuse a workdir that another configuration made, showing the difference, or that holds something else."""
    mine = dataclasses.asdict(config)
    path = workdir / "config.json"
    if path.is_file():
        theirs = json.loads(path.read_text())
        changed = [
            f"{name}: {theirs.get(name, 'absent')!r} there, {mine.get(name, 'absent')!r} now"
            for name in sorted({*mine, *theirs})
            if mine.get(name) != theirs.get(name)
        ]
        if changed:
            raise ValueError(
                f"{workdir} was made by another configuration ({'; '.join(changed)}); choose another --workdir, or the "
                "same options to go on"
            )
    elif workdir.exists() and (not workdir.is_dir() or any(workdir.iterdir())):
        raise ValueError(f"{workdir} holds other files and no config.json; choose an empty or a new --workdir")


def write_config(workdir: Path, config: Any) -> None:
    """Make the workdir; the configuration is written once the data and the model have been found good."""
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=2) + "\n")


def _no_strays(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(
            f"unexpected {' '.join(argv[1:])!r}; options are written --name=value, booleans --name=true"
        )

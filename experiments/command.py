"""The command line: flags, the workdir, and errors that a person can act on."""

import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
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
    unknown = [
        argument
        for argument in sys.argv[1:]
        if argument.startswith("--config.") and _field(argument) not in config_class.__dataclass_fields__
    ]
    if unknown:
        names = {field.name: None for field in dataclasses.fields(config_class)}
        word = _field(unknown[0])
        sys.exit(f"unknown option --config.{word}{nearest(word, names)}; the options are {', '.join(names)}")
    config = config_flags.DEFINE_config_dataclass("config", config_class(**_recipe(recipes or {})))
    flags.mark_flag_as_required("workdir")

    def run(argv: list[str]) -> None:
        _no_strays(argv)
        distribute()
        told(lambda: body(config.value, Path(_WORKDIR.value)))

    app.run(run)


def _recipe(recipes: Mapping[str, dict]) -> dict[str, Any]:
    """What --recipe names. It is read before all other flags, which may change what it says."""
    if not recipes:
        return {}
    first = next(iter(recipes))
    flags.DEFINE_enum("recipe", first, list(recipes), "a named set of options, which --config.NAME goes on from")
    given = [argument.split("=", 1)[1] for argument in sys.argv[1:] if re.match("--?recipe=", argument)]
    return recipes.get(given[-1] if given else first, {})


def changed(config: Any, flag: str, text: str) -> Any:
    """A configuration with the options `name=value,...` of another script's, given as the text of one flag."""
    kinds, values = {field.name: field.type for field in dataclasses.fields(config)}, {}
    for one in filter(None, text.split(",")):
        name, _, value = one.partition("=")
        kind = choose(flag, name, kinds)
        try:
            values[name] = value == "true" if kind is bool else kind(value)
        except ValueError:
            raise ValueError(f"{flag}: {name}={value!r} is no {kind.__name__}") from None
    return dataclasses.replace(config, **values)


def plain(body: Callable[[], Any]) -> None:
    """The same for a script without --config."""

    def run(argv: list[str]) -> None:
        _no_strays(argv)
        told(body)

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


def _field(argument: str) -> str:
    return argument.removeprefix("--config.").split("=")[0]


def _no_strays(argv: list[str]) -> None:
    if len(argv) > 1:
        raise app.UsageError(f"unexpected {' '.join(argv[1:])!r}; options are written --name=value")

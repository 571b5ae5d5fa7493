"""The command line: flags, help, the first line, and how a command ends."""

import logging
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags

from reid_jax.app import cache, peers, progress, stop, words
from reid_jax.app.help import asked_for, show
from reid_jax.app.mistakes import guarded, quiet
from reid_jax.options import choose, expanded

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
_PATIENCE = flags.DEFINE_float(
    "patience",
    60.0,
    "with --distributed: seconds without a sign of life after which a process counts as dead, and "
    "the others end",
    lower_bound=1,
)

_WORKERS = flags.DEFINE_integer(
    "workers", 0, "processes that decode pictures; 0: threads of this process", lower_bound=0
)


def say(text: str, fleeting: bool = False) -> None:
    """Print a line at once; where nobody reads any more, the command is asked to stop.

    Args:
        text: the line.
        fleeting: on a terminal the next line overwrites it.
    """
    try:
        progress.say(text, fleeting)
    except BrokenPipeError:
        quiet()
        stop.ask(signal.SIGPIPE)


def main(
    config_class: type,
    body: Callable[[Any, Path], Any],
    recipes: Mapping[str, Mapping[str, Any]] | None = None,
    first_line: Callable[[Any, str], str] | None = None,
) -> None:
    """Define --config from a dataclass, parse the command line, and call body(config, workdir).

    Args:
        config_class: the dataclass.
        body: what is run.
        recipes: by name, what differs from the dataclass's defaults. --recipe=NAME chooses one;
            the first is taken without it.
        first_line: (configuration, recipe) -> the first line, which says what will be done.
    """
    if recipes:
        flags.DEFINE_string(
            "recipe",
            next(iter(recipes)),
            f"options that --config.NAME goes on from: {', '.join(recipes)}",
        )

    def run(given: list[str]) -> None:
        defined = words.defined(config_class, recipes or {}, given)
        _parse(given)
        config = words.settled(defined.value)
        cache.begin()
        folder = Path(workdir())
        if first_line is not None:
            recipe = str(flags.FLAGS["recipe"].value) if recipes else ""
            say(f"{Path(sys.argv[0]).stem}, {first_line(config, recipe)}; {folder}")
        distribute()
        body(config, folder)
        peers.end(peers.LEFT)

    _start(run, config_class, recipes or {})


def plain(
    body: Callable[[], Any],
    jobs: Mapping[str, Callable[[], Any]] | None = None,
    job: str = "the job",
    then: str = stop.ANEW,
) -> None:
    """The same for a script without --config.

    Args:
        body: what is run.
        jobs: by name, what is run instead where a word of the command line names it.
        job: what such a word is, for errors.
        then: after a stop, what the same command does.
    """

    def run(given: list[str]) -> None:
        chosen = body
        word = next((one for one in given if not one.startswith("-")), "")
        if jobs and word:
            given.remove(word)
            chosen = choose(job, word, jobs)
        _parse(given)
        cache.begin()
        distribute()
        chosen()
        peers.end(peers.LEFT)

    _start(run, then=then)


def naming(body: Callable[[list[str]], Any]) -> None:
    """The same for a script that takes words without a flag: body(those)."""

    def run(given: list[str]) -> None:
        ahead = given[: given.index("--")] if "--" in given else given
        words = [one for one in ahead if not one.startswith("-")] + given[len(ahead) + 1 :]
        _parse([one for one in ahead if one.startswith("-")])
        body(words)

    _start(run)


def handing(body: Callable[[list[str]], Any]) -> None:
    """The same for a script that hands the flags on that it does not know: body(those)."""

    def run(given: list[str]) -> None:
        body(flags.FLAGS([sys.argv[0], *given], known_only=True)[1:])

    _start(run, then=stop.GOES_ON, known_only=True)


def _start(
    run: Callable[[list[str]], Any],
    config_class: type | None = None,
    recipes: Mapping[str, Mapping[str, Any]] | None = None,
    then: str = stop.ANEW,
    known_only: bool = False,
) -> None:
    """Heed stops, answer --help and --version, and run(words of the command line)."""
    stop.heed()
    flags.FLAGS.set_gnu_getopt()
    logging.getLogger("jax").setLevel(logging.WARNING)  # devices that it has not found

    def begun() -> None:
        arguments = sys.argv[1:]
        if asked_for(arguments):
            show(arguments, config_class, recipes or {})
            return
        with progress.doing(f"{Path(sys.argv[0]).stem} is at work"):
            run(words.normal(arguments, config_class, known_only=known_only))

    guarded(begun, then)


def _parse(given: Sequence[str]) -> None:
    """Give the flags their values.

    Raises:
        ValueError: a value that a flag cannot have, a flag that is needed, or a word too many.
    """
    try:
        rest = flags.FLAGS([sys.argv[0], *given])
    except flags.Error as error:
        needed = re.match(r"flag --(\w+)=None: Flag --\w+ must have a value", str(error))
        if needed:
            name = needed[1]
            raise ValueError(f"name --{name}=...: {flags.FLAGS[name].help}") from None
        raise ValueError(str(error)) from None
    if len(rest) > 1:
        raise ValueError(
            f"unexpected {' '.join(rest[1:])!r}; options are written --name=value, booleans "
            "--name=true"
        )


def workdir() -> str:
    """The value of --workdir.

    Raises:
        ValueError: it is missing.
    """
    if not _WORKDIR.value:
        raise ValueError("name a run's folder with --workdir=FOLDER")
    return expanded(_WORKDIR.value)


def has_workdir() -> bool:
    """Whether --workdir is given."""
    return bool(_WORKDIR.value)


def workers() -> int:
    """The value of --workers."""
    return _WORKERS.value or 0


def distribute() -> None:
    """Join the other processes before the first array is made, and watch them from then on."""
    if not _DISTRIBUTED.value:
        return
    if _COORDINATOR.value:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.config.update("jax_enable_recoverability", True)  # we end the others, in a line
    jax.distributed.initialize(
        _COORDINATOR.value,
        _PROCESSES.value,
        _PROCESS.value,
        heartbeat_timeout_seconds=round(4 * _PATIENCE.value),
    )
    stop.share()
    if _WORKDIR.value:
        peers.begin(
            Path(workdir()), jax.process_index(), jax.process_count(), float(_PATIENCE.value)
        )
    if jax.process_index():
        progress.hush()

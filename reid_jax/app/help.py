"""--help and --version: every option and flag with its default and its sentence, in groups."""

import inspect
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

import reid_jax
from reid_jax import encoders
from reid_jax.app import kinds, memory, parts, views
from reid_jax.options import SOURCE, Holds, choose, holds, names, owner, sentence, typed

WORDS = ("-h", "--help", "-help", "-?", "--helpshort", "--helpfull", "--version")
# what an option is about, by the part of a configuration that has it; others are of the method
GROUPS: dict[str, tuple[type, ...]] = {
    "data": (
        parts.Data,
        parts.Adaptation,
        parts.FromSource,
        parts.Batch,
        parts.CameraBatch,
        views.Views,
    ),
    "model": (encoders.Trunk, encoders.Network),
    "pseudo labels": (parts.Jaccard, parts.DBSCAN, parts.SelfPaced),
    "method and losses": (),
    "optimiser and schedule": (parts.Schedule, parts.WarmSchedule, parts.FallingSchedule),
}
OURS = ("reid_jax.", "experiments.")


def asked_for(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for help or the version."""
    own = arguments[: list(arguments).index("--")] if "--" in arguments else arguments
    return any(word in WORDS for word in own)


def show(
    arguments: Sequence[str],
    config_class: type | None,
    recipes: Mapping[str, Mapping[str, Any]],
) -> None:
    """Print the help of the script that runs, or the version."""
    if "--version" in arguments:
        print(f"reid_jax {reid_jax.__version__}")
        return
    print("\n".join(_lines(arguments, config_class, recipes)))


def _lines(
    arguments: Sequence[str],
    config_class: type | None,
    recipes: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    script = sys.modules["__main__"]
    about = inspect.cleandoc(script.__doc__ or "")
    installed = str(script.__package__).startswith("reid_jax.")
    yield about.replace("python -m experiments.", "reid-jax ") if installed else about
    yield "\n" + textwrap.fill(memory.told(Path(sys.argv[0]).stem), 100)
    if config_class is not None:
        named = [word.partition("=")[2] for word in arguments if word.startswith("--recipe=")]
        recipe = named[-1] if named else next(iter(recipes), "")
        changed = choose("--recipe", recipe, recipes) if recipes else {}
        if recipes:
            others = ", ".join(name for name in recipes if name != recipe)
            yield f"\nDefaults are those of --recipe={recipe}" + (
                f"; --recipe=NAME --help shows those of {others}." if others else "."
            )
        yield from _options(config_class, config_class(**changed))
        if SOURCE in _held(config_class):
            yield "\nKIND:PATH, several joined by +"
            for form, about in kinds.listing():
                yield from _entry(form, "", about)
    yield "\nrun"
    for flag in _flags():
        default = "" if flag.default is None else str(flag.default_as_str).strip("'")
        yield from _entry(f"--{flag.name}", default, flag.help)


def _options(config_class: type, config: Any) -> Iterator[str]:
    """The options of a configuration, by what they are about."""
    for title in GROUPS:
        members = [name for name in names(config_class) if _group(config_class, name) == title]
        if members:
            yield f"\n{title}"
        for name in members:
            value = getattr(config, name)
            yield from _entry(f"--config.{name}", typed(value), sentence(config_class, name))


def _held(config_class: type) -> list[Holds]:
    """What each option holds by way of paths."""
    return [holds(config_class, name, "x") for name in names(config_class)]


def _group(config_class: type, name: str) -> str:
    about = sentence(config_class, name)
    if "KIND:PATH" in about:
        return "data"
    first = owner(config_class, name)
    return next((title for title, own in GROUPS.items() if first in own), "method and losses")


def _flags() -> list[flags.Flag]:
    """The flags of this script and of what it shares with others."""
    found: dict[str, flags.Flag] = {}
    modules: Mapping[str, Iterable[flags.Flag]] = flags.FLAGS.flags_by_module_dict()
    for module, own in sorted(modules.items(), key=lambda one: one[0].startswith(OURS)):
        if module.startswith(OURS) or module == sys.argv[0]:
            found.update({flag.name: flag for flag in own})
    return list(found.values())


def _entry(name: str, default: str, about: str | None) -> Iterator[str]:
    """A flag, its default, and below them its sentence."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    yield f"  {name}={default}" if default else f"  {name}"
    indent = " " * 6
    yield from textwrap.wrap(about or "", width, initial_indent=indent, subsequent_indent=indent)

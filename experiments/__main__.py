"""The command `reid-jax`: every script by its name, from anywhere.

    reid-jax                              lists the scripts
    reid-jax NAME --help                  the options of one
    reid-jax NAME --workdir=FOLDER ...    runs it
    reid-jax info                         versions, devices, caches: what a bug report needs
    reid-jax --version

In a checkout `python -m experiments` is the same, and so is `python -m experiments.NAME`.
"""

import ast
import runpy
import sys
from pathlib import Path

from reid_jax import __version__
from reid_jax.app import hugepages, stop
from reid_jax.options import nearest

from . import files, is_training

HELP = ("-h", "--help", "-?", "--helpshort", "--helpfull")


def main() -> None:
    """Run the script that the command line names, as if it had been started by itself."""
    if sys.argv[0] in sys.orig_argv:  # `reid-jax`, not called by another program
        hugepages.ask()
    stop.heed(early=True)
    name, *rest = sys.argv[1:] or ["--help"]
    if name == "--version":
        print(f"reid_jax {__version__}")
    elif name in HELP:
        print(listing())
    elif name in names():
        sys.argv = [name, *rest]
        runpy.run_module(f"{__package__}.{name}", run_name="__main__", alter_sys=True)
    else:
        near = nearest(name, names())
        print(f"error: there is no script {name!r}{near}; `reid-jax` lists them", file=sys.stderr)
        sys.exit(2)


def names() -> list[str]:
    """The scripts, and `tables`, which is a folder."""
    return [*files(), "tables"]


def listing() -> str:
    """The scripts with a line each."""
    found = files()
    trainings = {name: path for name, path in found.items() if is_training(path)}
    tools = {name: path for name, path in found.items() if name not in trainings}
    tools["tables"] = Path(__file__).parent / "tables" / "__main__.py"
    lines = [f"reid_jax {__version__}: person re-identification that generalises", ""]
    lines += ["  reid-jax NAME --help   shows the options of one of these", ""]
    for title, scripts in (("trainings", trainings), ("tools", tools)):
        lines.append(title)
        lines += [f"  {name:18}{_about(path)}" for name, path in sorted(scripts.items())]
    return "\n".join(lines)


def _about(path: Path) -> str:
    """The first line of a script's docstring; it is not imported."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


if __name__ == "__main__":
    main()

"""The recipes as they are now, beside recipes.csv, where each value stands with what it rests on.

    python -m tests.experiments.pinned

writes recipes.csv anew after a change that is meant: what has stayed keeps its evidence, and what is new or has another value
waits for one, without which test_recipes.py fails.
"""

import csv
import dataclasses
import importlib
from pathlib import Path
from types import ModuleType

from tests.experiments.called import ROOT

FILE = Path(__file__).with_name("recipes.csv")
HEAD = ("experiment", "recipe", "option", "value", "evidence")
Key = tuple[str, str, str]


def experiments() -> dict[str, ModuleType]:
    """The scripts that train, by name."""
    files = sorted(Path(ROOT, "experiments").glob("*.py"))
    return {
        path.stem: importlib.import_module(f"experiments.{path.stem}")
        for path in files
        if "class Config" in path.read_text()
    }


def recipes(script: ModuleType) -> dict[str, dict]:
    """What a script's recipes change of its defaults; a script without any has its defaults."""
    return getattr(script, "RECIPES", {"default": {}})


def now() -> dict[Key, str]:
    """Every option of every recipe of every experiment, as text."""
    found = {}
    for name, script in experiments().items():
        for recipe, changed in recipes(script).items():
            for option, value in dataclasses.asdict(script.Config(**changed)).items():
                found[name, recipe, option] = str(value)
    return found


def pinned() -> dict[Key, tuple[str, str]]:
    """(value, evidence) of every line of the file."""
    with FILE.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return {(line["experiment"], line["recipe"], line["option"]): (line["value"], line["evidence"]) for line in lines}


def differences(there: dict[Key, str], kept: dict[Key, tuple[str, str]]) -> list[str]:
    """What the code and the file say differently, a line each."""
    found = []
    for key in dict.fromkeys([*there, *kept]):
        value, (told, evidence) = there.get(key, "absent"), kept.get(key, ("absent", "-"))
        if value != told:
            found.append(f"{' '.join(key)}: {value} in the code, {told} pinned")
        elif not evidence:
            found.append(f"{' '.join(key)}: {value} rests on nothing; write what in {FILE.name}")
    return found


def main() -> None:
    """Write the file anew, and tell what waits for its evidence."""
    kept = pinned() if FILE.is_file() else {}
    lines = []
    for key, value in now().items():
        told, evidence = kept.get(key, ("", ""))
        evidence = evidence if told == value else "chosen here" if key[1].startswith("street") else ""
        lines.append((*key, value, evidence))
        if not evidence:
            print(f"{FILE.name}:{len(lines) + 1}: {' '.join(key)}={value}, {told or 'nothing'} before")  # noqa: T201
    with FILE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([HEAD, *lines])


if __name__ == "__main__":
    main()

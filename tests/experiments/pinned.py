"""The recipes as they are now, and recipes.csv, which gives the evidence for each value.

    python -m tests.experiments.pinned

writes recipes.csv anew after a change that is meant: what has stayed keeps its evidence; what is
new or has another value lacks one, and test_recipes.py fails until it is written.
"""

import csv
import dataclasses
from pathlib import Path

import experiments

FILE = Path(__file__).with_name("recipes.csv")
HEAD = ("experiment", "recipe", "option", "value", "evidence")
Key = tuple[str, str, str]


def now() -> dict[Key, str]:
    """Every option of every recipe of every experiment, as text."""
    return {
        (name, recipe, option): str(value)
        for name, experiment in experiments.find().items()
        for recipe, changed in experiment.recipes.items()
        for option, value in dataclasses.asdict(experiment.config(**changed)).items()
    }


def pinned() -> dict[Key, tuple[str, str]]:
    """(value, evidence) of every line of the file."""
    with FILE.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return {
        (line["experiment"], line["recipe"], line["option"]): (line["value"], line["evidence"])
        for line in lines
    }


def differences(now: dict[Key, str], kept: dict[Key, tuple[str, str]]) -> list[str]:
    """A line for each option that differs between code and file, or has no evidence."""
    lines = []
    for key in dict.fromkeys([*now, *kept]):
        name, value = " ".join(key), now.get(key, "absent")
        before, evidence = kept.get(key, ("absent", "-"))
        if value != before:
            lines.append(f"{name}: {value} in the code, {before} pinned")
        elif not evidence:
            lines.append(f"{name}: {value} rests on nothing; write what in {FILE.name}")
    return lines


def main() -> None:
    """Write the file anew, and print what lacks its evidence."""
    kept = pinned() if FILE.is_file() else {}
    lines = []
    for key, value in now().items():
        before, evidence = kept.get(key, (None, ""))
        if not evidence or before != value:
            evidence = "chosen here" if key[1].startswith("street") else ""
        lines.append((*key, value, evidence))
        if not evidence:
            where = f"{FILE.name}:{len(lines) + 1}: {' '.join(key)}"
            print(f"{where}={value}, {before or 'nothing'} before")  # noqa: T201
    with FILE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([HEAD, *lines])


if __name__ == "__main__":
    main()

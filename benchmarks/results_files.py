"""The files of results, and a page with their figures (benchmarks.results)."""

import json
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reid_jax.app import about as origins
from reid_jax.app.curves import Moments
from reid_jax.app.results import record

ROOT = Path(__file__).parents[1]
HOME, PAGE, WRITTEN = ROOT / "results", "page.md", ROOT / "RESULTS.md"
FIGURES = ("mAP", "mINP", "rank1", "rank5", "rank10")
LABELS = {
    "labels": ("labels", 1, ".0f"),
    "outlier_part": ("without one, %", 100, ".0f"),
    "purity": ("purity, %", 100, ".0f"),
    "recall": ("recall, %", 100, ".0f"),
}


def kept(files: Sequence[Path], test: str, hide: Callable[[str], str]) -> list[dict[str, Any]]:
    """What results.json files say, one of each seed, in few lines.

    Args:
        files: of one training, or of one encoder.
        test: a name of what they were tested on.
        hide: a text with other paths.

    Raises:
        ValueError: a file is none of results or has no figures, or two are of one seed.
    """
    runs = []
    for file in files:
        _, figures, _, about, _ = record.read(file)
        if not figures:
            raise ValueError(f"{file} has no figures")
        folder = Path(about.get("folder", file.parent))
        moments, trained = Moments(folder / "metrics.jsonl"), origins.read(folder).command
        runs.append({
            "seed": next(iter(about["seeds"]), None),
            "command": hide(trained or about["command"]),
            **{name: about[name] for name in ("version", "date", "devices", "cores")},
            "configuration": about["configuration"],
            "tests": {test: {
                "command": hide(about["command"]), "source": hide(about["test"]["source"]),
                "mark": about["test"]["mark"],
                **{name: round(figures[name], 5) for name in FIGURES},
            }},
            "labels": {
                name: [round(float(value), 4) for value in moments.by_epoch(name)[1]]
                for name in LABELS
            },
        })  # fmt: skip
    seeds = [run["seed"] for run in runs]
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"several files are of one seed: {seeds}")
    return runs


def joined(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs of a file with further tests of the same runs, by seed; others are added."""
    by_seed = {run["seed"]: dict(run) for run in old}
    for run in new:
        before = by_seed.get(run["seed"])
        if before is None:
            by_seed[run["seed"]] = run
        elif before["configuration"] != run["configuration"]:
            raise ValueError(f"seed {run['seed']} is there with another configuration")
        else:
            before["tests"] = {**before["tests"], **run["tests"]}
    return [by_seed[seed] for seed in sorted(by_seed, key=str)]


def filled(page: str, results: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The page with each {{...}} replaced.

    Args:
        page: Markdown.
        results: the runs of each file by its name.

    Raises:
        ValueError: there is no such result, test or figure.
    """

    def found(match: re.Match) -> str:
        words = match[1].split()
        try:
            if words[0] == "labels":
                return _labels(results[words[1]])
            if words[0] == "how":
                return "\n\n".join(_how(results[name]) for name in words[1:])
            return _cell(results[words[0]], *words[1:])
        except (KeyError, IndexError, TypeError):
            raise ValueError(f"{match[0]}: no file of results has that") from None

    return re.sub(r"\{\{(.+?)\}\}", found, page)


def _cell(runs: Sequence[Mapping[str, Any]], test: str, *figures: str) -> str:
    """Figures of a test, in percent."""
    return " / ".join(
        _spread([100 * run["tests"][test][name] for run in runs])
        for name in figures or ("mAP", "rank1")
    )


def _spread(values: Sequence[float]) -> str:
    """Mean and, of several, standard deviation."""
    mean = f"{statistics.mean(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.1f}"


def _labels(runs: Sequence[Mapping[str, Any]]) -> str:
    """A column for each epoch, and a line for each figure."""
    names = [name for name in LABELS if all(run["labels"][name] for run in runs)]
    epochs = min(len(run["labels"][names[0]]) for run in runs)
    lines = [["epoch", *(str(epoch + 1) for epoch in range(epochs))]]
    for name in names:
        head, times, form = LABELS[name]
        means = [
            statistics.mean(run["labels"][name][epoch] for run in runs) for epoch in range(epochs)
        ]
        lines.append([head, *(format(times * mean, form) for mean in means)])
    rows = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([rows[0], "|---" * (epochs + 1) + "|", *rows[1:]])


def _how(runs: Sequence[Mapping[str, Any]]) -> str:
    """The commands of the first seed, and where all were run."""
    seeds = ", ".join(str(run["seed"]) for run in runs if run["seed"] is not None)
    told = sorted({
        f"version {run['version']}, {run['date'][:10]}, {run['devices']}, {run['cores']} cores"
        for run in runs
    })  # fmt: skip
    tests = [test["command"] for test in runs[0]["tests"].values()]
    lines = "\n".join(f"    {one}" for one in dict.fromkeys([runs[0]["command"], *tests]))
    return f"{lines}\n\n({f'seeds {seeds}; ' if seeds else ''}{'; '.join(told)})"


def read(home: Path) -> dict[str, list[dict[str, Any]]]:
    """The runs of each file of results by its name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(home.glob("*.json"))}

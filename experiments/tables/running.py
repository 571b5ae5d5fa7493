"""One row: its training, its tests, and what is kept of them beside its folder."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import reid_jax
from reid_jax.app import about, command, run, workdirs
from reid_jax.app.process import call_and_wait
from reid_jax.whole import whole

from . import cost
from .trainings import Test, Training

SCRIPTS = __package__.rpartition(".")[0]
LOOK = 5.0  # seconds between two looks at the log of a training
TELL = 600.0  # seconds between two lines on the time that is left


def record(folder: Path) -> dict[str, Any]:
    """What is kept of the row in `folder`: row3-seed0.json beside it."""
    file = folder.with_name(f"{folder.name}.json")
    return json.loads(file.read_text()) if file.is_file() else {}


def keep(folder: Path, **more: Any) -> None:
    """Keep something of the row in `folder`."""
    with whole(folder.with_name(f"{folder.name}.json")) as file:
        file.write_text(json.dumps(record(folder) | more, indent=1) + "\n")


def done(one: Training) -> bool:
    """Whether a row is trained and tested, by its own test."""
    if not one.words:
        lines = _lines(one.folder)
        return bool(lines) and lines[-1]["kind"] in ("test", "untested")
    return run.ended(one.config, one.folder)


def ready(one: Training, need: Training) -> bool:
    """Whether what a row takes of another one is there: its run, a stage of it, or its labels."""
    start = str(need.folder)
    texts = [text for text in map(str, vars(one.config).values()) if start in text]
    ends = {text.partition(start)[2].partition(",")[0] for text in texts}
    paths = [Path(f"{start}{end}") for end in ends]
    return all(
        path.is_file() if path.suffix else done(need) if path == need.folder else _ended(path)
        for path in paths
    )


def _ended(folder: Path) -> bool:
    """Whether a stage did its last epoch and the test after it."""
    kept = folder / "config.json"
    return kept.is_file() and run.ended(SimpleNamespace(**json.loads(kept.read_text())), folder)


def check(one: Training, name: str) -> None:
    """Refuse the folder of another row, of other options, or one that another version began.

    Args:
        one: the training.
        name: TABLE: ROW.

    Raises:
        ValueError: it is such a one.
    """
    kept = record(one.folder)
    if kept.get("row", name) != name:
        raise ValueError(
            f"{one.folder} is the row {kept['row']!r}, and not {name!r}: another table or another "
            "version made it; choose another --workdir"
        )
    workdirs.check(one.folder, one.config)
    version = kept.get("version") or about.read(one.folder).version
    if version and version != reid_jax.__version__ and not done(one):
        raise ValueError(
            f"{one.folder} was begun by version {version}, and this is {reid_jax.__version__}: go "
            f"on with that one, or delete the folder and {one.folder.name}.json"
        )


def train(one: Training, name: str, tell: Callable[[str], None]) -> None:
    """Train a row, or go on with it.

    Args:
        one: the training.
        name: as of `check`.
        tell: is told how long it will take, once that is known, and then now and again.
    """
    module = f"{SCRIPTS}.{one.experiment}"
    call = [sys.executable, "-m", module, f"--workdir={one.folder}", "--noreport", *one.words]
    keep(one.folder, row=name, version=record(one.folder).get("version", reid_jax.__version__))
    command.say(" ".join(["python", *call[1:]]))
    began, next_line = time.monotonic(), [LOOK]

    def look() -> None:
        now = time.monotonic() - began
        if now > next_line[0]:
            text = cost.told(one.folder)
            next_line[0] = now + (TELL if text else LOOK)
            if text:
                tell(text)

    memory = call_and_wait(call, look)
    before = record(one.folder)
    keep(
        one.folder,
        seconds=before.get("seconds", 0.0) + time.monotonic() - began,
        memory=max(before.get("memory", 0), memory),
    )


def figures(
    one: Training, tests: Sequence[Test], names: Sequence[str], *, measure: bool
) -> np.ndarray:
    """Figures f64[tests names] of a row that is done; what is missing is measured now, or NaN."""
    found = np.full((len(tests), len(names)), np.nan)
    for row, test in enumerate(tests):
        told = [_tested(one.folder, source, measure) for source in test.sources]
        for column, name in enumerate(names):
            values = [each.get(name, np.nan) for each in told or [_own(one.folder)]]
            found[row, column] = np.mean(values)
    kept = record(one.folder)
    extra = {
        "hours": kept.get("seconds", np.nan) / 3600,
        "memory": kept.get("memory", np.nan) / 1e9,
        "cpu": _clocked(one.folder, measure) if "cpu" in names else np.nan,
    }
    for name, value in extra.items():
        if name in names:
            found[:, names.index(name)] = value
    return found


def _own(folder: Path) -> dict[str, float]:
    """The figures of a run's own test, in its log."""
    tests = [line for line in _lines(folder) if line["kind"] == "test"]
    return tests[-1] if tests else {}


def _tested(folder: Path, source: str, measure: bool) -> dict[str, float]:
    """The figures of a run on other data, measured once."""
    kept = record(folder).get("tests", {})
    if source not in kept and measure:
        keep(folder, tests=kept | {source: _out("evaluate", folder, f"--test={source}")})
    return record(folder).get("tests", {}).get(source, {})


def _clocked(folder: Path, measure: bool) -> float:
    """Milliseconds that a run's encoder takes for a picture on one core, measured once."""
    if "cpu" not in record(folder) and measure:
        keep(folder, **_out("tables.clock", folder))
    return float(record(folder).get("cpu", np.nan))


def _out(tool: str, folder: Path, *options: str) -> dict[str, float]:
    """What a tool writes of a run."""
    out = folder.with_name(f"{folder.name}.out.json")
    beside = out.with_suffix(".npz")
    for one in (out, beside):
        one.unlink(missing_ok=True)
    module, named = f"{SCRIPTS}.{tool}", [f"--workdir={folder}", f"--out={out}"]
    call_and_wait([sys.executable, "-m", module, *named, *options])
    found = json.loads(out.read_text())
    out.unlink()
    beside.unlink(missing_ok=True)
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def _lines(folder: Path) -> list[dict[str, Any]]:
    log = folder / "metrics.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []


def rest(text: str, after: Sequence[Training], folder: Path) -> str:
    """`cost.told` of a row, and how long those after it take at its pace, as far as it is known."""
    found, pictures = (
        cost.left(folder),
        [cost.of(one.config).pictures for one in after if one.words],
    )
    if found is None or not pictures or not all(pictures):
        return text
    seconds = timedelta(seconds=round(sum(pictures) / found[1]))
    return f"{text}; what is to be trained after it {seconds} at that pace"

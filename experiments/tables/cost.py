"""How much a training is: its batches, and how long they take at the pace that its log tells."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """Batches of a training.

    Attributes:
        epochs: of it.
        iterations: batches of an epoch; 0: a pass over the data.
        batch: pictures of a batch, at most.
    """

    epochs: int
    iterations: int
    batch: int

    @property
    def pictures(self) -> int:
        """Pictures that are trained on, counted each time; 0: it depends on the data."""
        return self.epochs * self.iterations * self.batch


def of(config: Any) -> Cost:
    """The batches of a configuration; CycAs's epochs depend on its videos."""
    if hasattr(config, "groups"):
        simulated = config.pairs_from == "persons"
        return Cost(
            config.epochs, config.iterations if simulated else 0, 2 * config.groups * config.crops
        )
    if hasattr(config, "batch"):
        return Cost(config.epochs, config.iterations, config.batch)
    batch = config.persons * config.per_person
    if hasattr(config, "per_label"):
        batch += config.labels * config.per_label
    if hasattr(config, "source") and not hasattr(config, "pseudo_labels") and config.data:
        batch *= 2  # SpCL: as many of either domain
    return Cost(config.epochs, config.iterations, batch)


def words(config: Any) -> str:
    """The computation of a configuration in words, without the stages before it."""
    cost = of(config)
    each = f"{cost.iterations:,} batches" if cost.iterations else "a pass over the data"
    text = f"{cost.epochs:,} epochs of {each} of {cost.batch:,}"
    if cost.pictures:
        text += f" ({cost.pictures / 1e6:.1f} M pictures)"
    before = {
        "source_epochs": "a training on the source",
        "source": "a training on the source",
        "stage1": "pseudo labels' training",
        "first": "two trainings on the source",
    }
    own = [what for name, what in before.items() if getattr(config, name, None)]
    if getattr(config, "begun", "") or str(getattr(config, "pseudo_labels", "")).endswith(".csv"):
        own = []
    weights = str(getattr(config, "weights", ""))
    stages = [] if "-source" in weights else own
    return f"{text}, {config.backbone} at {config.size}" + "".join(
        f", after {one}" for one in stages
    )


def left(folder: Path) -> tuple[Path, float, float] | None:
    """How long the stage that was trained on last in a run's folder still takes.

    Returns:
        (the stage's folder, images a second, seconds left); None: its pace is not known yet.
    """
    beside = folder.with_name(f"{folder.name}-source")
    logs = [*folder.glob("**/metrics.jsonl"), *beside.glob("metrics.jsonl")]
    if not logs:
        return None
    log = max(logs, key=lambda path: path.stat().st_mtime)
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    steps = [line for line in lines if line.get("images_per_second")]
    if not steps or not (log.parent / "config.json").is_file():
        return None
    cost = of(SimpleNamespace(**json.loads((log.parent / "config.json").read_text())))
    pace = sorted(line["images_per_second"] for line in steps[-9:])[len(steps[-9:]) // 2]
    last = lines[-1]
    whole = [line for line in lines if line["epoch"] < last["epoch"]]
    length = cost.iterations or (whole and whole[-1]["step"] / (whole[-1]["epoch"] + 1))
    if not length:
        return log.parent, pace, float("nan")
    return log.parent, pace, max(0.0, (cost.epochs * length - last["step"]) * cost.batch / pace)


def told(folder: Path) -> str:
    """`left` in words; empty: nothing is known."""
    found = left(folder)
    if found is None:
        return ""
    stage, pace, seconds = found
    name = "" if stage == folder else f" of its stage {stage.name}"
    if seconds != seconds:
        return f"{pace:.0f} images/s, the first epoch{name}"
    return f"{timedelta(seconds=round(seconds))} left{name}, at {pace:.0f} images/s"

"""The checkpoint that finds the persons of the validation best, kept aside in a run's folder.

WORKDIR/best is a run's folder itself: its configuration, its one checkpoint, and in metrics.jsonl
the line of its validation. Whatever takes a run takes it.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reid_jax.app import about
from reid_jax.app.log import LINE
from reid_jax.files import jsons
from reid_jax.whole import whole

FOLDER = "best"
FIGURE = "mAP"  # that is compared
KIND = "validation"  # of lines in metrics.jsonl


def beaten(workdir: Path, step: int, figure: float) -> bool:
    """Whether a checkpoint is better than the one that is kept; the first of equal ones stays.

    One of a later step was better than all before it, in a run that was killed and does these steps
    again: it stays until its own step.

    Args:
        workdir: of the run.
        step: of the checkpoint.
        figure: its `FIGURE`.
    """
    line = read(workdir / FOLDER)
    return not line or step == line["step"] or (step > line["step"] and figure > line[FIGURE])


def read(folder: Path) -> Mapping[str, Any]:
    """The line of the validation of WORKDIR/best; empty where no sound one is kept."""
    lines = jsons.lines(folder / "metrics.jsonl", {**LINE, FIGURE: float})[0]
    known = [one for one in lines if (folder / "checkpoints" / str(one["step"])).is_dir()]
    return known[-1] if known else {}


def keep(workdir: Path, epoch: int, step: int, figures: Mapping[str, float]) -> None:
    """Copy the checkpoint of a step to WORKDIR/best; a kill leaves this one or the one before."""
    folder = workdir / FOLDER
    place = folder / "checkpoints" / str(step)
    if not place.exists():
        with whole(place) as unfinished:
            shutil.copytree(workdir / "checkpoints" / str(step), unfinished)
    line = {"kind": KIND, "epoch": epoch, "step": step, **figures}
    texts = {"metrics.jsonl": json.dumps(line) + "\n"}
    texts |= {name: (workdir / name).read_text() for name in ("config.json", about.FILE)}
    for name, text in texts.items():
        with whole(folder / name) as unfinished:
            unfinished.write_text(text)
    for other in place.parent.iterdir():
        if other.name.isdigit() and other != place:
            shutil.rmtree(other)

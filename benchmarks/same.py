"""Do two versions of this project train alike? A short training of each experiment, bit for bit.

    git worktree add ../before v0.2.0
    python -m benchmarks.same --before=../before
    python -m benchmarks.same --before=../before --only=remix,gds

Each version runs the same commands on the same pictures, which are drawn once. It compares all
arrays of the last checkpoint of every stage (weights, moments of the optimiser, what the method
carries, the plan of the epoch) and all figures of metrics.jsonl but the speed. It says the first
difference of each experiment and ends with 1 if there is one.

It proves that a change moves no figure; what is renamed inside a checkpoint counts as a difference.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import app, flags, logging

from reid_jax import synthetic
from reid_jax.data import records
from reid_jax.types import Records

_BEFORE = flags.DEFINE_string("before", None, "the checkout to compare with", required=True)
_AFTER = flags.DEFINE_string("after", ".", "the other checkout")
_ONLY = flags.DEFINE_list("only", [], "names of the runs, by comma; none: all")

SHORT = ["size=32x16", "backbone=resnet_small_ibn_a", "epochs=2", "iterations=3", "seed=3"]
TRAIN = [*SHORT, "data=csv:source.csv", "test=csv:target.csv"]
ADAPT = [*TRAIN, "target=csv:target.csv"]
SOURCE = "source=epochs=2,iterations=3"
SOURCES = ["source_epochs=1", "source_warmup=0", "source_iterations=3"]
RUNS = {
    "ide": ("ide", [*TRAIN, "persons=6", "centres=0.001"]),
    "ide with GDS": ("ide", [*TRAIN, "persons=6", "gds=gds-h", "second_feature=true"]),
    "moco": ("moco", [*TRAIN, "batch=16"]),
    "mgn": ("mgn", [*TRAIN[1:], "size=96x16", "backbone=mgn_small", "persons=6", "per_person=2"]),
    "spcl": ("spcl", [*ADAPT, "persons=4", "k1=6", "eps=0.7", SOURCE]),
    "mmt": ("mmt", [*ADAPT, "persons=4", "clusters=8", *SOURCES]),
    "mmt with DBSCAN": ("mmt", [*ADAPT, "persons=4", "clusters=0", "k1=6", "rho=0.02", *SOURCES]),
    "gds": ("gds", [*ADAPT, "persons=4", "source_epochs=1", "round=1", "rho=0.02", "k1=6",
                    "cameras=1"]),
    "remix": ("remix", [*TRAIN, "videos=csv:videos.csv", "persons=4", "labels=2", "eps=0.7"]),
    "cycas": ("cycas", [*SHORT, "data=csv:videos.csv", "test=csv:target.csv", "pairs=2", "crops=6",
                        "times=2", "memory=64"]),
    "domainmix": ("domainmix", [*ADAPT, "persons=6", "epochs=3", "begin=1", SOURCE, "least=1",
                                "stage1=epochs=1,iterations=3,persons=4,k1=6,eps=0.7",
                                "kept_out=0"]),
}  # fmt: skip


def draw(folder: Path) -> None:
    """Write the pictures and the three CSVs that all runs read."""
    size = (32, 16)
    for name, domain in (("source", "plaza"), ("target", "station")):
        options = {"domain": domain, "cameras": 3, "per_camera": 3, "size": size}
        train = synthetic.labelled(persons=12, **options)
        test = synthetic.query_gallery(persons=6, **options)
        _write(folder, name, records.concat([train, test]))
    films = synthetic.videos(domain="station", videos=4, people=6, frames=30)
    _write(folder, "videos", synthetic.video_crops(films, size=size))


def _write(folder: Path, name: str, drawn: Records) -> None:
    columns = ("person", "camera", "split", "group", "frame", "shot")
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *columns])
        for row in range(len(drawn.person)):
            path = f"{name}{row}.png"
            cv2.imwrite(str(folder / path), records.read(drawn, row)[:, :, ::-1])
            person = "distractor" if drawn.person[row] == 0 else drawn.person[row]
            writer.writerow(
                [path, person, *(getattr(drawn, column)[row] for column in columns[1:])]
            )


def train(checkout: Path, data: Path, name: str, folder: Path) -> None:
    """One run by the checkout's own command; what it prints goes into FOLDER.log."""
    script, options = RUNS[name]
    words = [f"--config.{option.replace('csv:', f'csv:{data}/')}" for option in options]
    call = [
        sys.executable,
        "-m",
        f"experiments.{script}",
        f"--workdir={folder}",
        "--noreport",
        *words,
    ]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "XLA_FLAGS": ""}
    log = folder.with_suffix(".log")
    with log.open("w") as file:
        done = subprocess.run(
            call, cwd=checkout, env=environment, stdout=file, stderr=file, check=False
        )
    if done.returncode:
        tail = "\n".join(log.read_text().splitlines()[-15:])
        raise ChildProcessError(f"failed in {checkout}: {' '.join(call)}\n{tail}")


def left(folder: Path) -> dict[str, Any]:
    """What a run and its stages left beside it, by name: arrays and lines of metrics.jsonl."""
    found: dict[str, Any] = {}
    for path in sorted(folder.parent.glob("**/checkpoints")):
        stage = path.parent.relative_to(folder.parent)
        with ocp.CheckpointManager(path) as manager:
            step = manager.latest_step()
            parts = ocp.args.Composite(
                **{part: ocp.args.StandardRestore() for part in ("state", "plan", "encoder")}
            )
            read = manager.restore(step, args=parts)
        for part, tree in read.items():
            for where, leaf in jax.tree.leaves_with_path(tree):
                found[f"{stage}: {part}{jax.tree_util.keystr(where)}"] = np.asarray(leaf)
        for number, line in enumerate((path.parent / "metrics.jsonl").read_text().splitlines()):
            figures = json.loads(line)
            figures.pop("images_per_second", None)
            found[f"{stage}: line {number} of metrics.jsonl"] = figures
    return found


def difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The first difference in words; nothing where all is equal."""
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after:
            return f"{name} is in one of them only"
        old, new = before[name], after[name]
        if isinstance(old, dict):
            if old != new:
                changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
                key = changed[0]
                return f"{name}: {key} {old.get(key)} before, {new.get(key)} after"
        elif old.shape != new.shape or old.dtype != new.dtype:
            return (
                f"{name}: {old.dtype}{list(old.shape)} before, {new.dtype}{list(new.shape)} after"
            )
        elif not np.array_equal(old, new, equal_nan=True):
            apart = np.abs(old.astype(float) - new.astype(float)).max()
            return f"{name}: differs by {apart:.3g} at most"
    return ""


def main(_: list[str]) -> None:
    """Run both versions of each run, one after the other, and compare."""
    unequal = 0
    logging.set_verbosity(logging.WARNING)  # of orbax
    checkouts = [Path(flag.value).resolve() for flag in (_BEFORE, _AFTER)]
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "data"
        data.mkdir()
        draw(data)
        for name in _ONLY.value or RUNS:
            found: list[dict[str, Any]] = []
            try:
                for side, checkout in zip(("before", "after"), checkouts, strict=True):
                    folder = Path(temporary) / side / name / "run"
                    folder.parent.mkdir(parents=True)
                    train(checkout, data, name, folder)
                    found.append(left(folder))
                unlike = difference(*found)
            except ChildProcessError as error:
                unlike = str(error)
            unequal += bool(unlike)
            print(f"{name:16} {unlike or f'equal in {len(found[0])} arrays and lines'}", flush=True)
    raise SystemExit(bool(unequal))


if __name__ == "__main__":
    app.run(main)

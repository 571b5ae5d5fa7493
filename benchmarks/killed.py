"""A small run of each method, which says in which phase it is: `benchmarks.kill` kills it."""

import atexit
import functools
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from reid_jax.app import report, run, workdirs
from reid_jax.app.log import Log

# what is announced -> where the functions are whose calls begin it
PHASES: dict[str, list[tuple[Any, str]]] = {
    "beginning": [(workdirs, "check_data")],
    "training": [(Log, "moment")],
    "saving": [(run.checkpoint, "save")],
    "testing": [(run, "ranked")],
    "recording": [(run, "_record")],
    "reporting": [(report, "write"), (report, "midway")],
    "ending": [(run.about, "finished")],
}
EVERY = 2  # steps between two looks at a run, each of which is saved

_SMALL = "size=32x16 backbone=resnet_small persons=2 per_person=2 epochs=2 iterations=4"
_ALONE = f"{_SMALL} test="
_TARGET = "data=csv:{0}/source.csv target=csv:{0}/target.csv"
_STAGE1 = "epochs=1,iterations=2,persons=2,per_person=2,k1=6,k2=2,bn_group=0"
# by method: the options of a run of seconds; {0} is the folder of the data
METHODS = {
    "ide": f"data=csv:{{0}}/source.csv {_ALONE} warmup=0",
    "cluster_contrast": f"target=csv:{{0}}/target.csv {_ALONE} k1=6 k2=2 eps=0.8",
    "spcl": f"{_TARGET} {_ALONE} k1=6 k2=2 source=epochs=1,iterations=2,warmup=0",
    "gds": f"{_TARGET} {_ALONE} k1=6 k2=2 round=1 rho=0.3 source_epochs=1 per_person=4",
    "mmt": f"{_TARGET} {_ALONE} clusters=4 source_epochs=1 source_iterations=2 source_warmup=0 "
    "source_schedule=1",
    "remix": f"data=csv:{{0}}/source.csv videos=csv:{{0}}/films.csv {_ALONE} labels=2 per_label=2 "
    "warmup=0 eps=0.9",
    "domainmix": f"{_TARGET} test=csv:{{0}}/target.csv {_SMALL} begin=1 least=2 kept_out=20 "
    f"source= stage1={_STAGE1}",
    "cycas": "data=csv:{0}/films.csv test=csv:{0}/source.csv size=32x16 backbone=resnet_small_in "
    "projection=8 groups=2 crops=4 pairs=2 times=4 interval=5 epochs=2 memory=32",
    "moco": "data=csv:{0}/films.csv test=csv:{0}/source.csv size=32x16 hidden=16 out=8 epochs=2 "
    "batch=8 warmup=0",
    "mgn": "data=csv:{0}/source.csv test= size=96x48 backbone=mgn_small persons=2 per_person=2 "
    "epochs=2 iterations=4 freeze=1",
}


def arguments(method: str, data: Path, workdir: Path) -> list[str]:
    """The command line of a method's run on the data of `draw`; all is saved, all is reported."""
    options = [f"--config.{one}" for one in METHODS[method].format(data).split(" ")]
    return [f"--workdir={workdir}", *options, "--save_minutes=0", "--evaluate_every=1"]


def draw(folder: Path) -> None:
    """source.csv and target.csv, 6 persons in two cameras each, half of them to test with; and
    films.csv, 4 videos of two unknown people each."""
    rng = np.random.default_rng(0)
    for name, persons, takes in (("source", 6, 8), ("target", 6, 8), ("films", 8, 6)):
        lines = ["path,person,camera,split,group,frame"]
        for person in range(persons):
            colour = rng.integers(0, 256, 3)
            for take in range(takes):
                pixels = np.clip(colour + rng.normal(0, 20, (32, 16, 3)), 0, 255)
                path = f"{name}{person}_{take}.png"
                cv2.imwrite(str(folder / path), pixels.astype(np.uint8))
                split = "train" if person < 3 else "query" if take < 2 else "gallery"
                own = f"{person},{take % 2},{split},,"
                if name == "films":
                    own = f",,train,film {person // 2},{2 * take}"
                lines.append(f"{path},{own}")
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def be(method: str, given: Sequence[str], phases: int, said: Path) -> None:
    """Be a run in this process.

    Args:
        method: the script of experiments/.
        given: its command line.
        phases: a file to which a line is written when a phase begins; -1: to none.
        said: a file that gets what the run says.
    """
    for number in (1, 2):
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    for phase, places in PHASES.items():
        for place, name in places:
            setattr(place, name, _announced(getattr(place, name), phase, phases))
    run.EVERY = EVERY
    sys.argv = [method, *given]
    try:
        runpy.run_module(f"experiments.{method}", run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()


def _announced(function: Any, phase: str, to: int) -> Any:
    @functools.wraps(function)
    def announced(*given: Any, **named: Any) -> Any:
        if to >= 0:
            os.write(to, f"{phase}\n".encode())
        return function(*given, **named)

    return announced

"""The job `videos` of experiments.prepare: raw video -> crops of people, packed."""

import dataclasses
import fcntl
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from reid_jax.app import canvas, command, outputs, sheets
from reid_jax.files import jsons
from reid_jax.options import absolute, listed
from reid_jax.types import Records
from reid_jax.video import beam, detect, find, gather, shots, workers
from reid_jax.video.cut import How
from reid_jax.whole import whole

_VIDEOS = flags.DEFINE_multi_string(
    "videos",
    [],
    "videos, and folders that are searched to the bottom for them, by comma, or the flag again; a "
    "name that is there with its commas is taken with them",
)
_VIEWS = flags.DEFINE_multi_string(
    "views",
    [],
    "synchronised videos of one place, FILE,FILE, or a folder that holds them or their folders of "
    "frames; the flag again for another place",
)
_DETECTOR = flags.DEFINE_string(
    "detector",
    How.detector,
    "hog (OpenCV's), onnx:FILE (NanoDet, YOLOX; or nanodet:, yolox:FILE), mot:FOLDER (NAME.txt of "
    "a video's boxes)",
)
_SCORE = flags.DEFINE_float("score", How.score, "of a network's box, at least", 0, 1)
_OVERLAP = flags.DEFINE_float(
    "overlap", How.overlap, "IoU above which the worse of two boxes goes", 0, 1
)
_EVERY = flags.DEFINE_integer(
    "every", How.every, "cut people out of every such frame", lower_bound=1
)
_PEOPLE = flags.DEFINE_float(
    "people", How.people, "in a shot, on average, at least; 0 keeps all", lower_bound=0
)
_LOOKS = flags.DEFINE_integer(
    "looks", How.looks, "frames of a shot that people are counted in", lower_bound=1
)
_AREA = flags.DEFINE_integer("area", How.area, "pixels of a box, at least", lower_bound=1)
_CORES = flags.DEFINE_integer(
    "cores", 0, "processes, each of which cuts a video; 0: one for each core", lower_bound=0
)
_BEAM = flags.DEFINE_string(
    "beam", "", "options of Apache Beam, to run there instead: '--runner=DirectRunner'"
)


def main(out: str | None) -> None:
    """Cut people out of videos, and join the parts.

    The parts stay in OUT.parts until OUT is whole, so that a killed run goes on.

    Args:
        out: the new folder.
    """
    if not out:
        raise ValueError("name the new folder with --out=FOLDER")
    folder = outputs.new(out)
    if not _VIDEOS.value and not _VIEWS.value:
        raise ValueError(
            "name videos or folders of them with --videos, or synchronised ones with --views"
        )
    sources = find.videos(listed(_VIDEOS.value)) if _VIDEOS.value else []
    sources += [find.rig(text) for text in dict.fromkeys(_VIEWS.value)]
    values: dict[str, Any] = {
        field.name: flags.FLAGS[field.name].value for field in dataclasses.fields(How)
    }
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"--{name}={value} is no finite number")
    how = How(**{**values, "detector": located(values["detector"])})
    detect.detector(how.detector, score=how.score, overlap=how.overlap)
    if _VIDEOS.value:
        shots.needed()
    parts = folder.with_name(f"{folder.name}.parts")
    _check(parts, how, folder)
    options = f"{len(sources):,} sources, {sum(source.size for source in sources) / 1e6:,.1f} MB"
    command.say(f"{options}; the parts are kept in {parts} until all are done")
    try:
        with _alone(parts, folder):
            if _BEAM.value:
                beam.cut_all(sources, parts, how, options=_BEAM.value.split())
            else:
                workers.cut_all(sources, parts, how, workers=_CORES.value, watch=Line())
            manifest = gather.gather(sources, parts, folder, how, watch=_joined, beside=_draw)
    except KeyboardInterrupt:
        print(
            f"\nstopped: what is done is kept in {parts}; the same command goes on",
            file=sys.stderr,
            flush=True,
        )
        os._exit(130)  # a worker in the midst of a video is not waited for
    _say_left_out(manifest)
    shutil.rmtree(parts)
    command.say(f"{folder}: {gather.counts_text(manifest['counts'])}; use it as packed:{folder}")
    command.say(f"{folder / 'crops.png'}: some of the crops")
    command.say(f"{folder / gather.MANIFEST}: where they come from")


def located(text: str) -> str:
    """A detector with its path absolute; one that is not known stays, to be refused."""
    kind, _, path = text.partition(":")
    return f"{kind}:{absolute(path)}" if path and kind in detect.KINDS else text


@contextmanager
def _alone(parts: Path, out: Path) -> Iterator[None]:
    """Hold a lock, so that no other process writes these parts meanwhile."""
    with (parts / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FileExistsError(
                f"another run is making {out}; wait for it, or choose another --out"
            ) from None
        yield


class Line:
    """A line of progress every few seconds."""

    def __init__(self, every: float = 2.0):
        self.every, self.began, self.said = every, time.monotonic(), 0.0

    def __call__(self, progress: workers.Progress, about: dict | None) -> None:
        """Print the progress, if it is time to; `about` is of a source that is done just now."""
        now = time.monotonic()
        if now - self.said < self.every and not (about and progress.done == progress.total):
            return
        self.said, seconds = now, now - self.began
        left = (
            timedelta(seconds=round(seconds * (1 / progress.share - 1)))
            if progress.share > 0.01
            else "unknown time"
        )
        print(
            f"{progress.done:,} of {progress.total:,} videos  {progress.crops:,} crops  "
            f"{progress.crops / max(seconds, 1e-9):.0f} images/s  {left} left",
            file=sys.stderr,
            flush=True,
        )


def _check(parts: Path, how: How, out: Path) -> None:
    """Refuse parts that were begun with other options."""
    path, mine = parts / "config.json", dataclasses.asdict(how)
    if path.is_file():
        theirs = jsons.read(path, "the options of parts", f"remove {parts} to begin anew")
        theirs["detector"] = located(str(theirs.get("detector")))
        changed = [
            f"--{name}: {theirs.get(name)!r} there, {mine[name]!r} now"
            for name in mine
            if theirs.get(name) != mine[name]
        ]
        if changed:
            raise ValueError(
                f"{parts} was begun with other options ({'; '.join(changed)}); give the same ones "
                f"to go on, remove it, or choose another --out than {out}"
            )
        return
    parts.mkdir(parents=True, exist_ok=True)
    with whole(path) as unfinished:
        unfinished.write_text(json.dumps(mine, indent=2) + "\n")


def _joined(done: int, total: int) -> None:
    if done % 10_000 == 0 or done == total:
        print(f"joined {done:,} of {total:,} crops", file=sys.stderr, flush=True)


def _say_left_out(manifest: dict) -> None:
    """Name what is broken, cut short, or without people."""
    for source in manifest["sources"]:
        name = ", ".join(view["path"] for view in source["views"])
        if "broken" in source:
            command.say(f"left out, broken: {source['broken']}")
        elif not source["crops"]:
            most = max(shot["people"] for shot in source["shots"])
            command.say(f"left out, too few people: {name}, {most:.1f} on average at most")
        for view in source["views"]:
            if "cut" in view:
                command.say(f"cut short: {view['path']}: {view['cut']}; what is there is used")


def _draw(crops: Records, folder: Path) -> None:
    """Draw twelve stretches of the crops, each in a row."""
    n = len(crops.person)
    stretches = crops._replace(person=1 + np.arange(n) * 12 // n)
    sheet = sheets.data_sheet(
        stretches, 0, f"{n:,} people cut out of videos", persons=12, across=16, kind="stretch"
    )
    canvas.save(folder / "crops.png", canvas.drawn(sheet))

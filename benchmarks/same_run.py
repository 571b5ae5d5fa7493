"""What differs between two finished workdirs, times and the metadata of pictures aside."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import jax
import numpy as np
import orbax.checkpoint as ocp
from tensorboard.backend.event_processing import event_accumulator as reading

from reid_jax import checkpoint, sound

TIMES = {"images_per_second", "seconds", "written", "date", "time", "command"}
KINDS = dict.fromkeys(("state", "plan", "encoder"), ocp.args.StandardRestore())
TOLD = dict.fromkeys(("position", "input"), ocp.args.JsonRestore())
# of a page: when it was written, how long it took, how many pictures a second there were
CLOCK = re.compile(
    r"Written on [-0-9 :]+ in \d+ s|"
    r"(?<=pictures a second in training, median)(</th><td>| \| )[0-9.,]+|"
    r"\d+ pictures a second"
)


def differences(one: Path, other: Path) -> Iterator[str]:
    """Compare two workdirs file by file; a line for each difference."""
    mine, theirs = _files(one), _files(other)
    for name in sorted(mine ^ theirs):
        yield f"{name} is {'not ' * (name in mine)}there"
    for name in sorted(mine & theirs):
        if not _same(one / name, other / name, (str(one), str(other))):
            yield f"{name} differs"
    folders = {path.relative_to(one) for path in one.glob("**/checkpoints")}
    for folder in sorted(folders):
        yield from _checkpoints(one / folder, other / folder)
    for folder in sorted(path.relative_to(one) for path in one.glob("**/events")):
        if _events(one / folder) != _events(other / folder):
            yield f"{folder} differ"


def _files(root: Path) -> set[str]:
    """The files of a workdir but for those of checkpoints and events, which are read."""
    found = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    return {path.as_posix() for path in found if not {"checkpoints", "events"} & {*path.parts[:-1]}}


def _same(one: Path, other: Path, folders: tuple[str, str]) -> bool:
    match one.suffix:
        case ".png":
            return np.array_equal(cv2.imread(str(one)), cv2.imread(str(other)))
        case ".npz":
            with np.load(one) as mine, np.load(other) as theirs:
                return mine.files == theirs.files and all(
                    np.array_equal(mine[name], theirs[name], equal_nan=mine[name].dtype.kind == "f")
                    for name in mine.files
                )
    texts = [
        CLOCK.sub("", path.read_text().replace(folder, "WORKDIR"))
        for path, folder in zip((one, other), folders, strict=True)
    ]
    if one.suffix in (".json", ".jsonl"):
        texts = [
            _timeless([json.loads(line) for line in lines])
            for lines in (text.splitlines() if one.suffix == ".jsonl" else [text] for text in texts)
        ]
    return texts[0] == texts[1]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(one) for name, one in value.items() if name not in TIMES}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def _checkpoints(one: Path, other: Path) -> Iterator[str]:
    steps = [sorted(path.name for path in folder.iterdir()) for folder in (one, other)]
    if steps[0] != steps[1]:
        yield f"{one.name} has {steps[1]}, not {steps[0]}"
    with checkpoint.manager(one) as mine, checkpoint.manager(other) as theirs:
        for step in sorted({*mine.all_steps()} & {*theirs.all_steps()}):
            read = [sound.read(each, step, {**KINDS, **TOLD}) for each in (mine, theirs)]
            leaves = [jax.tree_util.tree_leaves_with_path(dict(each)) for each in read]
            for (path, mine_leaf), (_, their_leaf) in zip(*leaves, strict=True):
                if not np.array_equal(np.asarray(mine_leaf), np.asarray(their_leaf)):
                    yield f"{one.name}/{step} differs in {jax.tree_util.keystr(path)}"
                    break


def _events(folder: Path) -> set[tuple[str, int, float]]:
    """What the events hold, (name, step, value); a run that goes on may say it twice."""
    found = set()
    for path in folder.iterdir():
        held = reading.EventAccumulator(str(path), size_guidance={"tensors": 0}).Reload()
        for tag in held.Tags()["tensors"]:
            if not tag.endswith("images_per_second"):
                values = held.Tensors(tag)
                found |= {
                    (tag, one.step, round(float(one.tensor_proto.float_val[0]), 6))
                    for one in values
                    if one.tensor_proto.float_val
                }
    return found

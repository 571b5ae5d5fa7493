r"""Reader of MOT15, MOT17 and MOT20: people of the frames of videos, by their annotated boxes.

Leal-Taixe et al., arXiv 1504.01942; Milan et al., arXiv 1603.00831; Dendorfer et al., arXiv
2003.09003. Training sequences, persons and boxes: 11, 500 and 39,905; 7, 546 and 112,297; 4, 2,215
and 1,134,614 (recalled). CC BY-NC-SA 3.0.

    train/MOT17-02-FRCNN/img1/000001.jpg    gt/gt.txt    seqinfo.ini
    gt.txt: frame, id, left, top, width, height, consider, class, visibility     from 1
            frame, id, left, top, width, height, consider, x, y, z               MOT15

A sequence is a video: a group, and a camera of its own; a person of it is a person of its own.
Boxes that are not to be considered and, in MOT17 and MOT20, those of another class than 1
(pedestrian) are left out. MOT17 has each sequence three times, for three detectors, with the same
boxes; one of them is read. The test sequences have no published boxes.
"""

import os
import re
from pathlib import Path

import numpy as np

from reid_jax.data import records
from reid_jax.data.crops import Crops
from reid_jax.data.sets import listing
from reid_jax.data.sets.official import WARNING, Say, silent
from reid_jax.types import Records

DETECTOR = re.compile(r"(MOT17-\d+)-(DPM|FRCNN|SDP)$")
INSIDE = ("train", "MOT17/train", "MOT20/train", "2DMOT2015/train", "MOT15/train")
PEDESTRIAN = 1
OFFICIAL = {  # sequences, persons, boxes; recalled
    "MOT15": (11, 500, 39_905),
    "MOT17": (7, 546, 112_297),
    "MOT20": (4, 2_215, 1_134_614),
}


def mot15(folder: str | Path, **options: object) -> Records:
    """`mot` of MOT15."""
    return mot(folder, "MOT15", **options)  # type: ignore[arg-type]


def mot17(folder: str | Path, **options: object) -> Records:
    """`mot` of MOT17."""
    return mot(folder, "MOT17", **options)  # type: ignore[arg-type]


def mot20(folder: str | Path, **options: object) -> Records:
    """`mot` of MOT20."""
    return mot(folder, "MOT20", **options)  # type: ignore[arg-type]


def mot(
    folder: str | Path,
    name: str,
    *,
    official: dict[str, tuple[int, int, int]] = OFFICIAL,
    say: Say = silent,
) -> Records:
    """Read the training sequences of a MOT challenge.

    Args:
        folder: that contains the sequences, or train/ that does, or one sequence.
        name: MOT15, MOT17 or MOT20.
        official: (sequences, persons, boxes) by name, to compare with.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records, all of them training pictures, sequence by sequence and frame by frame; `frame` is
        the frame's number in its video.

    Raises:
        FileNotFoundError: there is no such folder, or a sequence lacks its frames or boxes.
        ValueError: there is no sequence, or a line of boxes has another form.
    """
    parts = [_boxes(sequence, name) for sequence in _sequences(Path(folder), name)]
    files, columns, persons, video, first = [], [], [], [], 1
    for number, (sequence, boxes) in enumerate(parts):
        ids, person = np.unique(boxes[:, 1], return_inverse=True)
        files += _frames(sequence, boxes[:, 0])
        columns.append(boxes)
        persons.append(first + person)
        video.append(np.full(len(boxes), number))
        first += len(ids)
    boxes, group = np.concatenate(columns), np.concatenate(video)
    corner = boxes[:, 2:6] - np.array([1, 1, 0, 0])  # pixels count from 1 there
    data = records.make(
        Crops(np.array(files, object), corner), np.concatenate(persons), camera=group, group=group,
        frame=boxes[:, 0].astype(np.int32),
    )  # fmt: skip
    found = (len(parts), first - 1, len(boxes))
    text = "{:,} sequences, {:,} persons, {:,} boxes"
    say(f"{name}: {text.format(*found)}")
    if found != official[name]:
        say(
            f"{WARNING}{name} is not as published, as recalled: {text.format(*found)} instead of "
            f"{text.format(*official[name])}"
        )
    return data


def _sequences(folder: Path, name: str) -> list[Path]:
    """The training sequences; of MOT17's three detectors one."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder} ({name})")
    places = [folder / one for one in INSIDE if (folder / one).is_dir()] or [folder]
    if (folder / "img1").is_dir() or (folder / "gt").is_dir():
        return [folder]
    found = [one for one in sorted(places[0].iterdir()) if (one / "gt").is_dir()]
    if not found:
        images = [one.name for one in sorted(places[0].iterdir()) if (one / "img1").is_dir()]
        why = f"{images[0]} and others have no gt/: test sequences?" if images else ""
        raise ValueError(
            f"{places[0]} holds no sequence with gt/gt.txt ({name}); "
            f"{why or 'it holds ' + listing.held(places[0])}"
        )
    other = [one.name for one in found if re.match(r"MOT\d\d-", one.name)
             and not one.name.startswith(f"{name}-")]  # fmt: skip
    if other:
        kind = other[0][:5].lower()
        raise ValueError(
            f"{places[0]} holds {other[0]}, which is no sequence of {name}: {kind}:..."
        )
    chosen: dict[str, Path] = {}
    for one in found:
        match = DETECTOR.match(one.name)
        chosen.setdefault(match[1] if match else one.name, one)
    return list(chosen.values())


def _boxes(sequence: Path, name: str) -> tuple[Path, np.ndarray]:
    """(sequence, f64[n c]), the lines of gt.txt that count, by frame."""
    path = sequence / "gt" / "gt.txt"
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} ({name})")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty")
    try:
        boxes = np.loadtxt(path, delimiter=",", ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path} is not as {name} has it: {error}") from None
    if boxes.shape[1] < 7:
        raise ValueError(f"{path} has {boxes.shape[1]} numbers in a line, not seven or more")
    if not (np.abs(boxes) < 2**31).all():  # nor is a NaN
        raise ValueError(f"{path} has a number that is none of a box")
    counts = boxes[:, 6] != 0
    if name != "MOT15" and boxes.shape[1] >= 9:
        counts &= boxes[:, 7] == PEDESTRIAN
    if not counts.any():
        raise ValueError(f"{path} has no box of a person to be considered")
    boxes = boxes[counts]
    return sequence, boxes[np.lexsort((boxes[:, 1], boxes[:, 0]))]


def _frames(sequence: Path, numbers: np.ndarray) -> list[str]:
    """The file of each frame, which must be there."""
    folder = sequence / "img1"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{sequence} has gt/ but no img1/, the frames: half of an archive? "
            f"It holds {listing.held(sequence)}"
        )
    there = {int(stem): file for file in os.listdir(folder)
             if (stem := os.path.splitext(file)[0]).isdecimal()}  # fmt: skip
    missing = sorted({int(one) for one in numbers} - {*there})
    if missing:
        raise FileNotFoundError(f"{folder} lacks frame {missing[0]} ({len(missing)} such)")
    paths = {number: str(folder / file) for number, file in there.items()}
    return [paths[int(one)] for one in numbers]

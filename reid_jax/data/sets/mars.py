r"""Reader of MARS, tracklets of Market-1501's cameras.

Zheng et al., "MARS: A Video Benchmark for Large-Scale Person Re-Identification", ECCV 2016. 6
cameras, 1,261 persons: 625 with 8,298 training tracklets, 636 others with 1,980 queries; the test
part has 12,180 tracklets with junk and distractors, 9,330 of them in the gallery without junk
(pictures recalled: 509,914 to train on). For research only.

    bbox_train/0001/0001C1T0001F001.jpg   bbox_test/...     person, camera, tracklet, frame
    info/train_name.txt  test_name.txt  tracks_train_info.mat  tracks_test_info.mat  query_IDX.mat

A tracklet is a group; each of its pictures is a row. Person -1 is junk and left out, person 0 a
distractor. The published figures rank tracklets, each by the mean of its pictures; ranking here is
by picture.
"""

import os
from pathlib import Path

import numpy as np

from reid_jax.data.sets import listing, mat
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import WARNING, Official, Say, compare, counted, silent
from reid_jax.types import Records

NEEDED = ("bbox_train", "bbox_test", "info")
TRACKLETS = {"train": 8_298, "query": 1_980, "gallery": 9_330}
OFFICIAL = Official("MARS", {"train": (509_914, 625)}, 6, sure=False)


def mars(
    folder: str | Path,
    *,
    tracklets: dict[str, int] = TRACKLETS,
    official: Official = OFFICIAL,
    say: Say = silent,
) -> Records:
    """Read MARS.

    Args:
        folder: that contains bbox_train/, bbox_test/ and info/.
        tracklets: by split, to compare with.
        official: the figures to compare with; those of its splits only.
        say: is told what was found and how it differs from these.

    Returns:
        Records, tracklet by tracklet; camera C1 is 0.

    Raises:
        FileNotFoundError: the folder, a part of it, or a listed picture is missing.
        ValueError: a file of info/ is another one.
    """
    place = listing.root(folder, "MARS", NEEDED, ("MARS", "mars", "MARS-v160809"))
    info = place / "info"
    train = _tracks(info, "train")
    test = _tracks(info, "test")
    query = np.zeros(len(test), bool)
    chosen = mat.load(info / "query_IDX.mat", "query_IDX", kind="MARS' queries")["query_IDX"]
    if chosen.min(initial=1) < 1 or chosen.max(initial=1) > len(test):
        raise ValueError(
            f"{info / 'query_IDX.mat'} names tracklets that tracks_test_info.mat lacks"
        )
    query[np.ravel(chosen).astype(int) - 1] = True
    rows = [
        *_rows(place / "bbox_train", info / "train_name.txt", train, ["train"] * len(train), 0),
        *_rows(
            place / "bbox_test",
            info / "test_name.txt",
            test,
            ["query" if one else "gallery" for one in query],
            len(train),
        ),
    ]
    data = listing.made(rows)
    found = {split: len(np.unique(data.group[data.split == split])) for split in TRACKLETS}
    compare(data, official._replace(parts=_filled(data, official)), "tracklets", say)
    wrong = [f"{split} {found[split]:,} instead of {tracklets[split]:,}" for split in tracklets
             if found[split] != tracklets[split]]  # fmt: skip
    if wrong:
        say(f"{WARNING}MARS has other numbers of tracklets than published: {', '.join(wrong)}")
    return data


def _filled(data: Records, official: Official) -> dict[str, tuple[int, int]]:
    """The figures to compare with; what is not known is taken as it is."""
    return {**counted(data), **official.parts}


def _tracks(info: Path, part: str) -> np.ndarray:
    """(first, last, person, camera) of each tracklet, from 1, i64[t 4]."""
    name = f"track_{part}_info"
    kind = f"MARS' {part} tracklets"
    tracks = mat.load(info / f"tracks_{part}_info.mat", name, kind=kind)[name].astype(np.int64)
    if tracks.ndim != 2 or tracks.shape[1] != 4:
        raise ValueError(f"tracks_{part}_info.mat of {info} has not four columns")
    return tracks


def _rows(
    folder: Path, names: Path, tracks: np.ndarray, splits: list[str], first_group: int
) -> list[Row]:
    """The pictures of tracklets."""
    files = names.read_text().split()
    there: dict[str, set[str]] = {}
    rows = []
    for number, ((first, last, person, camera), split) in enumerate(
        zip(tracks.tolist(), splits, strict=True)
    ):
        if last > len(files) or first < 1:
            raise ValueError(f"{names} has {len(files)} names and a tracklet ends at {last}")
        if person == -1 or (person == 0 and split == "train"):
            continue
        for file in files[first - 1 : last]:
            below = folder / file[:4]
            if file[:4] not in there:
                there[file[:4]] = set(os.listdir(below)) if below.is_dir() else set()
            if file not in there[file[:4]]:
                raise FileNotFoundError(f"{names} names {file}, which {below} lacks (MARS)")
            frame = int(file.partition("F")[2].partition(".")[0] or -1)
            rows.append(
                Row(str(below / file), person, camera - 1, split, first_group + number, frame)
            )
    return rows

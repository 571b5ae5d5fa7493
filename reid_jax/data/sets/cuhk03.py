r"""Reader of CUHK03, by its classic and its new protocol.

Li et al., "DeepReID: Deep Filter Pairing Neural Network for Person Re-identification", CVPR 2014:
1,467 persons, each by two of ten views, with boxes of a detector (14,097 pictures) or by hand
(14,096); 20 lists of 100 test persons. Zhong et al., "Re-ranking Person Re-identification with
k-reciprocal Encoding", CVPR 2017: the new protocol, 767 and 700 persons; detected 7,365, 1,400 and
5,332 pictures, labelled 7,368, 1,400 and 5,328. For research only.

    cuhk-03.mat                                     pictures and the 20 lists (HDF5: needs h5py)
    images_detected/1_001_1_01.png  images_labeled/         the same, taken out of it
    cuhk03_new_protocol_config_detected.mat  ..._labeled.mat        the new protocol
    splits_classic_detected.json  ..._labeled.json          the 20 lists, as torchreid writes them
    detected/bounding_box_train/  query/  bounding_box_test/  labeled/...   the new protocol, dealt

Departs from the classic protocol: its gallery has one picture of each person, drawn a hundred
times; here view 1 is the query and all of view 2 the gallery, and its 100 validation persons train.
"""

import re
from pathlib import Path

import numpy as np

from reid_jax.data import part, records
from reid_jax.data.sets import listing, mat
from reid_jax.data.sets.cuhk03_pictures import (
    Pictures,
    of_folder,
    of_matlab,
    tests_of_json,
    tests_of_matlab,
)
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.market1501 import FOLDERS
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

MATLAB = ("cuhk-03.mat", "cuhk03_release/cuhk-03.mat", "CUHK03_release/CUHK-03.mat")
DEALT = re.compile(r"(\d+)_c([12])(?:_|s).*\.(?:png|jpg)$", re.IGNORECASE)
LISTS = 20
APART = 1_000  # person = APART * pair + number
OFFICIAL = {
    "new detected": Official(
        "CUHK03", {"train": (7_365, 767), "query": (1_400, 700), "gallery": (5_332, 700)}, 2
    ),
    "new labeled": Official(
        "CUHK03", {"train": (7_368, 767), "query": (1_400, 700), "gallery": (5_328, 700)}, 2
    ),
    "classic detected": Official("CUHK03", {"train": (14_097, 1_467)}, 2),  # all pictures
    "classic labeled": Official("CUHK03", {"train": (14_096, 1_467)}, 2),
}


def cuhk03(
    folder: str | Path,
    *,
    boxes: str = "detected",
    protocol: str = "",
    split: int = 0,
    official: dict[str, Official] = OFFICIAL,
    say: Say = silent,
) -> Records:
    """Read CUHK03.

    Args:
        folder: with some of the files of the module's head.
        boxes: "detected" or "labeled"; "both": the classic protocol, whose training persons have
            the pictures of both, and whose test is that of the detected boxes.
        protocol: "new" or "classic"; empty: classic if a split is given, else new where its files
            are there.
        split: the list of test persons of the classic protocol, from 1; 0: the first.
        official: the figures to compare with, by protocol and boxes.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records; view 1 is camera 0.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is another one, or a protocol names pictures that are not there.
        ImportError: cuhk-03.mat is to be read and h5py is not installed.
    """
    if boxes == "both":
        return _both(folder, split, official, say)
    path = Path(folder)
    if not path.is_dir():
        raise FileNotFoundError(f"there is no folder {path} (CUHK03)")
    if split and protocol == "new":
        raise ValueError("split=N is of the classic protocol; the new one has one split")
    config = path / f"cuhk03_new_protocol_config_{boxes}.mat"
    dealt = next((p for p in (path / boxes, path) if (p / FOLDERS["train"]).is_dir()), None)
    there = dealt is not None or config.is_file()
    protocol = protocol or ("new" if there and not split else "classic")
    if protocol == "new" and dealt is not None:
        data, how = _dealt(dealt), f"{dealt.name}/ as dealt"
    elif protocol == "new":
        data, how = _new(config, _pictures(path, boxes)), config.name
    else:
        data, how = _classic(path, boxes, split or 1), f"list {split or 1} of {LISTS}"
    figures = official[f"{protocol} {boxes}"]
    whole = part.all_train(data) if protocol == "classic" else data
    compare(whole, figures, f"{protocol} protocol, {boxes} boxes, {how}", say)
    return data


def _both(folder: str | Path, split: int, official: dict[str, Official], say: Say) -> Records:
    """The classic training persons with both kinds of boxes; the test is that of the detected."""
    read = [
        cuhk03(folder, boxes=boxes, protocol="classic", split=split, official=official, say=say)
        for boxes in ("detected", "labeled")
    ]
    return records.concat([read[0], records.where(read[1], "train")])


def _matlab(path: Path) -> Path | None:
    return next((path / one for one in MATLAB if (path / one).is_file()), None)


def _pictures(path: Path, boxes: str) -> Pictures:
    """The pictures of a folder, or of cuhk-03.mat."""
    images, matlab = path / f"images_{boxes}", _matlab(path)
    if images.is_dir():
        return of_folder(images)
    if matlab is not None:
        return of_matlab(matlab, boxes)
    other = "labeled" if boxes == "detected" else "detected"
    hint = f"; boxes={other} is there" if (path / f"images_{other}").is_dir() else ""
    raise FileNotFoundError(
        f"{path} has no {images.name}/ and no cuhk-03.mat (CUHK03; half of an archive?); it "
        f"holds {listing.held(path)}{hint}"
    )


def _dealt(folder: Path) -> Records:
    """The new protocol as three folders."""
    place = listing.root(folder, "CUHK03", list(FOLDERS.values()))
    return listing.made(
        [
            Row(file, int(match[1]), int(match[2]) - 1, split)
            for split, part_ in FOLDERS.items()
            for file, match in listing.matched(
                listing.pictures(place / part_), DEALT, "cuhk03", "CUHK03", "0001_c1_1.png"
            )
        ]
    )


def _new(config: Path, pictures: Pictures) -> Records:
    """The new protocol by its file."""
    needed = ("filelist", "labels", "train_idx", "query_idx", "gallery_idx")
    found = mat.load(config, *needed, kind="CUHK03's new protocol")
    names = [str(np.ravel(one)[0]).rpartition(".")[0] for one in found["filelist"].ravel()]
    labels = found["labels"].ravel().astype(int)
    row_of = {name: row for row, name in enumerate(pictures.names)}
    rows, persons, splits = [], [], []
    for split in records.SPLITS:
        for one in found[f"{split}_idx"].ravel().astype(int) - 1:
            if names[one] not in row_of:
                raise ValueError(
                    f"{config} names {names[one]}, which is not there: it is the protocol of other "
                    "boxes (detected, labeled), or pictures are missing"
                )
            rows.append(row_of[names[one]])
            persons.append(labels[one] + (0 if labels.min() > 0 else 1))
            splits.append(split)
    return _records(pictures, rows, persons, splits)


def _classic(path: Path, boxes: str, split: int) -> Records:
    """The classic protocol: view 1 of a list's persons is the query, view 2 the gallery."""
    pictures = _pictures(path, boxes)
    written, matlab = path / f"splits_classic_{boxes}.json", _matlab(path)
    if written.is_file():
        tests = tests_of_json(written)
    elif matlab is not None:
        tests = tests_of_matlab(matlab)
    else:
        raise FileNotFoundError(
            f"there is neither cuhk-03.mat nor {written}, which have CUHK03's lists of test persons"
        )
    if split > len(tests):
        raise ValueError(f"split={split} and CUHK03's lists here are {len(tests)}")
    persons, splits = [], []
    for name in pictures.names:
        pair, number, view, _ = map(int, name.split("_"))
        persons.append(APART * pair + number)
        tested = (pair, number) in tests[split - 1]
        splits.append(("query", "gallery")[view - 1] if tested else "train")
    return _records(pictures, list(range(len(persons))), persons, splits)


def _records(pictures: Pictures, rows: list[int], persons: list[int], splits: list[str]) -> Records:
    camera = [int(pictures.names[row].split("_")[2]) - 1 for row in rows]
    images = pictures.images.take(np.array(rows))
    return records.make(images, persons, camera, split=splits)

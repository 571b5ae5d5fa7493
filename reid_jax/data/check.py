"""Checks of the data before step 0: counts, and errors that would otherwise come after hours."""

import hashlib
import os
from typing import NamedTuple

import numpy as np

from reid_jax.types import Records


class Survey(NamedTuple):
    """Counts of a data set.

    Attributes:
        images: pictures by split; splits without pictures are left out, here and below.
        persons: identities (1 and above) by split.
        cameras: known cameras by split.
        distractors: gallery pictures of person 0.
        queries: valid queries, those with a match in another camera.
        lonely: queries without such a match.
        unknown: valid queries that have a match of which nobody knows whether another camera saw
            it, since the query's camera or the match's is unknown.
        one_camera: training persons seen by one known camera only.
        shared: persons both in the training part and in the test part.
    """

    images: dict[str, int]
    persons: dict[str, int]
    cameras: dict[str, int]
    distractors: int
    queries: int
    lonely: int
    unknown: int
    one_camera: int
    shared: int


def survey(records: Records) -> Survey:
    """Count the pictures, persons, cameras and valid queries of a data set."""
    splits = [split for split in ("train", "query", "gallery") if (records.split == split).any()]
    part = {split: records.split == split for split in splits}
    train = part.get("train", np.zeros(len(records.person), bool)) & (records.person >= 1)
    seen = train & (records.camera >= 0)
    pairs = np.unique(np.stack([records.person[seen], records.camera[seen]]), axis=1)
    valid = valid_queries(records)
    test = np.isin(records.split, ("query", "gallery")) & (records.person >= 1)
    return Survey(
        images={split: int(rows.sum()) for split, rows in part.items()},
        persons={
            split: _count(records.person[rows & (records.person >= 1)])
            for split, rows in part.items()
        },
        cameras={
            split: _count(records.camera[rows & (records.camera >= 0)])
            for split, rows in part.items()
        },
        distractors=int(((records.split == "gallery") & (records.person == 0)).sum()),
        queries=int(valid.sum()),
        lonely=int((records.split == "query").sum() - valid.sum()),
        unknown=_unknown(records, valid),
        one_camera=int((np.unique(pairs[0], return_counts=True)[1] == 1).sum()),
        shared=len(np.intersect1d(records.person[train], records.person[test])),
    )


def valid_queries(records: Records, *, same_camera: bool = False) -> np.ndarray:
    """Find the queries that have a match in the gallery.

    Args:
        records: the data set.
        same_camera: whether a match by the query's own camera counts too. An unknown camera (-1)
            differs from every other, also from another unknown one.

    Returns:
        bool[q], q the number of queries, in their order.
    """
    query, gallery = records.split == "query", (records.split == "gallery") & (records.person >= 1)
    person, camera = records.person[query].astype(np.int64), records.camera[query].astype(np.int64)
    if same_camera:
        return np.isin(person, records.person[gallery]) & (person >= 1)
    wide = int(records.camera.max(initial=0)) + 2
    seen = np.unique(records.person[gallery].astype(np.int64) * wide + records.camera[gallery] + 1)
    cameras_of = np.bincount(seen // wide, minlength=int(records.person.max(initial=0)) + 1)
    here = np.isin(person * wide + camera + 1, seen) & (camera >= 0)
    return (person >= 1) & (cameras_of[np.maximum(person, 0)] - here > 0)


def summary(counts: Survey, *, same_camera: bool = False) -> str:
    """Format the counts in a few lines of text.

    Args:
        counts: of `survey`.
        same_camera: whether a match by the query's own camera counts too.
    """
    lines = [
        f"  {split}: {counts.images[split]:,} images, {counts.persons[split]:,} persons, "
        f"{counts.cameras[split]} cameras"
        for split in counts.images
    ]
    if counts.one_camera:
        lines.append(f"  {counts.one_camera} training persons are seen by one camera only")
    if counts.distractors:
        lines.append(f"  {counts.distractors:,} distractors in the gallery")
    if "query" in counts.images:
        lines.append(
            f"  {counts.queries:,} valid queries, {counts.lonely} without a match in another camera"
        )
    if "query" in counts.images and same_camera:
        lines.append("  matches by the query's own camera count too, which are easier to find")
    elif counts.unknown:
        lines.append(
            f"  warning: {counts.unknown:,} of these queries have matches of an unknown camera, "
            "maybe their own, which are easier to find; name the cameras (a CSV's column, "
            "PERSON/CAMERA in folders), or `same_camera=true` if all matches are meant"
        )
    if counts.shared and "train" in counts.images:
        lines.append(
            f"  warning: {counts.shared} persons are in the training and in the test part; "
            "is that meant?"
        )
    return "\n".join(lines)


def check_training(records: Records, *, persons: int, per_person: int) -> None:
    """Refuse training data that cannot fill a batch.

    Args:
        records: the training part.
        persons: persons in a batch.
        per_person: pictures of each of them.

    Raises:
        ValueError: too few pictures or persons; the message names the option to change.
    """
    if not len(records.person):
        raise ValueError("there is no training picture; `data` must name data with a train part")
    if persons < 1 or per_person < 1:
        raise ValueError("`persons` and `per_person` are at least 1")
    known = _count(records.person[records.person >= 1])
    if known < 2:
        raise ValueError(
            f"the training part has {known} person(s) and a classifier needs two or more; "
            "check `data`"
        )
    if per_person > 1 and known < persons:
        raise ValueError(
            f"a batch asks for {persons} persons and the training part has {known}; "
            f"choose `persons` of at most {known}"
        )
    if per_person == 1 and persons > (records.person >= 1).sum():
        raise ValueError(
            f"a batch asks for {persons} pictures and there are {(records.person >= 1).sum()}"
        )


def check_test(records: Records, *, same_camera: bool = False) -> None:
    """Refuse test data that have no valid query, from which no figure can be computed.

    Args:
        records: the test part.
        same_camera: whether a match by the query's own camera counts too.

    Raises:
        ValueError: the message states the cause and the option to change.
    """
    queries, gallery = (records.split == "query").sum(), (records.split == "gallery").sum()
    if not queries or not gallery:
        raise ValueError(
            f"the test data have {queries} query and {gallery} gallery pictures; "
            "`test` must name data with both"
        )
    if valid_queries(records, same_camera=same_camera).any():
        return
    if not valid_queries(records, same_camera=True).any():
        raise ValueError(
            "no query's person is in the gallery, so no figure can be computed; "
            "check the persons of `test`"
        )
    raise ValueError(
        "no query has a match in another camera, and matches in its own camera do not count; "
        f"{_count(records.camera[records.split == 'gallery'])} camera(s) in the gallery; "
        "`same_camera=true` counts them"
    )


def _unknown(records: Records, valid: np.ndarray) -> int:
    query, gallery = records.split == "query", records.split == "gallery"
    strange = records.person[gallery & (records.camera < 0)]
    unsure = (records.camera[query] < 0) | np.isin(records.person[query], strange)
    return int((valid & unsure).sum())


def _count(values: np.ndarray) -> int:
    return len(np.unique(values))


def fingerprint(data: Records) -> dict[str, int | str]:
    """What tells training data from others: counts, and hashes of names, persons and places.

    A picture's name is its file's without the folder, so that data may be moved; pictures that are
    no files have none.
    """
    image = data.image
    known = image if isinstance(image, np.ndarray) and image.dtype.kind in "OTU" else ()
    names = [os.path.basename(one) if isinstance(one, str) else "" for one in known]
    places = (data.camera, data.domain, data.group, data.frame, data.shot)
    return {
        "pictures": len(data.person),
        "persons": len(np.unique(data.person)),
        "cameras": len(np.unique(data.camera)),
        "hash of the names": _hash("\n".join(names).encode("utf-8", "surrogateescape")),
        "hash of the persons": _hash(data.person),
        "hash of the places": _hash(*places),
    }


def _hash(*parts: bytes | np.ndarray) -> str:
    made = hashlib.sha256()
    for part in parts:
        made.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).tobytes())
    return made.hexdigest()[:12]

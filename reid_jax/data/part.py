"""What a source can be made into: all of it to train on, some of it, without labels."""

import numpy as np

from reid_jax.data.records import SPLITS, take
from reid_jax.types import Domain, Records

SHOWN = 5  # persons in an error


def all_train(data: Records) -> Records:
    """Query and gallery as training pictures too; distractors (person 0) are left out."""
    kept = take(data, (data.split == "train") | (data.person != 0))
    return kept._replace(split=np.full_like(kept.split, "train"))


def some_persons(data: Records, persons: int, seed: int = 0) -> Records:
    """Keep so many persons of the training part, drawn by `seed`; the test part stays.

    Raises:
        ValueError: there are fewer.
    """
    train = data.split == "train"
    known = np.unique(data.person[train & (data.person >= 1)])
    if len(known) < persons:
        raise ValueError(f"persons={persons} and the training part has {len(known)}")
    chosen = np.random.default_rng(seed).permutation(known)[:persons]
    return take(data, ~train | np.isin(data.person, chosen))


def some_pictures(data: Records, pictures: int, seed: int = 0) -> Records:
    """Keep so many pictures of the training part; the test part stays.

    They are those of whole videos (groups) or, where no video is known, of whole persons, in an
    order drawn by `seed`, and of the last one the first that are left; a smaller number's are among
    a larger one's.

    Raises:
        ValueError: there are fewer.
    """
    train = np.flatnonzero(data.split == "train")
    if len(train) < pictures:
        raise ValueError(f"pictures={pictures} and the training part has {len(train)}")
    units = (data.group[train], data.person[train], np.arange(len(train)))
    of = next(unit for unit in units if (unit >= 0).any())
    names, place = np.unique(of, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))[place]
    chosen = train[np.argsort(order, kind="stable")[:pictures]]
    kept = data.split != "train"
    kept[chosen] = True
    return take(data, kept)


def held_out(data: Records, share: float) -> np.ndarray:
    """Which pictures, bool[n], are of the labelled persons that a validation holds out.

    Args:
        data: the training part.
        share: of its persons that are held out, in [0, 1); one at least, unless it is 0.
    """
    known = np.unique(data.person[data.person >= 1])
    drawn = np.random.default_rng(0).permutation(known)
    return np.isin(data.person, drawn[: max(1, round(share * len(known))) if share else 0])


def dealt(data: Records, rows: np.ndarray) -> Records:
    """Deal rows, bool[n], into query, the first picture of each person and camera, and gallery."""
    place = np.flatnonzero(rows)
    pairs = np.stack([data.person[place], data.camera[place]])
    first = np.unique(pairs, axis=1, return_index=True)[1]
    split = np.where(rows, "gallery", data.split)
    split[place[first]] = "query"
    return data._replace(split=split)


def unlabelled(data: Records) -> Records:
    """Forget who is on the training pictures; they are of Domain.UNLABELLED then."""
    train = data.split == "train"
    return data._replace(
        person=np.where(train, np.int32(-1), data.person),
        domain=np.where(train, np.int32(Domain.UNLABELLED), data.domain),
    )


def check_apart(data: Records) -> None:
    """Refuse persons in training and test at once, and a file twice in a split.

    Raises:
        ValueError: it names some of them, and the option that lets them pass.
    """
    train, test = data.split == "train", data.split != "train"
    both = np.intersect1d(data.person[train & (data.person >= 1)], data.person[test])
    if len(both):
        shown = ", ".join(_example(data, int(person)) for person in both[:SHOWN])
        raise ValueError(
            f"{len(both)} persons are in the training and in the test part, so the figures would "
            f"be too good: {shown}{', ...' if len(both) > SHOWN else ''}; give them one part, or "
            "add the option shared=yes"
        )
    if isinstance(data.image, np.ndarray):
        _check_twice(data)


def _check_twice(data: Records) -> None:
    """Refuse a file twice in a split; numbers stand for the names, which may be millions."""
    files = np.asarray(data.image)
    number = np.fromiter(map(hash, files), np.int64, len(files))
    for split in SPLITS:
        rows = np.flatnonzero(data.split == split)
        _, of, times = np.unique(number[rows], return_inverse=True, return_counts=True)
        seen: set[str] = set()
        for row in rows[times[of] > 1]:
            if files[row] in seen:
                raise ValueError(
                    f"the {split} part has pictures more than once, {int((times - 1).sum())} too "
                    f"many, e.g. {files[row]}; list each once, or add the option shared=yes"
                )
            seen.add(files[row])


def _example(data: Records, person: int) -> str:
    rows = np.flatnonzero(data.person == person)
    first = next(row for row in rows if data.split[row] == "train")
    item = data.image[int(first)]
    return f"{person} ({item})" if isinstance(item, str) else str(person)

"""Samplers: from the labels of an epoch to the rows of its batches, a matrix i32[t b].

The whole matrix is drawn at the start of the epoch. A row labelled -1 is ignored.
"""

import numpy as np


def identities(
    label: np.ndarray,
    *,
    persons: int,
    per_person: int,
    steps: int,
    rng: np.random.Generator,
    group: np.ndarray | None = None,
    groups: int = 0,
    camera: np.ndarray | None = None,
) -> np.ndarray:
    """Draw P x K batches: `per_person` rows of each of `persons` labels.

    A batch never contains a label twice. Without `groups`, every label is drawn once, in random
    order, before any is drawn again. Without `camera`, the same holds for the rows of a label. A
    label with fewer than `per_person` rows gives all of them and repeats some. A row labelled -1
    is ignored.

    Args:
        label: i32[n], the label of each row.
        persons: P, labels in a batch.
        per_person: K, rows of each of them.
        steps: batches to draw. 0: the number of rows that have a label, divided by the rows of a
            batch and rounded down, at least 1. This does not mean that every row is drawn once.
        rng: the generator of all random numbers.
        group: i32[n], the group of each row; a label belongs to the group of its first row. Needed
            if `groups` is not 0.
        groups: if not 0, the labels of a batch come from about so many groups, drawn anew for each
            batch: each gives up to ceil(persons / groups) labels, and further groups are added
            where these have too few.
        camera: i32[n], the camera of each row. If given, the first of the `per_person` rows takes
            each row of the label in turn, and the others are drawn from cameras other than the
            first one's, or from any camera where the label has no other.

    Returns:
        i32[steps persons * per_person]; the rows of a label are consecutive.

    Raises:
        ValueError: there are fewer labels than `persons`, or `groups` is given without `group`.

    Reference:
        Hermans et al., "In Defense of the Triplet Loss", 2017, section 2. With cameras: Ge et al.,
        "Self-paced Contrastive Learning with Hybrid Memory", NeurIPS 2020, the sampler of its code.
    """
    rows = np.flatnonzero(label >= 0)
    order = rows[np.argsort(label[rows], kind="stable")]
    names, first, count = np.unique(label[order], return_index=True, return_counts=True)
    if len(names) < persons:
        raise ValueError(
            f"a batch asks for {persons} persons and there are {len(names)} labels; "
            f"choose `persons` of at most {len(names)}"
        )
    steps = steps or max(1, len(rows) // (persons * per_person))
    if groups:
        if group is None:
            raise ValueError(f"groups={groups} is given without `group`, the group of each row")
        drawn = _labels_of_few_groups(group[order[first]], persons, groups, steps, rng).reshape(-1)
    else:
        drawn = in_turns(len(names), persons, steps, rng).reshape(-1)
    out = np.empty((len(drawn), per_person), np.int32)
    slots = np.argsort(drawn, kind="stable")
    bounds = np.searchsorted(drawn[slots], np.arange(len(names) + 1))
    for name in range(len(names)):
        mine = slots[bounds[name] : bounds[name + 1]]
        if len(mine):
            own = order[first[name] : first[name] + count[name]]
            out[mine] = own[_rows_of_label(own, camera, per_person, len(mine), rng)]
    return out.reshape(steps, persons * per_person)


def filled(
    label: np.ndarray,
    *,
    batch: int,
    per_person: int,
    steps: int,
    rng: np.random.Generator,
    camera: np.ndarray | None = None,
) -> np.ndarray:
    """Draw labels in sequence, `per_person` rows of each, and cut the sequence into batches.

    A label with fewer rows repeats some, but a label with a single row gives it once. Every label
    is drawn once before any is drawn again. The rows of a label may be divided between two batches.
    A row labelled -1 is ignored.

    Args:
        label: i32[n], the label of each row.
        batch: rows in a batch.
        per_person: rows of each label.
        steps: batches to draw, at least 1.
        rng: the generator of all random numbers.
        camera: i32[n], the camera of each row. If given, the first row of a label is random, and
            the others are drawn from other cameras as in `identities`.

    Returns:
        i32[steps batch].

    Raises:
        ValueError: no row has a label, or `steps` is below 1.

    Reference:
        Ge et al., "Self-paced Contrastive Learning with Hybrid Memory", NeurIPS 2020, the sampler
        of its code.
    """
    rows = np.flatnonzero(label >= 0)
    if not len(rows):
        raise ValueError("there is no labelled picture to draw")
    if steps < 1:
        raise ValueError(
            f"an epoch of {steps} batches; choose `steps` (the option `iterations`) of at least 1"
        )
    order = rows[np.argsort(label[rows], kind="stable")]
    _, first, count = np.unique(label[order], return_index=True, return_counts=True)
    drawn: list[np.ndarray] = []
    size = 0
    while size < steps * batch:
        for name in rng.permutation(len(first)):
            own = order[first[name] : first[name] + count[name]]
            if len(own) > 1:
                own = own[_rows_of_label(own, camera, per_person, 1, rng)[0]]
            drawn.append(own)
            size += len(own)
    return np.concatenate(drawn)[: steps * batch].reshape(steps, batch).astype(np.int32)


def uniform(label: np.ndarray, *, batch: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Draw uniform batches: every row that has a label is drawn once before any is drawn again.

    Args:
        label: i32[n], the label of each row; a row labelled -1 is ignored.
        batch: rows in a batch.
        steps: batches to draw; 0: one pass over the rows, without the last incomplete batch.
        rng: the generator of all random numbers.

    Returns:
        i32[steps batch].

    Raises:
        ValueError: fewer than `batch` rows have a label.
    """
    rows = np.flatnonzero(label >= 0)
    if len(rows) < batch:
        raise ValueError(
            f"a batch of {batch} rows and {len(rows)} pictures with a label; choose a smaller batch"
        )
    return rows[in_turns(len(rows), batch, steps or len(rows) // batch, rng)].astype(np.int32)


def mixed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Join the batches of two kinds, spread evenly, so that every device gets a share of both.

    Args:
        first: [t b].
        second: [t c].

    Returns:
        [t b + c].
    """
    place = np.concatenate(
        [(np.arange(part.shape[1]) + 0.5) / max(part.shape[1], 1) for part in (first, second)]
    )
    return np.concatenate([first, second], axis=1)[:, np.argsort(place, kind="stable")]


def in_turns(count: int, size: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Draw i64[steps size] of the numbers 0 to count - 1, in passes over random permutations.

    Every number is drawn once before any is drawn again. The end of a pass that does not fill a
    batch begins the next batch; no batch contains a number twice if `size` is at most `count`.
    """
    batches: list[np.ndarray] = []
    waiting = np.empty(0, int)
    while len(batches) < steps:
        if len(waiting) < size:
            fresh = rng.permutation(count)
            late = np.isin(fresh, waiting)  # these come last, so that no batch contains one twice
            waiting = np.concatenate([waiting, fresh[~late], fresh[late]])
        batches.append(waiting[:size])
        waiting = waiting[size:]
    return np.stack(batches)


def _labels_of_few_groups(
    group: np.ndarray, size: int, groups: int, steps: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw [steps size] of the numbers 0 to len(group) - 1, those of a batch from few groups.

    The groups, in random order, give ceil(size / groups) numbers each until the batch is full; if
    all have given theirs, they give as many again in the same order, and so on.
    """
    each = -(-size // groups)
    batches: list[np.ndarray] = []
    names, group = np.unique(group, return_inverse=True)
    start = np.cumsum(np.bincount(group)) - np.bincount(group)
    for _ in range(steps):
        shuffled = rng.permutation(len(group))
        shuffled = shuffled[np.argsort(group[shuffled], kind="stable")]
        nth = np.arange(len(group)) - start[group[shuffled]]  # within its group
        turn = nth // each  # 0: the first `each` of a group
        place = rng.permutation(len(names))[group[shuffled]]
        batches.append(shuffled[np.lexsort((place, turn))[:size]])
    return np.stack(batches)


def _rows_of_label(
    rows: np.ndarray, camera: np.ndarray | None, size: int, times: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw [times size] positions in `rows`, the rows of one label; `camera`: see `identities`."""
    if camera is None:
        return _rows_in_turns(len(rows), size, times, rng)
    seen, out = camera[rows], np.empty((times, size), int)
    for turn, anchor in enumerate(_rows_in_turns(len(rows), 1, times, rng)[:, 0]):
        rest = np.flatnonzero(seen != seen[anchor])
        if not len(rest):  # no other camera: any other row
            rest = np.flatnonzero(np.arange(len(rows)) != anchor)
        if not len(rest):  # no other row: the anchor again
            rest = np.array([anchor])
        out[turn] = anchor, *rest[_rows_in_turns(len(rest), size - 1, 1, rng)[0]]
    return out


def _rows_in_turns(count: int, size: int, times: int, rng: np.random.Generator) -> np.ndarray:
    """Draw [times size] of 0 to count - 1; with fewer than `size`, all of them, then repeats."""
    if count >= size:
        return in_turns(count, size, times, rng)
    repeats = -(-size // count)
    return np.stack(
        [
            np.concatenate([rng.permutation(count) for _ in range(repeats)])[:size]
            for _ in range(times)
        ]
    )

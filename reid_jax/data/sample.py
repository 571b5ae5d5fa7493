"""Labels -> rows: an epoch is an int matrix [t b], drawn before the epoch begins."""

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
    """P x K batches: i32[steps persons * per_person], `per_person` consecutive rows of each of `persons` labels.

    Every label comes once before any comes again, and so do the rows of a label; a batch never holds a label twice. A
    label with fewer than `per_person` rows repeats some. Rows labelled -1 are never drawn.

    Args: label, i32[n]; steps, batches an epoch, 0 for a pass over the rows that have a label (rounded down, one at least);
        groups, 0 or how many groups (`group`, i32[n], of a label's first row) a batch's labels come from: then the
        groups are drawn anew for each batch, and more of them where these hold too few labels; camera, i32[n] or None:
        given, a label's rows come in turns as the first of those that are drawn, and the others are drawn from other
        cameras than the first's, where the label has any.
    Raises: ValueError where there are fewer labels than `persons`.
    Reference: Hermans et al., "In Defense of the Triplet Loss", 2017, section 2; by cameras: Ge et al., "Self-paced
        Contrastive Learning with Hybrid Memory", NeurIPS 2020, its code's sampler.
    """
    rows = np.flatnonzero(label >= 0)
    order = rows[np.argsort(label[rows], kind="stable")]
    names, first, count = np.unique(label[order], return_index=True, return_counts=True)
    if len(names) < persons:
        raise ValueError(
            f"a batch asks for {persons} persons and there are {len(names)} labels; choose --config.persons of at most "
            f"{len(names)}"
        )
    steps = steps or max(1, len(rows) // (persons * per_person))
    if groups:
        drawn = _of_few(group[order[first]], persons, groups, steps, rng).reshape(-1)
    else:
        drawn = in_turns(len(names), persons, steps, rng).reshape(-1)
    out = np.empty((len(drawn), per_person), np.int32)
    slots = np.argsort(drawn, kind="stable")
    bounds = np.searchsorted(drawn[slots], np.arange(len(names) + 1))
    for name in range(len(names)):
        mine = slots[bounds[name] : bounds[name + 1]]
        if len(mine):
            own = order[first[name] : first[name] + count[name]]
            out[mine] = own[_rows_of(own, camera, per_person, len(mine), rng)]
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
    """Batches of whole labels: i32[steps batch]; a label gives `per_person` rows, some twice, but a row alone comes once.

    Labels come in turns, one after the other; a batch may end amid one, with which the next begins. Rows labelled -1 are
    never drawn.

    Args: camera, see `identities`.
    Raises: ValueError where there is no labelled row, or no step is asked for.
    Reference: Ge et al., "Self-paced Contrastive Learning with Hybrid Memory", NeurIPS 2020, its code's sampler.
    """
    rows = np.flatnonzero(label >= 0)
    if not len(rows):
        raise ValueError("there is no labelled picture to draw")
    if steps < 1:
        raise ValueError(f"an epoch of {steps} batches; choose --config.iterations of 1 at least")
    order = rows[np.argsort(label[rows], kind="stable")]
    _, first, count = np.unique(label[order], return_index=True, return_counts=True)
    drawn, size = [], 0
    while size < steps * batch:
        for name in rng.permutation(len(first)):
            own = order[first[name] : first[name] + count[name]]
            drawn.append(own[_rows_of(own, camera, per_person, 1, rng)[0]] if len(own) > 1 else own)
            size += len(drawn[-1])
    return np.concatenate(drawn)[: steps * batch].reshape(steps, batch).astype(np.int32)


def uniform(label: np.ndarray, *, batch: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform batches: i32[steps batch], every row that has a label once before any comes again.

    Args: steps, batches an epoch, 0 for one pass over the data (what does not fill a batch is left out).
    Raises: ValueError where there are fewer rows than a batch holds.
    """
    rows = np.flatnonzero(label >= 0)
    if len(rows) < batch:
        raise ValueError(f"a batch of {batch} rows and {len(rows)} pictures with a label; choose a smaller batch")
    return rows[in_turns(len(rows), batch, steps or len(rows) // batch, rng)].astype(np.int32)


def mixed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two kinds of batches in one: [t b] and [t c] -> [t b + c], spread evenly, so that any devices get a share of both."""
    place = np.concatenate([(np.arange(part.shape[1]) + 0.5) / max(part.shape[1], 1) for part in (first, second)])
    return np.concatenate([first, second], axis=1)[:, np.argsort(place, kind="stable")]


def in_turns(count: int, size: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """[steps size] of 0..count-1: each pass over a permutation; what a pass cannot fill moves on to the next one."""
    batches, waiting = [], np.empty(0, int)
    while len(batches) < steps:
        if len(waiting) < size:
            fresh = rng.permutation(count)
            late = np.isin(fresh, waiting)  # those come last, so that no batch holds one twice
            waiting = np.concatenate([waiting, fresh[~late], fresh[late]])
        batches.append(waiting[:size])
        waiting = waiting[size:]
    return np.stack(batches)


def _of_few(group: np.ndarray, size: int, groups: int, steps: int, rng: np.random.Generator) -> np.ndarray:
    """[steps size] of 0..len(group)-1: of each of some groups in a random order as many as `groups` of them must give."""
    each, batches = -(-size // groups), []
    names, group = np.unique(group, return_inverse=True)
    start = np.cumsum(np.bincount(group)) - np.bincount(group)
    for _ in range(steps):
        shuffled = rng.permutation(len(group))
        shuffled = shuffled[np.argsort(group[shuffled], kind="stable")]
        turn = (np.arange(len(group)) - start[group[shuffled]]) // each  # 0: the first `each` of a group
        place = rng.permutation(len(names))[group[shuffled]]
        batches.append(shuffled[np.lexsort((place, turn))[:size]])
    return np.stack(batches)


def _rows_of(
    rows: np.ndarray, camera: np.ndarray | None, size: int, times: int, rng: np.random.Generator
) -> np.ndarray:
    """[times size] of 0..len(rows)-1, the places of `rows`, one label's; camera: None or of every row there is."""
    if camera is None:
        return _rows_in_turns(len(rows), size, times, rng)
    seen, out = camera[rows], np.empty((times, size), int)
    for turn, anchor in enumerate(_rows_in_turns(len(rows), 1, times, rng)[:, 0]):
        elsewhere = np.flatnonzero(seen != seen[anchor])
        rest = elsewhere if len(elsewhere) else np.flatnonzero(np.arange(len(rows)) != anchor)
        rest = rest if len(rest) else np.array([anchor])
        out[turn] = anchor, *rest[_rows_in_turns(len(rest), size - 1, 1, rng)[0]]
    return out


def _rows_in_turns(count: int, size: int, times: int, rng: np.random.Generator) -> np.ndarray:
    """[times size] of 0..count-1; with fewer than `size`, all of them and then repeats."""
    if count >= size:
        return in_turns(count, size, times, rng)
    repeats = -(-size // count)
    return np.stack([np.concatenate([rng.permutation(count) for _ in range(repeats)])[:size] for _ in range(times)])

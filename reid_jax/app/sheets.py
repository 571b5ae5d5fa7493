"""Sheets of pictures of a run, each below a caption: data, ranked lists, clusters, neighbours."""

import cv2
import jax
import numpy as np

from reid_jax import distance, evaluate
from reid_jax.app.canvas import QUERY, RIGHT, SMALL, WRONG, Ink, band, captioned, grid, tile
from reid_jax.data import records as reading
from reid_jax.data.augment import resize
from reid_jax.data.records import take
from reid_jax.retrieval import ranking
from reid_jax.types import Domain, Model, Records, Variables

FRAMES = f"{RIGHT.word} frame = the same person, {WRONG.word} frame = another person"
GAP = 12  # pixels between two labels


def data_sheet(
    part: Records,
    seed: int,
    title: str,
    *,
    persons: int = 8,
    across: int = 10,
    kind: str = "",
    first: int = 1,
) -> np.ndarray:
    """Pictures of a person in each row, by camera; of a video where no person is known.

    Args:
        part: the data; of two domains each has half of the rows.
        seed: of the choice.
        title: of the caption.
        persons: rows of the sheet.
        across: pictures of a row, at most.
        kind: what a number of part.person is, if it is no person.
        first: the name of number 1.
    """
    rng = np.random.default_rng(seed)
    domains = np.unique(part.domain)
    lines: list[list[np.ndarray]] = []
    names: list[str] = []
    kinds: list[str] = []
    for domain in domains:
        rows = np.flatnonzero(part.domain == domain)
        known, number = _named(take(part, rows), rng, across)
        kinds.append(kind or known)
        for one in rng.permutation(np.unique(number[number >= 1]))[: -(-persons // len(domains))]:
            own = rows[number == one]
            own = own[np.argsort(part.camera[own], kind="stable")]
            own = own[np.unique(np.linspace(0, len(own) - 1, across).astype(int))]
            lines.append([tile(part, row) for row in own])
            side = f"\n{Domain(domain).name.lower()}" if len(domains) > 1 else ""
            names.append("" if known == RANDOM else f"{kinds[-1]} {one - 1 + first}{side}")
    text = "Each row: " + " or ".join(f"{_ROW[one]}" for one in dict.fromkeys(kinds)) + "."
    return captioned(grid(lines, names), title, text)


RANDOM = "random pictures"
_ROW = {
    "person": "pictures of one person, sorted by camera",
    "video": "pictures of one video (no person is known)",
    "label": "pictures with one label; they should show one person",
    "stretch": "pictures that follow each other in the data",
    RANDOM: "random pictures (neither persons nor videos are known)",
}


def _named(part: Records, rng: np.random.Generator, across: int) -> tuple[str, np.ndarray]:
    """What the rows of a sheet are, and i[n], which one a picture is in, from 1; below: none."""
    for kind, number in (("person", part.person), ("video", part.group + 1)):
        if (number >= 1).any():
            return kind, number
    return RANDOM, 1 + rng.permutation(len(part.person)) // across


def clusters(
    label: np.ndarray, part: Records, seed: int, name: str, *, down: int = 8, across: int = 3
) -> np.ndarray:
    """Four random pictures of each of `down` x `across` random labels (ReMix's figure 4).

    Where persons are known, frames tell who is the label's commonest one.

    Args:
        label: i32[n], the label of each row of `part`; -1 is ignored, and so is a label of a single
            picture where others have more.
        part: the data.
        seed: of the choice.
        name: of the data.
        down: rows of the sheet.
        across: labels in a row.

    Returns:
        uint8 [h w 3].
    """
    rng = np.random.default_rng(seed)
    names, size = np.unique(label[label >= 0], return_counts=True)
    several = names[size > 1] if (size > 1).any() else names
    groups, known = [], False
    for one in rng.permutation(several)[: down * across]:
        own = rng.permutation(np.flatnonzero(label == one))
        person = part.person[own]
        commonest = int(np.bincount(person[person >= 1], minlength=1).argmax())
        known |= commonest > 0
        four = [
            tile(part, row, _frame(who, commonest))
            for row, who in zip(own[:4], person[:4], strict=True)
        ]
        group = np.full((four[0].shape[0], 4 * four[0].shape[1] + GAP, 3), 255, np.uint8)
        group[:, : len(four) * four[0].shape[1]] = np.hstack(four)
        groups.append(
            np.vstack(
                [band(f"label {one}: {len(own):,} pictures", len(group[0]), SMALL, margin=3), group]
            )
        )
    text = (
        f"{len(groups)} of {len(several):,} pseudo labels of the last epoch, at random: up to four "
    )
    text += "pictures of each, which should all show one person"
    if known:
        text += f"; {RIGHT.word} frame = the person that most of the label's pictures show, "
        text += f"{WRONG.word} frame = another one, as the data know it"
    sheet = grid([groups[start : start + across] for start in range(0, len(groups), across)])
    return captioned(sheet, f"Pseudo labels of {name}", f"{text}.")


def _frame(person: int, right: int) -> Ink | None:
    """The frame of a picture where person `right` is expected; None where one is not known."""
    if person < 0 or right < 1:
        return None
    return RIGHT if person == right else WRONG


def neighbours(
    embedding: np.ndarray,
    part: Records,
    metric: str,
    seed: int,
    name: str,
    *,
    pictures: int = 8,
    across: int = 10,
    kind: str = "training pictures",
) -> np.ndarray:
    """Random pictures, each followed by its nearest among the others, for data without labels.

    Args:
        embedding: f32[n d], of every row of `part`.
        part: the data that are looked at.
        metric: cosine or euclidean, the distance that is written below each picture.
        seed: of the choice.
        name: of the data.
        pictures: rows of the sheet.
        across: neighbours in a row, at most.
        kind: what the pictures are.

    Returns:
        uint8 [h w 3].
    """
    chosen = np.random.default_rng(seed).permutation(len(part.person))[:pictures]
    between = distance.cosine if metric == "cosine" else distance.euclidean
    far = np.array(between(embedding[chosen], embedding))
    far[np.arange(len(chosen)), chosen] = np.inf
    near = np.argsort(far, axis=1, kind="stable")[:, : min(across, len(part.person) - 1)]
    lines, known = [], False
    for row, others, away in zip(chosen, near, far, strict=True):
        line = [tile(part, row, QUERY, f" {_place(part, row)}")]
        for other in others:
            frame = _frame(part.person[other], part.person[row])
            known |= frame is not None
            line.append(tile(part, other, frame, f"{away[other]:.2f} {_place(part, other)}"))
        lines.append(line)
    text = f"Left: a random picture ({QUERY.word} frame). Then its nearest among "
    text += f"{len(part.person):,} {kind}, with the {metric} distance. Do they show the "
    text += "same person, or only the same clothes, pose or background?"
    if known:
        text += f" {FRAMES.capitalize()}."
    return captioned(grid(lines), f"Neighbours by the trained network: {name}", text)


def _place(part: Records, row: int) -> str:
    """Where a picture is from, in a line of its own: its video or its camera, if that is known."""
    for word, number in (("video", part.group[row]), ("camera", part.camera[row])):
        if number >= 0:
            return f"\n{word} {number}"
    return "\n"


def activation(
    model: Model,
    variables: Variables,
    part: Records,
    seed: int,
    name: str,
    *,
    pictures: int = 24,
) -> np.ndarray:
    """Random pictures, each beside its activation map.

    The map is the sum of squares over the channels before the pooling (ReMix's figure 5).
    """
    rows = np.random.default_rng(seed).permutation(len(part.person))[:pictures]
    input = model.input
    seen = np.stack(
        [resize(reading.read(part, int(row)), input.size, input.resize) for row in rows]
    )
    strength = np.square(np.asarray(jax.jit(model.feature_map)(variables, seen))).sum(-1)
    low, high = strength.min((1, 2), keepdims=True), strength.max((1, 2), keepdims=True)
    strength = np.round(255 * (strength - low) / np.maximum(high - low, 1e-12)).astype(np.uint8)
    tiles = []
    for row, heat in zip(rows, strength, strict=True):
        picture, seen_at = tile(part, row), tile(part, row)
        inside = seen_at[4:-4, 3:-3]
        colour = cv2.applyColorMap(
            cv2.resize(heat, inside.shape[1::-1], interpolation=cv2.INTER_CUBIC),
            cv2.COLORMAP_INFERNO,
        )
        inside[:] = cv2.addWeighted(inside, 0.4, cv2.cvtColor(colour, cv2.COLOR_BGR2RGB), 0.6, 0)
        tiles += [picture, seen_at]
    text = "Pairs: a random picture, and the same under the last feature map: yellow = strong, "
    text += "black = weak. It should be strong on the person, not on the background."
    sheet = grid([tiles[start : start + 12] for start in range(0, len(tiles), 12)])
    return captioned(sheet, f"What the network looks at: {name}", text)


def ranked_lists(
    embedding: np.ndarray,
    test: Records,
    metric: str,
    name: str,
    *,
    same_camera: bool,
    queries: int = 8,
    across: int = 10,
    result: ranking.Ranking | None = None,
) -> np.ndarray:
    """A query in each row, then its nearest; from the best average precision to the worst.

    Args:
        embedding: f32[n d], of every row of `test`.
        test: query and gallery.
        metric: cosine or euclidean.
        name: of the data.
        same_camera: matches within one camera count.
        queries: rows of the sheet.
        across: gallery pictures in a row, at most.
        result: the ranking of all; without it, it is computed, which all processes do together.
    """
    query, gallery = np.flatnonzero(test.split == "query"), np.flatnonzero(test.split == "gallery")
    if result is None:
        result = evaluate.rank_records(embedding, test, metric=metric, same_camera=same_camera)
    valid = np.flatnonzero(~np.isnan(result.ap))
    chosen = valid[np.argsort(-result.ap[valid], kind="stable")]
    chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, queries).astype(int))]
    near = ranking.order(
        embedding[query[chosen]],
        embedding[gallery],
        across,
        query_person=test.person[query[chosen]],
        gallery_person=test.person[gallery],
        query_camera=test.camera[query[chosen]],
        gallery_camera=test.camera[gallery],
        metric=metric,
        same_camera=same_camera,
    )
    lines, names = [], []
    for place, number in enumerate(chosen):
        person = test.person[query[number]]
        line = [tile(test, query[number], QUERY)]
        for column in near[place]:
            if column >= 0:
                row = gallery[column]
                line.append(tile(test, row, RIGHT if test.person[row] == person else WRONG))
        lines.append(line)
        names.append(f"person {person}\nAP {100 * result.ap[number]:.0f}%")
    text = f"Left: the query ({QUERY.word} frame). Then the gallery, nearest first: {FRAMES}. Rows "
    text += f"from the best of {len(valid):,} queries to the worst, by average precision (AP)."
    return captioned(grid(lines, names), f"Ranked lists: {name}", text)

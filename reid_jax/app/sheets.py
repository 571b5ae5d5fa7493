"""Sheets of pictures of a run: data, clusters, neighbours, what the network looks at."""

import cv2
import jax
import numpy as np

from reid_jax import distance
from reid_jax.app.canvas import picture
from reid_jax.app.page.blocks import Row, Sheet, Tile
from reid_jax.app.page.inks import QUERY, RIGHT, WRONG, Ink
from reid_jax.data import records as reading
from reid_jax.data.augment import resize
from reid_jax.data.records import take
from reid_jax.types import Domain, Model, Records, Variables

FRAMES = f"{RIGHT.word} frame = the same person, {WRONG.word} frame = another person"


def data_sheet(
    part: Records,
    seed: int,
    title: str,
    *,
    persons: int = 8,
    across: int = 10,
    kind: str = "",
    first: int = 1,
) -> Sheet:
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
    rows: list[Row] = []
    kinds: list[str] = []
    for domain in domains:
        rows_of = np.flatnonzero(part.domain == domain)
        known, number = _named(take(part, rows_of), rng, across)
        kinds.append(kind or known)
        side = f"\n{Domain(domain).name.lower()}" if len(domains) > 1 else ""
        for one in rng.permutation(np.unique(number[number >= 1]))[: -(-persons // len(domains))]:
            own = rows_of[number == one]
            own = own[np.argsort(part.camera[own], kind="stable")]
            own = own[np.unique(np.linspace(0, len(own) - 1, across).astype(int))]
            name = "" if known == RANDOM else f"{kinds[-1]} {one - 1 + first}{side}"
            rows.append(Row(name, [tile(part, row) for row in own]))
    text = "Each row: " + " or ".join(f"{_ROW[one]}" for one in dict.fromkeys(kinds)) + "."
    return Sheet(title, text, rows)


def tile(part: Records, row: int, ink: Ink | None = None, *above: str, alt: str = "") -> Tile:
    """The picture of a row.

    Args:
        part: the data.
        row: of them.
        ink: of the frame.
        above: lines of the caption before those that say where the picture is from.
        alt: what it is, before its camera, its time and its file.
    """
    place = places(part, row)
    item = part.image[row]
    file = [item] if isinstance(item, str) else []
    return Tile(
        picture(part, row), ink, (*above, *place), ", ".join([alt or "picture", *place, *file])
    )


def places(part: Records, row: int) -> list[str]:
    """Where and when a picture was taken, as far as it is known."""
    numbers = (part.camera[row], part.group[row], part.frame[row])
    words = ("camera", "video", "frame")
    return [f"{word} {number}" for word, number in zip(words, numbers, strict=True) if number >= 0]


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
) -> Sheet:
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
        groups.append(Row(f"label {one}: {len(own):,} pictures", four))
    text = (
        f"{len(groups)} of {len(several):,} pseudo labels of the last epoch, at random: up to four "
    )
    text += "pictures of each, which should all show one person"
    if known:
        text += f"; {RIGHT.word} frame = the person that most of the label's pictures show, "
        text += f"{WRONG.word} frame = another one, as the data know it"
    return Sheet(f"Pseudo labels of `{name}`", f"{text}.", groups, across)


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
) -> Sheet:
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
    """
    chosen = np.random.default_rng(seed).permutation(len(part.person))[:pictures]
    between = distance.cosine if metric == "cosine" else distance.euclidean
    far = np.array(between(embedding[chosen], embedding))
    far[np.arange(len(chosen)), chosen] = np.inf
    near = np.argsort(far, axis=1, kind="stable")[:, : min(across, len(part.person) - 1)]
    lines, known = [], False
    for row, others, away in zip(chosen, near, far, strict=True):
        line = [tile(part, row, QUERY, alt="random picture")]
        for other in others:
            frame = _frame(part.person[other], part.person[row])
            known |= frame is not None
            far_off = f"{away[other]:.2f}"
            line.append(tile(part, other, frame, far_off, alt=f"{_said(frame)}{metric} {far_off}"))
        lines.append(Row("", line))
    text = f"Left: a random picture ({QUERY.word} frame). Then its nearest among "
    text += f"{len(part.person):,} {kind}, with the {metric} distance. Do they show the "
    text += "same person, or only the same clothes, pose or background?"
    if known:
        text += f" {FRAMES.capitalize()}."
    return Sheet(f"Neighbours by the trained network: `{name}`", text, lines)


def _said(frame: Ink | None) -> str:
    """A frame in words."""
    return {RIGHT: "right, ", WRONG: "wrong, "}.get(frame, "") if frame else ""


def activation(
    model: Model,
    variables: Variables,
    part: Records,
    seed: int,
    name: str,
    *,
    pictures: int = 24,
) -> Sheet:
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
    pairs = []
    for row, heat in zip(rows, strength, strict=True):
        seen_by_us = tile(part, int(row))
        colour = cv2.applyColorMap(
            cv2.resize(heat, seen_by_us.pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC),
            cv2.COLORMAP_INFERNO,
        )
        colour = cv2.cvtColor(colour, cv2.COLOR_BGR2RGB)
        under = cv2.addWeighted(seen_by_us.pixels, 0.4, colour, 0.6, 0)
        pairs.append(Row("", [seen_by_us._replace(caption=()), Tile(under, alt="its map")]))
    text = "Pairs: a random picture, and the same under the last feature map: yellow = strong, "
    text += "black = weak. It should be strong on the person, not on the background."
    return Sheet(f"What the network looks at: `{name}`", text, pairs, 6)

"""Sheets of pictures of a run: the data, ranked lists, clusters, and what the encoder looks at."""

from pathlib import Path

import cv2
import jax
import numpy as np

from reid_jax import evaluate
from reid_jax.data import records as reading
from reid_jax.data.augment import resize
from reid_jax.retrieval import ranking
from reid_jax.types import Model, Records, Variables
from reid_jax.whole import whole

SIZE = (128, 64)  # of a picture in a sheet, (height, width)
RIGHT, WRONG, QUERY = (46, 160, 67), (218, 54, 51), (90, 90, 90)  # colours of frames


def data_sheet(part: Records, seed: int, *, persons: int = 8, across: int = 10) -> np.ndarray:
    """Pictures of a person in each row, by camera; of a video where no person is known."""
    rng = np.random.default_rng(seed)
    name = next(
        one for one in (part.person, part.group + 1, np.ones(len(part.person))) if (one >= 1).any()
    )
    known = np.unique(name[name >= 1])
    lines = []
    for one in rng.permutation(known)[:persons]:
        rows = np.flatnonzero(name == one)
        rows = rows[np.argsort(part.camera[rows], kind="stable")]
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, across).astype(int))]
        lines.append([_framed(part, row, None) for row in rows])
    return _grid(lines)


def clusters(
    label: np.ndarray, part: Records, seed: int, *, down: int = 8, across: int = 3
) -> np.ndarray:
    """Four random pictures of each of `down` x `across` random labels (ReMix's figure 4).

    Args:
        label: i32[n], the label of each row of `part`; -1 is ignored.
        part: the data.
        seed: of the choice.
        down: rows of the sheet.
        across: labels in a row.

    Returns:
        uint8 [h w 3].
    """
    rng = np.random.default_rng(seed)
    gap = np.full((SIZE[0] + 6, 12, 3), 255, np.uint8)
    tiles = []
    for name in rng.permutation(np.unique(label[label >= 0]))[: down * across]:
        rows = np.resize(rng.permutation(np.flatnonzero(label == name)), 4)
        tiles.append(np.hstack([_framed(part, row, None) for row in rows] + [gap]))
    return _grid([tiles[start : start + across] for start in range(0, len(tiles), across)])


def activation(
    model: Model, variables: Variables, part: Records, seed: int, *, pictures: int = 24
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
        picture = _framed(part, row, None)
        colour = cv2.applyColorMap(
            cv2.resize(heat, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC), cv2.COLORMAP_JET
        )
        tiles += [
            picture,
            cv2.addWeighted(picture, 0.5, cv2.cvtColor(colour, cv2.COLOR_BGR2RGB), 0.5, 0),
        ]
    return _grid([tiles[start : start + 12] for start in range(0, len(tiles), 12)])


def ranked_lists(
    embedding: np.ndarray,
    test: Records,
    metric: str,
    *,
    same_camera: bool,
    queries: int = 8,
    across: int = 10,
) -> np.ndarray:
    """A query in each row, then its nearest; from the best average precision to the worst."""
    query, gallery = np.flatnonzero(test.split == "query"), np.flatnonzero(test.split == "gallery")
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
    lines = []
    for place, number in enumerate(chosen):
        person = test.person[query[number]]
        line = [_framed(test, query[number], QUERY)]
        for column in near[place]:
            if column >= 0:
                row = gallery[column]
                line.append(_framed(test, row, RIGHT if test.person[row] == person else WRONG))
        lines.append(line)
    return _grid(lines)


def _framed(part: Records, row: int, colour: tuple[int, int, int] | None) -> np.ndarray:
    image = resize(reading.read(part, int(row)), SIZE)
    edge = colour or (255, 255, 255)
    return cv2.copyMakeBorder(image, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=edge)


def _grid(lines: list[list[np.ndarray]]) -> np.ndarray:
    height, width = lines[0][0].shape[:2]
    sheet = np.full((len(lines) * height, max(map(len, lines)) * width, 3), 255, np.uint8)
    for top, line in enumerate(lines):
        for left, tile in enumerate(line):
            sheet[top * height : (top + 1) * height, left * width : (left + 1) * width] = tile
    return sheet


def save(path: Path, image: np.ndarray) -> None:
    """Write an RGB picture, whole or not at all."""
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    with whole(path) as unfinished:
        unfinished.write_bytes(encoded.tobytes())

"""The worst errors of an encoder: as lines, and as a sheet of pictures."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reid_jax import distance
from reid_jax.app.doctor.exam import Exam
from reid_jax.app.doctor.labelled import Labelled
from reid_jax.app.page.blocks import Row, Sheet, Tile
from reid_jax.app.page.inks import QUERY, RIGHT, WRONG
from reid_jax.app.sheets import tile
from reid_jax.retrieval import ranking
from reid_jax.retrieval.sides import METRICS
from reid_jax.types import Records

MOST = 20
ACROSS = 5  # pictures that come first, in the sheet


class Error(NamedTuple):
    """A query whose first place is another person. Rows are those of `Labelled.test`.

    Attributes:
        query: row.
        first: i64[ACROSS], rows of the first places; -1 where there is none.
        right: row of the best right match.
        rank: its rank.
        wrong_cosine: of the first place.
        right_cosine: of the best right match.
    """

    query: int
    first: np.ndarray
    right: int
    rank: int
    wrong_cosine: float
    right_cosine: float


def worst(exam: Exam, metric: str, most: int = MOST) -> list[Error]:
    """The queries whose first right match comes last, worst first; none without labels."""
    labelled = exam.labelled
    if labelled is None:
        return []
    test, result = labelled.test, labelled.ranking
    query, gallery = (np.flatnonzero(test.split == side) for side in ("query", "gallery"))
    number = np.flatnonzero(result.first > 1)
    number = number[np.argsort(-result.first[number], kind="stable")][:most]
    if not len(number):
        return []
    rows = exam.embedding[labelled.rows]
    asked = query[number]
    near = ranking.order(
        rows[asked],
        rows[gallery],
        ACROSS,
        query_person=test.person[asked],
        gallery_person=test.person[gallery],
        query_camera=test.camera[asked],
        gallery_camera=test.camera[gallery],
        metric=metric,
        same_camera=labelled.same_camera,
    )
    between = np.asarray(METRICS[metric](rows[asked], rows[gallery]))
    unit = distance.unit(rows)
    found = []
    for own, line, away, rank in zip(asked, near, between, result.first[number], strict=True):
        away = np.where(_right(labelled, own, gallery), away, np.inf)
        right, first = int(gallery[away.argmin()]), np.where(line >= 0, gallery[line], -1)
        cosines = [float(unit[own] @ unit[row]) for row in (first[0], right)]
        found.append(Error(int(own), first, right, int(rank), *cosines))
    return found


def _right(labelled: Labelled, query: int, gallery: np.ndarray) -> np.ndarray:
    """bool[m], the gallery pictures that are right answers."""
    test = labelled.test
    alike = test.person[gallery] == test.person[query]
    camera = test.camera[query]
    return alike & ((test.camera[gallery] != camera) | (camera < 0) | labelled.same_camera)


def lines(errors: Sequence[Error], test: Records, names: Sequence[str]) -> list[str]:
    """A table of errors in Markdown.

    Args:
        errors: of `worst`.
        test: query and gallery.
        names: of its pictures.
    """
    text = [
        "| query | person | camera | taken for | its person | its camera | cosine | right match | "
        "at rank | cosine |",
        "|---" * 10 + "|",
    ]
    for one in errors:
        query, wrong, right = ([names[row], *_of(test, row)] for row in _three(one))
        cells = [*query, *wrong, f"{one.wrong_cosine:.2f}", right[0], str(one.rank)]
        text.append(f"| {' | '.join([*cells, f'{one.right_cosine:.2f}'])} |")
    return text


def plain(errors: Sequence[Error], test: Records, names: Sequence[str]) -> list[dict[str, object]]:
    """The same for programs."""
    found = []
    for one in errors:
        told: dict[str, object] = {"rank": one.rank}
        for word, row in zip(("query", "wrong", "right"), _three(one), strict=True):
            told |= {
                word: names[row],
                f"{word}_person": int(test.person[row]),
                f"{word}_camera": int(test.camera[row]),
            }
        found.append({**told, "wrong_cosine": one.wrong_cosine, "right_cosine": one.right_cosine})
    return found


def _three(one: Error) -> tuple[int, int, int]:
    return one.query, int(one.first[0]), one.right


def _of(test: Records, row: int) -> list[str]:
    """Person and camera of a picture in words."""
    person, camera = int(test.person[row]), int(test.camera[row])
    return ["a distractor" if person == 0 else str(person), str(camera) if camera >= 0 else "?"]


def sheet(errors: Sequence[Error], test: Records, queries: int, name: str) -> Sheet:
    """The errors as pictures, an error in each row: query, first places, the best right match."""
    rows = []
    for one in errors:
        line = [tile(test, one.query, QUERY, "query", alt="query")]
        for row in one.first:
            if row >= 0:
                right = test.person[row] == test.person[one.query]
                person = _of(test, row)[0]
                line.append(tile(test, row, RIGHT if right else WRONG, person, alt=person))
        line.append(Tile(np.full_like(line[0].pixels, 255)))
        line.append(tile(test, one.right, RIGHT, f"rank {one.rank}", alt="best right match"))
        rows.append(Row(f"person {test.person[one.query]}\nrank {one.rank}", line))
    text = f"The {len(errors)} worst of {queries:,} queries, by the rank of their first right "
    text += f"match. Left: the query ({QUERY.word} frame). Then what comes first: "
    text += f"{WRONG.word} frame = another person. Right: the best right match ({RIGHT.word} "
    text += "frame) and its rank. Is it the same clothes, a wrong label, or a fault of the encoder?"
    return Sheet(f"Worst errors: {name}", text, rows)

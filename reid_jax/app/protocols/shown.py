"""The table of a protocol as Markdown: a row for each group of checkpoints, then the published."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from reid_jax.app.protocols import published
from reid_jax.app.protocols.checkpoints import leak
from reid_jax.app.protocols.compare import Entry
from reid_jax.app.protocols.kept import Result
from reid_jax.app.protocols.targets import Target

FIGURES = ("mAP", "rank1")
HASH = 12  # digits that are shown


Results = Mapping[str, Sequence[Result]]  # by the folder of the checkpoint


class Cell(NamedTuple):
    """A row's figures on a target.

    Attributes:
        values: f64[k figures], of its checkpoints, each the mean over the splits; or, of one
            checkpoint, of the splits.
        sources: the parts of sets that its checkpoints were trained on, as far as known.
    """

    values: np.ndarray
    sources: frozenset[frozenset[str]]

    def text(self) -> str:
        """Mean and, of several, standard deviation of each figure, in percent."""
        texts = []
        for values in 100 * self.values.T:
            spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
            texts.append(f"{values.mean():.1f}{spread}")
        return " / ".join(texts)


def markdown(
    title: str,
    rows: Mapping[str, Sequence[Entry]],
    targets: Sequence[Target],
    results: Results,
    *,
    draws: int = 0,
    same_camera: bool = False,
) -> str:
    """The whole text.

    Args:
        title: a line.
        rows: the checkpoints of each row.
        targets: the columns.
        results: of these targets, by checkpoint.
        draws: of one gallery picture a person.
        same_camera: whether matches by the query's own camera count too.
    """
    cells = {
        (row, target.name): cell
        for row, entries in rows.items()
        for target in targets
        if (cell := _cell(entries, target.name, results))
    }
    heads = [f"{target.name} ({_short(target)})" for target in targets]
    text = [title, "", f"| mAP / rank-1 | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for row in rows:
        found = [cells.get((row, target.name)) for target in targets]
        texts = [cell.text() if cell else "" for cell in found]
        text.append(f"| {row} | {' | '.join(texts)} |")
    lines = [] if draws or same_camera else _published(cells, targets)
    for method in dict.fromkeys(line.method for line in lines):
        theirs = {line.target: line for line in lines if line.method == method}
        texts = [theirs[one.name].text() if one.name in theirs else "" for one in targets]
        text.append(f"| {method} (published) | {' | '.join(texts)} |")
    text += ["", *_notes(rows, targets, results, draws, same_camera), ""]
    if lines:
        text += ["Published:", ""]
        told = dict.fromkeys((line.method, line.evidence) for line in lines)
        text += [f"- {method}: {evidence}" for method, evidence in told]
    return "\n".join(text).rstrip() + "\n"


def _cell(entries: Sequence[Entry], target: str, results: Results) -> Cell | None:
    """The figures of some checkpoints on a target, if there are any."""
    own = {
        one: np.array([[result.figures[name] for name in FIGURES] for result in found])
        for one in entries
        if (found := [x for x in results.get(str(one.folder), ()) if x.key.target == target])
    }
    if not own:
        return None
    values = [next(iter(own.values()))] if len(own) == 1 else [[v.mean(0) for v in own.values()]]
    return Cell(np.array(values[0]), frozenset(one.trained.parts for one in own if one.trained))


def _published(
    cells: Mapping[tuple[str, str], Cell], targets: Sequence[Target]
) -> list[published.Published]:
    """The published figures that stand beside a cell of the same sources and target.

    None do beside a target that has not as many pictures as the published one.
    """
    found = {
        line: None
        for target in targets
        if _is_published(target)
        for (_, name), cell in cells.items()
        if name == target.name
        for sources in cell.sources
        for line in published.beside(sources, name)
    }
    return list(found)


def _is_published(target: Target) -> bool:
    """Whether every split has as many pictures as the published test."""
    known = published.TESTS.get(target.name, set())
    return all((one.counts["query"], one.counts["gallery"]) in known for one in target.splits)


def _short(target: Target) -> str:
    """The counts of a target: of all splits, where they agree."""
    texts = dict.fromkeys(
        f"{one.counts['query']:,} / {one.counts['gallery']:,}" for one in target.splits
    )
    times = f", {len(target.splits)} splits" if len(target.splits) > 1 else ""
    return ("; ".join(texts) if len(texts) < 3 else f"{next(iter(texts))} and others") + times


def _notes(
    rows: Mapping[str, Sequence[Entry]],
    targets: Sequence[Target],
    results: Results,
    draws: int,
    same_camera: bool,
) -> Iterator[str]:
    """What was tested on, and what each checkpoint is."""
    yield "In percent; ± is the standard deviation over the checkpoints of a row or, where it has"
    yield "one, over the splits. In brackets the pictures of query / gallery."
    if draws:
        yield f"The gallery has one picture of a person; means over {draws} draws."
    if same_camera:
        yield "Matches by the query's own camera count too, which are easier to find."
    yield ""
    yield "Data:"
    yield ""
    for target in targets:
        counts = target.splits[0].counts
        first = " (first split)" if len(target.splits) > 1 else ""
        yield (
            f"- {target.name}, `{target.source}`{first}: {counts['query']:,} queries "
            f"({counts['valid']:,} valid) of {counts['persons']:,} persons; {counts['gallery']:,} "
            f"gallery pictures of {counts['gallery_persons']:,} persons, "
            f"{counts['distractors']:,} distractors"
        )
        yield from (f"  - {warning}" for warning in target.warnings[:1])
        if target.name in published.TESTS and not _is_published(target):
            yield "  - not the test of the papers: no published figure stands beside it"
    yield ""
    yield "Checkpoints:"
    yield ""
    for row, entries in rows.items():
        for one in entries:
            yield f"- {row}: {_told(one, results)}"


def _told(one: Entry, results: Results) -> str:
    own = results.get(str(one.folder), [])
    text = f"`{one.folder}`, nobody knows what it was trained on"
    if one.trained:
        text = f"`{one.folder}`, trained on {' + '.join(sorted(one.trained.parts))}"
        for target in sorted({result.key.target for result in own} & one.trained.names):
            text += f"; **{leak(one.trained, target) or f'{target} is not new to it'}**"
    if not own:
        return f"{text}; not tested"
    step = f", step {own[0].step:,}" if own[0].step >= 0 else ""
    how = f"by {own[0].key.metric} distance" + (", flipped too" if own[0].key.flip else "")
    dates = sorted({result.about["date"][:10] for result in own})
    return f"{text}{step}, arrays {own[0].key.hash[:HASH]}, {how}, {' and '.join(dates)}"

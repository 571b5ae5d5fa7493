"""What there is to run: the tables, the rows of one, and what each needs."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reid_jax.app.job import Experiment
from reid_jax.app.table import Table, small
from reid_jax.options import choose

from . import cost, sets, targets, tracking
from .trainings import Asked, Training, trainings


def papers(table: Table) -> str:
    """The recipe whose rows are the paper's: the first that is not small."""
    return next((one for one in table.recipes if not small(one)), table.recipes[0])


def tables(
    found: Mapping[str, tuple[str, Experiment, Table]],
    experiments: Mapping[str, Experiment],
    recipe: str,
) -> str:
    """The tables with a line each, and with one of what the rows of a recipe need.

    Args:
        found: (the experiment's name, the experiment, the table) by name.
        experiments: all, by name.
        recipe: of the rows; empty: each table's `papers`.
    """
    lines = []
    for key, (name, _, table) in found.items():
        if recipe and recipe not in table.recipes:
            continue
        chosen = recipe or papers(table)
        listed = trainings(table, Asked(experiments, name, chosen), Path("WORKDIR"))
        lines += [
            f"{key:15} {table.title} (--recipe: {', '.join(table.recipes)})",
            f"{'':15} {chosen}: {len(listed)} rows, {_computation(listed)}; needs {needs(listed)}",
        ]
    if not lines:
        known = {one: None for _, _, table in found.values() for one in table.recipes}
        choose("--recipe", recipe, known)
    if not recipe:
        lines += [f"{tracking.NAME:15} {tracking.TITLE}", f"{'':15} made by {tracking.COMMAND}"]
    return "\n".join(
        [*lines, "", "--table=NAME lists the rows of one, with --workdir it runs them"]
    )


def rows(key: str, table: Table, recipe: str, listed: Sequence[Training]) -> str:
    """The rows of a table with what each needs, and how much it computes."""
    lines = [f"{key}: {table.title}; --recipe={recipe}"]
    for one in listed:
        row = table.rows[one.row]
        paper = [
            f"{line.mAP or '-'} / {line.rank1 or '-'} on {line.target}"
            for line in targets.of(row.paper, one.config.backbone)
        ]
        lines.append(f"{one.row:4}  {row.name}")
        if one.needs:
            lines.append(f"      goes on from row {', '.join(map(str, one.needs))}")
        lines.append(f"      {cost.words(one.config) if one.words else 'nothing to train'}")
        lines.append(f"      needs {needs([one])}")
        lines += [f"      the paper's mAP / rank-1: {', '.join(paper)}"] if paper else []
    return "\n".join([*lines, "", "--workdir=FOLDER runs them, --rows=... some of them"])


def needs(listed: Iterable[Training]) -> str:
    """The data sets and the kinds of weights that trainings need."""
    texts = [str(value) for one in listed for value in vars(one.config).values() if one.words]
    texts += [source for one in listed for test in one.tests for source in test.sources]
    named = [name for name in sets.SETS if any(f"{{{name}}}" in text for text in texts)]
    data = list(dict.fromkeys(sets.SETS[name].place for name in named))
    starts = dict.fromkeys(one.start for one in listed if one.start and one.config.weights)
    weights = ["--weights=" + ",".join(f"{start}=FILE" for start in starts)] if starts else []
    return "; ".join(filter(None, [", ".join(data), *weights])) or "nothing"


def _computation(listed: Sequence[Training]) -> str:
    """The pictures that trainings train on, as far as they are known without the data."""
    costs = [cost.of(one.config) for one in listed if one.words]
    known = sum(one.pictures for one in costs)
    passes = sum(one.epochs for one in costs if not one.pictures)
    parts = [f"{known / 1e6:,.0f} M pictures"] if known else []
    parts += [f"{passes:,} passes over the data"] if passes else []
    return " and ".join(parts)

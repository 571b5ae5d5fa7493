"""A comparison as Markdown and as JSON."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from reid_jax.app.results import groups as grouping
from reid_jax.app.results.groups import Group
from reid_jax.app.results.record import MEANS, Result
from reid_jax.app.results.verdict import Compared, Figure, compared
from reid_jax.options import typed

MARK = "\\|"  # for | inside of a cell
HEADS = {name: name.replace("rank", "rank-") for name in MEANS}


def markdown(found: Sequence[Compared]) -> str:
    """The whole text of a comparison."""
    groups = [one.group for one in found]
    lines = [
        tested(groups[0]),
        "",
        *_differences(groups),
        "",
        *_table(found),
        "",
        *(f"- {one.verdict}" for one in found[1:]),
        "",
        *runs(groups),
    ]
    return "\n".join(lines).rstrip() + "\n"


def tested(group: Group) -> str:
    """What was tested on, in a sentence."""
    test = group.test
    counts = f"{test['query']:,} queries, {test['gallery']:,} gallery pictures"
    return f"Tested on `{test['source']}`: {counts}."


def seeds(group: Group) -> str:
    """Mean and spread of one group, and the figures of each of its seeds."""
    (one,) = compared([group])
    return "\n".join([*_table([one]), "", *runs([group])])


def plain(found: Sequence[Compared]) -> dict[str, Any]:
    """The same for programs; figures in [0, 1]."""
    groups = [one.group for one in found]
    return {
        "test": groups[0].test,
        "differences": {
            name: list(values) for name, values in grouping.differences(groups).items()
        },
        "groups": [
            {
                "name": one.group.name,
                "runs": [str(result.path) for result in one.group.results],
                "seeds": [seed for each in one.group.results for seed in each.about["seeds"]],
                "figures": {name: each._asdict() for name, each in one.figures.items()},
                "ahead": {name: each._asdict() for name, each in one.ahead.items()},
                "verdict": one.verdict,
            }
            for one in found
        ],
    }


def _differences(groups: Sequence[Group]) -> Iterator[str]:
    """What differs in the configurations."""
    changed, own = grouping.differences(groups), grouping.lacking(groups)
    if not changed and not own:
        yield "Their configurations differ in nothing" + (
            " but the seed." if len({str(one.results[0].about["seeds"]) for one in groups}) > 1
            else "."
        )  # fmt: skip
    if changed:
        yield f"| option | {' | '.join(one.name for one in groups)} |"
        yield "|---" * (len(groups) + 1) + "|"
        for name, values in changed.items():
            yield f"| {name} | {' | '.join(cell(value).replace('|', MARK) for value in values)} |"
    for name, options in own.items():
        yield f"\nOnly {name} has the options {', '.join(options)}."


def cell(value: Any) -> str:
    """The value of an option."""
    return typed(value) or "(empty)"


def _table(found: Sequence[Compared]) -> Iterator[str]:
    """The figures, and below them the differences to the first."""
    yield f"| % | {' | '.join(HEADS.values())} |"
    yield "|---" * (len(HEADS) + 1) + "|"
    for one in found:
        count = len(one.group.results)
        name = f"{one.group.name} ({count} seeds)" if count > 1 else one.group.name
        yield _line(name, one.figures, "")
    for one in found[1:]:
        yield _line(f"{one.group.name} less {found[0].group.name}", one.ahead, "+")
    yield ""
    yield spread(found)


def spread(found: Sequence[Compared]) -> str:
    """What ± means."""
    several = max(len(one.group.results) for one in found) > 1
    return (
        f"± is half an interval of 95%, by bootstrap over queries{' and seeds' if several else ''}"
        f"{', paired by query' if len(found) > 1 else ''}."
    )


def _line(name: str, figures: dict[str, Figure], sign: str) -> str:
    return f"| {name} | {' | '.join(cells(figures, sign))} |"


def cells(figures: dict[str, Figure], sign: str) -> list[str]:
    """Figures in percent with half their interval; `sign` "+" for differences."""
    return [f"{100 * x.mean:{sign}.1f} ± {100 * x.half:.1f}" for x in figures.values()]


def runs(groups: Sequence[Group]) -> Iterator[str]:
    """A line for each run: its figures, and where they come from."""
    for group in groups:
        own = [_run(one) for one in group.results]
        yield from (f"- {line}" for line in own)
        if len(own) > 1:
            values = [100 * one.figures["mAP"] for one in group.results]
            yield (
                f"- {group.name}: {np.mean(values):.1f} mAP, standard deviation "
                f"{np.std(values, ddof=1):.1f} over {len(own)} seeds"
            )


def _run(one: Result) -> str:
    about = one.about
    known = [
        f"`{one.path.parent if one.path.name == 'results.json' else one.path}`",
        *(f"seed {seed}" for seed in about["seeds"]),
        f"{100 * one.figures['mAP']:.1f} mAP, {100 * one.figures['rank1']:.1f} rank-1",
        f"{about['epochs']} epochs" if "epochs" in about else "",
        str(timedelta(seconds=round(about.get("seconds", 0)))) if "epochs" in about else "",
        f"on {about['devices']}",
        f"version {about['version']}{' ' + about['revision'][:12] if about['revision'] else ''}"
        + ("-dirty" if about["revision"].endswith("-dirty") else ""),
        about["date"][:10],
    ]
    return ", ".join(filter(None, known))

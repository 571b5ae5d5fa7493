"""A comparison as a page: the sections that `app/page` writes as HTML."""

from collections.abc import Sequence

from reid_jax.app.page import html
from reid_jax.app.page.blocks import Lines, Section, Table, Text
from reid_jax.app.results import groups as grouping
from reid_jax.app.results import shown
from reid_jax.app.results.verdict import Compared, Figure


def page(found: Sequence[Compared]) -> str:
    """One self-contained HTML file of what `shown.markdown` says."""
    groups = [one.group for one in found]
    title = "; ".join(one.name for one in groups)
    return html.page(f"Compared: {title}", _sections(found), opening=shown.tested(groups[0]))


def _sections(found: Sequence[Compared]) -> list[Section]:
    first, *others = found
    groups = [one.group for one in found]
    heads = list(shown.HEADS.values())
    figures = [_row(one.group.name, one.figures, "") for one in found]
    ahead = [_row(one.group.name, one.ahead, "+") for one in others]
    options = [
        [name, *map(shown.cell, values)] for name, values in grouping.differences(groups).items()
    ]
    if options:
        differ: list[Table | Text] = [
            Table("Options", ["option", *(one.name for one in groups)], options, words=True)
        ]
    else:
        differ = [Text("Their configurations differ in nothing but, at most, the seed.")]
    differ += [
        Text(f"Only {name} has the options {', '.join(own)}.")
        for name, own in grouping.lacking(groups).items()
    ]
    return [
        Section("Verdict", [Lines([one.verdict for one in others])]),
        Section(
            "Figures",
            [
                Table("Percent", ["run", *heads], figures),
                Table(f"Less those of {first.group.name}", ["run", *heads], ahead),
                Text(shown.spread(found)),
            ],
        ),
        Section("What differs", differ),
        Section("The runs", [Lines([line[2:] for line in shown.runs(groups)])]),
    ]


def _row(name: str, figures: dict[str, Figure], sign: str) -> list[str]:
    return [name, *shown.cells(figures, sign)]

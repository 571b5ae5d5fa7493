"""Whether groups of runs differ by more than other queries and other seeds would make them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reid_jax.app.results.groups import Group
from reid_jax.app.results.record import MEANS
from reid_jax.retrieval import bootstrap

BY = "mAP"  # the figure that a verdict is on


class Figure(NamedTuple):
    """A mean over queries and seeds, or the difference of two, in [0, 1].

    Attributes:
        mean: its value.
        half: half the width of its interval of 95%, by Student's t with the degrees of freedom
            that the seeds give.
        low, high: the percentiles 2.5 and 97.5 of the bootstrap.
    """

    mean: float
    half: float
    low: float
    high: float


class Compared(NamedTuple):
    """A group, and what it is beside the first.

    Attributes:
        group: the group.
        figures: by name.
        ahead: by name, what it has more than the first; none of the first.
        verdict: in words; empty for the first.
    """

    group: Group
    figures: dict[str, Figure]
    ahead: dict[str, Figure]
    verdict: str


def compared(groups: Sequence[Group], *, draws: int = bootstrap.DRAWS) -> list[Compared]:
    """Compare groups with the first, by a paired bootstrap over queries and over each one's seeds.

    Args:
        groups: of one test, see `groups.check`.
        draws: resamples.

    Raises:
        ValueError: they have other numbers of queries.
    """
    values = [group.values() for group in groups]
    drawn = bootstrap.resampled(values, draws=draws)
    queries = bootstrap.resampled([one.mean(0, keepdims=True) for one in values], draws=draws)
    found = [Compared(groups[0], _figures(values[:1], drawn[0]), {}, "")]
    for group, own, draw, alone in zip(groups[1:], values[1:], drawn[1:], queries[1:], strict=True):
        ahead = _figures([own, values[0]], draw - drawn[0])
        by_queries = bootstrap.spread((alone - queries[0])[:, MEANS.index(BY)]).deviation
        verdict = _verdict(groups[0], group, ahead[BY], _student([], by_queries))
        found.append(Compared(group, _figures([own], draw), ahead, verdict))
    return found


def _figures(values: Sequence[np.ndarray], draws: np.ndarray) -> dict[str, Figure]:
    """Figures of a group, [its values], or of a difference, [its values, those of the other]."""
    means = values[0].mean((0, 1)) - (values[1].mean((0, 1)) if len(values) > 1 else 0)
    found = {}
    for column, name in enumerate(MEANS):
        spread = bootstrap.spread(draws[:, column])
        wide = _student([one[..., column].mean(1) for one in values], spread.deviation)
        found[name] = Figure(float(means[column]), wide, spread.low, spread.high)
    return found


def _student(seeds: Sequence[np.ndarray], deviation: float) -> float:
    """Half an interval of 95% of a mean of this deviation.

    Args:
        seeds: f64[s] of each group, its mean of each seed.
        deviation: over queries and seeds.

    Reference:
        Welch, The Generalization of Student's Problem, Biometrika 1947 (Satterthwaite's degrees of
        freedom).

    Departs from the paper:
        the queries' part of the variance counts as known, since they are hundreds.
    """
    from scipy import special  # a tenth of a second, which no training should wait for

    several = [(own.var(ddof=1) / len(own), len(own) - 1) for own in seeds if len(own) > 1]
    below = sum(variance**2 / free for variance, free in several)
    free = deviation**4 / below if below > 0 else np.inf
    free = max(free, min((free for _, free in several), default=1))
    return float(special.stdtrit(free, 0.975) * deviation)


def _verdict(first: Group, other: Group, ahead: Figure, queries: float) -> str:
    """The difference of two groups in words; `queries`: half its interval by queries alone."""
    a, b, seeds = first.name, other.name, [len(one.results) for one in (first, other)]
    marks = [{one.about.get("encoder") for one in group.results} for group in (first, other)]
    if marks[0] == marks[1] and ahead.mean == 0 and None not in marks[0]:
        return f"{b} and {a} are the same encoder: they have the same weights."
    more = f"{100 * ahead.mean:+.1f} ± {100 * ahead.half:.1f} {BY}"
    size = f"{100 * abs(ahead.mean):.1f} ± {100 * ahead.half:.1f} {BY}"
    one = "of one seed each" if seeds == [1, 1] else "of one seed against several"
    unknown = f"{one}, so whether seeds explain it is not known (--seeds=3 trains several)"
    if abs(ahead.mean) > ahead.half:
        word = "better" if ahead.mean > 0 else "worse"
        why = "not explained by seeds" if min(seeds) > 1 else unknown
        return f"{b} is {word} than {a} by {size}; {why}."
    apart = f"{b} and {a} cannot be told apart: {more}"
    if abs(ahead.mean) > queries:
        return (
            f"{apart}; on these queries they differ (± {100 * queries:.1f}), and other seeds "
            "explain it."
        )
    return f"{apart}, which other queries {'and seeds ' if max(seeds) > 1 else ''}explain."

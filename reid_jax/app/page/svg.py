"""A chart as inline SVG, whose colours are the page's, light or dark."""

import math
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from reid_jax.app.page.blocks import AREA, LINE, Chart, Series

WIDTH, HEIGHT = 480, 300  # units of the drawing
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 44  # margins
MOST = 240  # points of a line; longer ones are thinned out
SHAPES = ("h.01", "m-2-2l4 4m0-4l-4 4", "m0-2.6l2.4 4.2h-4.8z")  # of points: dot, cross, triangle


def drawn(chart: Chart, name: str) -> str:
    """The <svg> of a chart.

    Args:
        chart: numbers that are not finite are left out.
        name: unique in the page, of the texts that say what it is.
    """
    x_ends, y_ends = _ends(chart)
    across = _Axis(x_ends, LEFT, WIDTH - RIGHT)
    down = _Axis(y_ends, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{escape(chart.title)}</title>'
        f'<desc id="{name}-d">{escape(chart.words)}</desc>'
    ]
    if not chart.bare:
        parts += _grid(across, down, whole=chart.whole)
    bottom, middle = HEIGHT - 6, (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    parts.append(
        f'<text x="{(LEFT + WIDTH) / 2:g}" y="{bottom}" class="mid">{escape(chart.x)}</text>'
    )
    turned = f'transform="rotate(-90 13 {middle:g})"'
    parts.append(f'<text x="13" y="{middle:g}" class="mid" {turned}>{escape(chart.y)}</text>')
    for one in chart.series:
        parts.append(_series(one, across, down))
    for place, mark in enumerate(chart.marks):
        at = across(mark.x)
        end = at > WIDTH / 2
        parts.append(f'<path class="mark" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(
            f'<text x="{at - 5 if end else at + 5:.1f}" y="{TOP + 14 + 16 * place}" '
            f'class="{"end" if end else "start"}">{escape(mark.name)}</text>'
        )
    return "".join([*parts, "</svg>"])


class _Axis:
    """A linear map from numbers to units of the drawing."""

    def __init__(self, ends: tuple[float, float], start: float, stop: float):
        self.ends, self.start, self.stop = ends, start, stop

    def __call__(self, value: float) -> float:
        low, high = self.ends
        return self.start + (value - low) / (high - low) * (self.stop - self.start)


def _ends(chart: Chart) -> tuple[tuple[float, float], tuple[float, float]]:
    """The least and the greatest number of both axes, with some room above."""
    x = _finite([one.x for one in chart.series] + [np.array([one.x for one in chart.marks])])
    y = _finite([one.y for one in chart.series])
    low, high = float(y.min()), float(y.max())
    if chart.zero or any(one.kind == AREA for one in chart.series):
        low = min(low, 0.0)
    room = 0.05 * (high - low) or abs(high) or 1.0
    sides = (
        0.04 * (x.max() - x.min())
        if any(one.kind not in (LINE, AREA) for one in chart.series)
        else 0
    )
    left, right = float(x.min() - sides), float(x.max() + sides)
    if left == right:
        left, right = left - 1, right + 1
    return (left, right), (low if low == 0 else low - room, high + room)


def _finite(parts: Sequence[np.ndarray]) -> np.ndarray:
    values = np.concatenate([np.asarray(one, np.float64).ravel() for one in parts])
    values = values[np.isfinite(values)]
    return values if len(values) else np.zeros(1)


def _grid(across: _Axis, down: _Axis, *, whole: bool) -> Iterator[str]:
    """Lines and numbers of both axes."""
    for value in ticks(*down.ends):
        y = down(value)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4.5:.1f}" class="end">{value:g}</text>'
    for value in ticks(*across.ends, whole=whole):
        x, y = across(value), HEIGHT - BOTTOM + 17
        yield f'<text x="{x:.1f}" y="{y}" class="mid">{value:g}</text>'


def ticks(low: float, high: float, *, most: int = 6, whole: bool = False) -> list[float]:
    """Round numbers from `low` to `high`, in steps of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * one for one in (1, 2, 5, 10) if power * one >= raw * (1 - 1e-9))
    step = max(step, 1.0) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{count * step:.10g}") for count in range(first, last + 1)]


def _series(one: Series, across: _Axis, down: _Axis) -> str:
    """One series as a path."""
    if one.kind == AREA:
        return _area(one, across, down)
    there = np.isfinite(one.x) & np.isfinite(one.y)
    x, y = np.asarray(one.x, np.float64)[there], np.asarray(one.y, np.float64)[there]
    if one.kind == LINE:
        kept = (
            np.unique(np.linspace(0, len(x) - 1, MOST).astype(int)) if len(x) else np.zeros(0, int)
        )
        steps = "L".join(f"{across(x[k]):.1f} {down(y[k]):.1f}" for k in kept)
        dots = "".join(f"M{across(x[k]):.1f} {down(y[k]):.1f}h.01" for k in kept)
        dashed = " dashed" if one.other else ""
        few = f'<path class="dots {one.ink.word}" d="{dots}"/>' if len(kept) <= 40 else ""
        return f'<path class="line {one.ink.word}{dashed}" d="M{steps}"/>{few}' if steps else ""
    shape = SHAPES[one.other % len(SHAPES)]
    places = "".join(f"M{across(a):.1f} {down(b):.1f}{shape}" for a, b in zip(x, y, strict=True))
    return f'<path class="{"points" if one.other == 0 else "marks"} {one.ink.word}" d="{places}"/>'


def _area(one: Series, across: _Axis, down: _Axis) -> str:
    """A histogram: its steps, filled."""
    steps = [f"M{across(one.x[0]):.1f} {down(0):.1f}"]
    for edge, value in zip(one.x[1:], one.y, strict=True):
        steps.append(f"V{down(value):.1f}H{across(edge):.1f}")
    shape = f"{''.join(steps)}V{down(0):.1f}Z"
    return f'<path class="area {one.ink.word}" d="{shape}"/>'

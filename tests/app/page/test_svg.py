"""Charts: where things are drawn, and what is left out."""

import re

import numpy as np
import pytest

from reid_jax.app.page import svg
from reid_jax.app.page.blocks import AREA, POINTS, Chart, Mark, Series
from reid_jax.app.page.inks import RIGHT, WRONG


def _chart(*series, **more):
    return Chart("title", "words", "x", "y", series, **more)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3, 9, [-2, 0, 2, 4, 6, 8]),
        (0.093, 0.1012, [0.094, 0.096, 0.098, 0.1]),
        (1e6, 5e6, [1e6, 2e6, 3e6, 4e6, 5e6]),
    ],
)
def test_ticks_are_round_numbers(low, high, found):
    assert svg.ticks(low, high) == pytest.approx(found)


def test_epochs_are_counted_in_whole_numbers():
    assert svg.ticks(1, 3, whole=True) == [1, 2, 3]
    assert svg.ticks(1, 120, whole=True) == [20, 40, 60, 80, 100, 120]


def test_a_line_goes_through_its_points_and_skips_what_is_no_number():
    line = Series("a", np.arange(4.0), np.array([0, np.nan, 2, 4]), RIGHT)
    drawn = svg.drawn(_chart(line, zero=True), "n")
    (steps,) = re.findall(r'class="line blue" d="M([^"]*)"', drawn)
    x, y = np.array([one.split() for one in steps.split("L")], float).T
    assert x.tolist() == [svg.LEFT, pytest.approx(svg.LEFT + 2 * (x[2] - x[0]) / 3, abs=0.1), 468]
    assert y[0] == svg.HEIGHT - svg.BOTTOM  # 0 is at the bottom,
    assert y[0] - y[2] == pytest.approx(2 * (y[0] - y[1]), abs=0.2)  # and heights are as the values
    assert "nan" not in drawn and "inf" not in drawn


def test_a_histogram_has_a_step_for_each_bin_and_a_mark_where_it_is():
    area = Series("a", np.linspace(0, 1, 5), np.array([1.0, 3, 0, 2]), WRONG, AREA)
    drawn = svg.drawn(_chart(area, marks=[Mark(0.5, "here")]), "n")
    (shape,) = re.findall(r'class="area orange" d="([^"]*)"', drawn)
    assert shape.count("H") == 4
    (at,) = re.findall(r'class="mark" d="M([0-9.]+) ', drawn)
    assert float(at) == pytest.approx((svg.LEFT + svg.WIDTH - svg.RIGHT) / 2, abs=0.1)


@pytest.mark.parametrize("y", [[], [2.0], [0.0], [np.nan, np.nan], [1e30, -1e30]])
def test_any_numbers_make_a_chart(y):
    one = Series("a", np.arange(float(len(y))), np.array(y), RIGHT)
    drawn = svg.drawn(_chart(one, one._replace(kind=POINTS, other=2)), "n")
    assert drawn.endswith("</svg>") and "nan" not in drawn


def test_a_long_line_is_thinned_out():
    long = Series("a", np.arange(1e5), np.arange(1e5), RIGHT)
    assert len(svg.drawn(_chart(long), "n")) < 8000

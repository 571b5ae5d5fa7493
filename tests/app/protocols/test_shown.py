"""The table: means and deviations, and published figures where they are of the same kind."""

from pathlib import Path

import numpy as np
import pytest

from reid_jax.app.protocols import shown
from reid_jax.app.protocols.checkpoints import Trained
from reid_jax.app.protocols.compare import Entry
from reid_jax.app.protocols.kept import Key, Result
from reid_jax.app.protocols.targets import Split, Target

COUNTS = {
    "query": 3368, "gallery": 15913, "persons": 750, "gallery_persons": 750, "distractors": 2793,
    "valid": 3368,
}  # fmt: skip
THREE = frozenset({"dukemtmc", "cuhk03", "msmt17"})


def entry(folder, parts=THREE):
    trained = Trained(frozenset(one.partition(",")[0] for one in parts), parts) if parts else None
    return Entry(Path(folder), trained, ("market1501",))


def target(name="market1501", splits=1, **counts):
    counts = {**COUNTS, **counts}
    made = [Split(n, np.zeros(0, int), None, counts, "m") for n in range(splits)]
    return Target(name, f"{name}:/x", None, tuple(made), ())


def result(folder, mean_ap, rank1, split=0, name="market1501"):
    key = Key("0123456789abcdef", name, split, "m", "cosine", False, False, 0)
    figures = {"mAP": mean_ap, "rank1": rank1}
    return Result(key, folder, 7, None, "", COUNTS, figures, {"date": "2030-01-02T03:04:05"})


def table(rows, targets, results, **options):
    return shown.markdown("title", rows, targets, results, **options)


def line(text, begins):
    return next(one for one in text.splitlines() if one.startswith(f"| {begins} |"))


def test_seeds_are_a_row_with_mean_and_deviation():
    rows = {"seeds": [entry("s/0"), entry("s/1")], "one": [entry("one")]}
    results = {
        "s/0": [result("s/0", 0.50, 0.70)],
        "s/1": [result("s/1", 0.54, 0.80)],
        "one": [result("one", 0.12345, 0.2)],
    }
    text = table(rows, [target()], results)
    # deviations of (50, 54) and (70, 80) with n - 1: 4 / sqrt(2), 10 / sqrt(2)
    assert line(text, "seeds") == "| seeds | 52.0 ± 2.8 / 75.0 ± 7.1 |"
    assert line(text, "one") == "| one | 12.3 / 20.0 |"
    assert "3,368 queries (3,368 valid) of 750 persons; 15,913 gallery pictures" in text
    assert "`s/1`, trained on cuhk03 + dukemtmc + msmt17, step 7, arrays 0123456789ab" in text


def test_splits_of_one_checkpoint_have_a_deviation_and_of_several_their_means_have():
    ten = [result("a", 0.5 + n / 100, 0.5, split=n) for n in (1, 2, 3)]
    other = [result("b", 0.5 + n / 100, 0.7, split=n) for n in (1, 2, 3)]
    one = table({"a": [entry("a")]}, [target(splits=3)], {"a": ten})
    assert line(one, "a") == "| a | 52.0 ± 1.0 / 50.0 ± 0.0 |"
    both = table({"ab": [entry("a"), entry("b")]}, [target(splits=3)], {"a": ten, "b": other})
    assert line(both, "ab") == "| ab | 52.0 ± 0.0 / 60.0 ± 14.1 |"
    assert "(3,368 / 15,913, 3 splits)" in both


def test_published_figures_stand_beside_the_same_sources_and_target_only():
    rows, results = {"a": [entry("a")]}, {"a": [result("a", 0.5, 0.6)]}
    text = table(rows, [target()], results)
    assert line(text, "M3L (published)") == "| M3L (published) | 50.2 / 75.9 |"
    assert "- M3L: table 2 of CycAs" in text and "MetaBIN" not in text
    others = [
        (None, {}),
        (frozenset({"cuhk03", "msmt17"}), {}),
        (frozenset({"dukemtmc,train=all", "cuhk03", "msmt17"}), {}),
        (THREE, {"gallery": 19732}),
        (THREE, {"name": "viper"}),
    ]
    for parts, changed in others:
        name = changed.get("name", "market1501")
        results = {"a": [result("a", 0.5, 0.6, name=name)]}
        text = table({"a": [entry("a", parts)]}, [target(**changed)], results)
        assert "published)" not in text, (parts, changed)
    assert "no published figure stands beside it" in table(rows, [target(query=9)], results)
    easier = table(rows, [target()], {"a": [result("a", 0.5, 0.6)]}, same_camera=True)
    assert "published)" not in easier and "own camera count too" in easier
    drawn = table(rows, [target()], {"a": [result("a", 0.5, 0.6)]}, draws=100)
    assert "published)" not in drawn and "means over 100 draws" in drawn


def test_a_row_without_a_target_has_an_empty_cell_and_what_was_seen_is_said():
    rows = {"a": [entry("a")], "b": [entry("b", frozenset({"market1501"}))]}
    results = {"a": [result("a", 0.5, 0.6)], "b": [result("b", 0.5, 0.6)]}
    text = table(rows, [target(), target("grid")], results)
    assert line(text, "a") == "| a | 50.0 / 60.0 |  |"
    assert text.count("**market1501 is not new to it**") == 1
    rows["b"] = [entry("b", frozenset({"market1501,train=all"}))]
    text = table(rows, [target(), target("grid")], results)
    assert text.count("**it was trained on the test part of market1501**") == 1
    assert "nobody knows what it was trained on" in table({"u": [entry("u", None)]}, [], {})


@pytest.mark.parametrize("draws", [0, 3])
def test_nothing_measured_is_an_empty_row(draws):
    assert line(table({"a": [entry("a")]}, [target()], {}, draws=draws), "a") == "| a |  |"

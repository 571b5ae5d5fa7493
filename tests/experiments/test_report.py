"""What a report says of a run."""

import pytest

from experiments import cycas, domainmix, mmt, remix, spcl
from reid_jax.app import report


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (cycas.Config(data="csv:a"), "`csv:a`"),
        (spcl.Config(data="csv:a", target="csv:b"), "`csv:a` and `csv:b` without its labels"),
        (spcl.Config(data="", target="csv:b"), "`csv:b` without its labels"),
        (domainmix.Config(data="csv:a", target=""), "`csv:a`"),
        (domainmix.Config(data="", target="csv:b", pseudo_labels="given"), "`csv:b`"),
        (mmt.Config(target="csv:b", first="runs/a", second="runs/b"), "`csv:b` without its labels"),
        (remix.Config(data="csv:a", videos="csv:v"), "`csv:a` and the videos of `csv:v`"),
        (remix.Config(data="csv:a", videos="csv:v", labels=0), "`csv:a`"),
        (
            remix.Config(data="csv:a", videos="", labelled=0.25),
            "`csv:a` and 75% of its persons without their labels",
        ),
    ],
)
def test_it_names_what_was_learnt_from(config, said):
    assert report.trained_on(config) == said


def test_it_names_what_was_tested_on_and_nothing_empty():
    figures = {"the network, trained": dict.fromkeys(("mAP", "rank1", "rank5", "mINP"), 0.5)}
    for config, tested in (
        (spcl.Config(data="", target="csv:b"), "csv:b"),
        (spcl.Config(data="", target="csv:b", test="csv:c"), "csv:c"),
        (remix.Config(data="csv:a", test=""), "csv:a"),
    ):
        text = report._markdown(figures, config)
        assert text.startswith(f"Tested on `{tested}`, ") and "``" not in text
        assert "| the network, trained | 50.0 | 50.0 | 50.0 | 50.0 |" in text

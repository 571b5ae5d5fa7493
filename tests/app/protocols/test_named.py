"""What the protocols name, and which checkpoints are theirs."""

import itertools

import pytest

from reid_jax.app import kinds
from reid_jax.app.protocols import published
from reid_jax.app.protocols.named import PROTOCOLS, misfit, name
from reid_jax.app.protocols.places import FOLDERS
from reid_jax.data.sets import cuhk03, dukemtmc, grid, market1501, prid2011, viper

LEAVE_ONE_OUT = {
    "market1501": {"dukemtmc", "cuhk03", "msmt17"},
    "dukemtmc": {"market1501", "cuhk03", "msmt17"},
    "cuhk03": {"market1501", "dukemtmc", "msmt17"},
    "msmt17": {"market1501", "dukemtmc", "cuhk03"},
}
WITH_SYSU = {
    "market1501": {"msmt17", "cuhk_sysu", "cuhk03"},
    "msmt17": {"market1501", "cuhk_sysu", "cuhk03"},
    "cuhk03": {"market1501", "msmt17", "cuhk_sysu"},
}


def lines(protocol):
    return {name(one.target): set(map(name, one.sources)) for one in PROTOCOLS[protocol].lines}


def test_the_lines_are_those_of_the_papers():
    assert lines("dg1") == LEAVE_ONE_OUT
    assert lines("dg1-sysu") == lines("dg1-sysu-all") == WITH_SYSU
    five = {"market1501", "dukemtmc", "cuhk02", "cuhk03", "cuhk_sysu"}
    assert lines("dg2") == dict.fromkeys(("prid2011", "grid", "viper", "ilids"), five)
    assert set(map(frozenset, lines("dg2-no-duke").values())) == {frozenset(five - {"dukemtmc"})}


def test_all_pictures_are_trained_on_where_the_papers_do():
    for protocol, all_of_them in (("dg1", 0), ("dg1-sysu", 0), ("dg1-sysu-all", 2), ("dg2", 4)):
        for line in PROTOCOLS[protocol].lines:
            assert sum(one.endswith(",train=all") for one in line.sources) == all_of_them
    assert {one.target for one in PROTOCOLS["dg1"].lines} == {*LEAVE_ONE_OUT, "cuhk03"} - {
        "cuhk03"
    } | {"cuhk03,protocol=new"}


def test_every_set_that_is_named_can_be_read_and_has_a_folder():
    for protocol in PROTOCOLS.values():
        for one in itertools.chain.from_iterable((*x.sources, x.target) for x in protocol.lines):
            assert name(one) in kinds.KINDS and name(one) in FOLDERS


@pytest.mark.parametrize(
    "protocol, sources, target, why",
    [
        ("standard", "market1501", "market1501", ""),
        ("cross", "market1501", "dukemtmc", ""),
        ("cross", "market1501", "market1501", "it was trained on market1501 itself"),
        ("cross", "market1501 msmt17", "grid", "on market1501 \\+ msmt17, not on one set"),
        ("multi", "market1501 msmt17", "grid", ""),
        ("multi", "market1501", "grid", "it was trained on market1501, not on several sets"),
        ("multi", "market1501 grid", "grid", "it was trained on grid itself"),
        ("dg1", "dukemtmc cuhk03 msmt17", "market1501", ""),
        ("dg1", "dukemtmc cuhk03 msmt17", "msmt17", "it was trained on msmt17 itself"),
        ("dg1", "dukemtmc cuhk03", "market1501", "and market1501 asks for cuhk03 \\+ dukemtmc"),
        ("dg1-sysu", "dukemtmc cuhk03 msmt17", "market1501", "asks for cuhk03 \\+ cuhk_sysu"),
        ("single-shot", "cuhk03", "cuhk03", ""),
    ],
)
def test_a_checkpoint_is_of_a_protocol_or_it_is_said_why_not(protocol, sources, target, why):
    found = misfit(PROTOCOLS[protocol], frozenset(sources.split()), target)
    assert bool(found) == bool(why)
    if why:
        with pytest.raises(ValueError, match=why):
            raise ValueError(found)


def test_published_figures_are_of_lines_of_protocols_and_have_evidence():
    for line in published.read():
        assert line.evidence and line.method and line.target in FOLDERS
        for figure in (line.mAP, line.rank1):
            assert 0 < float(figure) < 100
    keys = [(line.method, line.sources, line.target) for line in published.read()]
    assert len(keys) == len(set(keys))
    for protocol, count in (("dg1", 3), ("dg1-sysu", 7), ("dg2", 7)):
        for line in PROTOCOLS[protocol].lines:
            found = published.beside(frozenset(line.sources), name(line.target))
            assert len(found) == count, (protocol, line)


def test_published_tests_are_those_that_the_readers_expect():
    official = {
        "market1501": market1501.OFFICIAL,
        "dukemtmc": dukemtmc.OFFICIAL,
        "prid2011": prid2011.OFFICIAL,
        "grid": grid.OFFICIAL,
        "viper": viper.OFFICIAL,
    }
    for one, expected in official.items():
        parts = expected.parts
        assert published.TESTS[one] == {(parts["query"][0], parts["gallery"][0])}
    both = [cuhk03.OFFICIAL[f"new {boxes}"].parts for boxes in ("detected", "labeled")]
    assert published.TESTS["cuhk03"] == {(x["query"][0], x["gallery"][0]) for x in both}
    assert set(published.TESTS) == {line.target for line in published.read()}


def test_published_means_are_those_of_the_papers():
    """The averages that the comparison of ReNorm's prints beside protocol 2."""
    mean = {"META": (42.1, 57.0), "ACL": (45.3, 59.0), "BAU": (48.1, 61.7), "ReNorm": (47.3, 63.1)}
    for method, (mean_ap, rank1) in mean.items():
        own = [one for one in published.read() if one.method == method]
        assert sum(float(one.mAP) for one in own) / 3 == pytest.approx(mean_ap, abs=0.06)
        assert sum(float(one.rank1) for one in own) / 3 == pytest.approx(rank1, abs=0.06)

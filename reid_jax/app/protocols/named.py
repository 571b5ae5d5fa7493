"""The protocols by name.

The papers number them differently, so here they have names. M3L (Zhao et al., CVPR 2021) leaves one
of Market-1501, DukeMTMC-reID, CUHK03 and MSMT17 out. MetaBIN (Choi et al., CVPR 2021) and those
before it train on five sets, all pictures of each, and test on four small ones. META (Xu et al.,
ECCV 2022), ACL (Zhang et al., ECCV 2022) and BAU (Cho et al., NeurIPS 2024) do without
DukeMTMC-reID, which is withdrawn: the small ones are their protocol 1; protocol 2 leaves one of
Market-1501, MSMT17 and CUHK03 out, with CUHK-SYSU among the sources always, and protocol 3 is that
with all pictures of the sources.

The small ones are tested as DIMN (Song et al., CVPR 2019) does, by ten random splits, one picture
of a person in the gallery:

    PRID 2011   100 of the 200 persons whom both cameras saw; camera A is the query; camera B's
                pictures of them and of its 549 own persons are the gallery: 100 / 649
    GRID        probe/ of 125 persons; gallery/ of them and 775 pictures of others: 125 / 900; the
                ten splits are published with the data
    VIPeR       316 of the 632 persons; camera A is the query: 316 / 316
    i-LIDS      60 of the 119 persons; two random pictures of each: 60 / 60

These numbers are those of the files by which MetaBIN tests; PRID's and i-LIDS's are also those of
DualNorm (Jia et al., BMVC 2019). That its others and DIMN's are the same, and which sets META and
ACL name, is recalled. MetaBIN can test each split
of VIPeR by its other half and in the other direction too. But for GRID's, splits are drawn anew by
everyone, so the splits here are those of no paper.
"""

from collections.abc import Callable
from typing import NamedTuple

BIG = ("market1501", "dukemtmc", "cuhk03", "msmt17")
SMALL = ("prid2011", "grid", "viper", "ilids")
FIVE = ("market1501", "dukemtmc", "cuhk02", "cuhk03", "cuhk_sysu")
TESTED = {"cuhk03": "cuhk03,protocol=new"}  # how a target is read where that has to be said
ALL = ",train=all"
WHOLE = ("cuhk_sysu",)  # all whose pictures are training pictures as they are


class Line(NamedTuple):
    """What is trained on, and what then is tested on; sets by name with options."""

    sources: tuple[str, ...]
    target: str


class Protocol(NamedTuple):
    """A protocol.

    Attributes:
        about: a line about it.
        lines: what it names; none where --targets does.
        fits: (sources, target) -> why a checkpoint is not one of it, "" where it is; of a
            protocol without lines.
        draws: of one gallery picture a person, whose mean the figures are; 0: the whole gallery.
    """

    about: str
    lines: tuple[Line, ...] = ()
    fits: Callable[[frozenset[str], str], str] = lambda sources, target: ""
    draws: int = 0


def name(text: str) -> str:
    """A set's name without options."""
    return text.partition(",")[0]


def _others(target: str, sources: tuple[str, ...], end: str = "") -> Line:
    kept = [one + ("" if one in WHOLE else end) for one in sources if one != target]
    return Line(tuple(kept), TESTED.get(target, target))


def _one(sources: frozenset[str], target: str) -> str:
    if target in sources:
        return _seen(target)
    return "" if len(sources) == 1 else f"it was trained on {_joined(sources)}, not on one set"


def _several(sources: frozenset[str], target: str) -> str:
    if target in sources:
        return _seen(target)
    return "" if len(sources) > 1 else f"it was trained on {_joined(sources)}, not on several sets"


def misfit(protocol: Protocol, sources: frozenset[str], target: str) -> str:
    """Why a checkpoint is not one of a protocol's for a target; "" where it is.

    Args:
        protocol: the protocol.
        sources: the names of the sets that it was trained on.
        target: the name of a set.
    """
    line = next((one for one in protocol.lines if name(one.target) == target), None)
    if line is None or not line.sources:
        return protocol.fits(sources, target)
    if target in sources:
        return _seen(target)
    wanted = frozenset(map(name, line.sources))
    if sources == wanted:
        return ""
    return f"it was trained on {_joined(sources)}, and {target} asks for {_joined(wanted)}"


def _seen(target: str) -> str:
    return f"it was trained on {target} itself"


def _joined(names: frozenset[str]) -> str:
    return " + ".join(sorted(names))


_SYSU = (*(one for one in BIG if one != "dukemtmc"), "cuhk_sysu")
PROTOCOLS = {
    "standard": Protocol("the test part of each of --targets, whatever was trained on"),
    "cross": Protocol("trained on one set, tested on others: --targets", fits=_one),
    "multi": Protocol("trained on several sets, tested on others: --targets", fits=_several),
    "dg1": Protocol(
        "one of Market-1501, DukeMTMC-reID, CUHK03, MSMT17 is left out and tested on, as M3L does",
        tuple(_others(target, BIG) for target in BIG),
    ),
    "dg1-sysu": Protocol(
        "one of Market-1501, MSMT17, CUHK03 is left out, CUHK-SYSU is a source always: protocol 2 "
        "of META, ACL and BAU",
        tuple(_others(target, _SYSU) for target in _SYSU if target != "cuhk_sysu"),
    ),
    "dg1-sysu-all": Protocol(
        "dg1-sysu, trained on the test parts of the sources too: protocol 3 of META, ACL and BAU",
        tuple(_others(target, _SYSU, ALL) for target in _SYSU if target != "cuhk_sysu"),
    ),
    "dg2": Protocol(
        "Market-1501, DukeMTMC-reID, CUHK02, CUHK03 and CUHK-SYSU, all pictures of each; tested on "
        "ten splits each of PRID, GRID, VIPeR and i-LIDS, as DIMN does",
        tuple(_others(target, FIVE, ALL) for target in SMALL),
    ),
    "dg2-no-duke": Protocol(
        "dg2 without DukeMTMC-reID: protocol 1 of META, ACL and BAU",
        tuple(
            _others(target, tuple(one for one in FIVE if one != "dukemtmc"), ALL)
            for target in SMALL
        ),
    ),
    "single-shot": Protocol(
        "the classic CUHK03: 20 lists of 100 persons, one gallery picture a person, drawn a "
        "hundred times; other --targets by such draws too",
        (Line((), "cuhk03,protocol=classic"),),
        draws=100,
    ),
}

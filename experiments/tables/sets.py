"""The papers' data sets by the names that rows have for them, and where they lie.

A user says once where a set lies, --market=KIND:PATH (in a --flagfile, for instance); another form
of it, as all pictures of MSMT17 as training pictures, follows from that, or is named itself.
"""

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import NamedTuple


class Set(NamedTuple):
    """A data set.

    Attributes:
        title: as targets.csv names it.
        kind: KIND of the source that reads it; "": a source that the user has made, e.g. packed.
        base: the set that it is another form of.
        form: the options that make it from `base`.
        splits: how many random splits its figures are the mean of.
    """

    title: str
    kind: str = ""
    base: str = ""
    form: str = ""
    splits: int = 0


SETS: dict[str, Set] = {
    "market": Set("Market-1501", "market1501"),
    "duke": Set("DukeMTMC-reID", "dukemtmc"),
    "cuhk03": Set("CUHK03", "cuhk03"),
    "cuhk03_labelled": Set("CUHK03 (labelled boxes)", "cuhk03", "cuhk03", ",boxes=labeled"),
    "cuhk03_np": Set("CUHK03-NP", "cuhk03", "cuhk03"),
    "msmt17": Set("MSMT17", "msmt17"),
    "msmt17_merged": Set("MSMT17-merged", "msmt17", "msmt17", ",train=all"),
    "luperson": Set("LUPerson", "luperson"),
    "randperson": Set("RandPerson", "randperson"),
    "youtube": Set("LMP-youtube"),
    "surveillance": Set("LMP-surveillance"),
    "prid": Set("PRID", "prid2011", splits=10),
    "grid": Set("GRID", "grid", splits=10),
    "viper": Set("VIPeR", "viper", splits=10),
    "ilids": Set("iLIDS", "ilids", splits=10),
}


def named(texts: Sequence[str]) -> list[str]:
    """The sets that texts of a row name, each once; numbers are its rows."""
    found = [name for text in texts for _, name, _, _ in Formatter().parse(text) if name]
    return [one for one in dict.fromkeys(found) if not one.isdigit()]


def where(given: Mapping[str, str]) -> dict[str, str]:
    """Where the sets lie: those that are given, and other forms of them.

    Args:
        given: KIND:PATH by name.
    """
    found = {name: text for name, text in given.items() if text}
    for name, one in SETS.items():
        base = found.get(one.base, "")
        if name not in found and base.startswith(f"{one.kind}:") and "+" not in base:
            found[name] = base + one.form
    return found


def flag(name: str, given: Mapping[str, str]) -> str:
    """How a set is named on the command line where `given` is not enough, --market=KIND:PATH."""
    one = SETS[name]
    if one.base and given.get(one.base):  # which this form does not follow from
        return f"--{name}=KIND:PATH"
    return f"--{one.base or name}={f'{one.kind}:FOLDER' if one.kind else 'KIND:PATH'}"


def splits(name: str, text: str) -> list[str]:
    """The sources whose figures' mean is that of a set which lies at `text`."""
    one = SETS.get(name, Set(""))
    if one.splits and text.startswith(f"{one.kind}:") and ",split=" not in text:
        return [f"{text},split={number}" for number in range(1, one.splits + 1)]
    return [text]

"""The papers' data sets by the names that rows have for them, and where they lie.

Where, the user says as to `reid-jax protocol`, with --root and --at, once for all tables (in a
--flagfile, for instance).
"""

from collections.abc import Sequence
from pathlib import Path
from string import Formatter
from typing import NamedTuple

from reid_jax.app.kinds import split
from reid_jax.app.protocols.places import Places
from reid_jax.data.sets.published import SETS as KINDS
from reid_jax.options import choose, expanded


class Set(NamedTuple):
    """A data set, or a form of it.

    Attributes:
        title: as targets.csv names it.
        place: the name that --at has for it; below --root that of a folder.
        form: the options of the source that make this form.
        splits: how many random splits its figures are the mean of.
    """

    title: str
    place: str
    form: str = ""
    splits: int = 0


SETS: dict[str, Set] = {
    "market": Set("Market-1501", "market1501"),
    "duke": Set("DukeMTMC-reID", "dukemtmc"),
    "cuhk03": Set("CUHK03", "cuhk03"),
    "cuhk03_labelled": Set("CUHK03 (labelled boxes)", "cuhk03", ",boxes=labeled"),
    "cuhk03_np": Set("CUHK03-NP", "cuhk03"),
    "msmt17": Set("MSMT17", "msmt17"),
    "msmt17_merged": Set("MSMT17-merged", "msmt17", ",train=all"),
    "luperson": Set("LUPerson", "luperson"),
    "randperson": Set("RandPerson", "randperson"),
    "youtube": Set("LMP-youtube", "youtube"),
    "surveillance": Set("LMP-surveillance", "surveillance"),
    "prid": Set("PRID", "prid2011", splits=10),
    "grid": Set("GRID", "grid", splits=10),
    "viper": Set("VIPeR", "viper", splits=10),
    "ilids": Set("iLIDS", "ilids", splits=10),
}


def named(texts: Sequence[str]) -> list[str]:
    """The sets that texts of a row name, each once; numbers are its rows."""
    found = [name for text in texts for _, name, _, _ in Formatter().parse(text) if name]
    return [one for one in dict.fromkeys(found) if not one.isdigit()]


def where(places: Places) -> dict[str, str]:
    """The source, KIND:PATH, of each set that lies somewhere, by name.

    Raises:
        ValueError: --at names a set that no row needs, or several sources as one, of which rows
            could not ask for a form; or --root is no folder.
    """
    for name, text in places.at.items():
        choose("--at", name, {one.place: one for one in SETS.values()})
        if len(split(text)) > 1:
            raise ValueError(
                f"--at={name}={text}: rows need one source; `reid-jax prepare` packs several"
            )
    if places.root and not Path(expanded(places.root)).is_dir():
        raise ValueError(f"--root={places.root}: there is no such folder")
    found = {}
    for name, one in SETS.items():
        try:
            found[name] = places.source(f"{one.place}{one.form}")
        except ValueError:  # it lies nowhere, which matters where a row needs it
            continue
    return found


def asked(name: str) -> str:
    """How the command line says where a set lies."""
    place = SETS[name].place
    return f"--at={place}:FOLDER" if place in KINDS else f"--at={place}=KIND:PATH"


def splits(name: str, text: str) -> list[str]:
    """The sources whose figures' mean is that of a set which lies at `text`."""
    one = SETS[name]
    if one.splits and text.startswith(f"{one.place}:") and ",split=" not in text:
        return [f"{text},split={number}" for number in range(1, one.splits + 1)]
    return [text]

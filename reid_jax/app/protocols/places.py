"""Where each data set lies, and which data set a source is."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from reid_jax.app import kinds, written
from reid_jax.app.protocols.named import WHOLE
from reid_jax.data.sets.published import SETS
from reid_jax.options import absolute, expanded, nearest

# a set's folder below --root, in any letters: the first that is there; of other sets, their kind
FOLDERS = {
    "market1501": ("market1501", "market-1501", "market-1501-v15.09.15"),
    "dukemtmc": ("dukemtmc", "dukemtmc-reid"),
    "msmt17": ("msmt17", "msmt17_v1", "msmt17_v2"),
    "cuhk02": ("cuhk02",),
    "cuhk03": ("cuhk03", "cuhk03-np", "cuhk03_release"),
    "cuhk_sysu": ("cuhk_sysu", "cuhk-sysu", "cuhksysu"),
    "prid2011": ("prid2011", "prid_2011"),
    "grid": ("grid", "underground_reid"),
    "viper": ("viper", "viper.v1.0"),
    "ilids": ("ilids", "i-lids", "qmul-ilids", "i-lids_pedestrian"),
}
# options of a source that leave it the same set to compare with, as papers differ there
SAME = ("seed", "shared", "split", "boxes", "protocol")


class Places(NamedTuple):
    """Where the data sets lie.

    Attributes:
        at: the source of a set, KIND:PATH, by its name.
        root: a folder that has a folder for each of the others; "" if there is none.
    """

    at: Mapping[str, str]
    root: str = ""

    def source(self, text: str) -> str:
        """The source that a text names.

        Args:
            text: KIND:PATH, or the name of a set, each with options.

        Raises:
            ValueError: nobody has said where the set lies.
        """
        name, comma, options = text.partition(",")
        if name in self.at:
            return self.at[name] + _told(name, written.parsed(self.at[name]).kind, options)
        if ":" in name:
            return text
        if name not in SETS:
            known = [*self.at, *SETS]
            raise ValueError(
                f"there is no data set {name!r}{nearest(name, known)}; name one of "
                f"{', '.join(known)}, or KIND:PATH"
            )
        if not self.root:
            raise ValueError(
                f"where is {name}? Name its folder with --at={name}:FOLDER, or with --root=FOLDER "
                f"the folder that has {FOLDERS.get(name, (name,))[0]}/"
            )
        return f"{name}:{self.folder(name)}{comma}{options}"

    def folder(self, name: str) -> Path:
        """The folder of a set below the root.

        Raises:
            ValueError: there is none.
        """
        root = Path(expanded(self.root))
        if not root.is_dir():
            raise ValueError(f"--root={self.root}: there is no such folder")
        there = {one.name.lower(): one for one in sorted(root.iterdir())}
        wanted = FOLDERS.get(name, (name,))
        found = [there[one] for one in wanted if one in there]
        if not found:
            raise ValueError(
                f"{root} has no folder {wanted[0]}/ ({name}): put it there, or name it with "
                f"--at={name}:FOLDER"
            )
        return found[0]

    def name(self, source: str) -> str:
        """The set that one source is: its name, the kind of its archive, or KIND:PATH itself."""
        one = written.parsed(source)
        for name, text in self.at.items():
            if _same(written.parsed(text), one):
                return name
        if one.kind in SETS:
            return one.kind
        return f"{one.kind}:{absolute(one.path) if one.kind in kinds.FILES else one.path}"

    def part(self, source: str) -> str:
        """The same with the options that tell it from the set's labelled training part."""
        name = self.name(source)
        options = written.parsed(source).options
        if name in WHOLE:
            options.pop("train", None)
        kept = sorted(one for one in options.items() if one[0] not in SAME)
        return ",".join([name, *(f"{option}={value}" for option, value in kept)])


def placed(at: Sequence[str], root: str = "") -> Places:
    """Read where the sets lie.

    Args:
        at: texts of NAME=KIND:PATH or KIND:PATH, several by comma; the latter's name is its kind.
        root: as in `Places`.

    Raises:
        ValueError: a text is neither.
    """
    found = {}
    for one in listed(at):
        name, source = _pair(one)
        if ":" not in source:
            raise ValueError(f"--at={one}: write KIND:PATH, or NAME=KIND:PATH")
        found[name] = source
    return Places(found, root)


def listed(texts: Sequence[str]) -> list[str]:
    """The sets of texts that have several each, by comma: names, KIND:PATH, NAME=KIND:PATH.

    A comma begins the next one where a name follows; before `option=value` it is a source's own.
    """
    kind = rf"(?:{'|'.join(kinds.KINDS)})"
    comma = rf",(?={kind}(?:[:,]|$))|,(?=[\w-]+={kind}:)"
    return [one.strip() for text in texts for one in re.split(comma, text) if one.strip()]


def _told(name: str, kind: str, options: str) -> str:
    """The options of a set, each with its comma, for a source of a kind that is not its archive.

    Those that the archive's reader alone knows are left out: what lies there has one reading.
    """
    own = kinds.KINDS[name].options if name in SETS and name != kind else {}
    known = {**kinds.COMMON, **(kinds.KINDS[kind].options if kind in kinds.KINDS else {})}
    kept = [
        one
        for one in options.split(",")
        if one and (one.partition("=")[0] in known or one.partition("=")[0] not in own)
    ]
    return "".join(f",{one}" for one in kept)


def _pair(text: str) -> tuple[str, str]:
    """(name, source) of NAME=KIND:PATH or KIND:PATH."""
    match = re.fullmatch(r"([\w-]+)=(.*)", text)
    return (match[1], match[2]) if match else (text.partition(":")[0], text)


def _same(one: written.Source, other: written.Source) -> bool:
    if one.kind != other.kind:
        return False
    return one.path == other.path or (
        one.kind in kinds.FILES and absolute(one.path) == absolute(other.path)
    )

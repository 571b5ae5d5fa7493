r"""Reader of RandPerson, synthetic persons; the subset and the whole.

Wang, Liao and Shao, "Surpassing Real-World Source Training Data: Random 3D Characters for
Generalizable Person Re-Identification", ACM MM 2020. 8,000 persons in 11 scenes with 19 cameras
(the cameras recalled): 132,145 pictures in the subset of the paper, 1,801,816 in all. For research
only.

    randperson_subset/000000_s00_c00_f000264.jpg                        (or 000000_c00_s00_...)
    images/scene00/camera0_1/000000_s00_c00_f000264.jpg, scene01 ...    from camera0_1.tar.gz

A scene's camera is a camera of its own. What lies in `delete_camera*` is not read. A group is a
scene's camera or, in the whole, one of its videos.
"""

import os
import re
from pathlib import Path

from reid_jax.data.sets import listing
from reid_jax.data.sets.listing import Row
from reid_jax.data.sets.official import Official, Say, compare, silent
from reid_jax.types import Records

NAME = re.compile(
    r"(?P<person>\d+)_(?:s(?P<s>\d+)_c(?P<c>\d+)|c(?P<c2>\d+)_s(?P<s2>\d+))_f(?P<frame>\d+)"
    r"\.(?:jpg|png)$",
    re.IGNORECASE,
)
SUBSET = ("randperson_subset", "subset", "images/subset", "randperson_subset/randperson_subset")
PARTS = {
    "subset": Official("RandPerson", {"train": (132_145, 8_000)}, 19, sure=False),
    "whole": Official("RandPerson", {"train": (1_801_816, 8_000)}, 19, sure=False),
}


def randperson(
    folder: str | Path,
    *,
    part: str = "",
    official: Official | None = None,
    say: Say = silent,
) -> Records:
    """Read RandPerson.

    Args:
        folder: the subset's, or the one with images/ or with scene00/ and so on.
        part: "subset" or "whole"; empty: the subset where it is there.
        official: the figures to compare with; None: the published ones of the part.
        say: is told what was found and how it differs from `official`.

    Returns:
        Records, all of them training pictures. Persons count from 1.

    Raises:
        FileNotFoundError: there is no such folder, or it has not this part.
        ValueError: there is no picture, a name has another form, or archives are not unpacked.
    """
    path = Path(folder)
    if not path.is_dir():
        raise FileNotFoundError(f"there is no folder {path} (RandPerson)")
    subset = listing.below(path, SUBSET)
    scenes = [one for base in (path, path / "images") if base.is_dir()
              for one in sorted(base.glob("scene*")) if one.is_dir()]  # fmt: skip
    if part == "subset" and subset is None:
        raise FileNotFoundError(f"{path} has no {SUBSET[0]}/; it holds {listing.held(path)}")
    if part == "whole" and not scenes:
        raise FileNotFoundError(f"{path} has no scene00/ ...; it holds {listing.held(path)}")
    if part == "whole" or (scenes and subset is None):
        part, files = "whole", [file for scene in scenes for file in _scene(scene)]
    else:
        part, files = "subset", listing.pictures(subset or path)
    data = listing.made(_rows(files))
    compare(data, official or PARTS[part], part, say)
    return data


def _scene(scene: Path) -> list[str]:
    """The pictures of a scene, video by video."""
    videos = [one for one in sorted(scene.glob("camera*")) if one.is_dir()]
    packed = [one.name for one in sorted(scene.glob("camera*.tar.gz"))]
    left = [name for name in packed if name.removesuffix(".tar.gz") not in {v.name for v in videos}]
    if left:
        raise ValueError(f"{scene} has {left[0]} ({len(left)} such) not unpacked; unpack it there")
    if not videos:
        return listing.pictures(scene)
    return [file for video in videos for file in listing.pictures(video)]


def _rows(files: list[str]) -> list[Row]:
    found = listing.matched(files, NAME, "randperson", "RandPerson", "000000_s00_c00_f000264.jpg")
    cameras: dict[tuple[int, int], int] = {}
    groups: dict[tuple[str, int], int] = {}
    seen = sorted({_place(match) for _, match in found})
    cameras = {place: number for number, place in enumerate(seen)}
    rows = []
    for file, match in found:
        camera = cameras[_place(match)]
        group = groups.setdefault((os.path.dirname(file), camera), len(groups))
        rows.append(
            Row(file, 1 + int(match["person"]), camera, "train", group, int(match["frame"]))
        )
    return rows


def _place(match: re.Match[str]) -> tuple[int, int]:
    """(scene, camera) of a name."""
    return int(match["s"] or match["s2"]), int(match["c"] or match["c2"])

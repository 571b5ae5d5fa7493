"""Where pictures come from, as far as it is known: camera, person, video, frame, box, rate."""

from pathlib import Path
from typing import Any

import numpy as np

from reid_jax.app import kinds, pictures, written
from reid_jax.files import jsons, npz
from reid_jax.options import expanded
from reid_jax.types import Records
from reid_jax.video.gather import BOXES, MANIFEST

KEYS = ("video", "frame", "box", "track")


def known(text: str, data: Records) -> dict[str, list[Any]]:
    """The keys of pictures, a value for each; None where it is not known.

    Args:
        text: as `pictures.opened` took it.
        data: what it gave.

    Returns:
        camera, person, frame: whole numbers; video: the path of the film, else the number of the
        group, a text; box: left, top, width, height in pixels of the frame; track: a text; rate:
        frames a second.
    """
    columns = {"camera": data.camera, "frame": data.frame, "person": data.person}
    found: dict[str, list[Any]] = {name: _some(values) for name, values in columns.items()}
    found["video"] = [None if one < 0 else str(one) for one in data.group.tolist()]
    for name in ("box", "track", "rate"):
        found[name] = [None] * len(data.person)
    parts = kinds.split(pictures.recognised(text))
    if len(parts) == 1:
        folder = Path(expanded(written.parsed(parts[0]).path))
        found.update(_of_footage(folder, data))
    return found


def _of_footage(folder: Path, data: Records) -> dict[str, list[Any]]:
    """What a packed folder of videos says beside its pictures, if all of them are given."""
    if not ((folder / BOXES).is_file() and (folder / MANIFEST).is_file()):
        return {}
    wanted = {"frame": ("iu", 1), "source": ("iu", 1), "view": ("iu", 1), "box": ("iuf", 2)}
    rows = npz.columns(folder / BOXES, "the boxes of a packed data set", wanted)
    if not np.array_equal(rows["frame"], data.frame):
        return {}  # a part of them is given, whose rows are not told
    manifest = jsons.read(folder / MANIFEST, "the manifest of a packed data set")
    try:
        views = [
            manifest["sources"][source]["views"][view]
            for source, view in zip(rows["source"].tolist(), rows["view"].tolist(), strict=True)
        ]
        return {
            "video": [str(view["path"]) for view in views],
            "rate": [view.get("rate") for view in views],
            "box": rows["box"].tolist(),
        }
    except (LookupError, TypeError, AttributeError):
        raise ValueError(
            f"{folder / MANIFEST} does not name the videos of {BOXES}; pack them again"
        ) from None


def _some(values: np.ndarray) -> list[int | None]:
    return [None if value < 0 else int(value) for value in values.tolist()]

"""Which camera filmed a video, and when it began: by the name of its file."""

import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import NamedTuple

from reid_jax.gallery import moment

FORM = "CAMERA_2026-05-01T08-30-00Z.mp4"
NAME = re.compile(
    r"(?:(?P<camera>.+?)[_ -])?(?P<date>\d{4}-?\d\d-?\d\d)[T_ -]"
    r"(?P<clock>\d\d[-:.]?\d\d[-:.]?\d\d)(?P<zone>Z|[+-]\d\d[-:]?\d\d)?"
)


class Named(NamedTuple):
    """What a name tells.

    Attributes:
        camera: a text.
        start: of the first frame, microseconds since 1970 (UTC); None: not told.
    """

    camera: str
    start: int | None


def named(path: str | Path, zone: tzinfo = UTC) -> Named:
    """Read a file's name.

    It is CAMERA_TIME, with a time as 2026-05-01T08-30-00Z, 2026-05-01_08-30-00 or 20260501T083000,
    which may end in its zone (Z, +0200). Where there is only a time, the camera is the folder's
    name; where there is none, it is the whole name.

    Args:
        path: of the file.
        zone: of a time that names none.
    """
    path = Path(path)
    found = NAME.fullmatch(path.stem)
    if found is None:
        return Named(path.stem, None)
    digits = re.sub(r"\D", "", found["date"] + found["clock"])
    offset = found["zone"] or ""
    if len(offset) > 1:
        offset = offset[0] + re.sub(r"\D", "", offset)
    try:
        read = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=zone)
        if offset:
            read = datetime.strptime(digits + offset, "%Y%m%d%H%M%S%z")
        start = moment.micro(read)
    except ValueError:  # digits that are no time
        return Named(path.stem, None)
    return Named(found["camera"] or path.absolute().parent.name, start)

"""Files of a folder that several machines share and that shows late what one of them did (NFS)."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LIMIT = 60.0  # seconds after which it is no lag any more
PAUSE = 0.1  # seconds between two looks


def wait(path: Path, seen: Callable[[], bool] | None = None, *, limit: float | None = None) -> None:
    """Wait until what another process did is seen here.

    Args:
        path: the file or folder that it is about.
        seen: whether it is; None: whether there is something at the path.
        limit: seconds to wait at most; None: `LIMIT`.

    Raises:
        TimeoutError: it is not seen; the line names the path.
    """
    limit = LIMIT if limit is None else limit
    until = time.monotonic() + limit
    while not (seen or path.exists)():
        if time.monotonic() >= until:
            raise TimeoutError(
                f"another process has written {path}, and it is not seen here after {limit:.0f} s: "
                "is that folder on a disk that all processes share?"
            )
        time.sleep(PAUSE)
        with suppress(OSError):
            os.listdir(path.parent)  # which makes NFS ask its server again

"""Which videos are in a gallery, in a file of its folder.

watched.jsonl holds lines of JSON, each appended whole and brought to the disk: tracks of a video
that were added, and videos that are done with. What was added once, and perhaps removed since, is
never added again. watch.lock says who watches.
"""

import json
import os
from pathlib import Path
from typing import Any

from reid_jax.whole import whole

FILE, LOCK = "watched.jsonl", "watch.lock"


class Watched:
    """What is known of videos; only who has the lock writes.

    Attributes:
        done: the size in bytes of each video that is done with, by its name.
        tracks: of each other video, the tracks that were added.
    """

    def __init__(self, folder: Path):
        """Read the file, and write it anew without what no longer counts.

        Raises:
            ValueError: a line of it is broken.
            OSError: the disk is full.
        """
        self._path = folder / FILE
        self.done: dict[str, int] = {}
        self.tracks: dict[str, set[str]] = {}
        text = self._path.read_text() if self._path.is_file() else ""
        for number, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), 1):
            try:
                said = json.loads(line)
                self._take(str(said["video"]), said)
            except (ValueError, KeyError, TypeError, AttributeError):
                raise ValueError(
                    f"line {number} of {self._path} cannot be read; remove that line, and what it "
                    "was of is watched again"
                ) from None
        lines = [{"video": video, "size": size} for video, size in self.done.items()]
        lines += [{"video": video, "tracks": sorted(own)} for video, own in self.tracks.items()]
        if text:
            with whole(self._path) as unfinished:
                unfinished.write_text("".join(json.dumps(one) + "\n" for one in lines))

    def added(self, video: str, tracks: list[str]) -> None:
        """Note that tracks of a video are in the gallery."""
        self._note({"video": video, "tracks": tracks})

    def ended(self, video: str, size: int) -> None:
        """Note that a video of so many bytes is done with."""
        self._note({"video": video, "size": size})

    def _take(self, video: str, said: dict[str, Any]) -> None:
        if "size" in said:
            self.done[video] = int(said["size"])
            self.tracks.pop(video, None)
        else:
            self.tracks.setdefault(video, set()).update(map(str, said["tracks"]))

    def _note(self, said: dict[str, Any]) -> None:
        with self._path.open("ab") as file:
            file.write((json.dumps(said) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
        self._take(said["video"], said)

"""What is left out when a folder is searched: counted by ending, and told in one line."""

import functools
import os
from collections import Counter
from pathlib import Path

from absl import logging

from reid_jax.data.decode import NEEDS

LINKS = "linked folders"  # which are not searched
SHOWN = 8  # kinds that are named


def ending(name: str) -> str:
    """The ending of a file's name, as ".jpg", by which files are counted."""
    return os.path.splitext(name)[1].lower() or "without ending"


class Left(Counter[str]):
    """Files by ending."""

    def add(self, name: str) -> None:
        """Count a file, unless it is hidden: its name begins with a dot."""
        self[ending(name)] += name[0] != "."

    def told(self, before: str) -> str:
        """Tell what was left out, after `before`; nothing for nothing."""
        kinds = [(kind, count) for kind, count in self.most_common() if count]
        if not kinds:
            return ""
        named = ", ".join(
            f"{kind} ({count:,}{'; ' * (kind in NEEDS)}{NEEDS.get(kind, '')})"
            for kind, count in kinds[:SHOWN]
        )
        files = f"{self.total():,} file{'s' * (self.total() > 1)}"
        others = f"{len(kinds)} other kind{'s' * (len(kinds) > 1)}"
        return f"{before}{files} of {others} left out: {named}{', ...' * (len(kinds) > SHOWN)}"

    def warn(self, root: Path) -> None:
        """Log what was left out of a folder, once a process; nothing for nothing."""
        if text := self.told(f"{root}: "):
            _once(text)


@functools.cache
def _once(text: str) -> None:
    logging.warning("%s", text)

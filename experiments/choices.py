"""Words of the command line."""

import difflib
from collections.abc import Mapping
from typing import Any


def choose(flag: str, word: str, choices: Mapping[str, Any]) -> Any:
    """The choice that `word` names; a ValueError that tells the choices, and the nearest, where there is none."""
    if word in choices:
        return choices[word]
    raise ValueError(f"{flag}={word!r} is not known{nearest(word, choices)}; the choices are {', '.join(choices)}")


def nearest(word: str, choices: Mapping[str, Any]) -> str:
    """`, did you mean X?`, or nothing."""
    close = difflib.get_close_matches(word, list(choices), 1)
    return f", did you mean {close[0]!r}?" if close else ""

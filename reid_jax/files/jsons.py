"""JSON files and files of JSON lines."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LARGEST = 256 << 20  # bytes of a JSON file
DEEP = "it is nested too deep"


def read(path: str | Path, what: str, then: str = "") -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Args:
        path: the file.
        what: it should be, e.g. "the configuration of a run".
        then: what to do where it is not, for the error.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, cut short, or holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}, {what}")
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST >> 20} MiB")
        return parsed(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not {what}: {error}{'; ' if then else ''}{then}") from None


def parsed(data: bytes) -> dict[str, Any]:
    """The JSON object that some bytes hold.

    Raises:
        ValueError: they hold none; only the reason is said.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise ValueError("it is empty")
    try:
        kept = json.loads(data.decode())
    except json.JSONDecodeError as error:
        ends = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError("it is cut short" if ends else f"it is no JSON at {where}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no text at byte {error.start}") from None
    except RecursionError:
        raise ValueError(DEEP) from None
    except ValueError:
        raise ValueError("it has a number of too many digits") from None
    if not isinstance(kept, dict):
        raise ValueError(f"it holds a {type(kept).__name__}, not names with values")
    return kept


def lines(path: str | Path, needed: Mapping[str, type] | None = None) -> tuple[list[dict], int]:
    """Read a file of JSON lines as far as it is sound.

    Args:
        path: the file; where it is missing there are no lines.
        needed: names that each line must have, and the type of their value.

    Returns:
        (the sound lines, how many others there are: cut by a kill, or damaged).
    """
    path = Path(path)
    found: list[dict] = []
    others = 0
    for line in path.read_bytes().split(b"\n") if path.is_file() else ():
        if not line.strip():
            continue
        try:
            made = parsed(line)
        except ValueError:
            others += 1
            continue
        sound = all(_is(made.get(name), kind) for name, kind in (needed or {}).items())
        found += [made] * sound
        others += not sound
    return found, others


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))

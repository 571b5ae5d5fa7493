"""The flags by which `reid-jax search` and `reid-jax gallery` name a gallery and rows of it."""

from pathlib import Path
from typing import Any

from absl import flags

from reid_jax.gallery.where import Where, where
from reid_jax.options import expanded

_GALLERY = flags.DEFINE_string("gallery", None, "the gallery's folder", required=True)
_FILTERS = {
    "cameras": flags.DEFINE_list("cameras", None, "only these cameras, as 1,2 or gate,hall"),
    "tracks": flags.DEFINE_list("tracks", None, "only these tracks"),
    "persons": flags.DEFINE_list("persons", None, "only these persons, as the data name them"),
    "videos": flags.DEFINE_list("videos", None, "only these videos"),
    "since": flags.DEFINE_string(
        "since", None, "only from this moment on, as 2026-05-01 or 2026-05-01T08:30Z (UTC)"
    ),
    "until": flags.DEFINE_string("until", None, "only before this moment"),
}


def folder() -> Path:
    """The value of --gallery."""
    return Path(expanded(_GALLERY.value or ""))


def given() -> dict[str, Any]:
    """What is given of the filters, by name, as `reid_jax.gallery.where.where` takes it."""
    return {name: flag.value for name, flag in _FILTERS.items() if flag.value is not None}


def chosen(**more: Any) -> Where:
    """The filter of the flags.

    Raises:
        ValueError: a list is empty, a moment cannot be read, or --until is not after --since.
    """
    return where(**given(), **more)

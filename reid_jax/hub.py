"""Exported encoders that lie on a model hub: hf://owner/name@revision -> a folder.

What is fetched is the files of an export that are read, nothing else: no program of the repository
is downloaded, and none is run.
"""

import re
from os import PathLike
from pathlib import Path

from reid_jax import lean
from reid_jax.card import HOLDS

SCHEME = "hf://"
FORM = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
KEPT = [name for name in HOLDS if name not in ("weights", "example.py")]
KEPT += ["weights/*", "operating.json", "README.md"]


def named(path: str | PathLike) -> bool:
    """Whether it is an address on a hub."""
    return str(path).startswith(SCHEME)


def fetched(address: str) -> tuple[Path, str]:
    """Fetch an export, or find it in the hub's cache.

    Args:
        address: hf://owner/name@revision; a branch, a tag or a commit, "main" where there is none.

    Returns:
        (its folder, the address with the commit that it is of).

    Raises:
        ValueError: it is no such address.
        FileNotFoundError: there is no such repository or revision, or no export in it; or it is
            not in the cache, and the hub cannot be reached. The line says which of these.
        ImportError: huggingface_hub is not installed.
    """
    found = FORM.fullmatch(address)
    if found is None:
        raise ValueError(f"{address} is no address on a hub; write hf://owner/name@revision")
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError:
        raise ImportError(f"{address} needs huggingface_hub: pip install 'reid_jax[hub]'") from None
    name, revision = found[1], found[2] or "main"
    try:
        folder = huggingface_hub.snapshot_download(name, revision=revision, allow_patterns=KEPT)
    except errors.HFValidationError as error:
        raise ValueError(f"{address} is no address on a hub: {_line(error)}") from None
    except errors.RevisionNotFoundError:
        raise FileNotFoundError(f"{address}: {name} has no revision {revision}") from None
    except errors.RepositoryNotFoundError:
        raise FileNotFoundError(
            f"{address}: the hub shows no repository {name}; if it is private, log in with "
            "`hf auth login`"
        ) from None
    except (OSError, ValueError, RuntimeError) as error:
        raise FileNotFoundError(
            f"{address} cannot be fetched: it is neither in the cache nor to be reached "
            f"({type(error).__name__})"
        ) from None
    path = Path(folder)
    held = (path / "weights").is_dir() or lean.holds(path)
    if not held or not (path / "encoder.json").is_file():
        lacks = f"weights and {lean.FILE}" if not held else "encoder.json"
        raise FileNotFoundError(
            f"{address} lacks {lacks}; it is no encoder that `reid-jax export` wrote"
        )
    return path, f"{SCHEME}{name}@{path.name}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

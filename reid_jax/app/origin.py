"""Where figures come from: the code, the command, the machine, the day, the configuration."""

import datetime
import functools
import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import reid_jax
from reid_jax.app import info

ROOT = Path(reid_jax.__file__).resolve().parents[1]


def told() -> dict[str, str]:
    """Version and revision of the code, the command, the date, the devices and processor cores."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "version": reid_jax.__version__,
        "revision": revision(),
        "command": command(),
        "date": now.isoformat(timespec="seconds"),
        "devices": info.devices(),
        "cores": str(os.cpu_count()),
    }


def command() -> str:
    """The command line that this process was started with."""
    return shlex.join(["reid-jax", Path(sys.argv[0]).stem, *sys.argv[1:]])


@functools.cache
def revision() -> str:
    """Git's revision of this code, with "-dirty" where files were changed; "" where it has none."""
    if not (ROOT / ".git").exists():
        return ""  # a wheel, maybe in the folder of another project
    git = ["git", "--no-optional-locks", "-C", str(ROOT)]  # a lock would outlive a stop
    asked = (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    try:
        head, changed = (
            subprocess.run([*git, *words], capture_output=True, text=True, timeout=10, check=True)
            for words in asked
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return head.stdout.strip() + ("-dirty" if changed.stdout.strip() else "")


def configuration(config: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """A configuration by its meaning: without its seed, paths in the run's own folder from there.

    Two seeds of one training are the same configuration.
    """
    own = {name: value for name, value in config.items() if name != "seed"}
    return {
        name: value.replace(folder, ".") if isinstance(value, str) and folder else value
        for name, value in own.items()
    }


def digest(config: Mapping[str, Any], folder: str) -> str:
    """SHA-256 of `configuration`: the first 16 digits."""
    text = json.dumps(configuration(config, folder), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

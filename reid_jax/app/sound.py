"""What of a run's folder is sound: `reid-jax check`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from reid_jax import checkpoint, encoders
from reid_jax.app import about, workdirs
from reid_jax.app.log import LINE
from reid_jax.files import jsons
from reid_jax.retrieval import point


class Finding(NamedTuple):
    """What is found of a part: its name, "" or what is wrong with it, and what is known of it."""

    part: str
    wrong: str
    told: str = ""


def examined(workdir: Path) -> Iterator[Finding]:
    """Look at each part of a run's folder; parts that a run need not have are passed over.

    Raises:
        FileNotFoundError: there is no such folder, or it is none of a run.
    """
    if not workdir.is_dir():
        raise FileNotFoundError(f"there is no folder {workdir}; name a run's")
    stages = sorted({*workdir.glob("**/config.json"), workdir / "config.json"})
    if not any(path.is_file() for path in stages):
        raise FileNotFoundError(f"{workdir} is not a run's folder: it has no config.json")
    for path in stages:
        name = path.parent.relative_to(workdir).as_posix()
        for one in _stage(path.parent):
            yield one if name == "." else one._replace(part=f"{name}/{one.part}")


def _stage(folder: Path) -> Iterator[Finding]:
    yield _tried("config.json", lambda: _backbone(folder))
    yield _tried(about.FILE, lambda: about.kept(folder).version, (folder / about.FILE).exists())
    path = folder / workdirs.DATA
    yield _tried(path.name, lambda: _data(path), path.exists())
    kept = (folder / point.FILE).exists()
    yield _tried(point.FILE, lambda: str(point.load(folder, None) and ""), kept)
    lines, others = jsons.lines(folder / "metrics.jsonl", LINE)
    wrong = f"{others} damaged line(s); the run leaves them out when it goes on" if others else ""
    yield Finding("metrics.jsonl", wrong, f"{len(lines)} lines")
    yield from _checkpoints(folder / "checkpoints")


def _checkpoints(folder: Path) -> Iterator[Finding]:
    try:
        found = checkpoint.examined(folder)
    except FileNotFoundError as error:
        yield Finding("checkpoints", "", f"none yet: {error}")
        return
    for step, wrong in found.items():
        yield Finding(f"checkpoints/{step}", wrong, "every array has its checksum")
    if not [step for step, wrong in found.items() if not wrong]:
        yield Finding("checkpoints", "none of them can be read: the run is lost, begin anew")
    strange = [one.name for one in folder.iterdir() if not one.name.isdigit()]
    if strange:
        yield Finding("checkpoints", "", f"other things, which are left alone: {strange[0]}")


def _backbone(folder: Path) -> str:
    kept = jsons.read(folder / "config.json", "the configuration of a run", workdirs.THEN)
    return encoders.of_run(folder)[0].backbone if "backbone" in kept else "no network of ours"


def _data(path: Path) -> str:
    return f"{jsons.read(path, 'what a run says of its data').get('pictures')} pictures"


def _tried(part: str, read: Callable[[], str], there: bool = True) -> Finding:
    if not there:
        return Finding(part, "", "there is none")
    try:
        return Finding(part, "", read())
    except (OSError, ValueError, KeyError) as error:
        return Finding(part, str(error))

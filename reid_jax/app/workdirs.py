"""A run's folder: whose it is, and what it was made with."""

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax

from reid_jax.app import stop
from reid_jax.app.paths import resolved, resolved_values
from reid_jax.data.check import fingerprint
from reid_jax.files import jsons, late, lock
from reid_jax.options import renewed
from reid_jax.types import Records
from reid_jax.whole import remove_unfinished, whole

DATA = "data.json"

THEN = "write it again, e.g. from about.json's command, or choose another --workdir"


def check(workdir: Path, config: Any) -> None:
    """Check that a workdir is new, or of this configuration.

    A folder in which no step is saved is as good as new. A run may get more epochs where its
    schedule does not depend on their number, `config.fixed()`, and may leave out broken pictures
    from now on, if those are of the test (`check_data` sees to the others). An option that
    config.json lacks, since a later version added it, counts as its default.

    Args:
        workdir: the folder.
        config: the configuration, a dataclass.

    Raises:
        ValueError: another configuration made it (the difference is shown), or it holds something
            else.
        OSError: nothing can be written there.
    """
    path = workdir / "config.json"
    _check_writable(workdir)
    if jax.process_index():  # the first one may be at work, and refuses what is not a run's
        late.wait(path, lambda: path.is_file() or not _holds_others(workdir))
    if not path.is_file():
        if _holds_others(workdir):
            raise ValueError(
                f"{workdir} holds other files and no config.json; choose an empty or a new "
                "--workdir"
            )
        return
    mine, theirs = dataclasses.asdict(resolved(config)), kept(path, type(config))
    if mine.get("skip_broken"):
        theirs = {**theirs, "skip_broken": True}  # may be turned on: a picture can break meanwhile
    differing = differences(mine, theirs)
    if not differing or not used(workdir):
        return
    if [*differing] == ["epochs"] and theirs["epochs"] < mine["epochs"]:
        reason = config.fixed()
        if not reason:
            return
        raise ValueError(
            f"{workdir} was made for {theirs['epochs']} epochs and cannot be extended to "
            f"{mine['epochs']}: {reason}; choose another --workdir, which may start from "
            f"--config.weights={workdir}"
        )
    raise ValueError(
        f"{workdir} was made by another configuration ({'; '.join(differing.values())}); choose "
        "another --workdir, or the same options to go on"
    )


def differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, str]:
    """The options that two configurations have other values of, each with words for both."""
    return {
        name: f"{name}: {theirs.get(name, 'absent')!r} there, {mine.get(name, 'absent')!r} now"
        for name in sorted({*mine, *theirs})
        if mine.get(name) != theirs.get(name)
    }


@contextmanager
def locked(workdir: Path) -> Iterator[None]:
    """Make the workdir and be the only run in it within the block.

    A crash or a kill frees it. Of several processes the first has it. What killed processes of this
    host left unfinished is removed.

    Raises:
        ValueError: another run is at work in it; the line says who.
    """
    if jax.process_index():
        yield
        return
    workdir.mkdir(parents=True, exist_ok=True)
    with lock.of_training(workdir, "--workdir").held(0):
        for name in ("", "report", "best", "best/checkpoints"):
            folder = workdir / name
            remove_unfinished(folder)
        yield


def check_data(workdir: Path, train: Records) -> None:
    """Compare the training data with those that the run began with, and keep what they are.

    Raises:
        ValueError: they are others; the line says what differs.
    """
    path, mine = workdir / DATA, fingerprint(train)
    if path.is_file() and used(workdir):
        then = f"remove it if the data are still those that {workdir} was trained on"
        theirs = jsons.read(path, "what a run says of its data", then)
        if changed := "; ".join(differences(mine, theirs).values()):
            raise ValueError(
                f"{workdir} was trained on other data ({changed}); choose another --workdir, or "
                "bring the same data, whose pictures can all be read (a run cannot begin to leave "
                f"out pictures that it trains on); if only their names changed, remove {path}"
            )
    if not jax.process_index():
        with whole(path) as unfinished:
            unfinished.write_text(json.dumps(mine, indent=2) + "\n")


def write(workdir: Path, config: Any) -> None:
    """Make the workdir and keep the configuration, after data and model were found good.

    Of several processes the first does.
    """
    if jax.process_index():
        return
    if (workdir / "config.json").is_file() and not used(workdir):
        for name in ("metrics.jsonl", "results.json", "results.npz", "mlflow.json", "wandb.json"):
            (workdir / name).unlink(missing_ok=True)
        shutil.rmtree(workdir / "events", ignore_errors=True)
    text = json.dumps(dataclasses.asdict(resolved(config)), indent=2)
    with whole(workdir / "config.json") as unfinished:
        unfinished.write_text(text + "\n")


def _check_writable(workdir: Path) -> None:
    """Look for a place to write before any work is done; nothing is made yet."""
    there = next(
        path for path in (workdir.absolute(), *workdir.absolute().parents) if path.exists()
    )
    try:
        if there.is_dir():
            with tempfile.NamedTemporaryFile(prefix=".", dir=there):
                pass
        elif there != workdir.absolute():
            raise NotADirectoryError(f"{there} is a file, not a folder")
    except OSError as error:
        raise OSError(f"--workdir={workdir}: cannot write in {there}: {error}") from None


def kept(path: Path, config_class: type) -> dict[str, Any]:
    """The options in a config.json, in today's names; new ones have their default."""
    kept = jsons.read(path, "the configuration of a run", THEN)
    known = {field.name: field.default for field in dataclasses.fields(config_class)}
    try:
        kept = resolved_values(config_class, renewed(config_class, kept))
        if 2 * len(kept.keys() & known.keys()) < len(kept):
            raise ValueError
    except (ValueError, AttributeError, TypeError):
        raise ValueError(
            f"{path} is not the configuration of a run of this experiment; choose another --workdir"
        ) from None
    return {**known, **kept}


def _holds_others(workdir: Path) -> bool:
    """Whether something is there that is no empty folder."""
    return workdir.exists() and (not workdir.is_dir() or any(map(_visible, workdir.iterdir())))


def _visible(path: Path) -> bool:
    """Not of another process that looks whether it can write here, or writes."""
    return not path.name.startswith(".") and ".unfinished-" not in path.name


def used(workdir: Path) -> bool:
    """Whether a step of the run, or of a stage in its folder, is saved."""
    return any(path.name.isdigit() for path in workdir.glob("**/checkpoints/*"))


def begin(workdir: Path) -> None:
    """Where something of a workdir is saved, a stop says from now on that the command goes on."""
    if used(workdir):
        stop.then(stop.GOES_ON)

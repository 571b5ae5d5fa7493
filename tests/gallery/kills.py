"""Kill a writer of a gallery at any moment, again and again, and look for what it had acknowledged.

    python -m tests.gallery.kills --kills=100

The writer adds rows with thumbnails and removes some of them, in a process of its own; it notes
what has returned. Then whoever opens the gallery must find all that was noted, nothing that was
noted as removed, also not on the disk, and no thumbnail without its row.
"""

import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from reid_jax.gallery import index
from reid_jax.gallery.store import Store
from reid_jax.gallery.where import where
from tests.gallery.made import WIDTH, files_with, jpeg, opened

# lancedb warns of a fork; the server that forks has imported it and used nothing of it
os.environ["PYTHONWARNINGS"] = "ignore::RuntimeWarning"
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["lancedb", "reid_jax.gallery.store"])
ABOVE = 400  # rows from which on there is an index, which is built and grown under the kills


def row(name):
    """The embedding f32[WIDTH] of a row's name."""
    return np.random.default_rng([5, name]).standard_normal(WIDTH).astype(np.float32)


def write(folder, notes, seed):
    """Add and remove until somebody kills this."""
    index.ABOVE, index.LEAST_TAIL, index.SAMPLE = ABOVE, 100, 5
    rng, store, added = random.Random(seed), Store(folder), []
    while True:
        if added and rng.random() < 0.3:
            gone = [added.pop(rng.randrange(len(added)))]
            _note(notes, {"removing": gone})
            store.remove(where(names=gone))
            _note(notes, {"removed": gone})
            continue
        names = [rng.randrange(1 << 40) for _ in range(rng.choice([1, 5, 60]))]
        _note(notes, {"adding": names})
        jpegs = [jpeg(name) for name in names]
        camera, at = [name % 5 for name in names], [name % 1000 for name in names]
        rows = np.stack([row(name) for name in names])
        store.add(rows, name=names, camera=camera, time=at, jpegs=jpegs)
        _note(notes, {"added": names})
        added += names


def _note(notes, what):
    with open(notes, "a") as file:
        file.write(json.dumps(what) + "\n")


def check(folder, notes):
    """Raise where something that was noted is not so; returns how many rows there are."""
    noted = {"added": set(), "adding": set(), "removing": set(), "removed": set()}
    for line in Path(notes).read_text().splitlines():
        for what, names in json.loads(line).items():
            noted[what] |= set(names)
    store = Store(folder)
    for mended in (False, True):
        if mended:
            with store.writing():
                pass
        found = store.rows(columns=["name", "embedding"])
        names = [int(one["name"]) for one in found]
        there = set(names)
        assert len(names) == len(there), "a row is there twice"
        assert noted["added"] - noted["removing"] <= there, "an acknowledged row is lost"
        assert not there & noted["removed"], "a removed row is there"
        assert there <= noted["adding"]
        by = {int(one["name"]) for one in store.rows(where(cameras=3), ["name"])}
        assert by == {name for name in there if name % 5 == 3}, "a filter means other rows"
        for one, name in zip(found, names, strict=True):
            own = row(name) / np.linalg.norm(row(name).astype(np.float64))
            np.testing.assert_allclose(one["embedding"], own, atol=1e-6)
        small = store.thumbnails([one["row"] for one in found])
        for one, name in zip(found, names, strict=True):
            assert name in noted["removing"] or small[one["row"]] == jpeg(name)
    assert store._small.count() <= len(found), "a thumbnail without its row"
    for name in list(noted["removed"])[-3:]:
        own = (row(name) / np.linalg.norm(row(name).astype(np.float64))).astype(np.float32)
        assert not files_with(folder, own.tobytes()[:64]), "bytes of a removed row"
        assert not files_with(folder, jpeg(name)), "a thumbnail of a removed row"
    return len(there)


def kills(folder, count, *, seed=0, say=lambda _: None):
    """Kill so many writers of one gallery; returns how many rows it has then."""
    rng = random.Random(seed)
    people, notes, rows = folder / "people", folder / "notes", 0
    opened(people)
    for turn in range(count):
        before = notes.stat().st_size if notes.exists() else 0
        writer = PROCESSES.Process(target=write, args=(people, notes, seed + turn))
        writer.start()
        until = time.monotonic() + 60
        while time.monotonic() < until and writer.is_alive():
            if notes.exists() and notes.stat().st_size > before:  # it is at work
                break
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.6))
        assert writer.is_alive(), "the writer ended by itself"
        writer.kill()
        writer.join()
        rows = check(people, notes)
        say(f"{turn + 1} kills, {rows} rows")
    return rows


def main():
    """Kill as many as --kills says."""
    count = int(dict(one.lstrip("-").split("=") for one in sys.argv[1:]).get("kills", "100"))
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        rows = kills(Path(folder), count, say=lambda text: sys.stdout.write(text + "\n"))
        say = f"{count} kills, {rows} rows, nothing lost; {time.monotonic() - began:.0f} s\n"
        sys.stdout.write(say)
    sys.stdout.flush()
    os._exit(0)  # the forkserver is not waited for


if __name__ == "__main__":
    main()

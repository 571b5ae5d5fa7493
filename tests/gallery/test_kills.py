"""Nothing that was acknowledged is lost by a kill at any moment."""

import os
import subprocess
import sys

import pytest

import reid_jax
from tests.gallery import kills

ROOT = os.path.dirname(os.path.dirname(reid_jax.__file__))


def test_what_is_half_done_is_mended(tmp_path, monkeypatch):
    """A kill between any two steps of a removal or of an adding, each by name."""
    import numpy as np

    from reid_jax.gallery.store import Store
    from reid_jax.gallery.table import Table
    from reid_jax.gallery.where import where
    from tests.gallery.made import files_with, jpeg, opened, people

    class Killed(BaseException):
        pass

    def kill(*_, **__):
        raise Killed

    store, rows = opened(tmp_path / "g"), people(60)
    store.add(rows, jpegs=[jpeg(row) for row in range(60)])
    one = np.float32(store.rows(where(rows=7), ["embedding"])[0]["embedding"])
    for step in ("delete", "erase"):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(Table, step, kill)
            store.remove(where(rows=7))
        assert len(store) == (60 if step == "delete" else 59)
        store = Store(store.folder)
        with store.writing():
            pass
        assert bool(files_with(store.folder, one.tobytes())) == (step == "delete")
        assert bool(files_with(store.folder, jpeg(7))) == (step == "delete")
        if step == "delete":
            assert store.thumbnails([7]) == {7: jpeg(7)}
    real = Table.add

    def once(table, batches):
        return kill() if table.name == "rows" else real(table, batches)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Table, "add", once)
        store.add(rows[:5], jpegs=[jpeg(100 + row) for row in range(5)])
    assert len(store) == 59 and store._small.count() == 64
    assert Store(store.folder).add(rows[:1]).tolist() == [65]
    assert store._small.count() == 59 and not files_with(store.folder, jpeg(102))


@pytest.mark.slow
def test_kills_at_any_moment(tmp_path):
    assert kills.kills(tmp_path, 12, seed=1) > 100


@pytest.mark.slow
def test_kills_are_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "tests.gallery.kills", "--kills=2"],
        capture_output=True, text=True, cwd=ROOT, timeout=200, check=True,
    )  # fmt: skip
    assert "2 kills, " in done.stdout and "nothing lost" in done.stdout

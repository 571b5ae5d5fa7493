"""Pictures that are drawn once and kept."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reid_jax import synthetic
from reid_jax.data import records
from reid_jax.synthetic import kept


def made():
    train = synthetic.labelled(persons=5, cameras=2, per_camera=2, size=(32, 16))
    films = synthetic.videos(videos=2, frames=4, people=2, size=(48, 64))
    return records.concat([train, synthetic.video_crops(films, size=(32, 16))])


@pytest.mark.parametrize("few", [500, 3])
def test_kept_pictures_are_those_that_are_drawn(tmp_path, monkeypatch, few):
    """By one core and by two; read again without drawing anything."""
    monkeypatch.setattr(kept, "FEW", few)
    monkeypatch.setattr(kept, "CHUNK", 7)
    told = []
    found = kept.kept(made, "a", tmp_path, cores=2, watch=lambda *at: told.append(at))
    plain = records.hold(made())
    n = len(plain.person)
    assert told[-1] == (n, n) and sorted(told) == told

    def undrawn():
        raise AssertionError("drawn again")

    for one in (found, kept.kept(undrawn, "a", tmp_path), pickle.loads(pickle.dumps(found))):
        for name in kept.COLUMNS:
            assert np.array_equal(getattr(one, name), getattr(plain, name)), name
        assert all(np.array_equal(records.read(one, row), plain.image[row]) for row in range(n))
    assert records.read(records.take(found, np.array([3])), 0).tolist() == plain.image[3].tolist()
    assert len(pickle.dumps(found.image)) < 500


def test_another_name_is_another_folder_and_a_failure_leaves_none(tmp_path):
    def fails():
        raise ValueError("no such street")

    with pytest.raises(ValueError, match="no such street"):
        kept.kept(fails, "a", tmp_path)
    assert not list(tmp_path.iterdir())
    for name in ("a", "b", "A"):
        kept.kept(made, name, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_what_a_killed_drawing_left_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "remove_unfinished", lambda folder: (folder / "left").unlink())
    (tmp_path / "left").touch()
    kept.kept(made, "a", tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    kept.kept(made, "a", tmp_path)  # nothing is looked for where nothing is drawn


def test_the_number_of_the_drawing_is_counted_up_with_what_is_drawn():
    """If this fails, what is drawn has changed: count kept.DRAWING up, and write the new means."""
    means = records.hold(made()).image.pixels[[0, 5, 20, 30]].mean((1, 2, 3))
    assert kept.DRAWING == 1
    np.testing.assert_allclose(means, [86.20, 122.10, 120.27, 151.13], atol=0.5)


def test_workers_do_not_import_the_program(tmp_path):
    """A script as `python -m experiments.NAME` is: its imports take longer than the drawing."""
    (tmp_path / "program.py").write_text(
        "import pathlib\n"
        "with open('imported', 'a') as file:\n"
        "    file.write(f'{__name__}\\n')\n"
        "if __name__ == '__main__':\n"
        "    from reid_jax.synthetic import kept\n"
        "    from tests.synthetic.test_kept import made\n"
        "    kept.FEW, kept.CHUNK = 3, 7\n"
        "    kept.kept(made, 'a', pathlib.Path('kept'), cores=2)\n"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"}
    subprocess.run(
        [sys.executable, "-m", "program"], cwd=tmp_path, env=environment, check=True, timeout=100
    )
    assert (tmp_path / "imported").read_text().split() == ["__main__"]
    assert list((tmp_path / "kept").iterdir())

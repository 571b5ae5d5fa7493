import os
import subprocess
import sys

import cv2
import numpy as np

from reid_jax.data.packed import packed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _prepare(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "experiments.prepare", *arguments],
        cwd=ROOT, env={**os.environ, "JAX_PLATFORMS": "cpu"}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def test_a_broken_picture_stops_it_by_name_and_is_left_out_if_asked(tmp_path):
    root, out = tmp_path / "persons", tmp_path / "deep" / "packed"
    for person in range(3):
        (root / f"p{person}").mkdir(parents=True)
        for camera in (1, 2):
            image = np.random.default_rng(person).integers(0, 256, (16, 8, 3), np.uint8)
            cv2.imwrite(str(root / f"p{person}" / f"c{camera}_0.jpg"), image)
    (root / "p1" / "c2_0.jpg").write_bytes(b"\xff\xd8\xff")
    done = _prepare(f"--source=folders:{root}", f"--out={out}")
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "error: the picture" in done.stderr and "c2_0.jpg cannot be read" in done.stderr
    assert not out.exists() and not any(out.parent.iterdir())
    done = _prepare(f"--source=folders:{root}", f"--out={out}", "--skip_broken")
    assert done.returncode == 0, done.stderr
    assert (
        "train: 6 images, 3 persons, 2 cameras" in done.stdout
        and "left out 1 broken" in done.stdout
    )
    assert f"{out}: 5 pictures" in done.stdout
    assert packed(out).person.tolist() == [1, 1, 2, 3, 3]

"""Scripts called as a person calls them."""

import os
import subprocess
import sys

import cv2
import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def call(module, *arguments, check=True, **options):
    """Run a script of experiments/ on one device."""
    environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-m", f"experiments.{module}", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False, **options,
    )  # fmt: skip
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def refused(module, *arguments):
    """What a call that must fail says, in one line and without a traceback."""
    done = call(module, *arguments, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def two_domains(folder):
    """source.csv and target.csv: 6 persons in two cameras each, half of them to test with."""
    rng = np.random.default_rng(0)
    for name in ("source", "target"):
        lines = ["path,person,camera,split"]
        for person in range(6):
            colour = rng.integers(0, 256, 3)
            for take in range(8):
                image = np.clip(colour + rng.normal(0, 20, (32, 16, 3)), 0, 255).astype(np.uint8)
                path = f"{name}{person}_{take}.png"
                cv2.imwrite(str(folder / path), image)
                split = "train" if person < 3 else "query" if take < 2 else "gallery"
                lines.append(f"{path},{person},{take % 2},{split}")
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder

"""Scripts called as a person calls them."""

import atexit
import faulthandler
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import jax
import numpy as np

from reid_jax import xla

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The other libraries take two seconds of processor time to import: a server imports them once, and
# forks for each call.
LIBRARIES = [
    "cv2", "scipy.sparse", "sklearn.cluster", "numba", "jax", "flax.linen", "optax",
    "orbax.checkpoint", "grain", "ml_collections.config_flags", "tensorboard.summary",
    "matplotlib.pyplot",
]  # fmt: skip
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(LIBRARIES)
LIMIT = 400  # seconds
# for scripts of which not the network is tested: it is traced and compiled in half of the time
QUICK = "--config.backbone=vit_mini"


def call(module, *arguments, check=True):
    """Run a script of experiments/ on one device, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("out", "err")]
        environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
        process = SERVER.Process(target=_be, args=(module, arguments, files, environment))
        process.start()
        process.join(LIMIT)
        if process.exitcode is None:
            process.kill()
            process.join()
        done = subprocess.CompletedProcess(
            [module, *arguments], process.exitcode, *(one.read_text() for one in files)
        )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def _be(module, arguments, files, environment):
    """Run `python -m experiments.module arguments` in this process, with its output in files."""
    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    few = "JAX_DISABLE_MOST_OPTIMIZATIONS"
    # what the server has imported has read its own environment
    jax.config.update(few.lower(), environment.get(few) == "1")
    xla.mend()
    sys.argv = [module, *arguments]
    faulthandler.dump_traceback_later(LIMIT - 10)
    try:
        runpy.run_module(f"experiments.{module}", run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()


def begun(module, *arguments, **options):
    """A script in a process group of its own, which heeds Ctrl-C as one in a terminal does.

    A shell's background job, and so these tests in one, would ignore it.
    """
    command = ["env", "--default-signal=INT", sys.executable, "-u", "-m", f"experiments.{module}"]
    environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        text=True,
        **options,
    )


def nobody_is_left(run):
    """Whether all processes of the group end within 20 seconds."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.killpg(run.pid, 0)
            time.sleep(0.1)
        except ProcessLookupError:
            return True
    return False


def refused(module, *arguments):
    """What a call that must fail says, in one line and without a traceback."""
    done = call(module, *arguments, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def draw(path, colour, rng):
    """A picture of 32x16 pixels of one colour, with noise."""
    image = np.clip(colour + rng.normal(0, 20, (32, 16, 3)), 0, 255).astype(np.uint8)
    cv2.imwrite(str(path), image)


def two_domains(folder):
    """source.csv and target.csv: 6 persons in two cameras each, half of them to test with."""
    rng = np.random.default_rng(0)
    for name in ("source", "target"):
        lines = ["path,person,camera,split"]
        for person in range(6):
            colour = rng.integers(0, 256, 3)
            for take in range(8):
                path = f"{name}{person}_{take}.png"
                draw(folder / path, colour, rng)
                split = "train" if person < 3 else "query" if take < 2 else "gallery"
                lines.append(f"{path},{person},{take % 2},{split}")
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder

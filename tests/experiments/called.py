"""Scripts called as a person calls them."""

import os
import subprocess
import sys

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

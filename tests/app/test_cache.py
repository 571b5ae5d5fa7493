"""What is kept between commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
import jax
from absl import flags
from reid_jax.app import cache
flags.FLAGS(sys.argv)
cache.begin()
print(cache.folder(), jax.config.jax_compilation_cache_dir)
"""


def told(*words, **variables):
    clean = {name: value for name, value in os.environ.items() if "CACHE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words], env={**clean, **variables}, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "variables", "folder"),
    [
        ([], {"HOME": "/h"}, "/h/.cache/reid_jax"),
        ([], {"XDG_CACHE_HOME": "/x"}, "/x/reid_jax"),
        (["--cache=~/mine"], {"HOME": "/h"}, "/h/mine"),
        (["--cache=$W/mine"], {"W": "/w"}, "/w/mine"),
    ],
)
def test_compiled_programs_are_kept_in_the_users_cache_by_kind_of_processor(
    words, variables, folder
):
    found, compiled = told(*words, **variables)
    assert found == folder and Path(compiled).parent == Path(folder) / "compiled"


def test_nothing_is_kept_where_the_user_says_so_and_his_own_folder_stays():
    assert told("--cache=none") == ["None", "None"]
    assert told(JAX_COMPILATION_CACHE_DIR="/own")[1] == "/own"

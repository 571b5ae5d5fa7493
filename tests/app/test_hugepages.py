"""A command that begins once more, so that its memory comes in large pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reid_jax.app import hugepages

ROOT = Path(__file__).parents[2]
BEGIN = """
import os, pathlib, sys
from reid_jax.app import hugepages
hugepages.SETTING = pathlib.Path(sys.argv[1])
print("begun", os.getpid(), flush=True)
hugepages.ask()
print(os.environ.get("GLIBC_TUNABLES"), hugepages.state(), sys.argv[2:], sys.flags.optimize)
"""


def _setting(tmp_path, text):
    path = tmp_path / "enabled"
    path.write_text(text)
    return path


def _run(setting, **given):
    environment = {name: value for name, value in os.environ.items() if "TUNABLES" not in name}
    done = subprocess.run(
        [sys.executable, "-O", "-c", BEGIN, str(setting), "a b", "--c='d'"],
        capture_output=True, text=True, check=True, cwd=ROOT, env={**environment, **given},
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.mark.skipif(hugepages._glibc() < hugepages.SINCE, reason="NOT TESTED: an older glibc")
def test_it_begins_once_more_as_it_was(tmp_path):
    setting = _setting(tmp_path, "always [madvise] never\n")
    first, second, end = _run(setting)
    assert first == second and first.startswith("begun ")
    assert end == "glibc.malloc.hugetlb=1 asked for ['a b', \"--c='d'\"] 1"
    *begun, end = _run(setting, GLIBC_TUNABLES="glibc.malloc.check=1")
    assert len(begun) == 2
    assert end.startswith("glibc.malloc.check=1:glibc.malloc.hugetlb=1 asked for")


@pytest.mark.parametrize("word", ["always", "never", "", "madvise"])
def test_it_goes_on_where_nothing_is_gained(tmp_path, word):
    setting = _setting(tmp_path, "always madvise never".replace(word, f"[{word}]") if word else "")
    given = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"} if word == "madvise" else {}
    first, end = _run(setting, **given)
    told = word if word in ("always", "never") else "not asked for"
    assert first.startswith("begun ") and f" {told} [" in end


def test_an_old_or_another_library(monkeypatch, tmp_path):
    monkeypatch.setattr(hugepages, "SETTING", _setting(tmp_path, "always [madvise] never"))
    monkeypatch.delenv(hugepages.VARIABLE, raising=False)
    for version, wanted in {"glibc 2.35": True, "glibc 2.34": False, "musl 1.2": False}.items():
        monkeypatch.setattr(os, "confstr", lambda _, version=version: version)
        assert hugepages.wanted() is wanted
    monkeypatch.setattr(hugepages, "SETTING", tmp_path / "none")
    assert not hugepages.wanted()


@pytest.mark.parametrize("command", [["-m", "experiments", "info"], ["-m", "experiments.info"]])
def test_commands_ask(monkeypatch, command):
    monkeypatch.delenv(hugepages.VARIABLE, raising=False)
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=True, cwd=ROOT
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("large pages")]
    assert line.split(None, 2)[2] == ("asked for" if hugepages.wanted() else hugepages.state())

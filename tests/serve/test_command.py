"""`reid-jax serve` as a person starts and ends it."""

import os
import signal
import subprocess

import httpx
import pytest

from tests.experiments.called import begun, call, nobody_is_left, refused
from tests.serve import made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """people, a gallery; encoder and other, encoders, of which it is of the first."""
    root = tmp_path_factory.mktemp("served")
    for name, scale in (("encoder", 1.0), ("other", 2.0)):
        made.encoder(scale).save(root / name, forms=[])
    made.gallery(root / "people", root / "encoder")
    return root


@pytest.mark.slow
def test_it_serves_until_it_is_stopped(folder):
    run = begun(
        "serve", f"--gallery={folder}/people", f"--encoder={folder}/encoder", "--port=0",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        address = next(line for line in run.stdout if line.startswith("http")).split()[0]
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
            assert client.get("/api/about").json()["pictures"] == 92
            assert client.get("/api/search?query=3").json()["matches"]
        os.killpg(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 130 and "Traceback" not in out + err, err
    assert "stopped; the same command begins anew" in err and nobody_is_left(run)


@pytest.mark.slow
def test_mistakes_are_told_in_a_line(folder):
    gallery = f"--gallery={folder}/people"
    for given, says in (
        ((f"--gallery={folder}/none",), "there is no gallery"),
        ((f"--gallery={folder}/encoder",), "is no gallery"),
        ((gallery, f"--encoder={folder}/other"), "their embeddings cannot be compared"),
        ((gallery, f"--encoder={folder}/none"), "there is no"),
        ((gallery, "--host=0.0.0.0"), "name the token that they must give"),
        ((gallery, "--token=short"), "needs 16 or more"),
        ((gallery, "--host=none.invalid", "--token=a-token-of-sixteen-or-more"), "cannot be had"),
        ((gallery, "--certificate=a.pem"), "--certificate and --key are given together"),
        ((gallery, "--prot=1"), "did you mean '--port'"),
        ((gallery, "--port=99999"), "port"),
    ):
        told = refused("serve", *given)
        assert says in told and told.count("\n") == 1, (given, told)
    told = refused("gallery", gallery, f"--labels={folder}/labels")
    assert "has no labels yet" in told and not (folder / "labels").exists()


def test_its_help_has_its_memory():
    assert "Memory: 0.8 GB and the weights" in call("serve", "--help").stdout

"""Commands whose --encoder is an address on a model hub, from a cache; no network is touched."""

import json
import signal
import subprocess

import cv2
import jax
import numpy as np
import pytest

import reid_jax
from reid_jax import lean
from reid_jax.api.encoder import Encoder
from reid_jax.gallery.store import Store
from tests.experiments.called import begun, call, refused
from tests.hubs import COMMIT, kept
from tests.video.films import film

pytest.importorskip("huggingface_hub")
NAME, HALF = "hf://owner/name@v1", "hf://owner/half"
FOR_GOOD = f"hf://owner/name@{COMMIT}"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Pictures, a film, and a hub that has an export and the library's own in half precision."""
    root = tmp_path_factory.mktemp("world")
    model = reid_jax.build("resnet_small", size=(32, 16))
    Encoder(model, model.init(jax.random.PRNGKey(0))).save(root / "encoder", forms=[])
    kept(root / "encoder", root / "hub" / "models--owner--name")
    kept(lean.HOME / lean.STREET, root / "hub" / "models--owner--half")
    rng, lines = np.random.default_rng(0), ["path,person,camera,split"]
    (root / "crops").mkdir()
    for row in range(4):
        cv2.imwrite(str(root / f"crops/{row}.png"), rng.integers(0, 256, (32, 16, 3)))
        lines.append(f"crops/{row}.png,{row // 2},{row % 2},{'query' if row % 2 else 'gallery'}")
    (root / "all.csv").write_text("\n".join(lines))
    film(root / "films" / "gate.avi", [2] * 8)
    return root


@pytest.fixture(autouse=True)
def offline(world, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(world / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize(
    ("address", "encoder"), [(NAME, "encoder"), pytest.param(HALF, None, marks=pytest.mark.slow)]
)
def test_embed(address, encoder, world, tmp_path):
    said = call(
        "embed", f"--encoder={address}", f"--pictures={world}/crops", f"--out={tmp_path}/a.npz"
    ).stdout
    assert f"by {address}" in said
    expected = reid_jax.load(world / encoder if encoder else lean.STREET)
    file = np.load(tmp_path / "a.npz")
    np.testing.assert_allclose(file["embedding"], expected(str(world / "crops")), atol=1e-5)
    assert file["encoder"] == expected.fingerprint


@pytest.mark.parametrize(
    ("command", "address", "told"),
    [
        ("embed", "hf://owner/name@v2", "cannot be fetched: it is neither in the cache nor"),
        ("evaluate", "hf://name", "is no address on a hub; write hf://owner/name@revision"),
        ("gallery", "hf://owner/other", "cannot be fetched: it is neither in the cache nor"),
    ],
)
def test_what_is_not_there_is_a_line(command, address, told, world, tmp_path):
    given = {
        "embed": (f"--pictures={world}/crops", f"--out={tmp_path}/a.npz"),
        "evaluate": (f"--test=csv:{world}/all.csv",),
        "gallery": (f"--add={world}/crops", f"--gallery={tmp_path}/people"),
    }
    said = refused(command, f"--encoder={address}", *given[command])
    assert f"error: {address} {told}" in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_without_the_package_it_is_a_line(world, tmp_path, monkeypatch):
    (tmp_path / "huggingface_hub.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = subprocess_of("embed", f"--encoder={NAME}", f"--pictures={world}/crops", "--out=a.npz")
    assert done.returncode == 2, done.stderr
    assert f"error: {NAME} needs huggingface_hub: pip install 'reid_jax[hub]'" in done.stderr


def subprocess_of(*words):
    run = begun(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, told = run.communicate(timeout=300)
    return subprocess.CompletedProcess(words, run.returncode, out, told)


@pytest.mark.slow
def test_evaluate_names_the_encoder_by_its_hash(world, tmp_path):
    """On a hub, in a folder, and as the program of a network that is none of the library's."""
    encoder = reid_jax.load(world / "encoder")
    own = Encoder(encoder.model, encoder.variables, config={"of": "me"})
    own.save(tmp_path / "program", forms=[])
    told = []
    for number, by in enumerate((NAME, world / "encoder", tmp_path / "program")):
        given = (f"--test=csv:{world}/all.csv", f"--out={tmp_path}/{number}.json")
        call("evaluate", f"--encoder={by}", *given)
        told.append(json.loads((tmp_path / f"{number}.json").read_text()))
        assert told[-1]["about"]["encoder"] == encoder.fingerprint
    assert told[0]["mAP"] == told[1]["mAP"] == pytest.approx(told[2]["mAP"])
    out = f"--out={tmp_path}/out"
    assert "holds a program" in refused("export", f"--encoder={tmp_path}/program", out)


@pytest.mark.slow
def test_a_gallery_is_made_searched_and_served_by_an_address(world, tmp_path):
    """It remembers the commit; the same address may be given again, another encoder may not."""
    gallery, picture = f"--gallery={tmp_path}/people", f"--picture={world}/crops/2.png"
    call("gallery", gallery, f"--add={world}/crops", f"--encoder={NAME}")
    assert Store(tmp_path / "people").about.name == FOR_GOOD
    for by in ((), (f"--encoder={NAME}",)):
        assert "2.png" in call("search", gallery, picture, "--top=1", *by).stdout
    assert "their embeddings cannot be compared" in refused(
        "search", gallery, picture, f"--encoder={HALF}"
    )
    run = begun("serve", gallery, f"--encoder={NAME}", "--port=0", stdout=subprocess.PIPE)
    said = []
    for line in run.stdout:
        said.append(line)
        if line.startswith("http://127.0.0.1:"):
            break
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert not any("without an encoder" in line for line in said) and said[-1].startswith("http")
    call("embed", f"--encoder={NAME}", f"--pictures={world}/crops", f"--out={tmp_path}/a.npz")
    call("gallery", f"--gallery={tmp_path}/b", f"--add={tmp_path}/a.npz", f"--encoder={NAME}")
    assert Store(tmp_path / "b").about.name == FOR_GOOD


@pytest.mark.slow
def test_films_are_watched_and_tracked_by_an_address(world, tmp_path):
    films = (f"--videos={world}/films", f"--detector=mot:{world}/films", "--hertz=10")
    by = f"--encoder={NAME}"
    call("watch", *films, by, f"--gallery={tmp_path}/people", "--settle=0")
    store = Store(tmp_path / "people")
    assert store.about.name == FOR_GOOD and len(store)
    call("track", *films, by, f"--out={tmp_path}/tracks", "--nodraw")
    about = json.loads((tmp_path / "tracks" / "config.json").read_text())
    assert about["encoder"] == FOR_GOOD


@pytest.mark.slow
@pytest.mark.parametrize("address", [NAME, HALF])
def test_it_is_looked_over_and_exported(address, world, tmp_path):
    said = call("doctor", f"--encoder={address}", f"--pictures={world}/crops").stdout
    assert f"hf://owner/{'half' if address == HALF else 'name'}@{COMMIT}" in said
    call("export", f"--encoder={address}", f"--out={tmp_path}/out", "--forms=none")
    expected = reid_jax.load(lean.STREET if address == HALF else world / "encoder")
    assert reid_jax.load(tmp_path / "out").fingerprint == expected.fingerprint

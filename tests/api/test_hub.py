"""Encoders on a model hub, from a cache in the hub's layout; no network is touched."""

import json
import sys
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import reid_jax
from reid_jax import export, hub, lean
from reid_jax.api.encoder import Encoder
from reid_jax.retrieval import point
from tests.hubs import COMMIT, kept

huggingface_hub = pytest.importorskip("huggingface_hub")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "encoder"
    model = reid_jax.build("resnet_small", size=(32, 16))
    encoder = Encoder(model, model.init(jax.random.PRNGKey(0)))
    encoder.save(folder, forms=[])
    return folder, encoder


@pytest.fixture(scope="module")
def halved(exported, tmp_path_factory):
    """The same encoder in half precision, as `reid-jax export --half` writes it."""
    folder = tmp_path_factory.mktemp("halved") / "encoder"
    model, variables = exported[1].model, exported[1].variables
    about = export.described(model, exported[1].config)
    about["fingerprint"] = point.fingerprint(lean.rounded(variables))
    lean.write(folder, variables, about, lambda made: "# A card\n")
    return folder, about["fingerprint"]


@pytest.fixture
def cache(exported, tmp_path, monkeypatch):
    """owner/name, whose branch main and tag v1 are one commit."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return kept(exported[0], tmp_path / "models--owner--name")


@pytest.mark.parametrize("at", ["", "@main", "@v1", f"@{COMMIT}"])
def test_an_address_is_an_encoder_that_tells_its_commit(at, cache, exported):
    found = reid_jax.load(f"hf://owner/name{at}")
    picture = np.random.default_rng(0).integers(0, 256, (40, 20, 3)).astype(np.uint8)
    np.testing.assert_allclose(found([picture]), exported[1]([picture]), atol=1e-6)
    assert found.source == f"hf://owner/name@{COMMIT}" and found.source in repr(found)
    assert found.fingerprint == exported[1].fingerprint


def test_an_encoder_in_half_precision_is_one_too(cache, halved):
    kept(halved[0], cache.parent / "models--owner--half")
    found = reid_jax.load("hf://owner/half@v1")
    picture = np.random.default_rng(0).integers(0, 256, (40, 20, 3)).astype(np.uint8)
    np.testing.assert_array_equal(found([picture]), reid_jax.load(halved[0])([picture]))
    assert found.source == f"hf://owner/half@{COMMIT}" and found.fingerprint == halved[1]


def test_a_gallery_remembers_the_address(cache, tmp_path):
    pytest.importorskip("lancedb")
    gallery = reid_jax.open_gallery(tmp_path / "people", "hf://owner/name", create=True)
    assert gallery.store.about.name == f"hf://owner/name@{COMMIT}"
    from reid_jax.api.gallery import remembered

    assert remembered(gallery.store) == gallery.store.about.name


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("hf://owner/name@v2", "cannot be fetched"),
        ("hf://owner/other", "cannot be fetched"),
        ("hf://name", "is no address on a hub; write hf://owner/name@revision"),
        ("hf://owner/-name-@main", "is no address on a hub"),
        ("hf://../../etc", "is no address on a hub"),
    ],
)
def test_what_is_not_there_is_a_line(address, told, cache):
    with pytest.raises((ValueError, FileNotFoundError), match=told) as error:
        reid_jax.load(address)
    assert address in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("without", "told"),
    [("encoder.json", "encoder.json"), ("weights", "weights and half.safetensors")],
)
def test_what_is_no_export_is_a_line(without, told, cache):
    snapshot = cache / "snapshots" / COMMIT
    (snapshot / without).rename(snapshot / "other")
    with pytest.raises(FileNotFoundError, match=rf"lacks {told}; it is no encoder"):
        reid_jax.load("hf://owner/name")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("RevisionNotFoundError", "hf://owner/name@v9: owner/name has no revision v9"),
        ("GatedRepoError", "hf://owner/name@v9: the hub shows no repository owner/name; if"),
    ],
)
def test_what_the_hub_says_is_told(kind, told, monkeypatch):
    """Of a revision, and of a repository, that is not there, or that not everybody may read."""
    answer = SimpleNamespace(headers={}, request=None)
    error = getattr(huggingface_hub.errors, kind)(
        "404 Client Error\nRequest ID: 7", response=answer
    )

    def download(*_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(FileNotFoundError) as said:
        hub.fetched("hf://owner/name@v9")
    assert str(said.value).startswith(told) and "\n" not in str(said.value)


def test_without_the_package_it_is_a_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install 'reid_jax\[hub\]'"):
        reid_jax.load("hf://owner/name")


def test_nothing_that_runs_is_fetched(monkeypatch, exported, halved):
    asked = {}

    def download(name, **options):
        asked.update(options, name=name)
        raise OSError("nobody is there")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(FileNotFoundError, match="nor to be reached"):
        hub.fetched("hf://owner/name@v1")
    assert (asked["name"], asked["revision"]) == ("owner/name", "v1")
    from huggingface_hub.utils import filter_repo_objects

    names = [
        str(one.relative_to(folder))
        for folder in (exported[0], halved[0])
        for one in folder.rglob("*")
        if one.is_file()
    ]
    assert lean.FILE in names
    strange = ["example.py", "setup.py", "model.pkl", "pytorch_model.bin", "sub/encoder.py"]
    kept = set(filter_repo_objects([*names, *strange], allow_patterns=asked["allow_patterns"]))
    assert kept == set(names) - {"example.py"}


def test_an_export_has_what_hubs_read(exported):
    folder = exported[0]
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    assert "library_name: reid_jax\n" in front and "- person-re-identification\n" in front
    assert text.lstrip().startswith("# A person re-identification encoder")
    about = json.loads((folder / "config.json").read_text())
    assert about == {
        "library_name": "reid_jax", "model_type": "resnet_small",
        "image_size": [32, 16], "hidden_size": exported[1].width}  # fmt: skip
    assert (folder / "weights.safetensors").is_file()

"""An exported encoder run by onnxruntime, through the interface of `Encoder`."""

import hashlib
import json
import re
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax import linen as nn
from jax import numpy as jnp
from PIL import Image
from safetensors.numpy import load_file

import reid_jax
from reid_jax import card, distance, export, forms
from reid_jax.data import records
from reid_jax.graph import file
from reid_jax.models import embedder, pretrained
from reid_jax.types import Input
from tests.graph import filled


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An export of all forms; its weights are drawn."""
    model = filled.network("resnet_small", "64x32")
    folder = tmp_path_factory.mktemp("exported") / "encoder"
    measure = lambda run: {"mAP": float(run(np.zeros((1, 64, 32, 3), np.uint8)).shape[1]) / 1000}  # noqa: E731
    export.write(
        folder,
        model,
        filled.variables(model),
        config={**model.config, "data": "market1501:/data"},
        form=["fp16", "int8"],
        measure=measure,
        told={"licence": "of nobody"},
    )
    return folder


def test_it_embeds_as_jax_does(folder, prepared):
    jit, onnx = reid_jax.load(folder), reid_jax.load(folder, engine="onnx", batch=4)
    assert repr(onnx) == repr(jit) and onnx.config == jit.config and onnx.input == jit.input
    files = [prepared / "a.jpg", prepared / "b.jpg", prepared / "crops"]
    for flip in (False, True):
        np.testing.assert_allclose(onnx(files, flip=flip), jit(files, flip=flip), atol=1e-5)
    (one,) = onnx.stream([prepared / "a.jpg"])
    np.testing.assert_allclose(one, jit(prepared / "a.jpg")[0], atol=1e-5)
    assert onnx.compare(*files[:2]) == pytest.approx(jit.compare(*files[:2]), abs=1e-5)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 64, 32, 3), np.uint8)
    embedding = onnx.model.apply({}, pixels, False)[0].embedding
    np.testing.assert_allclose(embedding, onnx(pixels), atol=1e-6)
    for engine, least in forms.ALIKE.items():
        small = reid_jax.load(folder, engine=engine)(files)
        assert np.abs(small - onnx(files)).max() > 1e-6
        assert np.sum(small * onnx(files), axis=1).min() > least
    with pytest.raises(ValueError, match="only embeds; load .* without engine= to save it"):
        onnx.save(folder.with_name("other"))
    with pytest.raises(ValueError, match="only embeds"):
        onnx.model.feature_map({}, pixels)


def test_no_model_is_built(folder, prepared, monkeypatch):
    for name in ("program.bin", "weights"):
        assert (folder / name).exists()
    monkeypatch.setattr(reid_jax.encoders, "build", None)
    monkeypatch.setattr(jax.export, "deserialize", None)
    assert reid_jax.load(folder, engine="onnx")(prepared / "a.jpg").shape == (1, 256)


@pytest.mark.parametrize(
    ("path", "engine", "error", "message"),
    [
        ("runs/market", "onx", ValueError, "engine='onx' is not known, did you mean 'onnx'?"),
        ("runs/market", "onnx", ValueError, "is no exported encoder, and engine='onnx' runs a"),
        ("resnet.npz", "fp16", ValueError, "name the folder that `reid-jax export`"),
        ("absent", "onnx", FileNotFoundError, "there is no"),
    ],
)
def test_what_no_engine_runs(prepared, path, engine, error, message):
    with pytest.raises(error, match=re.escape(message)):
        reid_jax.load(prepared / path, engine=engine)


def test_a_form_that_was_not_written_and_one_that_is_cut_short(folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / "a")
    (tmp_path / "a" / "encoder.int8.onnx").unlink()
    with pytest.raises(FileNotFoundError, match="reid-jax export --forms=int8"):
        reid_jax.load(tmp_path / "a", engine="int8")
    whole = (tmp_path / "a" / "encoder.onnx").read_bytes()
    (tmp_path / "a" / "encoder.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cut short"):
        reid_jax.load(tmp_path / "a", engine="onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=re.escape(file.MISSING)):
        reid_jax.load(folder, engine="onnx")


def test_the_card_names_what_there_is(folder):
    text = (folder / "README.md").read_text()
    about = json.loads((folder / "encoder.json").read_text())
    assert "- licence: of nobody\n" in text and "- trained on: `market1501:/data`\n" in text
    assert f"reid_jax {reid_jax.__version__}" in text and "onnxruntime" in text
    for name in (*forms.FORMS.values(), "weights.safetensors", "program.bin", "example.py"):
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert re.search(rf"\| {name} \| .* \| [0-9.]+ \| `{digest}` \|", text), name
    told = about["forms"]
    assert list(told) == list(forms.FORMS.values()) and told["encoder.onnx"]["differs"] < 1e-5
    assert f"- encoder.int8.onnx: {card.told(told['encoder.int8.onnx'])}" in text
    assert card.told(told["encoder.fp16.onnx"]).endswith("to the model, mAP 25.6")


def test_the_example_needs_nothing_of_this_project(folder, prepared, tmp_path):
    """In a process that knows the exported folder only."""
    assert "reid_jax" not in card.EXAMPLE and "jax" not in card.EXAMPLE
    shutil.copytree(folder, tmp_path / "encoder")
    people = forms.street(reid_jax.load(folder, engine="onnx").input, 3)
    names = [f"{number}.png" for number in range(3)]
    for name, picture in zip(names, people, strict=True):
        Image.fromarray(picture).save(tmp_path / name)
    large = records.read(reid_jax.synthetic.labelled(persons=1, cameras=1, per_camera=1), 0)
    Image.fromarray(large).save(tmp_path / "large.png")
    done = subprocess.run(
        [sys.executable, "-I", "encoder/example.py", *names, "large.png"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    embedding = reid_jax.load(folder)([tmp_path / name for name in [*names, "large.png"]])
    expected = embedding @ embedding[0]
    told = np.array([float(word) for word in done.stdout.split()])
    np.testing.assert_allclose(told[:3], expected[:3], atol=1e-4)  # these are of its size
    assert abs(told[3] - expected[3]) < 0.02  # Pillow averages a little differently


@pytest.mark.parametrize("name", ["resnet_small", "mgn", "two domains", "osnet_ibn_x0_25"])
def test_each_array_has_a_name_of_its_own_in_torchs_order(name):
    model = filled.FAMILIES[name]()
    variables = filled.variables(model)
    arrays = pretrained.torch_arrays(variables)
    count = len(jax.tree.leaves(jax.eval_shape(pretrained.collapsed, variables)))
    assert len(arrays) == count
    if name == "resnet_small":
        kernel = variables["params"]["trunk"]["layer1_0"]["conv1"]["kernel"]
        np.testing.assert_array_equal(arrays["layer1.0.conv1.weight"], kernel.transpose(3, 2, 0, 1))
        assert {"neck.weight", "neck.running_var", "head.weight", "pool.p"} <= set(arrays)


def test_the_tensors_are_a_weights_file(folder):
    file = folder / "weights.safetensors"
    trunk = reid_jax.load(file, "resnet_small", size="64x32")
    whole = reid_jax.load(folder)
    pixels = forms.street(whole.input, 3)
    feature = whole.model.apply(whole.variables, pixels, False)[0].feature
    np.testing.assert_allclose(trunk(pixels), distance.unit(feature), atol=1e-5)
    assert load_file(file)["neck.running_mean"].shape == (256,)


class Sorted(nn.Module):
    """A trunk that ONNX has not."""

    @nn.compact
    def __call__(self, x, train):
        return nn.Conv(4, (3, 3))(jnp.sort(x, axis=1))


def test_what_cannot_be_onnx_is_exported_without_it_unless_it_is_asked_for(tmp_path, monkeypatch):
    model = embedder.model(embedder.Embedder(Sorted(), Input((8, 8))))
    encoder = reid_jax.Encoder(model, model.init(jax.random.key(0)))
    encoder.save(tmp_path / "a")
    about = json.loads((tmp_path / "a" / "encoder.json").read_text())
    assert "JAX's sort has no translation" in about["forms"]["onnx"]["left_out"]
    assert not list((tmp_path / "a").glob("*.onnx")) and not (tmp_path / "a/example.py").exists()
    assert "left out, JAX's sort" in (tmp_path / "a" / "README.md").read_text()
    with pytest.raises(ValueError, match="JAX's sort has no translation to ONNX"):
        encoder.save(tmp_path / "b", forms=["onnx"])
    with pytest.raises(ValueError, match="did you mean 'fp16'"):
        encoder.save(tmp_path / "b", forms=["fp61"])
    encoder.save(tmp_path / "none", forms=[])
    assert json.loads((tmp_path / "none" / "encoder.json").read_text())["forms"] == {}
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=re.escape(file.MISSING)):
        encoder.save(tmp_path / "b", forms=["onnx"])
    encoder.save(tmp_path / "c")
    about = json.loads((tmp_path / "c" / "encoder.json").read_text())
    assert about["forms"]["onnx"]["left_out"] == file.MISSING
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c", "none"]


def test_a_file_that_differs_leaves_nothing(tmp_path, monkeypatch):
    model = filled.FAMILIES["resnet50"]()
    wrong = forms.encoded(model, filled.variables(model, seed=1))
    monkeypatch.setattr(forms, "encoded", lambda *_: wrong)
    with pytest.raises(ValueError, match="encoder.onnx differs from the model by"):
        export.write(tmp_path / "a", model, filled.variables(model), config={})
    assert not list(tmp_path.iterdir())

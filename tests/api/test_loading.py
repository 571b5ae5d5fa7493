"""Runs, exports and weights files, and what is none of them."""

import json
import re

import jax
import numpy as np
import pytest

import reid_jax
from reid_jax import distance, encoders
from reid_jax.models import backbones
from tests import tiny


def test_a_run_an_export_and_a_weights_file(prepared, tmp_path):
    run = reid_jax.load(prepared / "runs" / "market")
    assert run.size == (64, 32) and run.width == 256 and run.config["learning_rate"] == 0.1
    assert repr(run) == "Encoder(resnet_small, 64x32 -> 256)"
    expected = run([prepared / "a.jpg", prepared / "b.jpg"])
    model = reid_jax.build(size=(64, 32))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 32, 3), np.uint8)
    embedding = model.apply(model.init(jax.random.key(0)), pixels, False)[0].embedding
    np.testing.assert_allclose(run(pixels), distance.unit(embedding), atol=1e-5)

    run.save(tmp_path / "export")
    export = reid_jax.load(tmp_path / "export")
    assert export.config == run.config and repr(export) == repr(run)
    np.testing.assert_array_equal(export([prepared / "a.jpg", prepared / "b.jpg"]), expected)
    with pytest.raises(FileExistsError, match="export"):
        run.save(tmp_path / "export")

    file = reid_jax.load(prepared / "resnet.npz", "resnet_small", size="64x32", resize="bilinear")
    assert file.input.resize == "bilinear" and file.config["neck"] is False
    area = reid_jax.load(prepared / "resnet.npz", "resnet_small", size=(64, 32))
    feature = model.apply(model.init(jax.random.key(0)), pixels, False)[0].feature
    np.testing.assert_allclose(area(pixels), distance.unit(feature), atol=1e-5)


def test_a_model_of_ones_own_is_saved_as_a_program(tmp_path):
    model = tiny.encoder()
    encoder = reid_jax.Encoder(model, model.init(jax.random.key(3)), config={"of": "me"})
    assert repr(encoder) == "Encoder(a model, 8x8 -> 12)"
    encoder.save(tmp_path / "own")
    again = reid_jax.load(tmp_path / "own")
    pixels = np.random.default_rng(0).integers(0, 256, (11, 8, 8, 3), np.uint8)
    for flip in (False, True):
        np.testing.assert_allclose(again(pixels, flip=flip), encoder(pixels, flip=flip), atol=1e-5)
    assert again.config == {"of": "me"} and again.input == encoder.input


def test_the_home_folder_is_found(prepared, monkeypatch):
    monkeypatch.setenv("HOME", str(prepared))
    assert reid_jax.load("~/runs/market").width == 256


@pytest.mark.parametrize(
    ("path", "options", "error", "message"),
    [
        ("absent", {}, FileNotFoundError, "there is no "),
        ("crops", {}, ValueError, "is neither a run's folder"),
        ("resnet.npz", {}, ValueError, "name the network that it is of with backbone=, one of"),
        ("resnet.npz", {"backbone": "resnet_smal"}, ValueError, "did you mean 'resnet_small'"),
        ("resnet.npz", {"backbone": "mgn"}, ValueError, "backbone='mgn' is not known"),
        ("resnet.npz", {"backbone": "resnet_small", "size": "64"}, ValueError, "a size is height"),
        ("resnet.npz", {"backbone": "resnet_small", "resize": "are"}, ValueError, "'area'"),
        (
            "resnet.npz",
            {"backbone": "resnet_small_snr"},
            ValueError,
            "the weights of this backbone?",
        ),
        ("runs/market", {"backbone": "resnet_small"}, ValueError, "leave backbone= out"),
        ("a.jpg", {"backbone": "resnet_small"}, ValueError, "a.jpg"),
    ],
)
def test_what_cannot_be_loaded(prepared, path, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        reid_jax.load(prepared / path, **options)


def test_a_run_of_ones_own_model_says_what_to_do(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"seed": 0}))
    with pytest.raises(ValueError, match=re.escape("moment.encoder().save(FOLDER)")):
        reid_jax.load(tmp_path)


def test_building(prepared):
    model = reid_jax.build("resnet_small", size=(64, 32), pooling="gem", neck=False)
    assert model.input.size == (64, 32) and model.config["pooling"] == "gem"
    assert model.config["backbone"] == "resnet_small" and model.config["neck"] is False
    assert set(model.config) == set(encoders.OPTIONS) - {"extra"}
    assert reid_jax.build("mgn_small", size="96x48", extra=True).config["extra"] is True
    told = reid_jax.build("resnet_small", size="64x32", weights=prepared / "runs" / "market")
    mine, theirs = told.init(jax.random.key(9)), reid_jax.load(prepared / "runs/market").variables
    assert tiny.difference(mine["params"]["trunk"], theirs["params"]["trunk"]) == 0
    with pytest.raises(ValueError, match="did you mean 'pooling'"):
        reid_jax.build(poling="gem")
    with pytest.raises(ValueError, match="did you mean 'osnet_x1_0'"):
        reid_jax.build("osnet_x1")
    assert set(reid_jax.backbones()) == {*encoders.BACKBONES, *backbones.MGNS}

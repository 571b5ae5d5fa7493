import json

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import reid_jax
from reid_jax import checkpoint, encoders, lean
from reid_jax.files import sums
from reid_jax.retrieval import point
from reid_jax.synthetic import town
from tests import tiny


@pytest.fixture
def written(tmp_path):
    model, folder = tiny.encoder(), tmp_path / "out"
    variables = model.init(jax.random.key(0))
    lean.write(folder, variables, {"config": {}}, lambda made: f"{sorted(made.iterdir())}")
    return folder, model, variables


def test_what_is_written_is_read_as_half_precision_has_it(written):
    folder, model, variables = written
    read = lean.read(folder, checkpoint.empty(model))
    assert tiny.difference(read, lean.rounded(variables)) == 0
    for one, two in zip(jax.tree.leaves(read), jax.tree.leaves(variables), strict=True):
        np.testing.assert_allclose(one, two, rtol=2**-11, atol=2**-24)
    about = json.loads((folder / "encoder.json").read_text())
    there = sums.of_files(folder)
    del there["encoder.json"]
    assert about["files"] == there
    assert lean.FILE in (folder / "README.md").read_text() and lean.holds(folder)
    with pytest.raises(FileExistsError, match="choose another"):
        lean.write(folder, variables, {}, lambda made: "")


def test_weights_that_half_precision_cannot_hold(tmp_path):
    model = tiny.encoder()
    variables = jax.tree.map(lambda leaf: leaf + 1e5, model.init(jax.random.key(0)))
    with pytest.raises(ValueError, match="too great for half precision"):
        lean.write(tmp_path / "out", variables, {}, lambda made: "")
    assert not list(tmp_path.iterdir())


def test_files_that_are_damaged_or_of_another_network(written):
    folder, model, _ = written
    file, like = folder / lean.FILE, checkpoint.empty(model)
    arrays = load_file(file)
    first = next(iter(arrays))
    for changed, text in (
        ({**arrays, first: np.full_like(arrays[first], np.nan)}, "holds NaN"),
        ({**arrays, first: arrays[first][..., None]}, "is not of the network"),
        ({name: arrays[name] for name in arrays if name != first}, "is not of the network"),
    ):
        save_file(changed, file)
        with pytest.raises(ValueError, match=text):
            lean.read(folder, like)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ValueError, match="cannot be read"):
        lean.read(folder, like)


def test_street_is_the_file_that_was_made():
    """Its sums are those of encoder.json, the embedding those of its weights, the size a few MB."""
    folder = lean.shipped("street")
    about = json.loads((folder / "encoder.json").read_text())
    sums.check_files(folder, lean.FILE, about["files"])
    assert (folder / lean.FILE).stat().st_size < 5e6
    _, _, variables = encoders.trained(folder)
    assert point.fingerprint(variables) == about["fingerprint"]
    assert reid_jax.load("street").fingerprint == about["fingerprint"]
    assert "Apache-2.0" in (folder / "README.md").read_text()
    assert lean.shipped("strete") is None
    with pytest.raises(FileNotFoundError, match="or street, which comes with reid_jax"):
        reid_jax.load("strete")


def test_street_finds_drawn_persons_again():
    """The figure of the shipped file on a small part of the town, which its training has not."""
    encoder = reid_jax.load("street")
    test = town.labelled(persons=12, split="test", seed=3)
    figures = reid_jax.measure(encoder, test)
    assert figures["mAP"] == pytest.approx(STREET, abs=0.01)


STREET = 0.9009  # mAP, as it was when the file was made

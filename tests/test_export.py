import jax
import numpy as np
import pytest

from reid_jax import checkpoint, export
from tests import tiny


def test_an_exported_encoder_agrees_with_the_model_at_any_batch(tmp_path):
    model = tiny.encoder()
    variables = model.init(jax.random.key(0))
    worst = export.write(tmp_path / "out", model, variables, config={"seed": 1})
    assert worst <= 1e-5
    run, about = export.load(tmp_path / "out")
    assert about["config"] == {"seed": 1}
    assert about["input"]["shape"] == ["batch", 8, 8, 3]
    assert (
        checkpoint.input_of(about["normalisation"]) == model.input
        and about["input"]["resize"] == "area"
        and "INTER_AREA" in about["preprocessing"]
    )
    del about["normalisation"]["resize"]  # an older one
    assert checkpoint.input_of(about["normalisation"]) == model.input
    assert (
        about["normalisation"]["mean"] == list(tiny.INPUT.mean)
        and about["normalisation"]["channels"] == "RGB"
    )
    for rows in (1, 5):
        image = np.random.default_rng(rows).integers(0, 256, (rows, 8, 8, 3), np.uint8)
        expected = model.apply(variables, image, False)[0].embedding
        np.testing.assert_allclose(run(image), expected, rtol=1e-5, atol=1e-5)
    read = checkpoint.restore_tree(tmp_path / "out" / "weights", variables)
    assert tiny.difference(read, variables) == 0


def test_nothing_is_overwritten_and_a_difference_leaves_nothing(tmp_path, monkeypatch):
    model = tiny.encoder()
    variables = model.init(jax.random.key(0))
    (tmp_path / "there").mkdir()
    with pytest.raises(FileExistsError, match="choose another folder"):
        export.write(tmp_path / "there", model, variables, config={})
    other = model.init(jax.random.key(1))
    program = export.program(model, other)
    monkeypatch.setattr(export, "program", lambda *_: program)
    with pytest.raises(ValueError, match="program differ"):
        export.write(tmp_path / "new", model, variables, config={})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


def test_a_folder_that_holds_no_encoder(tmp_path):
    with pytest.raises(FileNotFoundError, match="reid-jax export"):
        export.load(tmp_path)


def test_bfloat16_may_differ_by_its_rounding_and_float32_may_not(tmp_path, monkeypatch):
    """The program's embeddings are moved by a hundredth, which is three bits of bfloat16."""
    model = tiny.encoder()
    variables = model.init(jax.random.key(0))
    load = export.load

    def moved(folder):
        run, about = load(folder)
        return lambda image: 1.01 * run(image), about

    monkeypatch.setattr(export, "load", moved)
    worst = export.write(tmp_path / "a", model, variables, config={"dtype": "bfloat16"})
    assert worst == pytest.approx(0.01, rel=1e-3) and export.apart({"dtype": "bfloat16"}) == 1 / 64
    with pytest.raises(ValueError, match="differ from the model by 1.0e-02, and may by 1e-05"):
        export.write(tmp_path / "b", model, variables, config={"dtype": "float32"})
    assert export.apart({}) == 1e-5 and not (tmp_path / "b").exists()

"""The programs of examples/ run as they stand, smaller where they train, and are short."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import reid_jax

FOLDER = Path(__file__).parents[1] / "examples"
FILES = sorted(FOLDER.glob("*.py"))


def example(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def encoder():
    model = reid_jax.build("resnet_small", size="64x32")
    return reid_jax.Encoder(model, model.init(jax.random.key(0)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_short(file):
    assert len(file.read_text().splitlines()) <= 40


def test_embedding_a_folder(encoder, tmp_path, capsys):
    program = example("embed")
    label = program.main(program.street(tmp_path), encoder)
    assert len(label) == 24 == len(capsys.readouterr().out.splitlines())


def test_a_gallery(encoder, tmp_path):
    before, after = example("search").main(encoder, str(tmp_path))
    assert 0 < after < before


def test_tracking(encoder, capsys):
    persons, numbers = example("track").main(encoder, frames=12)
    assert persons == 4 and numbers >= 4


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_a_loss_of_ones_own_falls():
    values = example("own_loss").main(epochs=4)
    assert values[-1] < values[0]


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_training_helps(tmp_path):
    before, after = example("train").main(
        persons=16, epochs=3, size="64x32", out=str(tmp_path / "out")
    )
    assert after > before
    assert reid_jax.load(tmp_path / "out").size == (64, 32)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["embed", "search", "track"])
def test_an_example_runs_as_it_stands(name, tmp_path):
    run = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0 and run.stdout.strip(), run.stderr

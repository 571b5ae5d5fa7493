"""Benchmarks that train still run; what they measure is in benchmarks/README.md."""

import importlib.util
import json
import math
import os
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from benchmarks import faults, gpu_steps
from reid_jax import encoders
from reid_jax.api.encoder import Encoder
from reid_jax.losses.classify import cross_entropy
from reid_jax.losses.triplet import batch_hard
from reid_jax.mapped import mapped
from reid_jax.models import embedder, pretrained, resnet
from reid_jax.types import Input

QUICK = ["--backbone=vit_mini"]  # which compiles quickly
OPTIMISED = {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "0"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("separation", [*QUICK, "--size=32x16", "--images=8", "--steps=3"], "GDS-H"),
        (
            "scaling",
            ["--sizes=128", "--size=32,16", "--steps=1", "--index=10000"],
            "10,000 images: ",
        ),
        (
            "training",
            ["--backbones=resnet_small", "--size=32x16", "--images=8", "--turns=1", "--whole"],
            "in a run : bare ",
        ),
        (
            "embedding",
            ["--only=resnet_small", "--size=32x16", "--batches=2", "--turns=1", "--seconds=0"],
            "decoding and resizing to 32x16: ",
        ),
        ("memory", ["--rows=400,800", "--commands=ide"], "bytes a picture"),
        (
            "ranking",
            ["--queries=90", "--gallery=400", "--width=16", "--rounds=1", "--parts=rank,dense"],
            "above the embeddings  mAP ",
        ),
        (
            "serving",
            [
                "--persons=6",
                "--users=2",
                "--seconds=2",
                "--think=0.1",
                *QUICK,
                "--size=32x16",
            ],
            "errors         0",
        ),
        ("gallery", ["--rows=3000", "--width=16", "--queries=5"], "recall@10 1.0000 then"),
    ],
)
def test_they_run(name, options, told):
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *options],
        env=OPTIMISED,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and told in done.stdout, done.stdout + done.stderr


def test_persons_found_on_another_camera_are_counted(tmp_path):
    """By hand: two persons of two cameras, one of whom is mistaken once, and one of one camera."""
    pytest.importorskip("lancedb")
    from benchmarks import searches
    from reid_jax.gallery.store import Store, make

    make(tmp_path / "people", "x", 3)
    store = Store(tmp_path / "people")
    rows = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.9, 0.1, 0], [0.8, 0.6, 0]])
    tracks = ["1", "2", "3", "1", "2"]
    store.add(rows, camera=["a"] * 3 + ["b"] * 2, track=tracks, video=["v"] * 5)
    person = dict(enumerate([1, 2, 3, 1, 2]))
    every = list(searches.searches(store, person, 0.7))
    assert sorted(every) == sorted([
        (True, True, True), (True, True, False), (False, False, False), (True, True, True),
        (True, False, True)])  # fmt: skip
    assert searches.told("x", every, hours=0.5).split(": ")[1] == (
        "rank 1 75.0%, found 50.0%, false alarms 1, 2 an hour"
    )


def test_the_moments_of_a_run_that_are_killed_are_there():
    from benchmarks import killed

    for phase, places in killed.PHASES.items():
        assert all(callable(getattr(place, name, None)) for place, name in places), phase


@pytest.mark.slow
def test_finding_runs(tmp_path):
    pytest.importorskip("lancedb")
    model = encoders.build(encoders.Network(backbone="resnet_small", size="32x16"))
    Encoder(model, model.init(jax.random.key(0))).save(tmp_path / "encoder", forms=[])
    options = [f"--encoder={tmp_path}/encoder", "--scenes=1", "--frames=30", "--people=4"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.found", *options, "--fmr=0.1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "harbour " in done.stdout, done.stdout + done.stderr


def test_training_is_measured_beside_torch():
    pytest.importorskip("torch")
    options = ["--backbones=resnet_small", "--size=32x16", "--images=8", "--turns=2", "--cpus=1"]
    command = [sys.executable, "-m", "benchmarks.training", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    ours, theirs = (line.split(" | ") for line in done.stdout.splitlines()[-2:])
    assert ours[1].startswith("jax ") and theirs[1].startswith("torch ")
    assert all(float(cell.split()[0]) > 0 for cell in ours[2:])
    assert [cell.split()[0] for cell in theirs[3:5]] == ["1.00", "1.00"]


def test_torchs_networks_are_ours(tmp_path):
    torch = pytest.importorskip("torch")
    from benchmarks import training_torch

    for backbone in training_torch.NETWORKS:
        model = encoders.build(encoders.Network(backbone=backbone))
        shapes = jax.eval_shape(model.init, jax.random.key(0))
        with torch.device("meta"):
            peer = training_torch.Encoder(backbone)
        theirs = sum(one.numel() for one in peer.parameters() if one.requires_grad)
        ours = sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))
        assert theirs == ours + training_torch.CLASSES * model.width
    torch.manual_seed(0)
    peer = training_torch.Encoder("resnet_small").train()
    state = {name.removeprefix("trunk."): np.asarray(x) for name, x in peer.state_dict().items()}
    np.savez(tmp_path / "w.npz", **state)
    model = encoders.build(encoders.Network(size="64x32", weights=str(tmp_path / "w.npz")))
    image = np.random.default_rng(0).integers(0, 256, (8, 64, 32, 3), np.uint8)
    one = jax.local_devices()[:1]
    run = mapped(
        lambda variables, image: model.apply(variables, image, True)[0], (None, 0), devices=one
    )
    ours = run(model.init(jax.random.key(0)), image[None])
    feature, embedding = peer(torch.from_numpy(image))
    np.testing.assert_allclose(ours.feature[0], feature.detach(), rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(ours.embedding[0], embedding.detach(), rtol=2e-3, atol=2e-3)


TOY = '''
"""0 + 1"""


def gap(a: int | None, b):
    if a is None:
        raise ValueError("1" + "2")
    logging.info("%d", 3 * 4)
    return max(a - b, 0)
'''


def test_what_is_mutated_and_what_is_not():
    told = [(one.line, one.told) for one in faults.of("reid_jax/toy.py", TOY)]
    assert sorted(told) == [
        (6, "a is None  ->  a is not None"),
        (9, "0  ->  1"),
        (9, "a - b  ->  a + b"),
        (9, "max  ->  min"),
    ]
    options = "RATE = 1\nRECIPES = {'paper': {'rate': 2}}\n\n\nclass Config:\n    rate: int = 3\n"
    options += "\n    def f(self):\n        return 4\n"
    told = {one.told for one in faults.of("experiments/toy.py", options)}
    assert told == {"2  ->  3", "3  ->  4"}


def test_a_fault_that_is_tested_dies_and_another_lives(tmp_path):
    for folder in ("reid_jax/losses", "tests/losses"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "reid_jax/__init__.py").touch()
    (tmp_path / "reid_jax/losses/toy.py").write_text("def gap(a, b):\n    return max(a - b, 0)\n")
    test = "from reid_jax.losses.toy import gap\n\n\ndef test_gap():\n    assert gap(4, 1) == 3\n"
    (tmp_path / "tests/losses/test_toy.py").write_text(test)
    command = [sys.executable, "-m", "benchmarks.mutants", f"--root={tmp_path}", "--warm="]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("2 of 3 died; survivors:\nreid_jax/losses/toy.py:2  0  ->  1\n")
    assert (tmp_path / "reid_jax/losses/toy.py").read_text().endswith("max(a - b, 0)\n")


def _gpu(*options):
    command = [sys.executable, "-m", "benchmarks.gpu", *options]
    return subprocess.run(command, env=OPTIMISED, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_all_that_a_gpu_would_show_is_measured_at_toy_size(tmp_path):
    groups = "bfloat16,embedding,cluster,rank,reading"
    done = _gpu("--toy", f"--only={groups}", f"--out={tmp_path}/gpu.json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "gpu.json").read_text())
    assert told["left_out"] == [] and told["machine"]["backend"] == "cpu"
    figures = {one.pop("what"): one for one in told["figures"]}
    ratio = ["ours : PyTorch's"] if importlib.util.find_spec("torch") else []
    assert list(figures) == [
        "supervised step bfloat16", "PyTorch's bfloat16", *ratio,
        "ReMix step bfloat16", "embedding bfloat16, 8", "embedding float32, 8",
        "pseudo labels of 400", "ranking 50 x 300", "reading alone",
        "reading and supervised step bfloat16",
    ]  # fmt: skip
    numbers = [
        (what, name, value)
        for what, one in figures.items()
        for name, value in one.items()
        if isinstance(value, float)
    ]
    assert len(numbers) > 30
    assert [one for one in numbers if not (one[2] > 0 and math.isfinite(one[2]))] == []


@pytest.mark.slow
def test_what_there_is_no_time_for_is_named_and_without_a_gpu_nothing_is_measured(tmp_path):
    start = time.monotonic()
    done = _gpu("--toy", "--minutes=0.16", f"--out={tmp_path}/gpu.json")
    assert time.monotonic() - start < 0.16 * 60 + 2  # it has started a process and killed it
    assert done.returncode == 0, done.stdout + done.stderr
    left = json.loads((tmp_path / "gpu.json").read_text())["left_out"][0]
    assert left["group"].startswith("bfloat16") and left["why"].startswith("stopped after")
    assert "0 s were left" in _gpu("--toy", "--minutes=0").stdout
    done = _gpu()
    assert done.returncode == 0 and "no GPU" in done.stdout, done.stdout + done.stderr


def test_ours_is_measured_without_a_peer_too():
    theirs = gpu_steps.Theirs("/bin/false", "eager", gpu_steps.TOY)
    assert theirs.ready() == {} and "ended" in theirs.why
    assert math.isnan(theirs.run(1))
    theirs.close()


@pytest.mark.slow
def test_the_peer_is_the_same_network_with_the_same_losses(tmp_path):
    torch = pytest.importorskip("torch")
    from benchmarks import gpu_torch

    torch.manual_seed(0)
    peer = gpu_torch.Encoder((1, 1, 1, 1), 8, 5).train()
    state = {name: np.asarray(value) for name, value in peer.state_dict().items()}
    np.savez(tmp_path / "w.npz", **state)
    model = embedder.model(
        embedder.Embedder(resnet.resnet50_ibn_a(depths=(1, 1, 1, 1), width=8), Input((64, 32)))
    )
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    variables = jax.tree.map_with_path(
        lambda path, x: np.full(x.shape, path[-1].key in ("scale", "var"), x.dtype), shapes
    )
    variables, coverage = pretrained.load(tmp_path / "w.npz", variables)
    assert coverage.filled == coverage.expected
    image = np.random.default_rng(0).integers(0, 256, (8, 64, 32, 3), np.uint8)
    label = np.arange(8) // 2
    ours, _ = jax.jit(lambda variables, image: model.apply(variables, image, True))(
        variables, image
    )
    feature, embedding, logits = peer(torch.from_numpy(image))
    np.testing.assert_allclose(ours.feature, feature.detach(), rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(ours.embedding, embedding.detach(), rtol=2e-3, atol=2e-3)
    expected = cross_entropy(np.asarray(logits.detach()), label) + batch_hard(
        np.asarray(feature.detach()), label, margin=None
    )
    theirs = gpu_torch.losses(feature, logits, torch.from_numpy(label))
    assert float(theirs.detach()) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.slow
def test_the_network_measured_is_the_one_that_recipes_name_and_the_peer_is_as_large():
    torch = pytest.importorskip("torch")
    from benchmarks import gpu_torch

    sizes = gpu_steps.Sizes()
    model = encoders.build(encoders.Network(backbone="resnet50_ibn_a", size="256x128"))
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    measured = gpu_steps.network(sizes, "bfloat16")
    assert measured.input.size == model.input.size
    variables = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), measured.init(jax.random.key(0))
    )
    assert variables == shapes
    with torch.device("meta"):
        peer = gpu_torch.Encoder(sizes.depths, sizes.width, sizes.classes)
    theirs = sum(one.numel() for one in peer.parameters() if one.requires_grad)
    ours = sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))
    assert theirs == ours + sizes.classes * model.width


@pytest.mark.slow
@pytest.mark.parametrize(("make", "forwards"), [("supervised", 3), ("mixed", 5)])
def test_a_step_is_as_many_forward_passes_as_are_counted(make, forwards):
    sizes = gpu_steps.TOY._replace(depths=(1, 1, 1, 1), width=32, picture=(128, 64))
    model = gpu_steps.network(sizes, "float32")
    ours = getattr(gpu_steps, make)(model, sizes)
    traced = jax.jit(ours.step).trace(ours.state, ours.batch)
    spent = traced.lower(lowering_platforms=("cuda",)).cost_analysis()["flops"]
    assert spent / len(ours.batch.image) == pytest.approx(
        forwards * gpu_steps.operations(model), rel=0.05
    )

"""The training steps that `gpu.py` measures: this project's, and PyTorch's process beside them."""

import contextlib
import importlib.util
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from reid_jax import encoders, optimise, parallel, train
from reid_jax.data import records
from reid_jax.methods.ide import ide
from reid_jax.methods.remix import remix
from reid_jax.models import embedder, resnet
from reid_jax.models.norm import BatchNorm
from reid_jax.types import Batch, Input, Model, Records, Tags, TrainState

Figures = dict[str, Any]


class Sizes(NamedTuple):
    """How much is measured."""

    picture: tuple[int, int] = (256, 128)
    depths: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 64
    persons: int = 16  # of a batch, 4 pictures of each
    classes: int = 1041  # MSMT17's persons for training
    steps: int = 20  # of a turn
    turns: int = 9
    embed: tuple[int, ...] = (256, 512)
    cluster: tuple[int, ...] = (32_600, 200_000)
    query: int = 11_659  # MSMT17's
    gallery: int = 82_161
    long: int = 2048  # of an embedding that is clustered and ranked
    drawn: int = 512  # JPEGs
    skipped: int = 50  # batches that the workers may have read ahead
    batches: int = 250


TOY = Sizes(
    (32, 16), (1,), 8, persons=2, classes=24, steps=2, turns=2, embed=(8,), cluster=(400,),
    query=50, gallery=300, long=256, drawn=16, skipped=2, batches=6,
)  # fmt: skip


def network(sizes: Sizes, dtype: str) -> Model:
    """ResNet-50 IBN-a, or a small one of the same structure, with random weights.

    They are drawn by numpy, since a GPU's compiler takes long over a program that draws them.
    """
    norm = partial(BatchNorm, average=parallel.average)
    options = {"depths": sizes.depths, "width": sizes.width, "dtype": encoders.DTYPES[dtype]}
    trunk = resnet.resnet50_ibn_a(**options, norm=norm)
    taken = Input(sizes.picture, resize="bilinear")
    model = embedder.model(embedder.Embedder(trunk, taken, norm=norm))
    rng = np.random.default_rng(0)

    def drawn(path: tuple, leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        if path[-1].key != "kernel":
            return np.full(leaf.shape, path[-1].key in ("scale", "var"), leaf.dtype)
        scale = np.sqrt(2 / np.prod(leaf.shape[:-1]))
        return (scale * rng.standard_normal(leaf.shape)).astype(leaf.dtype)

    shapes = jax.eval_shape(model.init, jax.random.key(0))
    variables = jax.tree.map_with_path(drawn, shapes)
    return model._replace(init=lambda key: variables)


def operations(model: Model) -> float:
    """Floating-point operations of a picture's forward pass, as XLA counts them in the program."""
    variables = jax.eval_shape(model.init, jax.random.key(0))
    image = jax.ShapeDtypeStruct((1, *model.input.size, 3), np.uint8)
    run = jax.jit(lambda variables, image: model.apply(variables, image, False)[0].embedding)
    return run.lower(variables, image).cost_analysis()["flops"]


def pictures(sizes: Sizes) -> tuple[Records, np.ndarray]:
    """A data set of 4 random pictures each of as many labelled as unlabelled persons; the pixels.

    They share the pixels of a batch.
    """
    rows = 4 * sizes.persons
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (rows, *sizes.picture, 3), np.uint8)
    number = np.arange(8 * sizes.classes)
    images = records.Held(pixels).take(number % rows)
    domain = number // (4 * sizes.classes)
    return records.make(images, number // 4 + 1, number % 4, domain, number // 100), pixels


def supervised(model: Model, sizes: Sizes) -> "Ours":
    """The supervised step, on 4 pictures of each person."""
    everyone, pixels = pictures(sizes)
    place = np.arange(len(pixels), dtype=np.int32)
    tags = Tags(place // 4, place, place % 4, np.zeros_like(place), place // 100)
    labelled = records.take(everyone, everyone.domain == 0)
    return Ours(ide(model), labelled, Batch(pixels[:, None], tags))


def mixed(model: Model, sizes: Sizes) -> "Ours":
    """ReMix's step as in the paper: half of the batch labelled, half from videos, two views."""
    everyone, pixels = pictures(sizes)
    half = (sizes.persons // 2, 4)
    place = np.arange(len(pixels), dtype=np.int32)
    second = (place >= len(place) // 2).astype(np.int32)
    index = place + second * (4 * sizes.classes - len(place) // 2)
    tags = Tags(index // 4, index, place % 4, second, index // 100)
    batch = Batch(np.stack([pixels, pixels], 1), tags)
    method = remix(model, multi=half, single=half)
    return Ours(method, everyone, batch, partial(centred, active=2 * sizes.classes))


def centred(state: TrainState, active: int) -> TrainState:
    """The state with random centroids, as if an epoch had been planned."""
    rng, carry = np.random.default_rng(1), dict(state.carry)
    for name in ("centroids", "camera_centroids"):
        rows = rng.standard_normal(carry[name].shape, np.float32)
        carry[name] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return state._replace(carry={**carry, "active": np.int32(active)})


class Ours:
    """Steps of a method on one batch, whose pictures are copied from the host at each step."""

    def __init__(
        self, method: Any, data: Records, batch: Batch, ready: Callable = lambda state: state
    ):
        self.method, self.data, self.batch = method, data, batch
        devices, optimiser = jax.local_devices()[:1], optimise.adam(3.5e-4)
        state = ready(train.create(method, optimiser, jax.random.key(0), data))
        self.step = parallel.build_step(method, optimiser, seed=0, devices=devices)
        self.state = parallel.replicate(state, devices)
        self.metrics: dict = {}

    def run(self, steps: int) -> float:
        """Seconds of some steps."""
        start = time.perf_counter()
        for _ in range(steps):
            self.state, self.metrics = self.step(self.state, self.batch)
        jax.block_until_ready((self.state, self.metrics))
        return time.perf_counter() - start


class Theirs:
    """The same steps in PyTorch, in a process of its own; `why` says why there are none."""

    def __init__(self, python: str, mode: str, sizes: Sizes, limit: float = 110):
        self.why = ""
        if python == sys.executable and not importlib.util.find_spec("torch"):
            self.why = "there is no PyTorch here: pip install torch, or name another --torch_python"
            return
        device = "cpu" if jax.default_backend() == "cpu" else "cuda"
        about = (sizes.picture, sizes.persons, 4, sizes.classes, sizes.depths, sizes.width)
        command = [python, "-m", "benchmarks.gpu_torch"]
        self.process = subprocess.Popen(
            [*command, json.dumps([device, mode, *about])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.timer = threading.Timer(limit, self.process.kill)
        self.timer.start()

    def answer(self) -> Figures:
        """The next line of the process; {} where there is none."""
        lines = () if self.why else self.process.stdout
        line = next((line for line in lines if line.startswith("{")), "")  # a library may print too
        figures = json.loads(line) if line else {"error": "PyTorch's process ended, see above"}
        self.why = self.why or figures.get("error", "")
        return {} if self.why else figures

    def ready(self) -> Figures:
        """Wait until it has compiled."""
        about = self.answer()
        if hasattr(self, "timer"):
            self.timer.cancel()
        return about

    def run(self, steps: int) -> float:
        """Seconds of some steps; NaN where there are none."""
        if not self.why:
            with contextlib.suppress(BrokenPipeError):  # then there is no answer either
                self.process.stdin.write(f"{steps}\n")
        self.last = self.answer()
        return self.last.pop("seconds", np.nan)

    def close(self) -> None:
        """End the process."""
        if hasattr(self, "process"):
            self.process.communicate()

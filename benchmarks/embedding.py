"""Pictures a second of an encoder: jit, our ONNX file, torch, and the ONNX file that torch writes.

    python -m benchmarks.embedding

    export XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    OMP_NUM_THREADS=1 taskset -c 0 python -m benchmarks.embedding

The second is on one core, and in processor time, which other work disturbs less. All run in one
process, by turns; what is printed are medians over the turns, and the median of the ratios to our
ONNX file of the same turn. torch's own file needs onnxscript; without it that column is left out.
"""

import contextlib
import io
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import jax
import numpy as np
import torch
from absl import app, flags, logging

from benchmarks import embedding_torch
from reid_jax import encoders, forms, worker
from reid_jax.data import augment, records
from reid_jax.graph import file, session
from reid_jax.models import pretrained

_ONLY = flags.DEFINE_list("only", ["resnet_small", "resnet50", "osnet_x0_25"], "the networks")
_BATCHES = flags.DEFINE_list("batches", ["64", "1"], "pictures at once")
_TURNS = flags.DEFINE_integer("turns", 7, "turns of each", lower_bound=1)
_SECONDS = flags.DEFINE_float("seconds", 1.0, "of one turn of one kind, at least", lower_bound=0.0)
_SIZE = flags.DEFINE_string("size", "", "height x width; empty: 128x64 small, 256x128 the others")

Run = Callable[[np.ndarray], np.ndarray]


def kinds(name: str, size: str, folder: Path) -> dict[str, Run]:
    """What embeds pictures, by its name; all have the same weights."""
    model = encoders.build(encoders.Network(backbone=name, size=size))
    variables = jax.tree.map(np.asarray, model.init(jax.random.key(0)))
    embed = jax.jit(lambda variables, image: model.apply(variables, image, False)[0].embedding)
    (folder / "ours.onnx").write_bytes(file.written(forms.encoded(model, variables)))
    arrays = {
        name: torch.from_numpy(array.copy())
        for name, array in pretrained.torch_arrays(variables).items()
    }
    twin = embedding_torch.twin(name, arrays)
    placed = jax.device_put(variables)

    def by_torch(image: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return twin(torch.from_numpy(image)).numpy()

    runs: dict[str, Run] = {
        "onnx": session.opened(folder / "ours.onnx"),
        "jit": lambda image: np.asarray(embed(placed, image)),
        "torch": by_torch,
    }
    if written(twin, model.input.size, folder / "theirs.onnx"):
        runs["torch's onnx"] = session.opened(folder / "theirs.onnx")
    return runs


def written(twin: torch.nn.Module, size: tuple[int, int], path: Path) -> bool:
    """Write the file that torch writes; whether it can."""
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        return False
    image = torch.zeros((2, *size, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            twin,
            (image,),
            str(path),
            input_names=["image"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
            external_data=False,
        )
    return True


def seconds(run: Run, image: np.ndarray) -> float:
    """Of one batch: the mean over at least --seconds."""
    count, start = 0, clock()
    while count == 0 or clock() - start < _SECONDS.value:
        run(image)
        count += 1
    return (clock() - start) / count


def clock() -> float:
    """Seconds of the wall, or of the processor if there is one."""
    return time.process_time() if worker.cores() == 1 else time.perf_counter()


def measured(name: str, size: str) -> None:
    """Print a line for each batch."""
    height, width = encoders.size(size)
    with tempfile.TemporaryDirectory() as folder:
        runs = kinds(name, size, Path(folder))
        for batch in map(int, _BATCHES.value):
            image = np.random.default_rng(0).integers(0, 256, (batch, height, width, 3), np.uint8)
            rows = {kind: run(image) for kind, run in runs.items()}
            unit = {kind: row / np.linalg.norm(row, axis=1)[:, None] for kind, row in rows.items()}
            apart = {kind: np.abs(row - unit["jit"]).max() for kind, row in unit.items()}
            if max(apart.values()) > 1e-4:
                raise ValueError(f"{name}: these are not one network: {apart}")
            turns: dict[str, list[float]] = {kind: [] for kind in runs}
            for turn in range(_TURNS.value):
                order = list(runs)[:: 1 if turn % 2 else -1]
                for kind in order:
                    turns[kind].append(seconds(runs[kind], image))
            told = []
            for kind, spent in turns.items():
                ratio = statistics.median(
                    mine / ours for mine, ours in zip(spent, turns["onnx"], strict=True)
                )
                speed = batch / statistics.median(spent)
                told.append(f"{kind} {speed:,.1f}" + (f" ({ratio:.2f})" if kind != "onnx" else ""))
            print(f"{name} {size}, batch {batch}: images/s {', '.join(told)}", flush=True)


def reading(size: str) -> None:
    """Print how many JPEGs of 128x64 are decoded and resized in a second, by one thread."""
    people = forms.street(encoders.build(encoders.Network(size="128x64")).input, 16)
    files = [cv2.imencode(".jpg", picture[:, :, ::-1])[1].tobytes() for picture in people]
    turns = []
    for _ in range(_TURNS.value):
        count, start = 0, clock()
        while count == 0 or clock() - start < _SECONDS.value:
            for one in files:
                augment.resize(records.decode(one), encoders.size(size))
            count += len(files)
        turns.append((clock() - start) / count)
    print(f"decoding and resizing to {size}: {1 / statistics.median(turns):,.0f} images/s a thread")


def main(_: list[str]) -> None:
    """Measure the networks that are asked for."""
    logging.set_verbosity(logging.ERROR)  # torch's exporter tells of each constant
    torch.set_num_threads(worker.cores())
    print(f"{worker.cores()} cores of {os.cpu_count()}; in brackets: times of one of ours (onnx)")
    for name in _ONLY.value:
        size = _SIZE.value or ("128x64" if name == "resnet_small" else "256x128")
        measured(name, size)
        reading(size)


if __name__ == "__main__":
    app.run(main)

"""What an epoch costs as the data grow: CycAs beside SpCL and MoCo v3, on crops of the synthetic street's videos.

python -m benchmarks.scaling                                  2,000 to 16,000 images, drawn as they are read
python -m benchmarks.scaling --sizes=10000,20000,40000,80000 --steps=40 --data=packed:crops      with what
    python -m experiments.prepare --source=synthetic-videos:station,videos=1500 --out=crops       has written before
python -m benchmarks.scaling --sizes= --index=50000000        the rows of an epoch of the paper's size, without a picture
python -m benchmarks.scaling --sizes= --queue                 a step of CycAs with and without its queue

An epoch trains on as many rows as there are images, whatever the method. Its morning (SpCL: embedding all images, which only
the first one does, and grouping them) is measured whole, its steps for a while, the rest of them is reckoned. Each
measurement is a process of its own, so that its peak memory is its own. Growth is fitted to processor time.
"""

import json
import resource
import subprocess
import sys
import time
from functools import partial

import numpy as np
from absl import app, flags

_SIZES = flags.DEFINE_list("sizes", ["2000", "4000", "8000", "16000"], "images")
_METHODS = flags.DEFINE_list("methods", ["cycas", "spcl", "moco"], "which of the three")
_DATA = flags.DEFINE_string(
    "data", "", "KIND:PATH of the crops, of which the first are taken; empty: as many as are needed"
)
_STEPS = flags.DEFINE_integer("steps", 10, "steps that are measured")
_SIZE = flags.DEFINE_list("size", ["128", "64"], "height, width of a picture")
_INDEX = flags.DEFINE_integer("index", 0, "images of which an epoch's rows are drawn")
_QUEUE = flags.DEFINE_boolean("queue", False, "measure a step with and without a queue")
_PART = flags.DEFINE_string("part", "", "one measurement: a method, index, or a length of the queue")
_IMAGES = flags.DEFINE_integer("images", 0, "of that measurement")

ROWS = 64  # of a batch
CYCAS = {"pairs": 8, "crops": ROWS // 2, "interval": 30}


def clock() -> np.ndarray:
    """Wall and processor seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def crops(images: int):
    """So many crops of videos, sorted by video."""
    from experiments.sources import open_source
    from reid_jax.data import records

    data = open_source(_DATA.value or f"synthetic-videos:station,videos={2 + images // 30}")
    if len(data.person) < images:
        raise ValueError(f"--data={_DATA.value} has {len(data.person):,} pictures, and {images:,} are to be measured")
    return records.take(data, np.arange(images))


def build(name: str, images: int, memory: int = 4096):
    """(method, model, records) that train on `images` rows an epoch."""
    import jax

    from reid_jax.data import pairs
    from reid_jax.methods.cycas import cycas
    from reid_jax.methods.moco import moco
    from reid_jax.methods.spcl import spcl
    from reid_jax.models import embedder, mlp, resnet
    from reid_jax.models.norm import BatchNorm
    from reid_jax.parallel import average
    from reid_jax.types import Input

    norm = partial(BatchNorm, average=average, gaps=name == "cycas")
    trunk = resnet.resnet_small(norm=norm, instance=(1, 2))
    model = embedder.model(embedder.Embedder(trunk, Input(tuple(map(int, _SIZE.value))), norm=norm))
    data, steps = crops(images), images // ROWS
    if name == "spcl":
        return spcl(model, persons=ROWS // 4, per_person=4, iterations=steps), model, data
    if name == "moco":
        heads = mlp.Perceptron((256, 64), last=True, norm=norm), mlp.Perceptron((256, 64), norm=norm)
        both = (mlp.head(one, width) for one, width in zip(heads, (model.width, 64), strict=True))
        return moco(model, *both, batch=ROWS, iterations=steps), model, data
    there = pairs.count(data, interval=CYCAS["interval"]).video_clips
    draw = partial(pairs.frame_pairs, times=max(1, round(steps * CYCAS["pairs"] / there)), **CYCAS)
    jax.block_until_ready(model.init(jax.random.key(0)))
    return cycas(model, draw=draw, memory=memory), model, data


def epoch(name: str, images: int, memory: int = 4096) -> dict:
    """Seconds of the morning, of embedding in it, and of the steps."""
    import jax
    import optax

    from reid_jax import evaluate, parallel, train
    from reid_jax.data import batch
    from reid_jax.data.augment import Augment

    method, model, data = build(name, images, memory)
    optimiser, size = optax.adamw(1e-3), model.input.size
    state = parallel.replicate(train.create(method, optimiser, jax.random.key(0), data))
    step, embed, seen = parallel.build_step(method, optimiser, seed=0), parallel.build_embed(model), np.zeros(2)

    def see(rows: np.ndarray) -> np.ndarray:
        nonlocal seen
        began = clock()
        encoder = method.encoder(state.variables, state.carry)
        found = evaluate.embed_rows(embed, encoder, data, rows, taken=model.input)
        seen = seen + clock() - began
        return found

    embed(method.encoder(state.variables, state.carry), np.zeros((ROWS, *size, 3), np.uint8))  # compiles, as does this:
    group(np.random.default_rng(0).standard_normal((300, 8), np.float32))
    before, began = parallel.first(state), clock()
    after, plan = method.plan(before, data, see, np.random.default_rng(0))
    morning = clock() - began - seen
    state = parallel.renew(state, before, after)
    views = (Augment(flip=0.5, pad=5), Augment())
    stream = batch.batches(data, plan, views=views[: 1 + (name == "moco")], taken=model.input, seed=0, epoch=0)
    state, _ = step(state, next(stream))  # compiles
    jax.block_until_ready(state)
    count, began = 0, clock()
    for one in stream:
        state, _ = step(state, one)
        count += 1
        if count == _STEPS.value:
            break
    jax.block_until_ready(state)
    stream.close()
    steps = (clock() - began) / max(count, 1) * len(plan.rows)
    filled = float((plan.rows >= 0).mean())
    return {
        "images": len(data.person), "steps": len(plan.rows), "filled": filled,
        **{part: list(value) for part, value in {"morning": morning, "see": seen, "train": steps}.items()},
    }  # fmt: skip


def group(embedding: np.ndarray) -> None:
    """SpCL's grouping."""
    from reid_jax.cluster import dbscan, jaccard
    from reid_jax.cluster.reliability import keep, reliability, threshold

    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    found, *others = dbscan.labels(jaccard.distance(unit, k1=30, k2=6), eps=(0.6, 0.58, 0.62), min_samples=4)
    compact, independent = reliability(found, *others)
    keep(found, compact, independent, threshold(found, independent, 0.9))


def index(images: int) -> dict:
    """The rows of an epoch of so many crops of videos as long as the paper's: 650 crops each, 9 a frame."""
    from reid_jax.data import pairs
    from reid_jax.types import Records

    row = np.arange(images, dtype=np.int32)
    video, frame = row // 650, row % 650 // 9
    data = Records(
        image=None, person=video, camera=video, domain=video, group=video, split=None, frame=frame, shot=video
    )
    held, began = _peak(), clock()
    rows, _ = pairs.frame_pairs(data, step=0, rng=np.random.default_rng(0), groups=8, interval=4)
    return {"index": list(clock() - began), "rows": rows.nbytes, "shape": rows.shape, "held": held}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def apart(part: str, images: int) -> dict:
    """A measurement in a process of its own."""
    given = [f"--part={part}", f"--images={images}", f"--data={_DATA.value}", f"--steps={_STEPS.value}"]
    given.append(f"--size={','.join(_SIZE.value)}")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scaling", *given], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main(_: list[str]) -> None:
    """Measure, print, fit."""
    if part := _PART.value:
        if part == "index":
            told = index(_IMAGES.value)
        else:
            told = epoch("cycas", _IMAGES.value, int(part)) if part.isdigit() else epoch(part, _IMAGES.value)
        print(json.dumps({**told, "peak": _peak()}))
        return
    for name in _METHODS.value:
        cost = []
        for images in map(int, filter(None, _SIZES.value)):
            told = apart(name, images)
            wall, cpu = (sum(told[one][which] for one in ("morning", "see", "train")) for which in (0, 1))
            parts = "  ".join(f"{one} {told[one][1]:.2f}" for one in ("morning", "see", "train"))
            line = f"{wall:.1f} s wall, {cpu:.1f} s cpu ({parts}), {told['peak'] / 2**30:.2f} GiB"
            print(f"{name:6} {told['images']:9,} images  {line}", flush=True)
            cost.append((told["images"], max(told["morning"][1], 1e-4), cpu, told["peak"]))
        if len(cost) > 1:
            images, *grown = np.log(np.array(cost)).T
            fitted = [f"{what} n^{np.polyfit(images, one, 1)[0]:.2f}" for what, one in
                      zip(("morning", "epoch", "memory"), grown, strict=True)]  # fmt: skip
            print(f"{name:6} grows as {', '.join(fitted)}", flush=True)
    if _INDEX.value:
        told = apart("index", _INDEX.value)
        wall, cpu, more = *told["index"], (told["peak"] - told["held"]) / 2**30
        print(f"{_INDEX.value:,} images: {wall:.1f} s wall, {cpu:.1f} s cpu; {told['rows'] / 2**20:.0f} MiB of rows "
              f"{told['shape']}; peak {told['peak'] / 2**30:.2f} GiB, {more:.2f} of it while drawing")  # fmt: skip
    if _QUEUE.value:
        for length in (0, 4096, 65536):
            told = apart(str(length), 2000)
            wall, cpu = (1000 * told["train"][which] / told["steps"] for which in (0, 1))
            print(f"a queue of {length:6,}: {wall:.0f} ms wall, {cpu:.0f} ms cpu a step of {ROWS} rows", flush=True)


if __name__ == "__main__":
    app.run(main)

"""Cost of an epoch by the number of images: CycAs, SpCL and MoCo v3 on crops of synthetic videos.

2,000 to 16,000 images, drawn when they are read:
    python -m benchmarks.scaling
More images, packed in advance:
    python -m experiments.prepare --source=synthetic-videos:station,videos=1500 --out=crops
    python -m benchmarks.scaling --sizes=10000,20000,40000,80000 --steps=40 --data=packed:crops
The plan of an epoch of the paper's size, without images:
    python -m benchmarks.scaling --sizes= --index=50000000
A step of CycAs with and without its queue:
    python -m benchmarks.scaling --sizes= --queue

With every method an epoch trains on as many rows as there are images. Its plan is measured as a
whole (SpCL's embeds all images, in the first epoch only, and clusters them); of its steps some are
measured and the time of all is extrapolated. Each measurement runs in its own process, so that the
peak memory is that of the measurement alone. The growth is fitted to processor time.
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
    "data", "", "KIND:PATH of the crops, of which the first are used; empty: they are drawn"
)
_STEPS = flags.DEFINE_integer("steps", 10, "measured steps")
_SIZE = flags.DEFINE_list("size", ["128", "64"], "height, width of an image")
_INDEX = flags.DEFINE_integer("index", 0, "images from which the rows of an epoch are drawn")
_QUEUE = flags.DEFINE_boolean("queue", False, "measure a step with and without a queue")
_PART = flags.DEFINE_string(
    "part", "", "one measurement: a method, index, or a length of the queue"
)
_IMAGES = flags.DEFINE_integer("images", 0, "number of images of that measurement")

ROWS = 64  # of a batch
CYCAS = {"pairs": 8, "crops": ROWS // 2, "interval": 30}


def clock() -> np.ndarray:
    """Wall and processor seconds, f64[2]."""
    return np.array([time.perf_counter(), time.process_time()])


def crops(images: int):
    """So many crops of videos, sorted by video."""
    from reid_jax.app.kinds import open_source
    from reid_jax.data import records

    data = open_source(_DATA.value or f"synthetic-videos:station,videos={2 + images // 30}")
    if len(data.person) < images:
        raise ValueError(
            f"--data={_DATA.value} has {len(data.person):,} images, and {images:,} are needed"
        )
    return records.take(data, np.arange(images))


def build(name: str, images: int, memory: int = 4096):
    """(method, model, records) that train on `images` rows per epoch."""
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
        projector = mlp.Perceptron((256, 64), last=True, norm=norm)
        predictor = mlp.Perceptron((256, 64), norm=norm)
        both = mlp.build_head(projector, model.width), mlp.build_head(predictor, 64)
        return moco(model, *both, batch=ROWS, iterations=steps), model, data
    clips = pairs.count(data, interval=CYCAS["interval"]).video_clips
    draw = partial(pairs.frame_pairs, times=max(1, round(steps * CYCAS["pairs"] / clips)), **CYCAS)
    jax.block_until_ready(model.init(jax.random.key(0)))
    return cycas(model, draw=draw, memory=memory), model, data


def epoch(name: str, images: int, memory: int = 4096) -> dict:
    """Seconds of the plan without embedding, of embedding ("see"), and of all steps ("train")."""
    import jax
    import optax

    from reid_jax import evaluate, parallel, train
    from reid_jax.data import batch
    from reid_jax.data.augment import Augment

    method, model, data = build(name, images, memory)
    optimiser, size = optax.adamw(1e-3), model.input.size
    state = parallel.replicate(train.create(method, optimiser, jax.random.key(0), data))
    step, embed, seen = (
        parallel.build_step(method, optimiser, seed=0),
        parallel.build_embed(model),
        np.zeros(2),
    )

    def see(rows: np.ndarray) -> np.ndarray:
        nonlocal seen
        began = clock()
        encoder = method.encoder(state.variables, state.carry)
        embedding = evaluate.embed_rows(embed, encoder, data, rows, input=model.input)
        seen = seen + clock() - began
        return embedding

    # these two compile
    embed(method.encoder(state.variables, state.carry), np.zeros((ROWS, *size, 3), np.uint8))
    group(np.random.default_rng(0).standard_normal((300, 8), np.float32))
    before, began = parallel.first(state), clock()
    after, plan = method.plan(before, data, see, np.random.default_rng(0))
    planned = clock() - began - seen
    state = parallel.renew(state, before, after)
    views = (Augment(flip=0.5, pad=5), Augment())
    stream = batch.batches(
        data, plan, views=views[: 1 + (name == "moco")], input=model.input, seed=0, epoch=0
    )
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
    seconds = {"plan": list(planned), "see": list(seen), "train": list(steps)}
    return {"images": len(data.person), "steps": len(plan.rows), "filled": filled, **seconds}


def group(embedding: np.ndarray) -> None:
    """Cluster as SpCL does."""
    from reid_jax.clustering import dbscan, jaccard
    from reid_jax.clustering.reliability import keep, reliability, threshold

    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    label, *others = dbscan.dbscan(
        jaccard.distance(unit, k1=30, k2=6), eps=(0.6, 0.58, 0.62), min_samples=4
    )
    compact, independent = reliability(label, *others)
    keep(label, compact, independent, threshold(label, independent, 0.9))


def index(images: int) -> dict:
    """Draw the rows of an epoch; the videos are as long as the paper's, 650 crops, 9 per frame."""
    from reid_jax.data import pairs
    from reid_jax.types import Records

    row = np.arange(images, dtype=np.int32)
    video, frame = row // 650, row % 650 // 9
    data = Records(
        image=None,
        person=video,
        camera=video,
        domain=video,
        group=video,
        split=None,
        frame=frame,
        shot=video,
    )
    held, began = _peak(), clock()
    rows, _ = pairs.frame_pairs(data, step=0, rng=np.random.default_rng(0), groups=8, interval=4)
    return {"index": list(clock() - began), "rows": rows.nbytes, "shape": rows.shape, "held": held}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def apart(part: str, images: int) -> dict:
    """Run a measurement in a new process."""
    given = [
        f"--part={part}",
        f"--images={images}",
        f"--data={_DATA.value}",
        f"--steps={_STEPS.value}",
    ]
    given.append(f"--size={','.join(_SIZE.value)}")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scaling", *given],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main(_: list[str]) -> None:
    """Measure and print, and fit the growth."""
    if part := _PART.value:
        if part == "index":
            figures = index(_IMAGES.value)
        else:
            figures = (
                epoch("cycas", _IMAGES.value, int(part))
                if part.isdigit()
                else epoch(part, _IMAGES.value)
            )
        print(json.dumps({**figures, "peak": _peak()}))
        return
    for name in _METHODS.value:
        cost = []
        for images in map(int, filter(None, _SIZES.value)):
            figures = apart(name, images)
            wall, cpu = (
                sum(figures[one][which] for one in ("plan", "see", "train")) for which in (0, 1)
            )
            parts = "  ".join(f"{one} {figures[one][1]:.2f}" for one in ("plan", "see", "train"))
            line = (
                f"{wall:.1f} s wall, {cpu:.1f} s cpu ({parts}), {figures['peak'] / 2**30:.2f} GiB"
            )
            print(f"{name:6} {figures['images']:9,} images  {line}", flush=True)
            cost.append((figures["images"], max(figures["plan"][1], 1e-4), cpu, figures["peak"]))
        if len(cost) > 1:
            images, *grown = np.log(np.array(cost)).T
            fitted = [f"{what} n^{np.polyfit(images, one, 1)[0]:.2f}" for what, one in
                      zip(("plan", "epoch", "memory"), grown, strict=True)]  # fmt: skip
            print(f"{name:6} grows as {', '.join(fitted)}", flush=True)
    if _INDEX.value:
        figures = apart("index", _INDEX.value)
        wall, cpu, more = *figures["index"], (figures["peak"] - figures["held"]) / 2**30
        print(
            f"{_INDEX.value:,} images: {wall:.1f} s wall, {cpu:.1f} s cpu; "
            f"{figures['rows'] / 2**20:.0f} MiB of rows {figures['shape']}; "
            f"peak {figures['peak'] / 2**30:.2f} GiB, {more:.2f} of it while drawing"
        )
    if _QUEUE.value:
        for length in (0, 4096, 65536):
            figures = apart(str(length), 2000)
            wall, cpu = (1000 * figures["train"][which] / figures["steps"] for which in (0, 1))
            print(
                f"a queue of {length:6,}: {wall:.0f} ms wall, {cpu:.0f} ms cpu per step of "
                f"{ROWS} rows",
                flush=True,
            )


if __name__ == "__main__":
    app.run(main)

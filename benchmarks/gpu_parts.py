"""What `gpu.py` measures: functions that yield figures by name, a process for each group of them.

The argument is JSON, a list of the fields of `Options`; each answer is printed as a line of JSON.
"""

import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
import simplejpeg

from benchmarks import clustering
from benchmarks.gpu_steps import TOY, Figures, Sizes, Theirs, mixed, network, operations, supervised
from reid_jax import parallel, synthetic
from reid_jax.clustering.reliability import singletons
from reid_jax.data import batch as batching
from reid_jax.data import records
from reid_jax.data.augment import Augment
from reid_jax.retrieval import ranking
from reid_jax.types import Plan

# dense TFLOP/s by the vendor's tables: bfloat16, TF32, float32; 0: the card has no such unit
PEAKS = {
    "GB200": (2500, 1250, 80), "B200": (2250, 1125, 75), "H200": (989, 494, 67),
    "H100 PCIe": (756, 378, 51), "H100 NVL": (835, 417, 60), "H100": (989, 494, 67),
    "A100": (312, 156, 19.5), "L40S": (362, 183, 91.6), "L40": (181, 90.5, 90.5),
    "L4": (121, 60, 30.3), "V100": (0, 0, 15.7), "T4": (0, 0, 8.1),
}  # fmt: skip


class Options(NamedTuple):
    """Which groups of measurements to run, at toy size or not, and PyTorch's options."""

    groups: list[str]
    toy: bool = False
    workers: int = 0
    torch_python: str = sys.executable
    torch_mode: str = "default"


def speed(rate: float, cost: float, dtype: str) -> Figures:
    """The rate of operations, given pictures a second and operations a picture; beside the card's.

    In float32 jax multiplies in TF32 where the card can.
    """
    figures: Figures = {"images/s": rate, "TFLOP/s": rate * cost / 1e12}
    kind = jax.devices()[0].device_kind
    known = (0, 0, 0) if "MIG" in kind else next((PEAKS[n] for n in PEAKS if n in kind), (0, 0, 0))
    rates = dict(zip(("bfloat16", "TF32", "float32"), known, strict=True))
    for name in ("bfloat16",) if dtype == "bfloat16" else ("TF32", "float32"):
        if rates[name]:
            share = 100 * figures["TFLOP/s"] / rates[name]
            return {**figures, f"% of {rates[name]:g} in {name}": share}
    return figures


def memory() -> Figures:
    """Peaks of this process so far: of the device, where it tells, and of the host."""
    held = (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    unit = 1 if sys.platform == "darwin" else 1024
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    device = {} if held is None else {"device GiB": held / 2**30}
    return {**device, "host GiB": host / 2**30}


def steps(sizes: Sizes, options: Options, dtype: str) -> Iterator[Figures]:
    """The supervised step, beside PyTorch's by turns where dtype is bfloat16, and ReMix's."""
    theirs = (
        Theirs(options.torch_python, options.torch_mode, sizes) if dtype == "bfloat16" else None
    )
    model = network(sizes, dtype)
    cost, rows = operations(model), 4 * sizes.persons
    about = theirs.ready() if theirs else {}  # nothing else runs while either compiles
    for name, make, forwards in (("supervised", supervised, 3), ("ReMix", mixed, 5)):
        ours = make(model, sizes)
        first = ours.run(1)
        ours.run(5)
        beside = theirs if theirs and name == "supervised" and not theirs.why else None
        both = []
        for _ in range(sizes.turns):
            both.append((ours.run(sizes.steps), beside.run(sizes.steps) if beside else np.nan))
        both = np.array(both) / sizes.steps
        seconds = np.median(both, axis=0)
        rate = speed(rows / seconds[0], forwards * cost, dtype)
        loss = float(ours.metrics["loss"][0])
        yield {
            "what": f"{name} step {dtype}", "ms": 1e3 * seconds[0], **rate, **memory(),
            "first s": first, "loss": loss,
        }  # fmt: skip
        if name == "supervised" and theirs:
            what = f"PyTorch's {dtype}"
            if theirs.why:
                yield {"what": what, "error": theirs.why}
            else:
                rate = speed(rows / seconds[1], forwards * cost, dtype)
                yield {"what": what, "ms": 1e3 * seconds[1], **rate, **theirs.last, **about}
                ratio = float(np.median(both[:, 1] / both[:, 0]))
                yield {"what": "ours : PyTorch's", "times as fast": ratio, "goal": 1.2}
            theirs.close()
        del ours


def embedding(sizes: Sizes) -> Iterator[Figures]:
    """Pictures in the host's memory to embeddings there."""
    device = jax.local_devices()[:1]
    for dtype in ("bfloat16", "float32"):
        model = network(sizes, dtype)
        cost = operations(model)
        variables = parallel.replicate(model.init(jax.random.key(0)), device)
        embed = parallel.build_embed(model, devices=device)
        for size in sizes.embed:
            pixels = np.random.default_rng(0).integers(0, 256, (size, *sizes.picture, 3), np.uint8)
            embed(variables, pixels)
            times = []
            for _ in range(2 * sizes.turns):
                start = time.perf_counter()
                embed(variables, pixels)
                times.append(time.perf_counter() - start)
            rate = speed(size / float(np.median(times)), cost, dtype)
            yield {"what": f"embedding {dtype}, {size}", **rate, **memory()}


def cluster(sizes: Sizes) -> Iterator[Figures]:
    """Pseudo labels as in `clustering.py`; a second time where the first took less than 30 s."""
    from sklearn.metrics import adjusted_rand_score

    features, _ = clustering.people(300, 0, sizes.long)
    clustering.exact(features, clustering.Clock())  # compile what does not depend on the size
    for count in sizes.cluster:
        features, person = clustering.people(count, 0, sizes.long)
        figures: Figures = {"what": f"pseudo labels of {count:,}"}
        for turn in ("first s", "s"):
            clock = clustering.Clock()
            labels = clustering.exact(features, clock)
            figures[turn] = sum(clock.wall.values())
            if figures[turn] > 30:
                break
        figures |= {f"{name} s": seconds for name, seconds in clock.wall.items()}
        ari = float(adjusted_rand_score(person, singletons(labels[1])))
        yield {**figures, **memory(), "ARI": ari}


def rank(sizes: Sizes) -> Iterator[Figures]:
    """A ranking at MSMT17's size."""
    count = sizes.query + sizes.gallery
    features, person = clustering.people(count, 1, sizes.long)
    camera = np.random.default_rng(0).integers(0, 15, count)
    gallery = slice(sizes.query, count)

    def run(queries: int) -> tuple[float, ranking.Ranking]:
        start = time.perf_counter()
        result = ranking.rank(
            features[:queries],
            features[gallery],
            query_person=person[:queries] + 1,
            gallery_person=person[gallery] + 1,
            query_camera=camera[:queries],
            gallery_camera=camera[gallery],
        )
        return time.perf_counter() - start, result

    first, _ = run(min(sizes.query, ranking.BLOCK // sizes.gallery))
    seconds, result = run(sizes.query)
    what = f"ranking {sizes.query:,} x {sizes.gallery:,}"
    yield {"what": what, "s": seconds, "first block s": first, **memory(), "mAP": result.mean_ap}


def reading(sizes: Sizes, options: Options) -> Iterator[Figures]:
    """The supervised step on JPEGs that are decoded and augmented meanwhile."""
    ours = supervised(network(sizes, "bfloat16"), sizes)
    size = tuple(9 * side // 8 for side in sizes.picture)  # so that it is resized
    drawn = synthetic.labelled(persons=sizes.drawn // 8, cameras=2, size=size).image
    files = [simplejpeg.encode_jpeg(np.ascontiguousarray(drawn[i])) for i in range(len(drawn))]
    chosen = records.Chosen(files, np.arange(len(ours.data.person)) % len(files))
    data = ours.data._replace(image=chosen)
    rng, rows = np.random.default_rng(0), 4 * sizes.persons
    label = records.relabel(data.person)
    drawn = rng.integers(0, len(label), (sizes.skipped + sizes.batches, rows), np.int32)
    model = ours.method.model
    for what in ("reading alone", "reading and supervised step bfloat16"):
        stream = batching.batches(
            data,
            Plan(drawn, label, {}),
            views=(Augment(flip=0.5, pad=10, erase=0.5),),
            input=model.input,
            seed=0,
            epoch=0,
            workers=options.workers,
        )
        start = 0.0
        for number, batch in enumerate(stream):
            if "step" in what:
                ours.batch = batch
                ours.state, ours.metrics = ours.step(ours.state, batch)
            if number == sizes.skipped - 1:
                jax.block_until_ready(ours.state)
                start = time.perf_counter()
        jax.block_until_ready(ours.state)
        rate = sizes.batches * rows / (time.perf_counter() - start)
        yield {"what": what, "images/s": rate, "workers": options.workers, **memory()}


def machine() -> Figures:
    """What this runs on."""
    packages = ("jax", "jaxlib", "flax", "optax", "numpy")
    device = jax.devices()[0]
    return {
        "what": "machine",
        "backend": device.platform,
        "device": device.device_kind,
        "runtime": device.client.platform_version.splitlines()[0],
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }


GROUPS = {
    "bfloat16": lambda sizes, options: steps(sizes, options, "bfloat16"),
    "embedding": lambda sizes, options: embedding(sizes),
    "cluster": lambda sizes, options: cluster(sizes),
    "rank": lambda sizes, options: rank(sizes),
    "reading": reading,
    "float32": lambda sizes, options: steps(sizes, options, "float32"),
}


def main() -> None:
    """Print the figures of each group, and first the machine's."""
    options = Options(*json.loads(sys.argv[1]))
    print(json.dumps(machine()), flush=True)
    if jax.default_backend() == "cpu" and not options.toy:
        return
    for name in options.groups:
        for figures in GROUPS[name](TOY if options.toy else Sizes(), options):
            print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()

"""Time, memory and agreement of pseudo labels, compared with the dense implementation.

Up to 32,600 images, with the dense reference:
    python -m benchmarks.clustering
More than the dense reference can hold in memory:
    python -m benchmarks.clustering --sizes=80000,200000 --dense_up_to=0
Approximate neighbours:
    python -m benchmarks.clustering --sizes=1000000 --dense_up_to=0 --exact_up_to=0 \\
        --approximate_from=1000000
Labels inside videos:
    python -m benchmarks.clustering --videos=1000 --sizes=

Each measurement runs in its own process, so that the peak memory is that of the measurement alone.
The embeddings are random: the number of images per person is long-tailed, each person is seen by up
to four of fifteen cameras, each camera has a bias, and the noise level varies from image to image.
They are 2,048 wide; the spectrum falls with the square of the component.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from absl import app, flags

_SIZES = flags.DEFINE_list("sizes", ["5000", "13000", "32600"], "images")
_DENSE = flags.DEFINE_integer(
    "dense_up_to", 32600, "largest number of images for the dense reference"
)
_EXACT = flags.DEFINE_integer(
    "exact_up_to", 200000, "largest number of images for exact neighbours"
)
_APPROXIMATE = flags.DEFINE_integer(
    "approximate_from", 10**9, "smallest number of images for approximate neighbours"
)
_INDEX = flags.DEFINE_string("index", "PCA512", "of the approximate neighbours")
_VIDEOS = flags.DEFINE_integer("videos", 0, "videos to label")
_SEED = flags.DEFINE_integer("seed", 0, "of the embeddings")
_PART = flags.DEFINE_string("part", "", "one of dense, product, exact, approximate, videos")
_FOLDER = flags.DEFINE_string("folder", "", "a measurement's embeddings and labels are in it")

WIDTH = 2048
EPS = (0.58, 0.6, 0.62)


def people(count: int, seed: int, width: int = WIDTH) -> tuple[np.ndarray, np.ndarray]:
    """Random embeddings f32[count width] of length 1, and the person of each."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum(1 + rng.lognormal(1.9, 1.1, count).astype(int), 400)
    persons = int(np.searchsorted(np.cumsum(sizes), count)) + 1
    person = rng.permutation(np.repeat(np.arange(persons), sizes[:persons])[:count])
    camera = rng.integers(0, 15, (persons, 4))[person, rng.integers(0, 4, count)]
    spread = 1.1 * np.exp(0.6 * rng.standard_normal((count, 1), np.float32))
    spectrum = (1 / (1 + np.arange(width) / 64)).astype(np.float32)
    centre = rng.standard_normal((persons, width), np.float32)
    bias = 0.75 * rng.standard_normal((15, width), np.float32)
    features = np.empty((count, width), np.float32)
    for start in range(0, count, 4096):
        part = slice(start, min(start + 4096, count))
        noise = spread[part] * rng.standard_normal((part.stop - start, width), np.float32)
        rows = spectrum * (centre[person[part]] + bias[camera[part]] + noise)
        features[part] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return features, person


class Clock:
    """Wall and processor seconds of named sections of a measurement."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.restart()

    def restart(self) -> None:
        self.last = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        now = time.perf_counter(), time.process_time()
        self.wall[name] = self.wall.get(name, 0) + now[0] - self.last[0]
        self.cpu[name] = self.cpu.get(name, 0) + now[1] - self.last[1]
        self.last = now


def exact(features: np.ndarray, clock: Clock) -> np.ndarray:
    """Labels i64[3 n] of this project's exact implementation, at each eps."""
    from reid_jax.clustering import dbscan, jaccard, neighbours, reliability

    near = neighbours.sweep(features, jaccard.width(len(features)))
    clock.lap("search")
    distance = jaccard.distance(features, near=near, reach=EPS[-1])
    clock.lap("jaccard")
    labels = dbscan.dbscan(distance, eps=EPS)
    clock.lap("dbscan")
    tight, normal, loose = labels
    compactness, independence = reliability.reliability(normal, tight, loose)
    reliability.keep(normal, compactness, independence, reliability.threshold(normal, independence))
    clock.lap("reliability")
    return labels


def videos(count: int, seed: int) -> dict:
    """Measure labels inside videos, a loop over scikit-learn, and the embedding of the images."""
    import jax
    from sklearn.cluster import DBSCAN

    from reid_jax.clustering import dbscan, neighbours
    from reid_jax.clustering import videos as inside
    from reid_jax.models import embedder, resnet
    from reid_jax.types import Input

    rng, clock, images, same = np.random.default_rng(seed), Clock(), 0, True
    for start in range(0, count, 50):
        sizes = rng.integers(50, 401, min(50, count - start))
        parts = []
        for size in sizes:
            persons = rng.standard_normal((max(2, size // 30), WIDTH), np.float32)
            spread = 0.5 * np.exp(0.4 * rng.standard_normal((size, 1), np.float32))
            rows = persons[rng.integers(0, len(persons), size)]
            rows = rows + spread * rng.standard_normal((size, WIDTH), np.float32)
            parts.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        features, video = np.concatenate(parts), np.repeat(np.arange(len(sizes)), sizes)
        images += len(features)
        order = np.random.default_rng(0).permutation(len(sizes))
        given = np.concatenate([parts[v] for v in order])  # as an encoder would return them
        run = partial(inside.labels, video, lambda rows, given=given: given, len(features))
        if not start:
            run(rng=np.random.default_rng(0))  # compile
        clock.restart()
        result = run(rng=np.random.default_rng(0))
        clock.lap("labels.videos")
        for part in parts:
            dbscan.dbscan(neighbours.within(part, 0.8), eps=0.8)
        clock.lap("clustering alone")
        loop = [DBSCAN(eps=0.8, min_samples=4).fit_predict(part) for part in parts]
        clock.lap("scikit-learn")
        ours = np.full(len(features), -1)
        ours[result.rows] = result.label
        for v, theirs in enumerate(loop):
            own = ours[video == v]
            own = np.where(own < 0, -1, own - own[own >= 0].min(initial=len(ours)))
            same &= bool(np.array_equal(own, theirs))
    del features, parts, given
    model = embedder.model(embedder.Embedder(resnet.resnet50(), Input((256, 128))))
    variables = jax.jit(model.init)(jax.random.key(0))
    embed = jax.jit(lambda variables, image: model.apply(variables, image, False)[0].embedding)
    batch = np.zeros((32, 256, 128, 3), np.uint8)
    embed(variables, batch).block_until_ready()
    clock.restart()
    for _ in range(3):
        embed(variables, batch).block_until_ready()
    clock.lap("embedding 96 images")
    return {"images": images, "identical": same, "wall": clock.wall, "cpu": clock.cpu}


def measure(part: str, folder: Path, seed: int, index: str, count: int) -> dict:
    """Run one measurement in this process; returns its figures."""
    if part == "videos":
        return videos(count, seed)
    features = np.load(folder / "features.npy")
    clock = Clock()
    answer: dict = {}
    if part == "product":
        for start in range(0, len(features), 2048):
            for other in range(0, len(features), 2048):
                features[start : start + 2048] @ features[other : other + 2048].T
        clock.lap("product")
    elif part == "dense":
        from benchmarks import dense

        np.save(folder / "dense.npy", dense.labels(features, EPS, clock.lap))
    elif part == "exact":
        from reid_jax.clustering import neighbours

        exact(features[:300], Clock())  # compile
        neighbours.sweep(features[:4096], 30)
        clock.restart()
        np.save(folder / "exact.npy", exact(features, clock))
    else:
        from reid_jax.clustering import approximate

        how = approximate.Search(above=0, index=index, recall=0)
        labels, answer = approximate.cluster(features, eps=EPS, how=how)
        clock.lap("approximate")
        np.save(folder / "approximate.npy", labels)
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {"wall": clock.wall, "cpu": clock.cpu, "peak": peak, **answer}


def apart(part: str, folder: Path, **values: object) -> dict:
    """Run `measure` in a new process; an error in it ends the benchmark."""
    options = [f"--{name}={value}" for name, value in values.items()]
    command = [sys.executable, "-m", "benchmarks.clustering", f"--part={part}"]
    command += [f"--folder={folder}", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(_: list[str]) -> None:
    """Measure, print, and state whether the labels are the same."""
    if _PART.value:
        options = _SEED.value, _INDEX.value, _VIDEOS.value
        print(json.dumps(measure(_PART.value, Path(_FOLDER.value), *options)))
        return
    cost = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in map(int, filter(None, _SIZES.value)):
            features, person = people(count, _SEED.value)
            np.save(folder / "features.npy", features)
            del features
            cost += size(count, person, folder)
        if _VIDEOS.value:
            show_videos(apart("videos", folder, videos=_VIDEOS.value, seed=_SEED.value))
    if len(cost) > 1:
        images, search, after = np.log(np.array(cost)).T
        print(f"growth with images: search n^{np.polyfit(images, search, 1)[0]:.2f}, ", end="")
        print(f"everything after it n^{np.polyfit(images, after, 1)[0]:.2f}")


def size(count: int, person: np.ndarray, folder: Path) -> list[tuple[int, float, float]]:
    """Measure and print one number of images.

    Returns (images, seconds of the exact search, seconds after it), if the exact part ran.
    """
    from sklearn.metrics import adjusted_rand_score

    from reid_jax.clustering.reliability import singletons

    runs = {
        "dense": count <= _DENSE.value,
        "product": count <= _EXACT.value,
        "exact": count <= _EXACT.value,
        "approximate": count >= _APPROXIMATE.value,
    }
    figures, cost = {}, []
    for part in (part for part, wanted in runs.items() if wanted):
        figures[part] = apart(part, folder, seed=_SEED.value, index=_INDEX.value)
        wall, cpu = figures[part]["wall"], figures[part]["cpu"]
        parts = "  ".join(f"{name} {seconds:.2f}" for name, seconds in wall.items())
        total = f"{sum(wall.values()):.1f} s wall  {sum(cpu.values()):.1f} s cpu"
        peak = f"{figures[part]['peak'] / 2**30:.2f} GiB"
        print(f"{count:9,} {part:11} {total}  {peak}   {parts}", flush=True)
        if part == "exact":
            cost.append((count, wall["search"], sum(wall.values()) - wall["search"]))
            normal = np.load(folder / "exact.npy")[1]
            ari = adjusted_rand_score(person, singletons(normal))
            outliers, clusters = np.mean(normal < 0), normal.max() + 1
            print(
                f"{'':9} {clusters:,} labels, {outliers:.1%} outliers, ARI with the truth {ari:.3f}"
            )
            product = figures["product"]["wall"]["product"]
            print(f"{'':9} search / product {wall['search'] / product:.2f}")
        if part == "approximate":
            print(
                f"{'':9} recall {figures[part]['neighbour_recall']:.5f}, "
                f"ARI on a subset {figures[part]['label_ari']:.4f}"
            )
            if "exact" in figures:
                other = np.load(folder / "approximate.npy")[1]
                ari = adjusted_rand_score(singletons(normal), singletons(other))
                print(f"{'':9} ARI with the exact labels {ari:.4f}")
    if "dense" in figures and "exact" in figures:
        labels = (np.load(folder / f"{one}.npy") for one in ("dense", "exact"))
        compare(figures["dense"], figures["exact"], *labels)
    return cost


def compare(dense: dict, exact: dict, dense_labels: np.ndarray, exact_labels: np.ndarray) -> None:
    """Print the ratios and whether the labels are the same."""
    theirs, ours = ({"total": sum(one["wall"].values()), **one["wall"]} for one in (dense, exact))
    after = (ours["total"] - ours["search"]) / theirs["total"]
    print(f"{'':9} exact / dense: time 1/{theirs['total'] / ours['total']:.1f}, ", end="")
    print(
        f"memory 1/{dense['peak'] / exact['peak']:.1f}, "
        f"everything after the search 1/{1 / after:.0f} of dense in total"
    )
    same = [bool(one) for one in (dense_labels == exact_labels).all(1)]
    print(f"{'':9} labels at {EPS} identical: {same}")


def show_videos(figures: dict) -> None:
    """Print the times of labels inside videos."""
    ours, alone, loop, embedding = figures["wall"].values()
    print(
        f"{_VIDEOS.value:,} videos, {figures['images']:,} images: "
        f"a loop over scikit-learn's DBSCAN {loop:.2f} s"
    )
    print(f"  clustering {alone:.2f} s (1/{loop / alone:.1f}), identical: {figures['identical']}")
    print(f"  with collecting rows, labels and embeddings {ours:.2f} s (1/{loop / ours:.1f})")
    print(f"  embedding the images, ResNet-50 256x128: {embedding * figures['images'] / 96:.0f} s")


if __name__ == "__main__":
    app.run(main)

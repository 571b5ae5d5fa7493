"""The defaults and constants of the arithmetic are the papers' numbers, or named choices.

Whoever changes one changes it here as well. The constants are lower limits, and sizes on which the
memory depends that benchmarks/README.md states.
"""

import ast
import importlib
import inspect
import math
import pkgutil

import reid_jax

DEFAULTS = {
    "memory.bank.move_bank": {"momentum": 0.2},
    "memory.centres.move_centres": {"rate": 0.5},
    "memory.moments.move_moments": {"momentum": 0.9, "around": "new", "straight": False},
    "cluster.approximate.Search": {
        "above": 200_000, "index": "PCA512", "pool": 200, "recall": 0.999, "looked": 10_000,
    },
    "cluster.approximate.cluster": {"min_samples": 4, "k1": 30, "k2": 6, "seed": 0},
    "cluster.centroids.camera_centroids": {"normalise": False},
    "cluster.centroids.centroids": {"normalise": False},
    "cluster.dbscan.dbscan": {"min_samples": 4},
    "cluster.dbscan.radius": {"rho": 1.6e-3, "missing": 1.0, "farthest": math.inf},
    "cluster.hdbscan.hdbscan": {"min_cluster_size": 4, "missing": 1.0},
    "cluster.jaccard.add_source": {"weight": 0.1},
    "cluster.jaccard.distance": {"k1": 30, "k2": 6, "variant": "F", "reach": 1.0},
    "cluster.jaccard.width": {"k1": 30, "k2": 6, "variant": "F"},
    "cluster.kmeans.kmeans": {"tries": 1},
    "cluster.neighbours.sweep": {"farthest": False},
    "cluster.products.candidates": {"farthest": False},
    "cluster.refine.across": {"cameras": 2},
    "cluster.refine.refine": {"least": 5, "most": 120},
    "cluster.refine.within": {"what": "pseudo labels"},
    "cluster.reliability.threshold": {"part": 0.9},
    "cluster.videos.label_videos": {"eps": 0.8, "min_samples": 4, "metric": "euclidean"},
    "cluster.workers.map_rows": {"step": 0},
    "data.sample.identities": {"groups": 0},
    "evaluate.embed_rows": {"batch": 64, "workers": 0},
    "evaluate.measured": {"metric": "cosine", "same_camera": False},
    "evaluate.rank_records": {"same_camera": False},
    "evaluate.run": {"batch": 64, "metric": "cosine", "same_camera": False, "workers": 0},
    "evaluate.record_distances": {"same_camera": False},
    "losses.associate.cycle": {"epsilon": 0.1, "delta": 0.5},
    "losses.associate.relaxed": {"margin": 0.5, "epsilon": 0.1, "delta": 0.5},
    "losses.associate.symmetric": {"epsilon": 0.1, "delta": 0.5},
    "losses.associate.temperature": {"epsilon": 0.1, "delta": 0.5},
    "losses.classify.circle": {"scale": 64.0, "margin": 0.35},
    "losses.classify.cross_entropy": {"smoothing": 0.1, "temperature": 1.0},
    "losses.contrast.augmentation": {"temperature": 0.1},
    "losses.contrast.camera_centroid": {
        "negatives": 50, "own_camera": False, "together": True, "by_camera": False,
        "temperature": 0.07,
    },
    "losses.contrast.centroid": {"unit": True, "temperature": 0.5},
    "losses.contrast.instance": {"own": True, "temperature": 0.1},
    "losses.memory.memory": {"temperature": 0.05, "epsilon": 1e-6},
    "losses.separate.pairs": {"metric": "cosine"},
    "losses.separate.separation": {"lambda_sigma": 1.0},
    "losses.separate.tails": {"kappa": 3.0, "epsilon": 1e-12},
    "losses.triplet.semi_hard": {"margin": 0.5},
    "losses.xbm.negatives": {"hardest": 10},
    "retrieval.histogram.stripes": {"stripes": 6, "bins": 8},
    "retrieval.ranking.order": {"metric": "cosine", "same_camera": False},
    "retrieval.ranking.rank": {"metric": "cosine", "same_camera": False},
    "retrieval.distances.count_distances": {"same_camera": False, "bins": 100},
}  # fmt: skip
CONSTANTS = {
    "cluster.approximate.FIT": 20_000,
    "cluster.dbscan.OUTLIER": -1,
    "cluster.exact.BLOCK": 1 << 22,
    "cluster.exact.LANES": 64,
    "cluster.hdbscan.TINY": 1e-12,
    "cluster.neighbours.ROUNDING": 1e-5,
    "cluster.neighbours.SPARE": 8,
    "cluster.overlap.ROOM": 1 << 16,
    "cluster.overlap.ROWS": 1024,
    "cluster.products.GATHERED": 1 << 24,
    "cluster.products.NEAR": 4,
    "cluster.products.TILE": 2048,
    "cluster.products.WIDE_TILE": 8192,
    "cluster.report.GIANT": 0.5,
    "cluster.select.CHUNK": 64,
    "cluster.select.EMPTY": -(2**63),
    "cluster.select.NONE": 2**31 - 1,
    "losses.domain.LEAST": 1e-12,
    "losses.memory.EPSILON": 1e-6,
    "retrieval.ranking.BLOCK": 1 << 25,
    "retrieval.ranking.LENGTH": 50,
    "retrieval.distances.BLOCK": 1 << 22,
}


def _own():
    """(name, value) of what the modules of the arithmetic define."""
    modules = ["data.sample", "distance", "evaluate"]
    for folder in ("losses", "memory", "cluster", "retrieval"):
        modules += [
            f"{folder}.{one.name}"
            for one in pkgutil.iter_modules([f"{reid_jax.__path__[0]}/{folder}"])
        ]
    for place in modules:
        module = importlib.import_module(f"reid_jax.{place}")
        for node in ast.parse(inspect.getsource(module)).body:
            name = getattr(node, "name", None) or ast.unparse(getattr(node, "targets", [node])[0])
            if name in vars(module) and not name.startswith("_"):
                yield f"{place}.{name}", vars(module)[name]


def test_the_defaults_of_the_arithmetic():
    found = {}
    for name, function in _own():
        if not callable(function):
            continue
        parameters = inspect.signature(function).parameters.values()
        plain = {
            one.name: one.default
            for one in parameters
            if isinstance(one.default, bool | int | float | str)
        }
        found |= {name: plain} if plain else {}
    assert found == DEFAULTS


def test_the_constants_of_the_arithmetic():
    assert {name: value for name, value in _own() if isinstance(value, int | float)} == CONSTANTS

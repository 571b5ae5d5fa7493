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
    "clustering.approximate.Search": {
        "above": 200_000, "index": "PCA512", "pool": 200, "recall": 0.999, "looked": 10_000,
    },
    "clustering.approximate.cluster": {"min_samples": 4, "k1": 30, "k2": 6, "seed": 0},
    "clustering.centroids.camera_centroids": {"normalise": False},
    "clustering.centroids.centroids": {"normalise": False},
    "clustering.dbscan.dbscan": {"min_samples": 4},
    "clustering.dbscan.radius": {"rho": 1.6e-3, "missing": 1.0, "farthest": math.inf},
    "clustering.hdbscan.hdbscan": {"min_cluster_size": 4, "missing": 1.0},
    "clustering.jaccard.add_source": {"weight": 0.1},
    "clustering.jaccard.distance": {"k1": 30, "k2": 6, "variant": "F", "reach": 1.0},
    "clustering.jaccard.width": {"k1": 30, "k2": 6, "variant": "F"},
    "clustering.kmeans.kmeans": {"tries": 1},
    "clustering.neighbours.sweep": {"farthest": False},
    "clustering.products.candidates": {"farthest": False},
    "clustering.refine.across": {"cameras": 2},
    "clustering.refine.refine": {"least": 5, "most": 120},
    "clustering.refine.within": {"what": "pseudo labels"},
    "clustering.reliability.threshold": {"part": 0.9},
    "clustering.videos.label_videos": {"eps": 0.8, "min_samples": 4, "metric": "euclidean"},
    "clustering.workers.map_rows": {"step": 0},
    "data.sample.identities": {"groups": 0},
    "evaluate.embed_rows": {"batch": 64, "workers": 0},
    "evaluate.curves": {"same_camera": False},
    "evaluate.measured": {"metric": "cosine", "same_camera": False, "reranked": False},
    "evaluate.operating_point": {"same_camera": False},
    "evaluate.rank_records": {"same_camera": False, "reranked": False},
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
    "retrieval.bootstrap.resampled": {"draws": 10_000, "seed": 0},
    "retrieval.histogram.stripes": {"stripes": 6, "bins": 8},
    "retrieval.operating.curves": {"same_camera": False},
    "retrieval.point.Point": {
        "same": 0, "tpr": math.nan, "tpr_low": math.nan, "tpr_high": math.nan, "eer": math.nan,
    },
    "retrieval.rerank.How": {"k1": 20, "k2": 6, "weight": 0.3},
    "retrieval.rerank.distances": {"metric": "cosine"},
    "retrieval.rerank.rank": {"metric": "cosine", "same_camera": False},
    "retrieval.ranking.order": {"metric": "cosine", "same_camera": False},
    "retrieval.ranking.rank": {"metric": "cosine", "same_camera": False},
    "retrieval.single_shot.galleries": {"draws": 100, "seed": 0},
    "retrieval.distances.count_distances": {"same_camera": False, "bins": 100},
    "tracking.across.How": {"eps": 0.6, "min_samples": 2, "k1": 0, "k2": 2},
    "tracking.gaps.gaps": {"every": 1},
    "tracking.kalman.predicted": {"noise": 1.0},
    "tracking.tracker.Tracker": {"confidence": 0.3, "camera_motion": False},
    "tracking.tracks.How": {
        "distance": 0.2, "overlap": 0.7, "gate": 9.487729036781154, "budget": 100, "confirm": 3,
        "forget": 30, "coast": 1, "noise": 1.0,
    },
}  # fmt: skip
CONSTANTS = {
    "clustering.approximate.FIT": 20_000,
    "clustering.dbscan.OUTLIER": -1,
    "clustering.exact.BLOCK": 1 << 22,
    "clustering.exact.LANES": 64,
    "clustering.hdbscan.TINY": 1e-12,
    "clustering.neighbours.ROUNDING": 1e-5,
    "clustering.neighbours.SPARE": 8,
    "clustering.overlap.ROOM": 1 << 16,
    "clustering.overlap.ROWS": 1024,
    "clustering.products.GATHERED": 1 << 24,
    "clustering.products.NEAR": 4,
    "clustering.products.TILE": 2048,
    "clustering.products.WIDE_TILE": 8192,
    "clustering.report.GIANT": 0.5,
    "clustering.select.CHUNK": 64,
    "clustering.select.EMPTY": -(2**63),
    "clustering.select.NONE": 2**31 - 1,
    "losses.domain.LEAST": 1e-12,
    "losses.memory.EPSILON": 1e-6,
    "retrieval.counting.CHUNK": 512,
    "retrieval.counting.FEW": 64,
    "retrieval.counting.KEPT": 1 << 26,
    "retrieval.counting.PAIRS": 1 << 22,
    "retrieval.counting.ROWS": 4096,
    "retrieval.frames.ROWS": 1024,
    "retrieval.frames.SAMPLE": 4096,
    "retrieval.operating.ROWS": 1024,
    "retrieval.tally.BINS": 8192,
    "retrieval.tally.DRAWS": 200,
    "retrieval.tally.ENOUGH": 10,
    "retrieval.health.DEAD": 1e-5,
    "retrieval.health.ZERO": 1e-12,
    "retrieval.ranking.BLOCK": 1 << 25,
    "retrieval.ranking.LENGTH": 50,
    "retrieval.bootstrap.BLOCK": 1 << 22,
    "retrieval.bootstrap.DRAWS": 10_000,
    "retrieval.distances.BLOCK": 1 << 22,
    "tracking.across.APART": 1.0,
    "tracking.assign.NEVER": 1e5,
    "tracking.kalman.GATE": 9.487729036781154,
    "tracking.moving.WIDE": 320,
    "tracking.score.OVERLAP": 0.5,
    "tracking.tracker.FAR": 1e6,
}


def _own():
    """(name, value) of what the modules of the arithmetic define."""
    modules = ["data.sample", "distance", "evaluate"]
    for folder in ("losses", "memory", "clustering", "retrieval", "tracking"):
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

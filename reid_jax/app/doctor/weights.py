"""What an encoder's arrays say by themselves, and whether its statistics are of the pictures."""

from typing import Any

import jax
import numpy as np

from reid_jax import parallel
from reid_jax.app import progress
from reid_jax.app.doctor.patient import Patient
from reid_jax.types import Variables

STATISTICS = 64  # pictures that batch statistics are compared with


def fit(patient: Patient, image: np.ndarray) -> tuple[float, float] | None:
    """How far the batch statistics move by RGB and by BGR pictures.

    A network is trained to statistics of its pictures; those of pictures in another order of
    channels differ. The move of each layer is measured in its own deviations.
    """
    model, variables = patient.model, patient.variables
    if model is None or variables is None:
        return None
    config = model.config
    group = max(1, int(config.get("bn_group", 0) or 0))
    count = min(len(image), max(STATISTICS, group)) // group * group
    old = variables.get("batch_stats", {})
    if count < 8 or config.get("bn_domains") or config.get("bn_gaps") or not _of_pictures(old):
        return None
    image = image[np.linspace(0, len(image) - 1, count).astype(int)]
    run = parallel.build_statistics(model)
    with progress.doing("comparing batch statistics"):
        rgb = _moved(old, run(variables, image))
        bgr = _moved(old, run(variables, np.ascontiguousarray(image[..., ::-1])))
    return (rgb, bgr) if max(rgb, bgr) > 0 else None


def _of_pictures(stats: Variables) -> bool:
    """Whether batch statistics were taken of pictures: not first ones, not those of folded ones."""
    means = [leaf for path, leaf in _named(stats) if path.endswith("mean")]
    return bool(means) and sum(bool(leaf.any()) for leaf in means) > len(means) / 2


def _moved(old: Variables, new: Variables) -> float:
    """The mean move of means and variances over layers, in deviations of each."""
    before, after, moves = dict(_named(old)), dict(_named(new)), []
    for path, mean in before.items():
        if path.endswith("mean"):
            var = before[path.removesuffix("mean") + "var"] + 1e-5
            shift = (after[path] - mean) ** 2 / var
            wide = ((after[path.removesuffix("mean") + "var"] + 1e-5) / var - 1) ** 2
            moves.append(float(np.sqrt(np.median(shift) + np.median(wide))))
    return float(np.mean(moves)) if moves else 0.0


def _named(tree: Any) -> list[tuple[str, np.ndarray]]:
    """Arrays by path, a/b/c."""
    return [
        ("/".join(str(key.key) for key in path), np.asarray(leaf))
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def flaws(variables: Variables | None) -> dict[str, list[str]]:
    """What is wrong with arrays by themselves."""
    if variables is None:
        return {}
    params, stats = _named(variables.get("params", {})), _named(variables.get("batch_stats", {}))
    broken = [path for path, leaf in [*params, *stats] if not np.isfinite(leaf).all()]
    zero = [path for path, leaf in params if path.endswith("kernel") and not leaf.any()]
    began = [path for path, leaf in stats if path.endswith("var") and (leaf == 1).all()]
    layers = sum(path.endswith("var") for path, _ in stats)
    return {
        "broken": broken,
        "zero": zero,
        "untrained": began if layers and len(began) == layers else [],
    }

r"""A Kalman filter for boxes, all tracks at once: where each will be, and how surely.

The state of Deep SORT (Wojke et al., arXiv 1703.07402, sec. 2.1) is a box's middle x and y, its
aspect a = width / height, its height h, and their changes a frame; (x, y, a, h) is measured, and a
box moves evenly:

    predict   m <- F m             P <- F P F^T + Q
    measured  z^ = H m             S = H P H^T + R
    update    K = P H^T S^-1       m <- m + K (z - z^)       P <- P - K S K^T
    gate      d^2 = (z - z^)^T S^-1 (z - z^), below the chi-square quantile of 4 numbers at 95%

The paper gives no noise; that of its published program is proportional to the height: deviations of
h / 20 for places and h / 160 for changes, of a fixed amount for the aspect.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

PLACE, CHANGE = 1 / 20, 1 / 160  # deviations, in heights
ASPECT, ASPECT_CHANGE, ASPECT_MEASURED = 1e-2, 1e-5, 1e-1
GATE = 9.487729036781154  # the 95% quantile of chi-square with 4 degrees of freedom
_F = np.eye(8) + np.eye(8, k=4)


class Motion(NamedTuple):
    """Where n boxes are believed to be.

    Attributes:
        mean: f64[n 8], (x, y, a, h) in pixels and their changes a frame.
        covariance: f64[n 8 8].
    """

    mean: np.ndarray
    covariance: np.ndarray


def measured(box: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """(x, y, a, h) of boxes (left, top, right, bottom), whose height must not be 0."""
    left, top, right, bottom = np.asarray(box, float).T
    return np.stack(
        [(left + right) / 2, (top + bottom) / 2, (right - left) / (bottom - top), bottom - top], 1
    )


def boxes(mean: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n 4"]:
    """The boxes (left, top, right, bottom) of states; the reverse of `measured`."""
    x, y, a, h = mean[:, :4].T
    return np.stack([x - a * h / 2, y - h / 2, x + a * h / 2, y + h / 2], 1)


def begun(measure: Float[np.ndarray, "n 4"]) -> Motion:
    """The state of boxes that are seen for the first time, at rest as far as is known."""
    h, one = _height(measure), np.ones(len(measure))
    place, change = 2 * PLACE * h, 10 * CHANGE * h
    deviation = np.stack(
        [place, place, ASPECT * one, place, change, change, ASPECT_CHANGE * one, change], 1
    )
    return Motion(
        np.concatenate([measure, np.zeros_like(measure)], 1),
        np.square(deviation)[:, None] * np.eye(8),
    )


def predicted(motion: Motion, noise: float = 1.0) -> Motion:
    """The states a frame later.

    Args:
        motion: the states.
        noise: factor of the deviations of what happens within a frame; the number of the video's
            frames that pass between two that are tracked.
    """
    h, one = _height(motion.mean), np.ones(len(motion.mean))
    place, change = PLACE * h, CHANGE * h
    deviation = noise * np.stack(
        [place, place, ASPECT * one, place, change, change, ASPECT_CHANGE * one, change], 1
    )
    return Motion(
        motion.mean @ _F.T,
        _F @ motion.covariance @ _F.T + np.square(deviation)[:, None] * np.eye(8),
    )


def updated(motion: Motion, measure: Float[np.ndarray, "n 4"]) -> Motion:
    """The states after row i of `measure` was found to be box i."""
    spread = _spread(motion)
    gain = np.linalg.solve(spread, motion.covariance[:, :4]).transpose(0, 2, 1)  # [n 8 4]
    away = measure - motion.mean[:, :4]
    return Motion(
        motion.mean + (gain @ away[:, :, None])[:, :, 0],
        motion.covariance - gain @ spread @ gain.transpose(0, 2, 1),
    )


def distances(motion: Motion, measure: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """Squared Mahalanobis distances of each state and each measurement (eq. 1)."""
    if not len(motion.mean) or not len(measure):
        return np.zeros((len(motion.mean), len(measure)))
    away = measure[None] - motion.mean[:, None, :4]
    across = np.linalg.solve(np.linalg.cholesky(_spread(motion)), away.transpose(0, 2, 1))
    return np.square(across).sum(1)


def _spread(motion: Motion) -> np.ndarray:
    """S, f64[n 4 4]."""
    h = _height(motion.mean)
    deviation = np.stack([PLACE * h, PLACE * h, np.full(len(h), ASPECT_MEASURED), PLACE * h], 1)
    return motion.covariance[:, :4, :4] + np.square(deviation)[:, None] * np.eye(4)


def _height(mean: np.ndarray) -> np.ndarray:
    """The heights that the noise goes with, at least a pixel: a lost box can shrink to nothing."""
    return np.maximum(np.abs(mean[:, 3]), 1.0)

"""A camera that moves: how the picture moved from frame to frame, and the tracks with it.

The motion is found by maximising the enhanced correlation coefficient (Evangelidis and Psarakis,
PAMI 2008; OpenCV's) from the shift that phase correlation finds. Trackers after Deep SORT do so;
the paper has none of it.
"""

from collections.abc import Callable
from typing import Any, cast

import cv2
import numpy as np
from jaxtyping import Float

from reid_jax.tracking.kalman import Motion

WIDE = 320  # pixels; wider frames are made smaller first
STEPS, ENOUGH = 50, 1e-4  # iterations, and the gain that ends them


def small(picture: np.ndarray) -> np.ndarray:
    """What `between` compares of a frame, uint8 [h w 3] RGB: gray, at most WIDE pixels wide."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, WIDE / gray.shape[1])
    return cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def between(before: np.ndarray, now: np.ndarray, width: int) -> Float[np.ndarray, "2 3"]:
    """The rigid motion of the picture between two frames.

    Args:
        before: of `small`.
        now: of `small`, of the next frame.
        width: of the frames, in pixels.

    Returns:
        f64[2 3], (x, y, 1) of a point before -> (x, y) now, in pixels of the frames; that of a
        camera at rest where the frames have too little in common, or nothing to see.
    """
    still = np.eye(2, 3, dtype=np.float32)
    begin: Any = still.copy()
    window: Any = cv2.createHanningWindow(before.shape[::-1], cv2.CV_32F)
    one, other = cast(Any, before.astype(np.float32)), cast(Any, now.astype(np.float32))
    begin[:, 2] = cv2.phaseCorrelate(one, other, window)[0]
    how = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, STEPS, ENOUGH)
    try:
        _, warp = cv2.findTransformECC(one, other, begin, cv2.MOTION_EUCLIDEAN, how)
    except cv2.error:  # it does not converge
        return still.astype(float)
    found = np.asarray(warp, float)
    found[:, 2] *= width / before.shape[1]
    return found


def moved(warp: Float[np.ndarray, "2 3"]) -> Callable[[Motion], Motion]:
    """A function that moves states with the picture."""
    turn = np.eye(8)
    turn[:2, :2] = turn[4:6, 4:6] = warp[:, :2]
    shift = np.concatenate([warp[:, 2], np.zeros(6)])
    return lambda motion: Motion(motion.mean @ turn.T + shift, turn @ motion.covariance @ turn.T)

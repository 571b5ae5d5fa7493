"""Baseline without learning: colour histograms as embeddings."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8


def stripes(
    image: UInt8[np.ndarray, "h w 3"], *, stripes: int = 6, bins: int = 8
) -> Float[np.ndarray, " d"]:
    """Compute colour histograms of the horizontal stripes of an image.

    f = sqrt(p / stripes), where p are the HSV histograms of the stripes, each with a sum of one

    |f| = 1, and the cosine of two images is the mean Bhattacharyya coefficient of their stripes.

    Args:
        image: uint8[h w 3], RGB.
        stripes: number of stripes of (nearly) equal height, at most h.
        bins: number of bins of hue, of saturation and of value, 2 to 180.

    Returns:
        f32[stripes * bins^3].

    Raises:
        ValueError: the image is not uint8[h w 3], it has fewer rows of pixels than stripes, or
            stripes or bins is outside its range.

    Reference:
        Gray and Tao, "Viewpoint Invariant Pedestrian Recognition with an Ensemble of Localized
        Features", ECCV 2008, section 3 (six horizontal stripes).

    Departs from the paper:
        one joint HSV histogram per stripe, no texture, and no learned weights.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image is {image.dtype}{list(image.shape)}, expected uint8[h w 3] in RGB")
    if not (1 <= stripes <= image.shape[0] and image.shape[1] >= 1):
        raise ValueError(
            f"an image of {image.shape[0]} x {image.shape[1]} pixels cannot be cut into {stripes} "
            "stripes"
        )
    if not 2 <= bins <= 180:
        raise ValueError(f"bins is {bins}, expected 2 to 180; hue has 180 levels")
    hsv = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2HSV)
    limits = [0, 180, 0, 256, 0, 256]
    counts = [
        cv2.calcHist([stripe], [0, 1, 2], None, [bins] * 3, limits).ravel()
        for stripe in np.array_split(hsv, stripes)
    ]
    features = [np.sqrt(count / count.sum() / stripes) for count in counts]
    return np.concatenate(features).astype(np.float32)

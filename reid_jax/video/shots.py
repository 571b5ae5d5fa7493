"""The shots of a video, found by PySceneDetect on small copies of the frames."""

from collections.abc import Iterable
from types import ModuleType

import cv2
import numpy as np

WIDTH = 256  # pixels of the small copies, as in PySceneDetect


def shots(pictures: Iterable[tuple[int, np.ndarray]]) -> list[np.ndarray]:
    """The frame numbers of each shot, i32[n], in order; each frame is in exactly one shot.

    A cut is a frame that differs from the one before far more than the frames around it do, so
    that a moving camera makes no cut. It is PySceneDetect's AdaptiveDetector with its defaults: 3
    times the mean of two frames on either side, and shots of at least 15 frames.

    Args:
        pictures: (number, uint8 [h w 3] RGB) from `frames`; numbers may have gaps.

    Raises:
        ImportError: without PySceneDetect.
        ValueError: there is no frame.
    """
    library = needed()
    detector, cuts = library.AdaptiveDetector(), [0]
    numbers: list[int] = []
    for number, picture in pictures:
        # Cuts are found by position alone, so the rate does not matter, whatever the file states.
        position = library.FrameTimecode(len(numbers), fps=25.0)
        cuts += [cut.frame_num for cut in detector.process_frame(position, _small(picture))]
        numbers.append(number)
    if not numbers:
        raise ValueError("no frame can be read")
    return np.split(np.array(numbers, np.int32), cuts[1:])


def needed() -> ModuleType:
    """PySceneDetect; an ImportError states how to install it."""
    try:
        import scenedetect
    except ImportError as missing:
        raise ImportError(
            "finding the shots of a video needs PySceneDetect: pip install 'reid_jax[video]'"
        ) from missing
    return scenedetect


def _small(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    if width > WIDTH:
        size = (WIDTH, max(1, round(height * WIDTH / width)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)

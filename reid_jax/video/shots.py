"""Where a video is cut: PySceneDetect on small copies of the frames."""

from collections.abc import Iterable

import cv2
import numpy as np

WIDTH = 256  # of the small copies, PySceneDetect's own choice


def shots(pictures: Iterable[tuple[int, np.ndarray]]) -> list[np.ndarray]:
    """The numbers of the frames of each shot, i32[n], in order; together they are all frames, each once.

    A cut is a frame that differs from the one before far more than its neighbours do (PySceneDetect's
    AdaptiveDetector as it comes: 3 times the mean of two frames on either side, and shots of 15 frames or more), so that
    a moving camera makes none.

    Args: pictures, (number, uint8 [h w 3] RGB) as `frames` gives them; a folder's numbers may have gaps.
    Raises: ImportError without PySceneDetect; ValueError without a frame.
    """
    library = needed()
    detector, cuts, seen = library.AdaptiveDetector(), [0], []
    for number, picture in pictures:
        # a time for each frame by its place alone: cuts are places, whatever the file says of its rate
        place = library.FrameTimecode(len(seen), fps=25.0)
        cuts += [cut.frame_num for cut in detector.process_frame(place, _small(picture))]
        seen.append(number)
    if not seen:
        raise ValueError("no frame can be read")
    return np.split(np.array(seen, np.int32), cuts[1:])


def needed():
    """PySceneDetect, or an ImportError that says how to get it."""
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

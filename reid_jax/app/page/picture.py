"""Pictures inside a page: JPEG in base64, each of a bounded size."""

import base64

import cv2
import numpy as np

TILE = 4_000  # bytes of a tile, at most; 128 x 64 pixels of noise are below it at the last quality
LARGE = 250_000  # bytes of a picture by itself, at most
QUALITIES = (82, 65, 45, 25, 10, 4)


def embedded(pixels: np.ndarray, most: int) -> str:
    """A picture uint8 [h w 3] as a data: address, in the best quality below `most` bytes.

    A picture that is too large at every quality is halved until it is not.
    """
    image = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR)
    while True:
        for quality in QUALITIES:
            made = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            if len(made) <= most:
                return f"data:image/jpeg;base64,{base64.b64encode(made.tobytes()).decode()}"
        half = tuple(max(1, side // 2) for side in image.shape[1::-1])
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)

"""Pictures that are parts of larger ones: people of whole frames, cut out when they are read."""

from pathlib import Path

import numpy as np

from reid_jax.data import records

PATHS = np.dtypes.StringDType()


class Crops:
    """Image source: item i is the part of a file inside a box, uint8 [h w 3], RGB.

    Every reading decodes the whole file; `reid-jax prepare` cuts them out once and for all.
    """

    def __init__(self, files: np.ndarray, boxes: np.ndarray):
        """Keep them.

        Args:
            files: [n], the path of the file of each row.
            boxes: f32[n 4], (left, top, width, height) in pixels, from 0.
        """
        self.files, self.boxes = np.asarray(files, PATHS), np.asarray(boxes, np.float32)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> np.ndarray:
        file, (left, top, width, height) = self.files[row], self.boxes[row].tolist()
        try:
            whole = records.decode(Path(file).read_bytes())
        except (OSError, ValueError) as error:
            raise ValueError(f"the picture {file} cannot be read ({error})") from None
        most, tall = whole.shape[1], whole.shape[0]
        right, bottom = min(most, round(left + width)), min(tall, round(top + height))
        left, top = max(0, round(left)), max(0, round(top))
        if left >= right or top >= bottom:
            raise ValueError(
                f"the box {self.boxes[row].tolist()} (left, top, width, height) is outside of "
                f"{file}, {most} x {tall} pixels"
            )
        return np.ascontiguousarray(whole[top:bottom, left:right])

    def take(self, rows: np.ndarray) -> "Crops":
        """Return the images of the given rows, in their order."""
        return Crops(self.files[rows], self.boxes[rows])

"""An ONNX file whose convolutions and products are of 8 bits."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from reid_jax.graph.file import needed
from reid_jax.graph.trace import IMAGE

BATCH = 8  # pictures that are looked at at once
OPS = ["Add", "Concat", "Conv", "Gemm", "MatMul", "MaxPool"]


def quantised(source: str | Path, target: str | Path, pictures: np.ndarray) -> None:
    """Write a file in int8 from one in float32.

    Weights have a scale for each channel, activations one for each tensor, by their range on the
    pictures. Weights keep 7 bits: processors without VNNI add up pairs of products in 16.

    Args:
        source: a file of `file.written`.
        target: to write.
        pictures: uint8 [n h w 3], like those that will come.

    Raises:
        ImportError: onnx or onnxruntime is not installed.
    """
    needed()
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Pictures(CalibrationDataReader):
        def __init__(self) -> None:
            self.starts = iter(range(0, len(pictures), BATCH))

        def get_next(self) -> dict[str, np.ndarray] | None:
            start = next(self.starts, None)
            return None if start is None else {IMAGE: pictures[start : start + BATCH]}

    with _quiet():
        quantize_static(
            str(source),
            str(target),
            Pictures(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=OPS,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that the quantiser logs."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)

"""An ONNX file as a function of pictures, run by onnxruntime."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from reid_jax import worker
from reid_jax.graph.file import needed

Run = Callable[[np.ndarray], np.ndarray]


def opened(path: str | Path, *, threads: int = 0) -> Run:
    """Open an encoder.

    Args:
        path: of the file.
        threads: that one batch is computed by; 0: as many as there are cores.

    Returns:
        uint8 [b h w 3] -> f32 [b d], of any b.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no ONNX file, or cut short.
        ImportError: onnxruntime is not installed.
    """
    needed()
    import onnxruntime

    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or worker.cores()
    options.log_severity_level = 3  # errors
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # a broken file can make it raise anything
        first = str(error).splitlines()[0]
        raise ValueError(f"{path} cannot be read, cut short or no ONNX file: {first}") from error
    (image,), (embedding,) = session.get_inputs(), session.get_outputs()

    def run(pictures: np.ndarray) -> np.ndarray:
        return session.run([embedding.name], {image.name: np.asarray(pictures, np.uint8)})[0]

    return run

"""The ONNX form of an exported encoder behind the interface of `Encoder`."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax import distance, export
from reid_jax.api.encoder import Encoder
from reid_jax.files import sums
from reid_jax.forms import FORMS
from reid_jax.graph import session
from reid_jax.retrieval import point
from reid_jax.types import Embedded, Model

ENGINES = ("jit", *FORMS)


class Runtime(Encoder):
    """An `Encoder` that onnxruntime computes, on all cores; it has no variables.

    With several processes, each embeds all pictures.
    """

    def __init__(self, folder: Path, engine: str, *, batch: int = 64):
        """Open the file; JAX builds and compiles nothing.

        Args:
            folder: of an exported encoder.
            engine: a name in FORMS.
            batch: pictures that are embedded at once.

        Raises:
            FileNotFoundError: the folder has no such file.
            ValueError: the file cannot be read, or `batch` is below 1.
            ImportError: onnxruntime is not installed.
        """
        file = folder / FORMS[engine]
        if not file.is_file():
            raise FileNotFoundError(
                f"{folder} has no {file.name}; `reid-jax export --forms={engine}` writes it"
            )
        about = export.about(folder)
        sums.check_files(folder, file.name, about.get("files"))
        self._run, self._file = session.opened(file), file
        at = point.load(folder, None)
        by = export.fingerprint(folder)
        model = _model(self._run, about, file)
        super().__init__(model, {}, batch=batch, point=at, fingerprint=by)
        self._few = self._batch  # a part of a batch needs no filling

    def save(self, folder: str | PathLike, *, forms: Sequence[str] | None = None) -> None:
        """Refuse: an ONNX file only embeds.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"{self._file} only embeds; load {self._file.parent} without engine= to save it"
        )

    def _embedded(self, taken: Sequence[np.ndarray], rows: int, flip: bool) -> np.ndarray:
        image = np.stack(taken)
        embedding = self._run(image)
        if flip:
            embedding = embedding + self._run(image[:, :, ::-1])
        return distance.unit(embedding)


def _model(run: session.Run, about: dict[str, Any], file: Path) -> Model:
    """The file as a model whose `apply` is no function of JAX."""

    def apply(variables: Any, image: Any, train: Any, key: Any = None, tags: Any = None) -> Any:
        embedding = run(np.asarray(image))
        return Embedded(embedding, embedding), {}

    def absent(*arguments: Any) -> Any:
        raise ValueError(f"{file} only embeds; load {file.parent} without engine= for its maps")

    input, width = export.use(file.parent)
    return Model(lambda key: {}, apply, width, input, absent, about["config"])

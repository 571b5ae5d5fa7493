"""A trained encoder as a function: pictures in any form -> embeddings of length one."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax import distance, export, parallel
from reid_jax.api.pictures import Item, Picture, items, resized
from reid_jax.retrieval import point as points
from reid_jax.retrieval.point import Point
from reid_jax.types import Input, Model, Variables

FEW = 8  # pictures that are embedded at once where a whole batch is too many
Progress = Callable[[int, int], Any] | bool | None


class Encoder:
    """Pictures -> embeddings f32[n d], rows of length one: their inner product is the cosine.

    It runs on all devices. Batches have two shapes only, so another number of pictures compiles
    nothing new. With several processes, all of them must call it with the same pictures.

    Attributes:
        model: its functions.
        variables: its weights.
        config: the options of its network and, where a script trained it, of the training.
        input: how pictures are resized and normalised.
        size: (height, width) of the pictures that it sees; they are resized to it.
        width: d.
        point: the threshold of the cosine that is kept with it, see `reid_jax.threshold`; or None.
        source: of an export on a hub, its address with the commit; else "".

    Example:
        >>> import reid_jax
        >>> encoder = reid_jax.load("runs/market")
        >>> encoder(["a.jpg", "b.jpg"]).shape
        (2, 256)
    """

    def __init__(
        self,
        model: Model,
        variables: Variables,
        *,
        config: dict[str, Any] | None = None,
        batch: int = 64,
        point: Point | None = None,
        fingerprint: str = "",
    ):
        """Put the weights on the devices.

        Args:
            model: as `reid_jax.build` gives it.
            variables: of the model.
            config: kept beside it; the model's own by default.
            batch: pictures that are embedded at once.
            point: kept beside it.
            fingerprint: of the weights, where the variables are not all of them.

        Raises:
            ValueError: `batch` is below 1.
        """
        if batch < 1:
            raise ValueError(f"batch={batch}; give 1 or more")
        self.model, self.variables, self.point = model, variables, point
        self.config = dict(model.config if config is None else config)
        self._batch, self._few = parallel.whole(batch), parallel.whole(min(FEW, batch))
        self._fingerprint = fingerprint
        self.source = ""
        self._placed = parallel.replicate(variables)
        self._embed = {flip: parallel.build_embed(model, flip=flip) for flip in (False, True)}

    @property
    def input(self) -> Input:
        """How pictures are resized and normalised."""
        return self.model.input

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the pictures that it sees."""
        return self.model.input.size

    @property
    def width(self) -> int:
        """The length of an embedding, d."""
        return self.model.width

    @property
    def fingerprint(self) -> str:
        """A hash of its weights; a gallery refuses the embeddings of another."""
        self._fingerprint = self._fingerprint or points.fingerprint(self.variables)
        return self._fingerprint

    def __repr__(self) -> str:
        name = self.config.get("backbone", "a model")
        source = f", {self.source}" if self.source else ""
        return f"Encoder({name}, {self.size[0]}x{self.size[1]} -> {self.width}{source})"

    def __call__(
        self,
        pictures: Picture | Iterable[Picture],
        *,
        flip: bool = False,
        progress: Progress = None,
    ) -> np.ndarray:
        """Embed pictures.

        Args:
            pictures: a path, a folder (searched to the bottom, in the order of the names), the
                bytes of an encoded picture, an array uint8 [h w 3] (RGB), [h w 4] or [h w] of any
                size, a PIL image, Records; or a list of any of these, which is held in memory.
                Files and PIL images are turned upright as their EXIF says, and what is
                transparent is laid on mid grey: see `reid_jax.data.decode`.
            flip: add the embedding of the mirrored picture.
            progress: called with (pictures done, pictures in all) now and then; True writes lines
                to stderr.

        Returns:
            f32[n d], a row for each picture, in order; f32[1 d] for a single one.

        Raises:
            FileNotFoundError: there is no such file or folder.
            ValueError: a picture, which is named, cannot be read, or an array is no picture.
            TypeError: something is no picture at all.
        """
        things = list(items(pictures))
        out = np.empty((len(things), self.width), np.float32)
        done, tell = 0, _report if progress is True else progress or _nothing
        for part in self._parts(things, flip):
            out[done : done + len(part)] = part
            done += len(part)
            tell(done, len(things))
        return out

    def stream(self, pictures: Iterable[Picture], *, flip: bool = False) -> Iterator[np.ndarray]:
        """Embed any number of pictures in bounded memory.

        Args:
            pictures: as of a call; a generator is asked for pictures as they are needed, never for
                more than three batches (192) beyond the embedding that is yielded.
            flip: as of a call.

        Yields:
            f32[d], one for each picture, in order.

        Raises:
            FileNotFoundError, ValueError, TypeError: as a call, once the picture is reached.

        Example:
            >>> import reid_jax
            >>> encoder = reid_jax.load("runs/market")
            >>> sum(1 for embedding in encoder.stream(name for name in ["a.jpg", "b.jpg"]))
            2
        """
        for part in self._parts(items(pictures), flip):
            yield from part

    def compare(self, a: Picture, b: Picture) -> float:
        """Compute the cosine of two pictures, in [-1, 1]; near 1 for one person.

        Raises:
            ValueError: `a` or `b` is several pictures; and as a call.
        """
        embedding = self([a, b])
        if len(embedding) != 2:
            raise ValueError(f"compare takes two pictures, not {len(embedding)}")
        return float(np.clip(embedding[0] @ embedding[1], -1, 1))

    def save(self, folder: str | PathLike, *, forms: Sequence[str] | None = None) -> None:
        """Write it into a new folder, as experiments.export does; `reid_jax.load` reads it.

        Args:
            folder: new.
            forms: ONNX files to write: onnx, fp16, int8; None: onnx if it is installed and can be.

        Raises:
            FileExistsError: the folder exists.
            ValueError: there is no such form; or the encoder cannot be written as it or is not the
                same then.
            ImportError: onnx or onnxruntime is not installed.
        """
        folder = Path(folder).expanduser()
        export.write(
            folder,
            self.model,
            self.variables,
            config=self.config,
            point=self.point,
            form=forms,
        )

    def _parts(self, things: Iterable[Item], flip: bool) -> Iterator[np.ndarray]:
        """Embeddings f32[k d] of one batch after the other."""
        _, of = parallel.share()
        chunk: list[np.ndarray] = []

        def embedded(rows: int) -> np.ndarray:
            taken, chunk[: rows * of] = chunk[: rows * of], []
            return self._embedded(taken, rows, flip)

        for picture in resized(things, self.input, ahead=2 * self._batch * of):
            chunk.append(picture)
            if len(chunk) == self._batch * of:
                yield embedded(self._batch)
        while chunk:
            yield embedded(self._few)

    def _embedded(self, taken: Sequence[np.ndarray], rows: int, flip: bool) -> np.ndarray:
        """Embeddings f32[k d] of k pictures, filled up to `rows` for each process."""
        which, of = parallel.share()
        image = np.stack([*taken, *[taken[-1]] * (rows * of - len(taken))])
        image = image[which * rows : (which + 1) * rows]
        return distance.unit(self._embed[flip](self._placed, image))[: len(taken)]


def _report(done: int, total: int) -> None:
    sys.stderr.write(f"{done:,} of {total:,} pictures\n")


def _nothing(done: int, total: int) -> None:
    pass

"""A gallery of pictures: `reid_jax.gallery.Store` behind an encoder."""

from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from reid_jax import encoders, export, hub, lean
from reid_jax.api.encoder import Encoder
from reid_jax.api.loading import load
from reid_jax.api.pictures import Picture, each, fitted, items
from reid_jax.gallery import state, thumbnails
from reid_jax.gallery.answer import Answer
from reid_jax.gallery.reader import Say
from reid_jax.gallery.store import Store, make
from reid_jax.gallery.where import where
from reid_jax.types import Records

AHEAD = 128  # pictures that are decoded before they are embedded


class Gallery:
    """People seen by cameras over weeks: pictures are added, removed and searched for.

    Attributes:
        store: the gallery of embeddings, see `reid_jax.gallery`; it has `info`, `thumbnails`,
            `rows`, `maintain` and `writing`.
        encoder: that embeds pictures, or None.

    Example:
        >>> import reid_jax
        >>> encoder = reid_jax.load("runs/market")
        >>> gallery = reid_jax.open_gallery("people", encoder, create=True)
        >>> gallery.add(["a.jpg", "b.jpg"], camera=[1, 2], time="2026-05-01T08:30:00Z").tolist()
        [0, 1]
        >>> found = gallery.search("a.jpg", cameras=1).matches[0]
        >>> found.row, found.camera, found.time, round(found.cosine, 3)
        (0, '1', '2026-05-01T08:30:00Z', 1.0)
        >>> gallery.remove(cameras=1), len(gallery)
        (1, 1)
    """

    def __init__(self, store: Store, encoder: Encoder | None = None):
        """Put an encoder before a gallery.

        Raises:
            ValueError: the gallery is of another encoder.
        """
        if encoder is not None:
            store.check(encoder.fingerprint)
        self.store, self.encoder = store, encoder

    def __len__(self) -> int:
        return len(self.store)

    def __repr__(self) -> str:
        return f"Gallery({str(self.store.folder)!r}, {len(self):,} rows)"

    def add(
        self,
        pictures: Picture | Iterable[Picture] | None = None,
        *,
        embeddings: Any = None,
        **known: Any,
    ) -> np.ndarray:
        """Add pictures, or embeddings of this encoder, all or none; they are on the disk then.

        What is added in one call is held in memory, some 5 KB a picture: add many by thousands.

        Args:
            pictures: as `Encoder` takes them. Of Records camera, person, video (`group`) and frame
                are taken as they are known there.
            embeddings: f32[n d], instead.
            **known: of `Store.add`: camera, time, track, person, video, frame, box, name (a value
                for all or one for each), best, maintain; with embeddings also jpegs and encoder.

        Returns:
            i64[k], the numbers of the rows.

        Raises:
            FileNotFoundError: there is no such picture.
            ValueError: a picture cannot be read, there is no encoder, or as `Store.add`.
            OSError: the disk is full.
        """
        if (pictures is None) == (embeddings is None):
            raise ValueError("add takes pictures, or embeddings=, one of both")
        if pictures is None:
            return self.store.add(embeddings, **known)
        if isinstance(pictures, Records):
            known = {**of_records(pictures), **known}
        embedding, jpegs = self._seen(pictures)
        return self.store.add(embedding, jpegs=jpegs, **known)

    def remove(self, *, erase: bool = True, **which: Any) -> int:
        """Remove rows for good: their bytes leave the disk.

        Args:
            erase: as of `Store.remove`.
            **which: of `reid_jax.gallery.where`: cameras, tracks, persons, videos, names, rows (one
                or several), since, until. All that is named must hold.

        Returns:
            How many rows.

        Raises:
            ValueError: nothing is named, a value has a wrong type, or another writer is at work.
        """
        return self.store.remove(where(**which), erase=erase)

    def merge(self, other: "Gallery | str | PathLike") -> int:
        """Add all rows of another gallery of the same encoder; returns how many.

        Raises:
            ValueError: it is the same folder, or of another encoder.
        """
        store = other.store if isinstance(other, Gallery) else Store(Path(other).expanduser())
        return self.store.merge(store)

    def search(
        self,
        pictures: Picture | Iterable[Picture] | None = None,
        *,
        embedding: Any = None,
        row: int | None = None,
        top: int = 10,
        by: str = "picture",
        threshold: float | None = None,
        **which: Any,
    ) -> Answer:
        """Find who is most like a person.

        Args:
            pictures: one picture, or several of one person.
            embedding: instead, f32[d], or f32[n d] of several pictures of one person.
            row: instead, the number of a row of the gallery.
            top: how many are found.
            by: "picture", or "track": each track once, by the mean of its pictures.
            threshold: the cosine from which on it is one person; None: that of the encoder.
            **which: of `reid_jax.gallery.where`, as of `remove`; without it all rows.

        Returns:
            The answer: its `matches` from the nearest on, and whether `nobody` is above the
            threshold.

        Raises:
            FileNotFoundError: there is no such picture.
            ValueError: not one of pictures, embedding and row; or as `Store.search`.
        """
        if sum(one is not None for one in (pictures, embedding, row)) != 1:
            raise ValueError("search takes pictures, embedding= or row=, one of them")
        if pictures is not None:
            embedding, _ = self._seen(pictures)
            if not len(embedding):
                raise ValueError("there is no picture to search for")
        which = {"where": where(**which), "top": top, "by": by, "threshold": threshold}
        return self.store.search(embedding, row=row, **which)

    def _seen(self, pictures: Picture | Iterable[Picture]) -> tuple[np.ndarray, list[bytes]]:
        """(embeddings f32[n d], thumbnails) of pictures; each is decoded once."""
        if self.encoder is None:
            raise ValueError(
                f"{self.store.folder} was opened without an encoder, which pictures need: "
                "open_gallery(folder, encoder)"
            )
        input, jpegs = self.encoder.input, []

        def made(picture: np.ndarray) -> tuple[np.ndarray, bytes]:
            return fitted(picture, input), thumbnails.made(picture)

        def sized() -> Iterator[np.ndarray]:
            for picture, jpeg in each(items(pictures), made, ahead=AHEAD):
                jpegs.append(jpeg)
                yield picture

        rows = list(self.encoder.stream(sized()))
        return np.array(rows, np.float32).reshape(len(rows), self.encoder.width), jpegs


def of_records(records: Records) -> dict[str, Any]:
    """What Records know of each picture, as columns of a gallery."""
    person = np.where(records.person >= 1, records.person, -1)
    columns = {"camera": records.camera, "person": person, "video": records.group}
    return {name: values.tolist() for name, values in {**columns, "frame": records.frame}.items()}


def open_gallery(
    folder: str | PathLike,
    encoder: Encoder | str | PathLike | None = None,
    *,
    create: bool = False,
    patience: float = 10.0,
    say: Say = lambda _: None,
) -> Gallery:
    """Open a gallery of people, to add pictures and to search.

    Args:
        folder: of the gallery.
        encoder: that embeds pictures, or what `load` reads one from; None: the gallery takes
            embeddings only.
        create: make it where there is none, or an empty folder.
        patience: seconds to wait for another writer.
        say: called with a line when something takes long.

    Returns:
        The gallery. The encoder's threshold, where it has one, is kept in it.

    Raises:
        FileNotFoundError: there is no such gallery, or no such encoder.
        ValueError: the folder is no gallery, or one of another version or of another encoder.
        ImportError: lancedb is not installed.

    Example:
        >>> import reid_jax
        >>> encoder = reid_jax.load("runs/market")
        >>> reid_jax.open_gallery("people", encoder, create=True)
        Gallery('people', 0 rows)
    """
    folder, name = Path(folder).expanduser(), ""
    if encoder is not None and not isinstance(encoder, Encoder):
        given, encoder = encoder, load(encoder)
        name = encoder.source or encoders.found(given)[1]
    if create and not (folder.exists() and (folder.is_file() or any(folder.iterdir()))):
        if encoder is None:
            raise ValueError(f"{folder} is new, and a new gallery needs the encoder that it is of")
        make(folder, encoder.fingerprint, encoder.width, name=name or repr(encoder))
    point = None if encoder is None else encoder.point
    return Gallery(Store(folder, point=point, patience=patience, say=say), encoder)


def encoder_of(folder: Path, given: str | None, say: Say) -> str:
    """What names the encoder that pictures are added to a gallery by.

    Args:
        folder: of the gallery, which may be new.
        given: what a person names; it goes before what the gallery remembers.
        say: called with a line where it is street, which comes with the library: of a new gallery,
            or of one that is of street.

    Raises:
        ValueError: the gallery does not remember where its encoder is; or the folder is none.
    """
    if given:
        return given
    if folder.is_dir() and any(folder.iterdir()):
        kept = state.about(folder)
        if kept.name:
            return kept.name
        if kept.encoder != export.fingerprint(lean.HOME / lean.STREET):
            raise ValueError(f"{folder} does not remember where its encoder is; name the encoder")
    say(f"no encoder is named: {lean.SEEN}")
    return lean.STREET


def remembered(store: Store, given: str = "") -> str | Path | None:
    """Where the encoder of a gallery lies: as given, or where it was when the gallery was made.

    None where that is not known, or it is there no longer.
    """
    named = given or store.about.name
    if hub.named(named):
        return named
    path, _ = encoders.found(named)
    return path if given or (store.about.name and path.exists()) else None

"""The gallery that is served, whatever happens to its folder meanwhile."""

import threading
from pathlib import Path

from reid_jax.api.encoder import Encoder
from reid_jax.api.gallery import Gallery
from reid_jax.gallery import state
from reid_jax.gallery.reader import Say
from reid_jax.gallery.store import Store


class Gone(Exception):
    """The gallery cannot be read any more; a line that says why."""


class Opened:
    """Gives the gallery to each request."""

    def __init__(self, folder: Path, encoder: Encoder | None, say: Say = lambda _: None):
        """Open it, and finish what a writer that died left half done.

        Raises:
            FileNotFoundError: there is no such folder.
            ValueError: it is no gallery, or of another version or encoder.
            ImportError: lancedb is not installed.
        """
        self.folder, self.encoder, self._say = folder, encoder, say
        self._lock = threading.Lock()
        self._known, self._gallery = self._mark(), self._open()
        if state.state(folder).undone is not None:
            with self._gallery.store.writing():
                pass

    def gallery(self) -> Gallery:
        """The gallery as it is now.

        Raises:
            Gone: it was removed, or another was put in its place that cannot be read.
        """
        with self._lock:
            try:
                mark = self._mark()
                if mark != self._known:
                    self._gallery = self._open()
                    self._known = mark
            except (OSError, ValueError) as error:
                self._known = ()
                raise Gone(str(error)) from None
            return self._gallery

    def _open(self) -> Gallery:
        point = None if self.encoder is None else self.encoder.point
        return Gallery(Store(self.folder, point=point, say=self._say), self.encoder)

    def _mark(self) -> tuple[int, ...]:
        """What tells this gallery from one that is put in its place."""
        try:
            found = (self.folder / state.ABOUT).stat()
        except OSError:
            state.about(self.folder)  # says what is wrong
            raise
        return found.st_ino, found.st_mtime_ns

"""One thread embeds the pictures of all users: what waits is embedded together."""

import queue
import threading
from concurrent.futures import Future

import numpy as np

from reid_jax.api.encoder import FEW, Encoder

MOST = 128  # pictures that wait, at most


class Busy(Exception):
    """More pictures wait than are taken."""


class Seeing:
    """Pixels -> embeddings; used by any number of threads."""

    def __init__(self, encoder: Encoder):
        """Compile what is needed, so that the first user does not wait, and start the thread."""
        self._encoder = encoder
        self._waiting: queue.Queue[tuple[np.ndarray, Future] | None] = queue.Queue(MOST)
        encoder(np.zeros((*encoder.size, 3), np.uint8))
        threading.Thread(target=self._work, name="reid_jax-seeing", daemon=True).start()

    def embed(self, picture: np.ndarray) -> "Future[np.ndarray]":
        """The embedding f32[d] to come of a picture uint8 [h w 3].

        Raises:
            Busy: too many wait.
        """
        made: Future[np.ndarray] = Future()
        try:
            self._waiting.put_nowait((picture, made))
        except queue.Full:
            raise Busy(f"{MOST} pictures are waiting to be looked at; try again soon") from None
        return made

    def close(self) -> None:
        """End the thread after what waits."""
        self._waiting.put(None)

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            taken = [first]
            while len(taken) < FEW:
                try:
                    one = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if one is None:
                    self._waiting.put(None)
                    break
                taken.append(one)
            taken = [one for one in taken if one[1].set_running_or_notify_cancel()]
            try:
                made = self._encoder([picture for picture, _ in taken])
            except Exception as error:  # noqa: BLE001  (goes to those who wait)
                for _, future in taken:
                    future.set_exception(error)
                continue
            for (_, future), row in zip(taken, made, strict=True):
                future.set_result(row)

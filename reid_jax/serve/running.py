"""The server: it begins, tells its address, and ends with the command."""

import socket
import threading
import time
from typing import Any

from reid_jax.app import stop
from reid_jax.serve.guard import TOKEN, App, local

USERS = 512  # connections at once, at most


def check(host: str, token: str) -> None:
    """Refuse what would serve people's pictures to anyone.

    Raises:
        ValueError: another host without a token, or a token that may be guessed.
    """
    if token and len(token) < TOKEN:
        raise ValueError(
            f"--token has {len(token)} characters and needs {TOKEN} or more; `openssl rand -hex "
            "16` makes one"
        )
    if not token and not local(host):
        raise ValueError(
            f"--host={host} lets other machines in: name the token that they must give with "
            "--token=TEXT, or leave --host out"
        )


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens, so that an address in use is told before anything is loaded.

    Raises:
        ValueError: it cannot be had.
    """
    listening = None
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM
        )
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(USERS)  # who comes before the server is up waits for it
        return listening
    except OSError as error:
        if listening is not None:
            listening.close()
        raise ValueError(
            f"--host={host} --port={port} cannot be had: {error.strerror or error}; choose another "
            "--port, or 0 for any"
        ) from None


def address(host: str, listening: socket.socket, secure: bool = False) -> str:
    """What a user types into a browser."""
    name = f"[{host}]" if ":" in host.strip("[]") else host
    return f"http{'s' * secure}://{name}:{listening.getsockname()[1]}/"


class Running:
    """A server in a thread of its own."""

    def __init__(self, app: App, listening: socket.socket, **options: Any):
        """Begin.

        Args:
            app: the site.
            listening: of `bound`.
            **options: of uvicorn's Config: `ssl_certfile`, `ssl_keyfile`.
        """
        import uvicorn

        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, ws="none", http="h11",
            limit_concurrency=USERS, timeout_keep_alive=10, timeout_graceful_shutdown=4,
            h11_max_incomplete_event_size=32_768, **options,
        )  # fmt: skip
        self._server, self._listening = uvicorn.Server(config), listening
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [listening]},
            name="reid_jax-serve",
            daemon=True,
        )
        self._thread.start()

    def wait(self) -> None:
        """Wait for ever, or until the command is asked to stop."""
        while self._thread.is_alive():
            time.sleep(0.2)

    def close(self) -> None:
        """End; requests that are being answered are waited for."""
        self._server.should_exit = True
        self._thread.join(stop.PATIENCE)
        self._listening.close()

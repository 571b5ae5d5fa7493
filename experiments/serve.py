r"""Show a gallery as a page: search, follow a person over the cameras, correct, remove.

    python -m experiments.serve --gallery=people
    python -m experiments.serve --gallery=people --port=9000 --encoder=exported
    REID_TOKEN=... python -m experiments.serve --gallery=people --host=0.0.0.0 \
        --certificate=page.pem --key=page.key

`reid-jax gallery` makes the gallery. Drop a picture or click at a person: who is like it, by camera
and time, with the probability that it is the same person. "The same" and "not the same" are kept in
the gallery's folder; `reid-jax gallery --labels=FOLDER` makes a labelled data set of them. Removing
a person removes all pictures of him that the gallery has, from the disk too.

The page is served to this machine only. With another --host users must give the token; without
--certificate it travels as it is, so let a proxy with TLS stand before the page. Pictures that are
searched for stay in memory, for an hour; pictures of persons never leave the page's own host.
"""

import os
from pathlib import Path

from absl import flags

from reid_jax.api.gallery import remembered
from reid_jax.api.loading import load
from reid_jax.app import command, filters, progress, stop
from reid_jax.gallery.store import Store
from reid_jax.options import expanded

_ENCODER = flags.DEFINE_string(
    "encoder", None, "the encoder of the gallery, if it is no longer where it was"
)
_HOST = flags.DEFINE_string("host", "127.0.0.1", "the address that is served; others need --token")
_PORT = flags.DEFINE_integer("port", 8000, "the port; 0: any that is free", 0, 65_535)
_TOKEN = flags.DEFINE_string(
    "token", None, "what users must give, 16 characters or more; better in the variable REID_TOKEN"
)
_CERTIFICATE = flags.DEFINE_string("certificate", None, "a TLS certificate (.pem): https")
_KEY = flags.DEFINE_string("key", None, "with --certificate: its key")
BATCH = 8  # pictures that are embedded at once


def main() -> None:
    """Check, load, serve."""
    try:
        from reid_jax.serve import addresses, running, site
        from reid_jax.serve.opened import Opened
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "uvicorn", "starlette", "anyio", "pydantic"):
            raise
        raise ImportError("the page needs: pip install 'reid_jax[serve]'") from None
    host, token = _HOST.value or "", _TOKEN.value or os.environ.get("REID_TOKEN", "")
    running.check(host, token)
    secure = _certificates()
    folder = filters.folder()
    store = Store(folder)
    path = remembered(store, _ENCODER.value or "")
    listening = running.bound(host, _PORT.value or 0)
    command.say(f"serve: {folder}, {len(store):,} pictures")
    encoder = None if path is None else load(path, batch=BATCH)
    if encoder is None:
        command.say("without an encoder no picture can be given; name it with --encoder=FOLDER")
    opened = Opened(folder, encoder, command.say)
    app = addresses.made(site.Site(opened, stop.unsaved), token=token)
    if token and not secure:
        command.say("warning: without --certificate the token travels as it is")
    command.say(f"{running.address(host, listening, bool(secure))}  (Ctrl-C ends)")
    progress.hush()
    server = running.Running(app, listening, **secure)
    try:
        server.wait()
    finally:
        server.close()


def _certificates() -> dict[str, str]:
    """The options of TLS."""
    if bool(_CERTIFICATE.value) != bool(_KEY.value):
        raise ValueError("--certificate and --key are given together")
    found = {}
    for name, flag in (("ssl_certfile", _CERTIFICATE), ("ssl_keyfile", _KEY)):
        if flag.value:
            path = Path(expanded(flag.value))
            if not path.is_file():
                raise FileNotFoundError(f"--{flag.name}={flag.value}: there is no such file")
            found[name] = str(path)
    return found


if __name__ == "__main__":
    command.plain(main)

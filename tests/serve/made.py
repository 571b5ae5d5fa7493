"""The street's people in a gallery, by an encoder that sees the colours of their clothes."""

import jax.numpy as jnp
import numpy as np

from reid_jax import Encoder, open_gallery, synthetic
from reid_jax.retrieval.point import Point
from reid_jax.serve import addresses, running
from reid_jax.serve.opened import Opened
from reid_jax.serve.site import Site
from reid_jax.types import Embedded, Input, Model

BEGIN = 1_777_593_600  # 2026-05-01T00:00:00Z
CAMERAS = ("gate", "hall <b>", "it's")


def encoder(scale=1.0):
    """Colours of eight stripes of the middle: the nearest are mostly of one person."""

    def seen(variables, image, train, *_):
        x = image.astype(jnp.float32)[:, :, 8:24] / 255
        x = x.reshape(-1, 8, 8, 16, 3).mean((2, 3))
        x = variables["params"]["scale"] * (x - x.mean((1, 2), keepdims=True)).reshape(-1, 24)
        return Embedded(x, x), {}

    variables = {"params": {"scale": np.full((1, 1), scale, np.float32)}}
    point = Point(
        0.01, 0.8, 0.7, 0.9, 9, 9, cosine=(0.0, 0.5, 1.0), probability=(0.0, 0.1, 1.0),
        logistic=(20.0, -16.0),
    )  # fmt: skip
    model = Model(lambda key: variables, seen, 24, Input((64, 32)), None)
    return Encoder(model, variables, config={}, batch=8, point=point)


def people(persons=20, cameras=3):
    return synthetic.labelled(persons=persons, cameras=cameras, per_camera=2)


def gallery(folder, by, records=None, **known):
    """A track for each person and camera, person after person, a minute apart."""
    records = people() if records is None else records
    pairs = list(zip(records.person.tolist(), records.camera.tolist(), strict=True))
    made = open_gallery(folder, by, create=True)
    known = {"time": [BEGIN + 60 * p + 600 * c + i % 2 for i, (p, c) in enumerate(pairs)], **known}
    made.add(
        records, camera=[CAMERAS[c] for _, c in pairs], person=None,
        track=[f"{p}" for p, _ in pairs], **known,
    )  # fmt: skip
    return made


class Served:
    """A gallery that is served on a free port."""

    def __init__(self, folder, by=None, token=""):
        self.site = Site(Opened(folder, by))
        listening = running.bound("127.0.0.1", 0)
        self.address = running.address("127.0.0.1", listening).rstrip("/")
        self._server = running.Running(addresses.made(self.site, token=token), listening)

    def close(self):
        self._server.close()

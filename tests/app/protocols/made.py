"""Encoders that were trained on nothing, and miniatures whose pictures differ."""

import dataclasses
import json
from functools import cache
from types import SimpleNamespace

import cv2
import jax
import numpy as np

from reid_jax import checkpoint, encoders

NETWORK = dataclasses.asdict(encoders.Network(backbone="resnet_small", size="32x16", weights=""))


@cache
def network():
    """An encoder, and variables of it."""
    model = encoders.build(SimpleNamespace(**NETWORK))
    return model, jax.device_get(model.init(jax.random.key(0)))


def encoder(folder, seed=0, **config):
    """An exported encoder without its program, with a configuration that tells of training data."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    variables = jax.tree.map(
        lambda x: x * rng.uniform(0.5, 1.5, x.shape).astype(x.dtype), network()[1]
    )
    checkpoint.save_tree(folder / "weights", variables)
    (folder / "encoder.json").write_text(json.dumps({"config": {**NETWORK, **config}}))
    return folder


def draw(path, person, rng):
    """A picture of a person: a colour of its own, with noise."""
    colour = np.random.default_rng(person).integers(0, 256, 3)
    image = np.clip(colour + rng.normal(0, 60, (32, 16, 3)), 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


def viper(folder, persons=12, seed=0):
    rng = np.random.default_rng(seed)
    for person in range(persons):
        for camera, angle in (("a", 0), ("b", 90)):
            draw(folder / f"cam_{camera}" / f"{person:03}_{angle}.bmp", person, rng)
    return folder


def ilids(folder, persons=7, seed=1):
    rng = np.random.default_rng(seed)
    for person in range(1, persons + 1):
        for take in range(1, 4):
            draw(folder / "Persons" / f"{person:04}{take:03}.jpg", person, rng)
    return folder


def table(folder, persons=4, seed=2):
    """A CSV of query and gallery: a picture by camera 0, three by camera 1."""
    rng = np.random.default_rng(seed)
    lines = ["path,person,camera,split"]
    for person in range(1, persons + 1):
        for take in range(4):
            name = f"{person}_{take}.png"
            draw(folder / name, person, rng)
            lines.append(f"{name},{person},{int(take > 0)},{'gallery' if take else 'query'}")
    (folder / "mine.csv").write_text("\n".join(lines) + "\n")
    return folder / "mine.csv"

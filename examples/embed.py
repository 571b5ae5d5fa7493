"""A folder of pictures -> embeddings, the nearest of each, and a number for each person.

python examples/embed.py [FOLDER]; without it people of the street.
"""

import sys
import tempfile
from pathlib import Path

import jax
from PIL import Image

import reid_jax


def street(folder: str) -> str:
    """Write some people of the synthetic street as files."""
    people = reid_jax.synthetic.labelled(persons=6, cameras=2, per_camera=2)
    for number, person in enumerate(people.person):
        Image.fromarray(people.image[number]).save(f"{folder}/{person:02d}_{number:02d}.png")
    return folder


def main(folder: str, encoder: reid_jax.Encoder) -> list[int]:
    """Embed a folder, search in it, label it."""
    names = sorted(Path(folder).glob("*.png"))
    rows = encoder(names)  # f32[n d], rows of length one
    near, _ = reid_jax.nearest(rows, rows, k=2)  # the first is the picture itself
    label = reid_jax.cluster(rows, k1=4, k2=2)
    for name, one, other in zip(names, label, near[:, 1], strict=True):
        print(f"{name.name}: label {one}, most like {names[other].name}")
    return label.tolist()


if __name__ == "__main__":
    model = reid_jax.build()  # of random numbers; reid_jax.load("runs/mine") is a trained encoder
    encoder = reid_jax.Encoder(model, model.init(jax.random.key(0)))
    with tempfile.TemporaryDirectory() as scratch:
        main(sys.argv[1] if sys.argv[1:] else street(scratch), encoder)

"""A gallery of people seen by cameras: add, search, remove. Needs the extra `search`.

    python examples/search.py [ENCODER]

Without an encoder: a network of random numbers, so that it runs as it stands.
"""

import sys
import tempfile

import jax

import reid_jax


def main(encoder: reid_jax.Encoder, folder: str) -> list[int]:
    """Fill a gallery, search for its first person, remove that person; rows left after each."""
    gallery = reid_jax.open_gallery(f"{folder}/people", encoder, create=True)
    people = reid_jax.synthetic.labelled(domain="harbour", persons=8, cameras=3, per_camera=2)
    gallery.add(people, time="2026-05-01T08:30Z")  # cameras and persons as the data know them
    left = [len(gallery)]
    answer = gallery.search(row=0, top=5)
    for match in answer.matches:
        print(f"row {match.row}, camera {match.camera}, {match.time}: cosine {match.cosine:.3f}")
    gallery.remove(persons=str(people.person[0]))  # gone from the disk too
    left.append(len(gallery))
    print(f"{left[0]} rows, {left[1]} without person {people.person[0]}")
    return left


if __name__ == "__main__":
    if len(sys.argv) == 2:
        chosen = reid_jax.load(sys.argv[1])
    else:
        model = reid_jax.build()
        chosen = reid_jax.Encoder(model, model.init(jax.random.key(0)))
    with tempfile.TemporaryDirectory() as scratch:
        main(chosen, scratch)

"""Boxes of a video -> numbers of persons, frame by frame, with anyone's detector.

    python examples/track.py [ENCODER]

Here the boxes are the truth of a synthetic video, and the encoder, unless one is named, is a
network of random numbers.
"""

import sys

import jax

import reid_jax


def main(encoder: reid_jax.Encoder, frames: int = 40) -> tuple[int, int]:
    """Track; how many persons there are, and how many numbers were given."""
    film = reid_jax.synthetic.videos(videos=1, frames=frames, people=4)[0]
    truth, tracker = film.truth, reid_jax.Tracker(encoder)
    numbers: dict[int, set[int]] = {}
    for frame in range(len(film)):
        seen = truth[(truth["frame"] == frame) & (truth["visible"] > 0.3)]
        boxes = [(one["x"], one["y"], one["x"] + one["w"], one["y"] + one["h"]) for one in seen]
        tracked = tracker.update(film[frame], boxes)
        for person, number in zip(seen["person"].tolist(), tracked.id.tolist(), strict=True):
            if number >= 0:  # -1: seen too few times to be sure
                numbers.setdefault(person, set()).add(number)
    for person, given in sorted(numbers.items()):
        print(f"person {person} had the numbers {sorted(given)}")
    return len(numbers), len(set().union(*numbers.values()))


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(reid_jax.load(sys.argv[1]))
    else:
        model = reid_jax.build()
        main(reid_jax.Encoder(model, model.init(jax.random.key(0))))

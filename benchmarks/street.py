"""Images per second of the synthetic street, drawn on one core.

python -m benchmarks.street
"""

import time

import cv2
from absl import app, flags

from reid_jax import synthetic
from reid_jax.synthetic import town
from reid_jax.synthetic.town.scene import scene

_COUNT = flags.DEFINE_integer("count", 1000, "crops to draw of each domain and size", lower_bound=1)


def rate(draw, count: int) -> float:
    """Images per second of processor time, after one image that warms up the caches."""
    draw(0)
    start = time.process_time()
    for row in range(count):
        draw(row)
    return count / (time.process_time() - start)


def main(_: list[str]) -> None:
    cv2.setNumThreads(1)
    count = _COUNT.value
    print(f"{'what':36} {'per second':>10}")
    for domain in synthetic.DOMAINS:
        for size in ((128, 64), (256, 128)):
            images = synthetic.labelled(domain=domain, persons=count, per_camera=1, size=size).image
            # a stride coprime to the number of images, so that the order does not favour caches
            speed = rate(lambda row, images=images: images[row * 37 % len(images)], count)
            print(f"{domain + f' crops {size[0]}x{size[1]}':36} {speed:9.0f}")
    for size in ((128, 64), (256, 128)):
        images = town.labelled(persons=-(-count // 8), cameras=20, size=size).image
        for camera in range(20):  # whose scenes are drawn once
            scene(camera, town.Switches())
        speed = rate(lambda row, images=images: images[row], count)
        print(f"{f'town crops {size[0]}x{size[1]}':36} {speed:9.0f}")
    film = synthetic.videos(videos=1, frames=60)[0]
    print(f"{'frames 360x480, 6 people':36} {rate(lambda row: film[row % 60], 120):9.0f}")
    crops = synthetic.video_crops([film]).image
    speed = rate(lambda row: crops[row % len(crops)], min(count, 500))
    print(f"{'crops of that video':36} {speed:9.0f}")


if __name__ == "__main__":
    app.run(main)

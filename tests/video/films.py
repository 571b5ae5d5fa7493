"""Tiny films for the tests: rectangles on a textured wall, with their boxes in MOT format."""

import cv2
import numpy as np

SIZE = (48, 64)  # height, width
COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]


def picture(number, people, seed=0):
    """(frame `number` in RGB, boxes x, y, w, h) of a film in which `people` walk to and fro."""
    wall = np.random.default_rng(seed).integers(90, 150, (6, 8, 3)).astype(np.uint8)
    frame = cv2.resize(wall, SIZE[::-1], interpolation=cv2.INTER_NEAREST)
    boxes = []
    for person in range(people):
        x, y = 4 + 18 * person + 2 * abs(4 - number % 8), 10 + 3 * person
        frame[y : y + 24, x : x + 12] = COLOURS[person]
        boxes.append((x, y, 12, 24))
    return frame, boxes


def film(path, people, seeds=0, rate=10.0):
    """Write a film of len(people) frames, and PATH.txt with its boxes.

    seeds: the wall of each frame, or of all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate, SIZE[::-1])
    lines = []
    for place, many in enumerate(people):
        frame, boxes = picture(place, many, seeds if np.ndim(seeds) == 0 else seeds[place])
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        lines += [
            f"{place + 1},{person + 1},{','.join(map(str, box))},0.9,1,1"
            for person, box in enumerate(boxes)
        ]
    writer.release()
    path.with_suffix(".txt").write_text("\n".join(lines))
    return path


def folder(path, numbers, people=2, seed=0):
    """Write a folder of frames named by number, and PATH.txt with its boxes."""
    path.mkdir(parents=True)
    lines = []
    for number in numbers:
        frame, boxes = picture(number, people, seed)
        cv2.imwrite(str(path / f"{number:06}.png"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        lines += [
            f"{number},{person + 1},{','.join(map(str, box))},1" for person, box in enumerate(boxes)
        ]
    path.with_suffix(".txt").write_text("\n".join(lines))
    return path


def same(one, other):
    """Whether two folders hold the same files, byte for byte."""
    names = [
        sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))
        for root in (one, other)
    ]
    assert names[0] == names[1]
    return all(
        (one / name).read_bytes() == (other / name).read_bytes()
        for name in names[0]
        if (one / name).is_file()
    )

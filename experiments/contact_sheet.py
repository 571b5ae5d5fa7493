"""Draw contact sheets of the synthetic street.

    python -m experiments.contact_sheet --out=sheets

writes, for every domain, persons x cameras, the cameras' empty scenes, a video with its true boxes,
and a synchronised pair, as PNG; of --domains=town persons, eight pictures each, and scenes.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from reid_jax import synthetic
from reid_jax.app import command, outputs
from reid_jax.app.canvas import save
from reid_jax.options import choose
from reid_jax.synthetic import town
from reid_jax.synthetic.camera import draw_camera
from reid_jax.synthetic.crop import SCENE
from reid_jax.synthetic.place import background
from reid_jax.synthetic.town import scene
from reid_jax.whole import whole

_OUT = flags.DEFINE_string("out", "sheets", "the new folder to write")
_DOMAINS = flags.DEFINE_list("domains", list(synthetic.DOMAINS), "which domains")
_PERSONS = flags.DEFINE_integer("persons", 12, "how many persons", 1, 1000)
_CAMERAS = flags.DEFINE_integer("cameras", 6, "how many cameras", 1, 100)
_SEED = flags.DEFINE_integer("seed", 0, "the seed of people and paths", lower_bound=0)


def people(domain: str, persons: int, cameras: int, seed: int) -> np.ndarray:
    """A person in each row, two pictures of each camera; white where it does not see the person."""
    records = synthetic.labelled(
        domain=domain, persons=persons, cameras=cameras, per_camera=2, seed=seed
    )
    first = int(records.person.min())
    sheet = np.full((persons, cameras * 2, 128, 64, 3), 255, np.uint8)
    for row in range(len(records.image)):
        sheet[records.person[row] - first, 2 * records.camera[row] + row % 2] = records.image[row]
    return sheet.transpose(0, 2, 1, 3, 4).reshape(persons * 128, cameras * 128, 3)


def scenes(domain: str, cameras: int) -> np.ndarray:
    """The cameras' scenes without people, three in a row."""
    views = [background(draw_camera(domain, "fixed", camera), SCENE) for camera in range(cameras)]
    return _tiled(views)


def _tiled(views: list[np.ndarray]) -> np.ndarray:
    """Pictures of one size, three in a row."""
    views += [np.full_like(views[0], 255)] * (-len(views) % 3)
    return np.vstack([np.hstack(views[at : at + 3]) for at in range(0, len(views), 3)])


def strip(video: synthetic.Video, frames: range) -> np.ndarray:
    """Frames side by side, with the true boxes, the persons' numbers and the share that is seen."""
    pictures = []
    for frame in frames:
        picture = video[frame].copy()
        for box in video.truth[video.truth["frame"] == frame]:
            x, y, w, h = (int(box[name]) for name in ("x", "y", "w", "h"))
            cv2.rectangle(picture, (x, y), (x + w - 1, y + h - 1), (255, 255, 0), 1)
            text = f"{box['person']} {box['visible']:.0%}"
            cv2.putText(
                picture,
                text,
                (x, y - 3),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.4,
                (255, 255, 0),
                1,
                cv2.LINE_AA,
            )
        pictures.append(picture)
    return np.hstack(pictures)


def main() -> None:
    """Draw the sheets of each domain, all or none."""
    out = outputs.new(_OUT.value)
    domains = dict.fromkeys((*synthetic.DOMAINS, town.DOMAIN))
    for domain in _DOMAINS.value or []:
        choose("--domains", domain, domains)
    command.say(f"contact_sheet: {', '.join(_DOMAINS.value or [])} into {out}")
    with whole(out) as unfinished:
        unfinished.mkdir()
        for path in _draw(unfinished):
            command.say(str(out / path.name))


def _draw(folder: Path) -> Iterator[Path]:
    for domain in _DOMAINS.value or []:
        if domain == town.DOMAIN:
            yield from _draw_town(folder)
            continue
        video = synthetic.videos(domain=domain, videos=1, seed=_SEED.value)[0]
        pair = synthetic.camera_pair(domain=domain, seed=_SEED.value)
        sheets = {
            "people": people(domain, _PERSONS.value, _CAMERAS.value, _SEED.value),
            "scenes": scenes(domain, _CAMERAS.value),
            "video": np.vstack([strip(video, range(at, at + 30, 10)) for at in (0, 30)]),
            "pair": np.vstack([strip(view, range(15, 60, 15)) for view in pair]),
        }
        for name, sheet in sheets.items():
            path = folder / f"{domain}-{name}.png"
            save(path, sheet)
            yield path


def _draw_town(folder: Path) -> Iterator[Path]:
    """The same of the town, which has no videos."""
    persons, cameras = _PERSONS.value or 1, _CAMERAS.value or 1
    records = town.labelled(persons=persons, cameras=max(4, cameras), seed=_SEED.value or 0)
    rows = [np.hstack([records.image[8 * row + at] for at in range(8)]) for row in range(persons)]
    seen = [scene.scene(camera, town.Switches()) for camera in range(cameras)]
    for name, sheet in (("people", np.vstack(rows)), ("scenes", _tiled(seen))):
        path = folder / f"{town.DOMAIN}-{name}.png"
        save(path, sheet)
        yield path


if __name__ == "__main__":
    command.plain(main)

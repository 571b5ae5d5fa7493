"""The share of persons that a gallery finds on another camera, and its false alarms.

    python -m benchmarks.found --encoder=exported
    python -m benchmarks.found --encoder=exported --multiviewx=/data/multiviewx/crops

Scenes of the street, two cameras each, are watched as `reid-jax watch` does, with boxes that are a
few pixels off; a track is the person whose true boxes its pictures lie on. Of MultiviewX, the
pictures of one person by one camera are a track. Each track is searched for among the tracks of
each other camera, by its mean.

    rank 1        of the persons who are on the other camera, the share of whom the nearest is he
    found         the same, and at or above the threshold
    false alarms  searches whose nearest is at or above the threshold and another person; an hour of
                  the searching camera's film

The threshold has no label: at --fmr of the pairs of strangers, by people of one frame, of further
scenes of the street (of MultiviewX: of its own frames).
"""

import tempfile
from pathlib import Path

import numpy as np
from absl import app, flags

import reid_jax
from benchmarks.searches import Search, searches, told
from reid_jax import synthetic
from reid_jax.api.encoder import Encoder
from reid_jax.app import progress
from reid_jax.app.tracks import films
from reid_jax.app.watching.adder import Adder, Video
from reid_jax.app.watching.units import Frame, Units
from reid_jax.data import records
from reid_jax.gallery.store import Store
from reid_jax.gallery.watched import Watched
from reid_jax.tracking.assign import overlaps
from reid_jax.tracking.tracks import PUBLISHED

_ENCODER = flags.DEFINE_string("encoder", None, "a run, or an export", required=True)
_SCENES = flags.DEFINE_integer("scenes", 10, "of the street; 0: none", 0)
_FRAMES = flags.DEFINE_integer("frames", 100, "of each, 10 a second", 10)
_PEOPLE = flags.DEFINE_integer("people", 8, "of each", 2)
_DOMAIN = flags.DEFINE_string("domain", "harbour", "of the street")
_MULTIVIEWX = flags.DEFINE_string("multiviewx", None, "a folder of its crops, named as Market's")
_FMR = flags.DEFINE_float("fmr", 0.01, "false match rate of the threshold", 0, 1)
RATE, FURTHER = 10.0, 1000


def street(encoder: Encoder, folder: Path) -> tuple[list[Search], float, float]:
    """(searches, threshold, hours of film) of scenes, each a gallery of its own."""
    options = {"domain": _DOMAIN.value, "people": _PEOPLE.value, "frames": _FRAMES.value}
    apart = [
        video
        for pair in range(FURTHER, FURTHER + max(4, _SCENES.value))
        for video in synthetic.camera_pair(pair=pair, rate=RATE, **options)
    ]
    point = reid_jax.threshold(encoder, synthetic.video_crops(apart, stride=5), _FMR.value)
    found: list[Search] = []
    for pair in range(_SCENES.value):
        gallery = reid_jax.open_gallery(folder / str(pair), encoder, create=True)
        person = scene(gallery.store, encoder, films.scene(pair=pair, rate=RATE, **options))
        found += searches(gallery.store, person, point.threshold)
    hours = 2 * _SCENES.value * _FRAMES.value / RATE / 3600
    return found, point.threshold, hours


def scene(store: Store, encoder: Encoder, both: list[films.Film]) -> dict[int, int]:
    """Watch two cameras' films into a gallery; returns the person of each row."""
    adder = Adder(store, Watched(store.folder), best=5)
    for film in both:
        video, units = Video(film.name, film.name), Units(
            encoder, PUBLISHED, confidence=0.3, longest=10_000
        )  # fmt: skip
        adder.begin(video)
        for number, picture in film.pictures(film.numbers.tolist()):
            boxes = film.detect(picture, number)
            adder.add(video, units.look(Frame(number, picture, None), boxes))
        adder.add(video, units.close())
    adder.commit()
    truth = {film.name: film.truth for film in both}
    return {
        one["row"]: _person(truth[one["video"]], one["frame"], one["box"])
        for one in store.rows(columns=["video", "frame", "box"])
    }


def _person(truth: films.Rows, frame: int, box: list[float]) -> int:
    """Whose true box of a frame a box lies on, by an IoU of 0.5 or more; 0: nobody's."""
    own = truth.frame == frame
    left, top, width, height = box
    share = overlaps(np.array([[left, top, left + width, top + height]]), truth.box[own])[0]
    if not len(share) or share.max() < 0.5:
        return 0
    return int(truth.number[own][share.argmax()])


def multiviewx(encoder: Encoder, crops: Path, folder: Path) -> tuple[list[Search], float]:
    """(searches, threshold) of the crops, 0001_c2s1_000001_51.jpg: person, camera, frame."""
    paths = sorted(crops.glob("*.jpg"))
    parts = [path.stem.split("_") for path in paths]
    person = np.array([int(one[0]) for one in parts], np.int32)
    camera = np.array([int(one[1][1]) for one in parts], np.int32)
    frame = np.array([int(one[2]) for one in parts], np.int32)
    data = records.make(
        np.array([str(path) for path in paths], object),
        person,
        camera,
        frame=frame,
        group=0,
        shot=0,
    )
    point = reid_jax.threshold(encoder, data, _FMR.value)
    gallery = reid_jax.open_gallery(folder / "multiviewx", encoder, create=True)
    rows = gallery.add(data, track=person.tolist())
    known = dict(zip(rows.tolist(), person.tolist(), strict=True))
    return list(searches(gallery.store, known, point.threshold)), point.threshold


def main(_: list[str]) -> None:
    """Measure and print."""
    encoder = reid_jax.load(_ENCODER.value)
    with tempfile.TemporaryDirectory() as name, progress.doing("searching"):
        if _SCENES.value:
            found, threshold, hours = street(encoder, Path(name))
            progress.say(told(_DOMAIN.value, found, hours) + f"; threshold {threshold:.3f}")
        if _MULTIVIEWX.value:
            found, threshold = multiviewx(encoder, Path(_MULTIVIEWX.value), Path(name))
            progress.say(told("MultiviewX", found) + f"; threshold {threshold:.3f}")


if __name__ == "__main__":
    app.run(main)

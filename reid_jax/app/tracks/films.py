"""Films to track in: files, folders of frames, MOT's sequences, the synthetic street."""

import configparser
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reid_jax import synthetic
from reid_jax.tracking import mot
from reid_jax.tracking.mot import Rows
from reid_jax.video import boxes, find, frames
from reid_jax.video.boxes import Boxes
from reid_jax.video.detect import Detect


class Film(NamedTuple):
    """A video, by number of frame.

    Attributes:
        name: of its files.
        rate: frames a second; 0: not known.
        numbers: i64[n], of the frames that there are, increasing.
        pictures: wanted numbers -> (number, uint8 [h w 3] RGB).
        detect: finds persons in a frame.
        truth: where the persons are; None: not known.
        others: whom a tracker may follow or not, see `mot.distractors`; None: nobody.
        short: what is missing at its end, in words; empty: nothing.
    """

    name: str
    rate: float
    numbers: np.ndarray
    pictures: Callable[[Iterable[int]], Iterator[tuple[int, np.ndarray]]]
    detect: Detect
    truth: Rows | None = None
    others: Rows | None = None
    short: str = ""


def found(
    paths: Sequence[str],
    detector: Callable[[str], Detect] | None,
    *,
    rate: float = 0.0,
    truth: str | Path | None = None,
    divide: float = 1.0,
    files: bool = True,
) -> list[Film]:
    """The films of files and folders.

    A folder is one film where it holds img1/ (a sequence of MOT) or pictures named by number; it is
    several where it holds sequences; otherwise it is searched for videos.

    Args:
        paths: files and folders.
        detector: a film's name -> its detector; None: det/det.txt of a sequence.
        rate: frames a second where the file does not say, and for folders.
        truth: a folder with NAME.txt in MOT format; None: gt/gt.txt of a sequence, if it is there.
        divide: boxes of files, the detector's and the truth's, are divided by this.
        files: the detector's boxes are those of files.

    Raises:
        FileNotFoundError: a path, or a file of boxes, does not exist.
        ValueError: there is no film, or two have one name, or a file cannot be read.
    """
    places: list[tuple[str, Path]] = []
    for path in _each(paths):
        if (path / "img1").is_dir() or (path.is_dir() and not _videos_below(path)):
            places.append((path.name, path))
        else:
            views = [source.views[0] for source in find.videos([str(path)])]
            places += [(view.name, Path(view.path)) for view in views]
    names = [name for name, _ in places]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"two films are called {twice[0]}; rename one, or track them apart")
    made = [_film(name, path, detector, rate, truth, divide) for name, path in places]
    if not files or divide == 1:
        return made
    return [one._replace(detect=_divided(one.detect, divide)) for one in made]


def _each(paths: Sequence[str]) -> Iterator[Path]:
    """The paths; of a folder of sequences, as MOT's train/, its sequences."""
    for path in map(Path, paths):
        inside = sorted(one.parent for one in path.glob("*/img1")) if path.is_dir() else []
        yield from inside or [path]


def _videos_below(folder: Path) -> bool:
    return any(one.suffix.lower() in frames.VIDEOS for one in folder.rglob("*"))


def _film(
    name: str,
    path: Path,
    detector: Callable[[str], Detect] | None,
    rate: float,
    truth: str | Path | None,
    divide: float,
) -> Film:
    sequence = (path / "img1").is_dir()
    place = path / "img1" if sequence else path
    numbers = frames.numbers(place)
    detect = _sequence_boxes(path, sequence) if detector is None else detector(name)
    known = Path(truth) / f"{name}.txt" if truth else path / "gt" / "gt.txt"
    rows = mot.read(known) if truth or (sequence and known.is_file()) else None
    claim, stated = frames.claims(place)
    cut = len(numbers) < claim - max(1, stated)
    stated = _stated(path) if sequence else stated
    return Film(
        name,
        rate or stated,
        numbers.astype(np.int64),
        lambda wanted: frames.frames(place, wanted),
        detect,
        _smaller(rows, divide),
        _smaller(mot.distractors(known), divide) if rows else None,
        f"it ends after frame {len(numbers):,} of {claim:,}" if cut else "",
    )


def _smaller(rows: Rows | None, divide: float) -> Rows | None:
    return rows._replace(box=rows.box / divide) if rows else None


def _sequence_boxes(path: Path, sequence: bool) -> Detect:
    if not sequence:
        raise ValueError(f"name a detector for {path} with --detector=onnx:FILE or mot:FOLDER")
    file = path / "det" / "det.txt"
    if not file.is_file():
        raise FileNotFoundError(
            f"there is no file {file} with a detector's boxes; name a detector with "
            "--detector=onnx:FILE or mot:FOLDER"
        )
    given, none = boxes.read_mot(file), boxes.make([], [])
    return lambda picture, number: given.get(number, none)


def _stated(path: Path) -> float:
    """Frames a second as seqinfo.ini has it, or 0."""
    about = configparser.ConfigParser()
    try:
        about.read(path / "seqinfo.ini")
        return about.getfloat("Sequence", "frameRate", fallback=0.0)
    except (configparser.Error, ValueError, UnicodeDecodeError):
        raise ValueError(f"{path / 'seqinfo.ini'} cannot be read as an .ini file") from None


def _divided(detect: Detect, divide: float) -> Detect:
    def smaller(picture: np.ndarray, number: int) -> Boxes:
        one = detect(picture, number)
        return one._replace(box=one.box / divide)

    return smaller


def street(
    *,
    domain: str = "station",
    films: int = 2,
    frames: int = 240,
    people: int = 12,
    seed: int = 0,
    rate: float = 24.0,
    noisy: bool = True,
) -> list[Film]:
    """Films of the synthetic street, with their truth and a detector's boxes of it.

    Args:
        domain: a name in `synthetic.DOMAINS`.
        films: how many.
        frames: of each.
        people: in each.
        seed: of persons, cameras and paths.
        rate: frames a second.
        noisy: boxes are a few pixels off and the less visible ones are missed at random;
            otherwise they are the true ones.
    """
    made = synthetic.videos(
        domain=domain, videos=films, frames=frames, people=people, seed=seed, rate=rate
    )
    return [_of_street(f"{domain}-{seed}-{at}", one, noisy) for at, one in enumerate(made)]


def by_truth(film: Film) -> Film:
    """The film with a detector that finds the true boxes, and nothing else.

    Raises:
        ValueError: the truth is not known.
    """
    if film.truth is None:
        raise ValueError(f"{film.name} does not say where persons are (gt/gt.txt, --truth=FOLDER)")
    return film._replace(detect=_told(film.truth.frame, film.truth.box))


def _told(frame: np.ndarray, box: np.ndarray) -> Detect:
    """A detector that finds given boxes; rows are sorted by frame."""
    none = boxes.make([], [])
    numbers, start, count = np.unique(frame, return_index=True, return_counts=True)
    by_frame = {
        number: boxes.make(box[at : at + many], np.ones(many))
        for number, at, many in zip(numbers.tolist(), start, count, strict=True)
    }
    return lambda picture, number: by_frame.get(number, none)


def scene(*, domain: str = "station", frames: int = 120, people: int = 8, seed: int = 0,
          pair: int = 0, rate: float = 10.0, noisy: bool = True) -> list[Film]:  # fmt: skip
    """A scene of the street, filmed by two cameras: `street`'s films of the same persons."""
    both = synthetic.camera_pair(
        domain=domain, frames=frames, people=people, seed=seed, pair=pair, rate=rate
    )
    return [
        _of_street(f"{domain}-{seed}-{pair}{'ab'[at]}", one, noisy) for at, one in enumerate(both)
    ]


def _of_street(name: str, video: synthetic.Video, noisy: bool) -> Film:
    seen = video.truth[video.truth["visible"] >= 0.3]
    corner = np.stack([seen["x"], seen["y"]], 1).astype(float)
    box = np.concatenate([corner, corner + np.stack([seen["w"], seen["h"]], 1)], 1)
    truth = mot.make(seen["frame"] + 1, seen["person"], box)
    told, kept = box, np.ones(len(box), bool)
    if noisy:
        rng = np.random.default_rng(list(name.encode()))
        told = box + rng.normal(0, 0.03, box.shape) * (box[:, 3:] - box[:, 1:2])
        kept = rng.random(len(box)) < 0.5 + 0.5 * seen["visible"]
    return Film(
        name,
        video.rate,
        np.arange(1, len(video) + 1),
        lambda wanted: ((number, video[number - 1]) for number in wanted),
        _told(seen["frame"][kept] + 1, told[kept]),
        truth,
    )

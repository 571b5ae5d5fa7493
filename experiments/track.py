r"""Track persons in videos: Deep SORT at any rate, with pictures, scores and costs.

    python -m experiments.track --videos=/my/videos --detector=onnx:nanodet.onnx \
        --workdir=runs/market --out=tracks --hertz=2,4,8

writes for each video and rate 8hz.txt (MOT format), 8hz.mp4 (boxes in the number's colour, trails,
who is lost and found) and 8hz-ids.png (every person), and tracks.md with what a frame cost. With
--encoder=FOLDER, what experiments.export wrote, --encoder=hf://owner/name@revision, the same on a
model hub, or --weights=FILE --backbone=NAME instead of --workdir; without any of them street, which
comes with the library; --motion_only needs none. Folders of frames and MOT's sequences (img1, det,
gt) are videos too; --truth=FOLDER has NAME.txt with the truth, and adds scores.

A killed run goes on with the same command.

    python -m experiments.track score --tracks=tracks/a/8hz.txt --truth=a.txt
    python -m experiments.track gaps --tracks=tracks/a/8hz.txt --truth=a.txt --rate=8 --out=gaps
    python -m experiments.track cameras --tracks=tracks/a,tracks/b --hertz=8 --out=persons
    python -m experiments.track table --workdir=runs/mixed --without=runs/labelled --out=table14

`score` needs no video; `gaps` tells whether a person is found again, by the length of the gap;
`cameras` makes persons of the tracks of several cameras (--scenes=4: of the street's); `table` is
ReMix's table 14, with and without videos, at 2, 4 and 8 Hz, on the synthetic street or, with
--videos, on MOT's sequences (MOT15 and MOT17 each by a command).
"""

import math
from pathlib import Path

from absl import flags

from reid_jax import encoders, lean
from reid_jax.api.encoder import Encoder
from reid_jax.api.loading import load
from reid_jax.app import command, loaded, outputs, stop
from reid_jax.app.tracks import films, jobs, table14
from reid_jax.app.tracks.films import Film
from reid_jax.app.tracks.follow import PACES
from reid_jax.app.tracks.track import Options, begin, described, track
from reid_jax.options import absolute, choose, expanded, listed
from reid_jax.tracking import across
from reid_jax.tracking.tracker import Embed, checked
from reid_jax.tracking.tracks import PUBLISHED
from reid_jax.video import detect

from .tables import tracking

_VIDEOS = flags.DEFINE_multi_string(
    "videos",
    [],
    "by comma: videos, folders that are searched for them, folders of frames, sequences of MOT",
)
_DETECTOR = flags.DEFINE_string(
    "detector",
    "",
    "onnx:FILE (NanoDet, YOLOX; or nanodet:, yolox:FILE), mot:FOLDER (NAME.txt of a video's "
    "boxes), hog; none: det/det.txt of MOT's sequences",
)
_DIVIDE = flags.DEFINE_float(
    "divide", 1.0, "boxes of files are divided by it, where a video is a smaller copy", 1e-3, 1e3
)
_SCORE = flags.DEFINE_float("score", 0.3, "of a box, at least", -1e9, 1e9)
_HERTZ = flags.DEFINE_list(
    "hertz", [], "rates to track at, frames a second, by comma; none: every frame"
)
_RATE = flags.DEFINE_float(
    "rate", 0.0, "frames a second of the videos, where they do not say", 0, 1000
)
_TRUTH = flags.DEFINE_multi_string(
    "truth",
    [],
    "a folder with NAME.txt of each video, MOT format; of the other jobs: files or folders",
)
_TRACKS = flags.DEFINE_multi_string(
    "tracks", [], "of score and gaps: files in MOT format or folders; of cameras: OUT/NAME each"
)
_OUT = flags.DEFINE_string("out", None, "the folder to write")
_WITHOUT = flags.DEFINE_string(
    "without",
    None,
    "of table: the encoder that was trained without videos, a run, an export or a weights file; "
    "--workdir, --encoder or --weights is the one with videos",
)
_MOTION_ONLY = flags.DEFINE_boolean("motion_only", False, "pair boxes by overlap, without encoder")
_CAMERA = flags.DEFINE_boolean("camera_motion", False, "move tracks with the picture")
_DRAW = flags.DEFINE_boolean("draw", True, "write a video and a sheet of every person")
_DISTANCE = flags.DEFINE_float("distance", PUBLISHED.distance, "of looks, at most", 0, 2)
_IOU = flags.DEFINE_float(
    "iou", round(1 - PUBLISHED.overlap, 9), "of boxes paired by overlap, at least", 0, 1
)
_GATE = flags.DEFINE_boolean("gate", True, "pair boxes by looks only where motion allows it")
_BUDGET = flags.DEFINE_integer("budget", PUBLISHED.budget, "embeddings a track keeps", 1)
_CONFIRM = flags.DEFINE_integer("confirm", PUBLISHED.confirm, "frames before a number is given", 1)
_FORGET = flags.DEFINE_integer("forget", PUBLISHED.forget, "frames that the lost are kept for", 0)
_PACE = flags.DEFINE_string(
    "pace",
    PACES[0],
    "how far persons are expected to move: stride (as many times farther as frames are left out), "
    "published (as at a video's own rate, which at low rates refuses true pairs)",
)
_EPS = flags.DEFINE_float("eps", across.DEFAULT.eps, "of cameras: of two tracks, at most", 0, 1)
_SCENES = flags.DEFINE_integer(
    "scenes",
    0,
    "of cameras: so many scenes of the street, two cameras each, instead of --tracks",
    0,
)
_BOXES = flags.DEFINE_string("boxes", "detector", "of table: detector, truth (the true boxes)")
_SEEDS = flags.DEFINE_integer("seeds", 3, "of table: streets, seeds 0, 1, ...", 1)
_FILMS = flags.DEFINE_integer("films", 2, "of table: films of a street", 1)
_FRAMES = flags.DEFINE_integer("frames", 240, "of table: frames of a film, 24 a second", 1)
_PEOPLE = flags.DEFINE_integer("people", 16, "of table: persons of a film", 1)


def tracks() -> None:
    """Track in --videos, by --detector."""
    options, out = _options(), Path(expanded(_named(_OUT.value, "--out=FOLDER")))
    given, embed = _films(), _embed()
    command.say(f"track: {len(given):,} videos into {out}")
    track(given, embed, out, options, _about())
    command.say(f"{out / 'tracks.md'}: persons, scores and costs")


def score() -> None:
    """Score --tracks beside --truth."""
    jobs.scored(_several("tracks"), _several("truth"))


def gaps() -> None:
    """Tell after gaps of which length persons got their number back."""
    name = _named(_OUT.value, "--out=NAME, of NAME.csv and NAME.png")
    out = outputs.new(f"{name}.csv")
    jobs.told_gaps(_several("tracks"), _several("truth"), _RATE.value or 0.0, out)


def cameras() -> None:
    """Make persons of the tracks of several cameras."""
    how = across.How(eps=_EPS.value or across.DEFAULT.eps)
    if _SCENES.value:
        made = Path(expanded(_named(_OUT.value, "--out=FOLDER")))
        about = {**_about(), "scenes": _SCENES.value}
        jobs.scenes(_SCENES.value, _embed(), made, _options(), how, about)
        return
    out = outputs.new(_OUT.value)
    rates = [f"{float(one):g}hz" for one in _hertz() if one] or ["all"]
    if len(rates) > 1:
        raise ValueError("name one rate with --hertz")
    truth = listed(_TRUTH.value) if _TRUTH.value else []
    jobs.cameras(_several("tracks"), rates[0], out, how, truth)


def table() -> None:
    """Make ReMix's table 14: on the street, or on MOT's sequences."""
    options, out = _options((2.0, 4.0, 8.0)), Path(expanded(_named(_OUT.value, "--out=FOLDER")))
    choose("--boxes", _BOXES.value or "", dict.fromkeys(("detector", "truth")))
    flag = "--without=PATH, the encoder that was trained without videos"
    _, without = encoders.found(_named(_WITHOUT.value, flag))
    truly = _BOXES.value == "truth"
    groups: dict[str, list[Film]] = {}
    if _VIDEOS.value:
        given = _films()
        groups["sequences"] = [films.by_truth(one) for one in given] if truly else given
    else:
        groups = {
            f"street {seed}": films.street(
                films=_FILMS.value or 1,
                frames=_FRAMES.value or 1,
                people=_PEOPLE.value or 1,
                seed=seed,
                noisy=not truly,
            )
            for seed in range(_SEEDS.value or 1)
        }
    begin(out, {**_about(usual=False), **described(options), "groups": list(groups),
                "boxes": _BOXES.value, "without": without, "street": [
                    _FILMS.value, _FRAMES.value, _PEOPLE.value]})  # fmt: skip
    embeds = {
        table14.FLOOR: None,
        table14.WITHOUT: _loaded(_WITHOUT.value),
        table14.WITH: _embed(),
    }
    where = "MOT's sequences" if _VIDEOS.value else "the synthetic street"
    title = f"ReMix, table 14: Deep SORT on {where}, {_BOXES.value} boxes"
    table14.make(groups, embeds, out, options, tracking.read(), title)
    command.say(f"{out / 'table.md'}: the table")


def _named(text: str | None, flag: str) -> str:
    if not text:
        raise ValueError(f"name {flag}")
    return text


def _several(name: str) -> list[str]:
    """The paths of a flag that names several."""
    paths = listed(flags.FLAGS[name].value or [])
    if not paths:
        about = (flags.FLAGS[name].help or "").partition("\n")[0]
        raise ValueError(f"name --{name}=PATH: {about}")
    return paths


def _hertz() -> tuple[float, ...]:
    rates = []
    for word in _HERTZ.value or []:
        try:
            rates.append(float(word))
        except ValueError:
            rates.append(math.nan)
        if not 0 < rates[-1] < 1000:
            raise ValueError(f"--hertz={word}; give frames a second, above 0, as 2,4,8")
    return tuple(dict.fromkeys(rates))


def _options(rates: tuple[float, ...] = (0.0,)) -> Options:
    choose("--pace", _PACE.value or "", dict.fromkeys(PACES))
    how = {
        "distance": _DISTANCE.value,
        "overlap": round(1 - (_IOU.value or 0.0), 9),
        "budget": _BUDGET.value,
        "confirm": _CONFIRM.value,
        "forget": _FORGET.value,
    }
    if not _GATE.value:
        how["gate"] = math.inf
    return Options(
        _hertz() or rates,
        checked(how),
        pace=_PACE.value or "",
        confidence=_SCORE.value or 0.0,
        camera_motion=bool(_CAMERA.value),
        draw=bool(_DRAW.value),
    )


def _films() -> list[Film]:
    paths = _several("videos")
    detector, files = None, True
    if _DETECTOR.value:
        kind, _, path = _DETECTOR.value.partition(":")
        text, files = f"{kind}:{expanded(path)}" if path else kind, kind == "mot"
        detector = detect.detector(text, score=max(0.0, _SCORE.value or 0.0))
    truth = listed(_TRUTH.value) if _TRUTH.value else []
    if len(truth) > 1 or any(not Path(one).is_dir() for one in truth):
        raise ValueError("--truth is the folder with NAME.txt for each video")
    return films.found(
        paths,
        detector,
        rate=_RATE.value or 0.0,
        truth=truth[0] if truth else None,
        divide=_DIVIDE.value or 1.0,
        files=files,
    )


def _about(*, usual: bool = True) -> dict[str, str | float | list[str] | None]:
    """What else decides the result; without `usual` an encoder must be named."""
    encoder = "" if _MOTION_ONLY.value else loaded.named(usual=usual)
    if encoder not in ("", lean.SEEN):
        encoder = encoders.found(encoder)[1]
    return {
        "videos": [absolute(path) for path in listed(_VIDEOS.value)],
        "detector": _DETECTOR.value,
        "divide": _DIVIDE.value,
        "rate": _RATE.value,
        "truth": [absolute(path) for path in listed(_TRUTH.value)],
        "encoder": encoder or None,
    }


def _embed() -> Embed | None:
    """The encoder that is named; None for --motion_only."""
    if _MOTION_ONLY.value:
        return None
    if loaded.none():
        command.say(f"no encoder is named: {lean.SEEN}")
    one = loaded.encoder(usual=True)
    return Encoder(one.model, one.variables, config=one.config, fingerprint=one.hash)


def _loaded(text: str | None) -> Embed:
    path, _ = encoders.found(text or "")
    return load(path, None if path.is_dir() else flags.FLAGS["backbone"].value)


if __name__ == "__main__":
    command.plain(
        tracks,
        {"tracks": tracks, "score": score, "gaps": gaps, "cameras": cameras, "table": table},
        then=stop.GOES_ON,
    )

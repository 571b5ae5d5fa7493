r"""Watch videos and cameras: the persons in them are tracked and added to a gallery.

    python -m experiments.watch --videos=/my/videos --detector=onnx:nanodet.onnx \
        --encoder=exported --gallery=people
    python -m experiments.watch --videos=/recordings --follow --detector=onnx:nanodet.onnx \
        --gallery=people
    python -m experiments.watch --videos=gate=rtsp://10.0.0.5/1,yard=/dev/video0 \
        --detector=onnx:nanodet.onnx --gallery=people

A track is a unit of the gallery: the best pictures of one person by one camera, with video, frame,
box and time. A file's name tells the camera and when it began: CAMERA_2026-05-01T08-30-00Z.mp4, or
CAMERA/2026-05-01T08-30-00Z.mp4; else the whole name is the camera, and --start tells the time.
Times without a zone are in --zone.

The same command goes on where it was stopped or killed: what is in the gallery is not added again.
With --follow it waits for new files, until a stop; a file that is being written is waited for. An
address or a device is followed live, at the rate that the machine keeps up with; a connection that
ends is opened again. The first command makes the gallery, as `reid-jax gallery` does: of --encoder,
or without it of street, which comes with the library; from then on the gallery remembers it, and
another is refused. `reid-jax search` and `reid-jax serve` may read, and remove, meanwhile.
"""

import math
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from absl import flags

from reid_jax.api.gallery import encoder_of, open_gallery
from reid_jax.app import command, stop
from reid_jax.app.watching import stream
from reid_jax.app.watching.film import Clock
from reid_jax.app.watching.running import Options
from reid_jax.app.watching.stream import Stream
from reid_jax.app.watching.watch import watch
from reid_jax.gallery import moment
from reid_jax.options import expanded, listed
from reid_jax.tracking.tracks import PUBLISHED
from reid_jax.video import detect

_VIDEOS = flags.DEFINE_multi_string(
    "videos",
    [],
    "by comma: videos, folders that are searched to the bottom for them, and cameras, each an "
    "address (rtsp://, http://) or a device (/dev/video0, 0), as NAME=ADDRESS",
)
_DETECTOR = flags.DEFINE_string(
    "detector",
    "",
    "onnx:FILE (NanoDet, YOLOX; or nanodet:, yolox:FILE), mot:FOLDER (NAME.txt of a video's "
    "boxes), hog",
)
_GALLERY = flags.DEFINE_string("gallery", None, "the gallery's folder", required=True)
_ENCODER = flags.DEFINE_string(
    "encoder",
    None,
    "the folder of a run or of an export, or hf://owner/name@revision; without it that of the "
    "gallery, and of a new one street, the library's own",
)
_FOLLOW = flags.DEFINE_boolean("follow", False, "wait for new videos, until a stop")
_CAMERA = flags.DEFINE_string("camera", "", "the camera of all videos, instead of their names")
_START = flags.DEFINE_string(
    "start", None, "when videos whose names do not tell began, as 2026-05-01T08:30Z"
)
_ZONE = flags.DEFINE_string("zone", "UTC", "of times in names without one, as Europe/Berlin")
_RATE = flags.DEFINE_float("rate", 0.0, "frames a second, where a video does not say", 0, 1000)
_HERTZ = flags.DEFINE_float("hertz", Options.hertz, "frames a second that are looked at", 0.01, 1e3)
_SCORE = flags.DEFINE_float("score", Options.confidence, "of a box, at least", 0, 1)
_DISTANCE = flags.DEFINE_float("distance", PUBLISHED.distance, "of looks in a track, at most", 0, 2)
_BEST = flags.DEFINE_integer("best", Options.best, "pictures of a track that are kept", 1, 32)
_LONGEST = flags.DEFINE_float(
    "longest", Options.longest, "seconds after which a track is added and goes on as another", 1
)
_SETTLE = flags.DEFINE_float(
    "settle", Options.settle, "seconds for which a file has not changed, before it is read", 0
)
PATIENCE = 600.0  # seconds to wait for another writer, as one who removes


def main() -> None:
    """Watch."""
    if not _VIDEOS.value:
        raise ValueError("name videos, folders of them or cameras with --videos=PATH")
    if not _DETECTOR.value:
        raise ValueError(
            "name what finds persons with --detector=onnx:FILE, mot:FOLDER (boxes in files) or hog"
        )
    options = _options()
    texts = [one for text in _VIDEOS.value for one in _split(text)]
    cameras = [found for text in texts if (found := stream.address(text))]
    twice = [name for name, _ in cameras if [one for one, _ in cameras].count(name) > 1]
    if twice:
        raise ValueError(f"two cameras are called {twice[0]}; name them apart: NAME=ADDRESS")
    paths = listed([text for text in texts if not stream.address(text)])
    kind, _, path = _DETECTOR.value.partition(":")
    named = f"{kind}:{expanded(path)}" if path else kind
    detector = detect.detector(named, score=_SCORE.value or 0.0)
    folder = Path(expanded(_GALLERY.value or ""))
    command.say(f"watch: {', '.join([*paths, *(name for name, _ in cameras)])} into {folder}")
    encoder = expanded(encoder_of(folder, _ENCODER.value, command.say))
    gallery = open_gallery(folder, encoder, create=True, patience=PATIENCE, say=command.say)
    assert gallery.encoder is not None

    def streams() -> list[Stream]:
        return [Stream(name, place, options.hertz) for name, place in cameras]

    watch(paths, streams, detector, gallery.encoder, gallery.store, options)


def _split(text: str) -> list[str]:
    """The cameras of a text by comma, and what is between them."""
    found: list[str] = []
    for piece in text.split(","):
        if found and not (stream.address(piece) or stream.address(found[-1])):
            found[-1] += f",{piece}"
        else:
            found.append(piece)
    return found


def _options() -> Options:
    for flag in (_HERTZ, _SCORE, _DISTANCE, _LONGEST, _SETTLE):
        if not math.isfinite(flag.value or 0.0):
            raise ValueError(f"--{flag.name}={flag.value} is no finite number")
    start = None if _START.value is None else moment.micro(_START.value, "--start")
    return Options(
        hertz=_HERTZ.value or 1.0,
        how=PUBLISHED._replace(distance=_DISTANCE.value or 0.0),
        confidence=_SCORE.value or 0.0,
        best=_BEST.value or 1,
        longest=_LONGEST.value or 1.0,
        settle=_SETTLE.value or 0.0,
        follow=bool(_FOLLOW.value),
        clock=Clock(_CAMERA.value or "", start, _zone(), _RATE.value or 0.0),
    )


def _zone() -> tzinfo:
    try:
        return ZoneInfo(_ZONE.value or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"--zone={_ZONE.value} is no time zone; give one as Europe/Berlin"
        ) from None


if __name__ == "__main__":
    command.plain(main, then=stop.GOES_ON)

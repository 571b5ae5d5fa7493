"""Pictures of tracks: a video with boxes, numbers and trails, and sheets of every person."""

import colorsys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from reid_jax.app import canvas
from reid_jax.app.progress import Watch
from reid_jax.app.tracks.films import Film
from reid_jax.app.tracks.follow import Followed, Moment
from reid_jax.data.augment import resize
from reid_jax.video.cut import crop
from reid_jax.whole import whole

TRAIL = 2.0  # seconds
FOUND = 1.0  # seconds that a person who is found again is marked
LEAST = 720  # pixels; lower frames are enlarged
ACROSS, DOWN = 8, 25  # pictures of a person, persons of a sheet
_GOLDEN = 0.618034


def colour(number: int) -> tuple[int, int, int]:
    """The colour of a number, RGB; it is the same in every video and sheet."""
    light, strong = (0.95, 0.85) if number % 2 else (0.75, 0.95)
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN % 1, strong, light)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw(
    film: Film, followed: Followed, hertz: float, name: Path, watch: Watch
) -> tuple[Path, list[Path]]:
    """Write NAME.mp4 and NAME-ids.png (-ids-2.png and so on where there are many persons).

    Args:
        film: whose frames are read once more.
        followed: its tracks.
        hertz: frames of the video a second.
        name: of the files, without an ending.
        watch: is told how far it is.

    Returns:
        (the video, the sheets).
    """
    chosen = _chosen(followed)
    pieces: dict[int, list[np.ndarray]] = {number: [] for number in followed.number.tolist()}
    at = {moment.frame: place for place, moment in enumerate(followed.moments)}
    window = 2 + round(max(TRAIL, FOUND) * hertz)
    video = name.with_name(f"{name.name}.mp4")
    writer: cv2.VideoWriter | None = None
    with whole(video) as unfinished:
        path = unfinished.with_name(f".{unfinished.name}.mp4")  # OpenCV goes by the ending
        try:
            for number, picture in film.pictures(list(at)):
                for person, box in chosen.get(number, ()):
                    if piece := crop(picture, box, 1):
                        pieces[person].append(resize(np.ascontiguousarray(piece[0]), canvas.SIZE))
                past = followed.moments[max(0, at[number] - window) : at[number] + 1]
                drawn = annotated(picture, past, hertz)
                if writer is None:
                    size = drawn.shape[1::-1]
                    writer = cv2.VideoWriter(
                        str(path), cv2.VideoWriter.fourcc(*"mp4v"), hertz, (size[0], size[1])
                    )
                writer.write(cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
                watch(at[number] + 1, len(at))
        finally:
            if writer is not None:
                writer.release()
        if not path.is_file() or not path.stat().st_size:
            path.unlink(missing_ok=True)
            raise ValueError(f"this OpenCV ({cv2.__version__}) cannot write {video}")
        path.rename(unfinished)
    return video, list(_sheets(pieces, followed, film, name))


def annotated(picture: np.ndarray, moments: Sequence[Moment], hertz: float) -> np.ndarray:
    """A frame with its persons, uint8 [h w 3].

    A person has the number's colour: a box, the number, and where the feet were in the last
    seconds. Who is lost has a thin grey box where expected; who was found again just now a double
    box.

    Args:
        picture: uint8 [h w 3], of the last moment.
        moments: up to it, those of the last seconds at least.
        hertz: moments a second.
    """
    scale = max(1, round(LEAST / picture.shape[0]))
    drawn = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    trail = moments[-max(2, round(TRAIL * hertz)) :]
    recent = moments[-max(2, round(FOUND * hertz) + 1) :]
    now = moments[-1]
    thick = max(1, drawn.shape[0] // 360)
    for number, box, missed in zip(now.number.tolist(), now.box, now.missed.tolist(), strict=True):
        ink = colour(number)
        feet = [_feet(one, number, scale) for one in trail]
        path = np.array([one for one in feet if one is not None], np.int32)
        cv2.polylines(drawn, [path.reshape(-1, 1, 2)], False, ink, thick, cv2.LINE_AA)
        left, top, right, bottom = (
            int(one) for one in np.clip(scale * box, -32000, 32000).round().tolist()
        )
        if missed:
            cv2.rectangle(drawn, (left, top), (right, bottom), (170, 170, 170), 1)
            _write(drawn, f"{number} lost", (left, top), (170, 170, 170))
            continue
        again = any(one.missed[one.number == number].sum() > 0 for one in recent[:-1])
        cv2.rectangle(drawn, (left, top), (right, bottom), ink, 2 * thick)
        if again:
            far = 4 * thick
            corner, other = (left - far, top - far), (right + far, bottom + far)
            cv2.rectangle(drawn, corner, other, (255, 255, 255), thick)
        _write(drawn, f"{number} found" if again else f"{number}", (left, top), ink)
    _write(drawn, f"frame {now.frame}", (4, drawn.shape[0] - 4), (60, 60, 60))
    return drawn


def _feet(moment: Moment, number: int, scale: int) -> tuple[float, float] | None:
    rows = np.flatnonzero((moment.number == number) & (moment.missed == 0))
    if not len(rows):
        return None
    left, _, right, bottom = scale * moment.box[rows[0]]
    return (left + right) / 2, bottom


def _write(drawn: np.ndarray, text: str, corner: tuple[int, int], ink: tuple) -> None:
    """White letters on a band of a colour, above a corner."""
    size = max(0.4, drawn.shape[0] / 1400)
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    left = int(np.clip(corner[0], 0, max(0, drawn.shape[1] - wide - 4)))
    top = int(np.clip(corner[1], high + 6, drawn.shape[0]))
    cv2.rectangle(drawn, (left, top - high - 6), (left + wide + 4, top), ink, -1)
    cv2.putText(
        drawn, text, (left + 2, top - 4), cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 1,
        cv2.LINE_AA,
    )  # fmt: skip


def _chosen(followed: Followed) -> dict[int, list[tuple[int, np.ndarray]]]:
    """The boxes that sheets show, by frame: of each person ACROSS, evenly over its time."""
    chosen: dict[int, list[tuple[int, np.ndarray]]] = {}
    seen: dict[int, list[tuple[int, np.ndarray]]] = {}
    for moment in followed.moments:
        for row in np.flatnonzero(moment.missed == 0):
            seen.setdefault(int(moment.number[row]), []).append((moment.frame, moment.box[row]))
    for number, boxes in seen.items():
        for place in np.unique(np.linspace(0, len(boxes) - 1, ACROSS).astype(int)):
            frame, box = boxes[place]
            chosen.setdefault(frame, []).append((number, box))
    return chosen


def _sheets(
    pieces: dict[int, list[np.ndarray]], followed: Followed, film: Film, name: Path
) -> Iterator[Path]:
    """Write sheets of DOWN persons each."""
    numbers = [number for number, own in pieces.items() if own]
    frames = followed.rows.frame
    for start in range(0, len(numbers), DOWN):
        own = numbers[start : start + DOWN]
        lines, words = [], []
        for number in own:
            edge = colour(number)
            lines.append(
                [
                    cv2.copyMakeBorder(one, 4, 4, 3, 3, cv2.BORDER_CONSTANT, value=edge)
                    for one in pieces[number]
                ]
            )
            seen = frames[followed.rows.number == number]
            words.append(f"{number}\nframes {seen[0]} to {seen[-1]}\nin {len(seen)}")
        text = "Each row: pictures of one number, in the order of time, from its first to its last "
        text += "frame. They should all show one person, and no two rows the same."
        part = f", {start + 1} to {start + len(own)}" if len(numbers) > DOWN else ""
        sheet = canvas.captioned(
            canvas.grid(lines, words), f"{film.name}: {len(numbers)} persons{part}", text
        )
        page = f"-{start // DOWN + 1}" if start else ""
        path = name.with_name(f"{name.name}-ids{page}.png")
        canvas.save(path, sheet)
        yield path

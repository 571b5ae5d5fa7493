"""What makes the town a better teacher, each with a name, so that it can be left out."""

from typing import NamedTuple


class Switches(NamedTuple):
    """What is drawn; all of it unless left out.

    Attributes:
        muted: half of the garments are black, grey, white, navy, denim or beige.
        cloth: patterns, prints, creases and grain.
        sun: sky and sun with shadows; without it, even light.
        turn: persons seen from all sides; without it, from the front or the back.
        high: cameras 2 to 8 m high; without it, at the height of eyes.
        sensor: each camera's white balance, exposure, tone, noise, sharpness, blur and jpeg.
        places: procedural backgrounds; without them, a grey.
        front: other people and things before and behind.
        boxes: a detector's errors.
        twins: some persons share their clothes.
    """

    muted: bool = True
    cloth: bool = True
    sun: bool = True
    turn: bool = True
    high: bool = True
    sensor: bool = True
    places: bool = True
    front: bool = True
    boxes: bool = True
    twins: bool = True


NAMES = Switches._fields


def without(*names: str) -> Switches:
    """All but some."""
    return Switches()._replace(**dict.fromkeys(names, False))

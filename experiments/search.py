r"""Search a gallery for a person: a ranked table, and a sheet of pictures.

    python -m experiments.search --gallery=people --picture=x.jpg --out=answer.png
    python -m experiments.search --gallery=people --row=17 --by=track --cameras=1,2 \
        --since=2026-05-01 --until=2026-05-08

`reid-jax gallery` makes the gallery. Several pictures of one person, --picture=x.jpg,y.jpg, stand
together. Where the encoder has a threshold (`reid-jax evaluate --fmr=RATE` finds one), each match
is told to be above it or not, with the probability that it is the same person if as many pairs
are of one person as of two; if nobody is above it, that is said. --by=track ranks each track once,
by the mean of its pictures. Below 50,000 pictures every one is looked at; above, an index finds
them, and the share of the ten nearest that it finds is told.
"""

import json
from pathlib import Path

from absl import flags

from reid_jax.api.gallery import Gallery, remembered
from reid_jax.api.loading import load
from reid_jax.api.pictures import each, items
from reid_jax.app import canvas, command, filters, found, outputs
from reid_jax.gallery.answer import Answer, listed
from reid_jax.gallery.store import Store
from reid_jax.gallery.thumbnails import decoded
from reid_jax.options import listed as paths
from reid_jax.whole import whole

_PICTURE = flags.DEFINE_string("picture", None, "a picture of the person, or several: x.jpg,y.jpg")
_ROW = flags.DEFINE_integer("row", None, "instead of --picture: the number of a row", lower_bound=0)
_ENCODER = flags.DEFINE_string(
    "encoder", None, "the encoder of the gallery, if it is no longer where it was"
)
_TOP = flags.DEFINE_integer("top", 10, "how many are shown", 1, 1000)
_BY = flags.DEFINE_enum("by", "picture", ["picture", "track"], "what is ranked")
_THRESHOLD = flags.DEFINE_float(
    "threshold", None, "the cosine from which on it is the person; without it, the encoder's", -1, 1
)
_OUT = flags.DEFINE_string("out", None, "a new .png for the sheet, or .json for the figures")


def main() -> None:
    """Search, print, draw."""
    out = outputs.new(_OUT.value, ".png", ".json") if _OUT.value else None
    if (_PICTURE.value is None) == (_ROW.value is None):
        raise ValueError("name whom to search for with --picture=FILE or --row=NUMBER, one of both")
    given = paths([_PICTURE.value or ""])
    filters.chosen()
    named = " and ".join(given) or f"row {_ROW.value}"
    command.say(f"search: {named} in {filters.folder()}")
    store = Store(filters.folder())
    gallery = Gallery(store) if _ROW.value is not None else _opened(store)
    answer = gallery.search(
        given or None,
        row=_ROW.value,
        top=_TOP.value or 1,
        by=_BY.value or "picture",
        threshold=_THRESHOLD.value,
        **filters.given(),
    )
    for line in found.table(answer):
        command.say(line)
    command.say(f"{found.verdict(answer)}; {found.exactness(answer)}")
    if out is not None:
        _write(out, store, answer, given, named)
        command.say(str(out))


def _opened(store: Store) -> Gallery:
    """The gallery behind its encoder, from where that was when the gallery was made."""
    folder = remembered(store, _ENCODER.value or "")
    if folder is None:
        raise ValueError(
            f"the encoder of {store.folder} is not at {store.about.name or 'any known place'}; "
            "name it with --encoder=FOLDER"
        )
    return Gallery(store, load(folder))


def _write(out: Path, store: Store, answer: Answer, given: list[str], named: str) -> None:
    if out.suffix == ".json":
        kept = {"query": named, "threshold": answer.threshold, "nobody": answer.nobody}
        kept |= {"looked": answer.looked, "exact": answer.exact, "recall": answer.recall}
        with whole(out) as unfinished:
            unfinished.write_text(json.dumps({**kept, "matches": listed(answer.matches)}) + "\n")
        return
    rows = [one.row for one in answer.matches]
    jpegs = store.thumbnails([*rows, *([] if _ROW.value is None else [_ROW.value])])
    query = [jpegs[_ROW.value]] if _ROW.value in jpegs else []
    asked = [*each(items(given), lambda picture: picture, ahead=8), *map(decoded, query)]
    canvas.save(out, canvas.drawn(found.sheet(asked, answer, jpegs, f"Who is {named}?")))


if __name__ == "__main__":
    command.plain(main)

"""What a protocol needs: its lines with the sources to train on, and where each set lies."""

from collections.abc import Iterator

from reid_jax.app import kinds
from reid_jax.app.protocols.named import Protocol, name
from reid_jax.app.protocols.places import FOLDERS, Places
from reid_jax.app.protocols.targets import numbers


def shown(title: str, protocol: Protocol, places: Places) -> Iterator[str]:
    """Yield lines on a protocol: how to train for it, how it tests, and the data that it needs."""
    yield f"{title}: {protocol.about}"
    if not protocol.lines:
        yield "  it names no sets: train on any, and name with --targets what is tested on"
        return
    for line in protocol.lines:
        yield ""
        splits = len(numbers(_source(line.target, places)))
        often = f", {splits} splits" if splits > 1 else ""
        drawn = f", {protocol.draws} draws each" if protocol.draws else ""
        yield f"tested on {name(line.target)}{often}{drawn}"
        if line.sources:
            yield "  train with"
            yield f"  --config.data={'+'.join(_source(one, places) for one in line.sources)} \\"
        else:
            yield "  trained on whatever you like; the test of the training is"
        yield f"  --config.test={_source(line.target, places)}"
    yield ""
    yield "data"
    texts = [text for line in protocol.lines for text in (*line.sources, line.target)]
    for one in dict.fromkeys(map(name, texts)):
        yield f"  {one:12} {kinds.KINDS[one].about}"
        yield f"  {'':12} {_where(one, places)}"


def _source(text: str, places: Places) -> str:
    """The source of a set; where it is not there, the one of the folder that it would have."""
    try:
        return places.source(text)
    except ValueError:
        one, comma, options = text.partition(",")
        return f"{one}:{places.root or '/data'}/{FOLDERS[one][0]}{comma}{options}"


def _where(one: str, places: Places) -> str:
    """The folder of a set, or how it is to be named."""
    try:
        return places.source(one).partition(":")[2]
    except ValueError:
        folders = " or ".join(f"{folder}/" for folder in FOLDERS[one])
        return f"not there: {folders} below --root, or --at={one}:FOLDER"

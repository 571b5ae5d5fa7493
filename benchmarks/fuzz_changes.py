"""How `benchmarks.fuzz` damages a file or a folder: at random, and as somebody who means harm."""

import io
import json
import os
import random
import re
import shutil
import zipfile
from pathlib import Path

OUTSIDE = "../outside"  # beside the folder of an input; nothing may open what lies there
NUMBERS = [2**31 - 1, 2**31, 2**32 - 1, 2**60, 2**63 - 1, 2**63, 2**64 - 1, 0, 1, 255]
WORDS = ["0", "-1", "1e308", "9" * 25, "NaN", "null", "[]", "{}", '""', "true", "1" + "0" * 18]
PATHS = ["../outside/secret", "/etc/passwd", f"{OUTSIDE}/secret", "..", "/", "a\0b", "%s" * 9]


def changed(folder: Path, seed: int) -> str:
    """Damage something in a folder; says what was done."""
    rng = random.Random(seed)
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    file = rng.choice(files)
    name = file.relative_to(folder).as_posix()
    if len(files) > 1 and rng.random() < 0.2:
        return f"{name}: {_replaced(file, folder, files, rng)}"
    data, done = file.read_bytes(), []
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        data, what = _bytes(data, rng)
        done.append(what)
        if what.endswith("bomb"):  # a copy would be stored as large as it unpacks
            break
    file.write_bytes(data)
    return f"{name}: {', '.join(done)}"


def _replaced(file: Path, folder: Path, files: list[Path], rng: random.Random) -> str:
    """A file or its folder is gone, empty, a folder or a link."""
    kind = rng.choice(["gone", "empty", "folder", "link", "no folder", "copied"])
    if kind == "no folder" and file.parent != folder:
        shutil.rmtree(file.parent)
        return "its folder is gone"
    if kind == "copied":
        file.write_bytes(rng.choice(files).read_bytes())
        return "another file of the folder"
    file.unlink()
    if kind == "empty":
        file.touch()
    elif kind == "folder":
        file.mkdir()
    elif kind == "link":
        (folder.parent / "linked").write_bytes(b"a link is followed: folders of links are usual")
        file.symlink_to(folder.parent / "linked")
    return kind


def _bytes(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    if data[:1] in (b"{", b"[") and rng.random() < 0.6:
        return _json(data, rng)
    if zipfile.is_zipfile(io.BytesIO(data)) and rng.random() < 0.5:
        return _zip(data, rng)
    if rng.random() < 0.25:
        return _text(data, rng)
    at, size = rng.randrange(len(data) + 1), rng.choice([1, 2, 4, 8, 64, 1000])
    if rng.random() < 0.4:  # heads hold the claims
        at = rng.randrange(min(len(data), 300) + 1)
    number = rng.choice(NUMBERS).to_bytes(8, rng.choice(["little", "big"]))
    number = number[: rng.choice([4, 8])] if rng.random() < 0.5 else number[-4:]
    pieces = {
        "flipped": data[:at] + bytes([(data[at : at + 1] or b"\0")[0] ^ (1 << rng.randrange(8))]),
        "cut": data[:at],
        "nothing": b"",
        "taken out": data[:at] + data[at + size :],
        "noise": data[:at] + rng.randbytes(size) + data[at + size :],
        "put in": data[:at] + rng.randbytes(size) + data[at:],
        "zeros": data[:at] + bytes(size) + data[at + size :],
        "a number": data[:at] + number + data[at + len(number) :],
        "twice": data[: at + size] + data[at:],
        "longer": data + rng.randbytes(size),
    }
    what = rng.choice([*pieces, "flipped", "a number", "noise"])
    whole = pieces[what] + data[at + 1 :] if what == "flipped" else pieces[what]
    return whole, f"{what} at {at}"


def _text(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Another number, word or path in the place of one."""
    found = list(re.finditer(rb"-?[0-9]+(\.[0-9]+)?|[A-Za-z_./]{3,}", data[:200_000]))
    if not found:
        return data[::-1], "backwards"
    one, word = rng.choice(found), rng.choice([*WORDS, *PATHS])
    return data[: one.start()] + word.encode() + data[
        one.end() :
    ], f"{word[:12]!r} at {one.start()}"


def _json(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A value of another kind somewhere, a name that is gone, or a deep nest."""
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        return data[: len(data) // 2], "cut"
    places: list[tuple[object, object]] = []

    def walk(node: object) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node)  # type: ignore
        for key, value in items:
            places.append((node, key))
            if isinstance(value, dict | list):
                walk(value)

    walk(whole)
    if not places:
        return b"[" * 100_000, "a nest"
    node, key = rng.choice(places)
    values = [None, -1, 0, 2**63, 1e308, "x", "", [], {}, True, [[1]], {"a": None}, *PATHS]
    if rng.random() < 0.2:
        del node[key]  # type: ignore
        return json.dumps(whole).encode(), f"no {key}"
    if rng.random() < 0.03:
        return data[:-2] + b',"n":' + b"[" * 100_000, "a nest"
    node[key] = value = rng.choice(values)  # type: ignore
    return json.dumps(whole).encode(), f"{key} is {value!r}"[:60]


def _zip(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A member is damaged behind a right checksum, named otherwise, or huge."""
    made = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
            names = old.namelist()
            chosen, kind = rng.choice(names), rng.choice(["inside", "named", "bomb", "gone"])
            for name in names:
                content = old.read(name)
                if name != chosen:
                    new.writestr(name, content)
                elif kind == "inside":
                    content, kind = _bytes(content, rng)
                    new.writestr(name, content)
                elif kind == "named":
                    new.writestr(
                        rng.choice(PATHS).replace("\0", "") + os.path.basename(name), content
                    )
                elif kind == "bomb":
                    new.writestr(name, content[:64] + bytes(100 << 20), zipfile.ZIP_DEFLATED, 1)
    except Exception:  # noqa: BLE001  # it was damaged before
        return data[: len(data) // 2], "cut"
    return made.getvalue(), f"{chosen} of the archive: {kind}"

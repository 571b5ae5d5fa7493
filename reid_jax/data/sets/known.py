"""What the published archives look like from outside: names of their pictures, and of their parts.

It tells a reader that was given another archive which one it is.
"""

import re
from collections.abc import Iterable
from pathlib import Path

# the form of a picture's name, by kind; a name that several have is of the first
NAMES = {
    kind: re.compile(form, re.IGNORECASE)
    for kind, form in {
        "market1501": r"-?\d{1,4}_c\d+s\d+_\d+_\d+\.",
        "dukemtmc": r"\d{4}_c\d+_f\d+\.",
        "msmt17": r"\d{4}_\d{3}_\d{2}_\d{4}(?:morning|noon|afternoon)_",
        "mars": r"(?:\d{4}|00-1)C\d+T\d+F\d+\.",
        "cuhk03": r"(?:\d{4}_c[12]_\d+|[1-5]_\d{3}_[12]_\d{2})\.",
        "randperson": r"\d{6}_(?:s\d+_c\d+|c\d+_s\d+)_f\d+\.",
        "grid": r"\d{4}_\d_\d+_\d+_\d+_\d+_\d+\.jpeg",
        "prid2011": r"person_\d{4}\.",
        "cuhk01": r"\d{7}\.png",
        "ilids": r"\d{7}\.jpg",
        "viper": r"\d{3}_\d+\.bmp",
        "cuhk_sysu": r"p-?\d+_s\d+_\d+\.",
    }.items()
}
# files and folders that an archive has; the first that are there decide
PARTS = {
    "msmt17": ("list_train.txt", "list_query.txt"),
    "mars": ("bbox_train", "bbox_test"),
    "cuhk_sysu": ("Image", "annotation"),
    "grid": ("probe", "features_and_partitions.mat"),
    "prid2011": ("single_shot",),
    "viper": ("cam_a", "cam_b"),
    "cuhk02": ("P1", "P2", "P3", "P4", "P5"),
    "cuhk03": ("images_labeled", "images_detected"),
    "ilids": ("Persons",),
    "cuhk01": ("campus",),
    "randperson": ("images", "images/scene00"),
}
MARKET = ("bounding_box_train", "query", "bounding_box_test")  # also of others, told by names
SEEN = 20  # names of a folder that are looked at


def kind_of_names(names: Iterable[str]) -> str:
    """The kind whose pictures are named so; "" where none is."""
    for _, name in zip(range(SEEN), names, strict=False):
        for kind, form in NAMES.items():
            if form.match(name):
                return kind
    return ""


def kind_of(folder: Path) -> str:
    """The kind of archive that a folder holds, as far as a glance tells; "" where none."""
    for kind, parts in PARTS.items():
        if all((folder / part).exists() for part in parts):
            return kind
    for place in (folder, folder / "train"):
        for one in place.iterdir() if place.is_dir() else ():
            if one.name[:6] in ("MOT17-", "MOT20-") and one.is_dir():
                return one.name[:5].lower()
    for part in (*MARKET, ""):
        if (folder / part).is_dir():
            kind = kind_of_names(sorted(path.name for path in (folder / part).iterdir()))
            if kind:
                return kind
    return "market1501" if all((folder / part).is_dir() for part in MARKET) else ""

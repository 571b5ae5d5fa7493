"""Rows of CycAs's table of fine-tuning, which experiments.mgn trains."""

from typing import Any

from reid_jax.app.table import Row, Table

_SETS = {
    "market": "Market-1501",
    "duke": "DukeMTMC-reID",
    "cuhk03_labelled": "CUHK03 (labelled boxes)",
    "msmt17": "MSMT17",
}
_SELF = {"test": "", "extra": True}  # from weights that came without labels
_IN = {"street": "mgn_small_ibn_a", "paper": "mgn_in"}
_STARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "imagenet": ("ImageNet", {"test": ""}),
    "moco": ("MoCo", _SELF),
    "luperson": ("LUPerson", {**_SELF, "normalise": "luperson"}),
    "cycas": ("CycAs", {"test": "", "backbone": _IN}),
}

TABLES = {
    "cycas": Table(
        "CycAs, table 4: MGN by what it starts from",
        tuple(
            Row(
                f"{title}, from {what}",
                options,
                f"mgn.cycas/{start} {title}",
                start=start,
                data={"data": f"{{{name}}}"},
            )
            for name, title in _SETS.items()
            for start, (what, options) in _STARTS.items()
        ),
    ),
}

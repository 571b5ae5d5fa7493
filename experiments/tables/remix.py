"""Rows of ReMix's tables, which experiments.remix trains."""

from collections.abc import Mapping
from typing import Any

from reid_jax.app.table import Row, Table

_WITHOUT = {"labels": 0}
_SIZES = {
    "256x128": {"street": "128x64", "paper": "256x128"},
    "384x128": {"street": "192x64", "paper": "384x128"},
}
_BACKBONES = {
    "resnet50": {"street": "resnet_small", "paper": "resnet50"},
    "resnet50_ibn_a": {"street": "resnet_small_ibn_a", "paper": "resnet50_ibn_a"},
}
_TIMED = ("mAP", "rank1", "cpu")
_SETS = {"market": "Market-1501", "duke": "DukeMTMC-reID", "msmt17": "MSMT17"}


def _data(options: Mapping[str, Any], **sets: str) -> dict[str, str]:
    """The sets of a row; one without videos needs none."""
    return {**sets, **({} if options.get("labels") == 0 else {"videos": "{luperson}"})}


def _row(name: str, options: Mapping[str, Any], paper: str = "", **more: Any) -> Row:
    """A row as most are: trained on MSMT17-merged and LUPerson, tested on two other sets."""
    data = _data(options, data="{msmt17_merged}", test="{market}")
    return Row(name, options, paper, data=data, tests=("{duke}",), **more)


def _both(name: str, value: Any, what: str, key: str) -> tuple[Row, Row]:
    """Without videos from ImageNet, with them from LUPerson: as the later tables compare."""
    return (
        _row(f"{what}, without videos", {**_WITHOUT, name: value}, f"{key} without"),
        _row(f"{what}, with videos", {name: value}, f"{key} with", start="luperson"),
    )


def _alone(name: str, title: str) -> tuple[Row, Row]:
    """Trained on a set and tested on its own cameras."""
    without, with_videos = {**_WITHOUT, "test": ""}, {"test": ""}
    return (
        Row(
            f"{title}, without videos",
            without,
            f"remix.13/without {title}",
            data=_data(without, data=f"{{{name}}}"),
        ),
        Row(
            f"{title}, with videos",
            with_videos,
            f"remix.13/with {title}",
            start="luperson",
            data=_data(with_videos, data=f"{{{name}}}"),
        ),
    )


TABLES = {
    "4": Table(
        "ReMix, table 4: with and without videos",
        (
            _row("labelled data alone", _WITHOUT, "remix.4/without"),
            _row(
                "with videos, a batch's labels from any of them",
                {"videos_a_batch": 0},
                "remix.4/with",
            ),
            _row("with videos, a batch's labels from two", {"videos_a_batch": 2}),
            _row(
                "labelled data alone, from LUPerson",
                _WITHOUT,
                "remix.4/without, luperson",
                start="luperson",
                recipes=("paper",),
            ),
            _row(
                "with videos, from LUPerson",
                {"videos_a_batch": 0},
                "remix.4/with, luperson",
                start="luperson",
                recipes=("paper",),
            ),
        ),
    ),
    "8": Table(
        "ReMix, table 8: the radius of DBSCAN",
        tuple(_row(f"eps {eps}", {"eps": eps}, f"remix.8/{eps}") for eps in (0.65, 0.7, 0.8, 0.85)),
    ),
    "9": Table(
        "ReMix, table 9: images of a batch, B_m without videos and B_s beside B_m = 32",
        tuple(
            _row(
                f"B_m = {4 * persons}, B_s = 0",
                {**_WITHOUT, "persons": persons},
                f"remix.9/B_m {4 * persons}",
            )
            for persons in (4, 8, 16)
        )
        + tuple(
            _row(
                f"B_s = {4 * labels}",
                {"labels": labels},
                f"remix.9/B_s {4 * labels}",
                start="luperson",
            )
            for labels in (4, 8, 16)
        ),
    ),
    "10": Table(
        "ReMix, table 10: images of a label in a batch, of 32 labelled ones without videos and of "
        "32 of videos",
        tuple(
            _row(
                f"N_K = {each}, without videos",
                {**_WITHOUT, "persons": 32 // each, "per_person": each},
                f"remix.10/N_K^m {each}",
            )
            for each in (2, 4, 8)
        )
        + tuple(
            _row(
                f"N_K = {each} of videos",
                {"labels": 32 // each, "per_label": each},
                f"remix.10/N_K^s {each}",
                start="luperson",
            )
            for each in (2, 4, 8)
        ),
    ),
    "11": Table(
        "ReMix, table 11: the size of the pictures",
        _both("size", _SIZES["256x128"], "as in the paper", "remix.11/256x128")
        + _both("size", _SIZES["384x128"], "half as high again", "remix.11/384x128"),
        figures=_TIMED,
    ),
    "12": Table(
        "ReMix, table 12: the encoder",
        _both("backbone", _BACKBONES["resnet50"], "without IBN", "remix.12/resnet50")
        + _both("backbone", _BACKBONES["resnet50_ibn_a"], "IBN-a", "remix.12/resnet50_ibn_a"),
        figures=_TIMED,
    ),
    "13": Table(
        "ReMix, table 13: tested on other persons of the labelled data's own cameras",
        tuple(row for name, title in _SETS.items() for row in _alone(name, title)),
    ),
}

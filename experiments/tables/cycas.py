"""Rows of CycAs's tables and figures, which experiments.cycas trains."""

from reid_jax.app.table import Row, Table

_SYMMETRIC = {"intra": 1.0, "inter": 1.0}
_QUEUES = ((0, 0), (1024, 16_384), (2048, 32_768), (4096, 65_536), (8192, 131_072))
_PERSONS = ("street-persons", "canonical")
_SETS = {
    "market": "Market-1501",
    "duke": "DukeMTMC-reID",
    "cuhk03": "CUHK03",
    "msmt17": "MSMT17",
}
_ALL = {"data": "{youtube}+{surveillance}", "test": "{market}"}
_OTHERS = ("{duke}", "{cuhk03}", "{msmt17}", "{prid}", "{grid}", "{viper}", "{ilids}")
_VIDEOS_ALONE = {"early": 0, "scene_share": 0.0}
_MOST = 11  # 2^11 x 10^4 pictures
_STREET = {1: 10, 2: 30, 3: 100, 4: 300}  # videos of the street in their place
_SIMULATED: tuple[tuple[str, str, dict], ...] = (
    ("CycAs, shares 0.9 and 0.6 of the persons are found again", "asymmetric", {}),
    ("CycAs, all are", "symmetric", _SYMMETRIC),
    ("the symmetric loss, all are", "", {**_SYMMETRIC, "loss": "symmetric"}),
    ("the symmetric loss, shares 0.9 and 0.6", "", {"loss": "symmetric"}),
    ("supervised", "supervised", {"loss": "identity"}),
)


def _size(power: int, option: str, name: str, by: str, **options: object) -> Row:
    """A training on 2^power x 10^4 pictures of videos."""
    pictures = 10_000 * 2**power
    few = f"synthetic-videos:station,videos={_STREET.get(power)}"
    return Row(
        f"{name}, 2^{power} x 10^4 pictures"
        + (f", on the street {_STREET[power]} videos" if power in _STREET else ""),
        {option: {"street": few, "paper": None}, **options},
        f"cycas.6/{name} {power}" if (name, power) in _TOLD else "",
        start="none" if name == "MoCo v3" else "imagenet",
        recipes=() if power in _STREET else ("paper",),
        data={option: f"{{youtube}},pictures={pictures}", "test": "{market}"},
        tests=("{msmt17}",),
        by=by,
        at=(name, {"street": _STREET.get(power, 0), "paper": pictures}),
    )


_TOLD = {("SpCL", 1), ("SpCL", 3), ("MoCo v3", 1), ("MoCo v3", 11), ("CycAs", 11)}
_SPCL = {
    "data": "",
    "bn_domains": False,
    "bn_group": {"street": 0, "paper": None},
    "test": {"street": "synthetic:harbour", "paper": None},
}
_SCALE = (
    *(_size(power, "data", "CycAs", "", early=0, scene_share=0.0) for power in range(1, _MOST + 1)),
    *(_size(power, "target", "SpCL", "spcl:alone", **_SPCL) for power in range(1, 4)),
    *(_size(power, "data", "MoCo v3", "moco") for power in range(1, _MOST + 1)),
)


def _added(curve: str, pictures: int, videos: int, scenes: int) -> Row:
    """CycAs on 256 x 10^4 pictures of videos and so many more, of videos or of scenes."""
    of_videos = 2_560_000 + (0 if scenes else pictures)
    paper = f"{{youtube}},pictures={of_videos}"
    small = f"synthetic-videos:station,videos={videos}"
    if scenes:
        paper += f"+{{surveillance}},pictures={pictures}"
        small += f"+synthetic-scenes:station,scenes={scenes}"
    share = {"scene_share": {"street": 0.2, "paper": None}} if scenes else _VIDEOS_ALONE
    return Row(
        f"{pictures // 10_000} x 10^4 pictures of {curve} more",
        {"data": {"street": small, "paper": None}, **share},
        data={"data": paper, "test": "{market}"},
        tests=("{msmt17}",),
        at=(curve, {"street": videos + scenes, "paper": 2_560_000 + pictures}),
    )


def _shares(side: str, shares: tuple[float, ...]) -> tuple[Row, ...]:
    """CycAs by the mean share of persons that are found again."""
    return tuple(
        Row(
            f"{side} {share}",
            {side: share, f"{side}_spread": 0.1},
            f"cycas.9/{side} {share}" if side == "intra" and share in (0.3, 1.0) else "",
            data={"data": "{market}"},
            at=(side, share),
        )
        for share in shares
    )


TABLES = {
    "2": Table(
        "CycAs, table 2: from videos alone",
        (
            Row("CycAs", {}, "cycas.2/resnet50", data=_ALL, tests=_OTHERS),
            Row(
                "CycAs, Swin",
                {"backbone": "swin_t"},
                "cycas.2/swin",
                recipes=("paper",),
                data=_ALL,
                tests=_OTHERS,
            ),
        ),
    ),
    "3": Table(
        "CycAs, table 3: pairs simulated from a labelled set",
        tuple(
            Row(
                f"{title}, {what}",
                options,
                f"cycas.3/{key} {title}" if key else "",
                data={"data": f"{{{name}}}"},
            )
            for name, title in _SETS.items()
            for what, key, options in _SIMULATED
        ),
        _PERSONS,
    ),
    "5": Table(
        "CycAs, table 5: the queue and its hardest negatives",
        tuple(
            Row(
                f"M = {large}, on the street {small}",
                {"memory": {"street": small, "paper": large}},
                f"cycas.5/M {large}",
                data=_ALL,
            )
            for small, large in _QUEUES
        )
        + tuple(
            Row(
                f"k = {k}",
                {"hardest": k},
                f"cycas.5/k {k}",
                run="{3}" if k == 10 else "",
                data=_ALL,
            )
            for k in (1, 5, 10, 50, 100)
        ),
    ),
    "6": Table(
        "CycAs, figures 6 and 7: accuracy, time and memory by the number of pictures",
        _SCALE,
        figures=("mAP", "rank1", "hours", "memory"),
        axis="pictures (on the street: videos) that are trained on",
    ),
    "8": Table(
        "CycAs, figure 8: more videos, or scenes of two cameras",
        (
            *(_added("videos", 10_000 * n, 100 + n // 2, 0) for n in (0, 64, 128, 256)),
            *(_added("scenes", 10_000 * n, 100, n // 8) for n in (64, 128, 256)),
        ),
        axis="pictures (on the street: videos and scenes) that are trained on",
    ),
    "9": Table(
        "CycAs, figure 9: the share of persons that are found again, drawn for each batch",
        _shares("intra", (0.3, 0.5, 0.7, 0.9, 1.0)) + _shares("inter", (0.2, 0.4, 0.6, 0.8, 1.0)),
        _PERSONS,
        axis="mean share of persons that are found again",
    ),
    "losses": Table(
        "CycAs on videos: its two losses",
        (
            Row("relaxed", {"loss": "relaxed"}, data=_ALL),
            Row("symmetric", {"loss": "symmetric"}, data=_ALL),
        ),
    ),
}

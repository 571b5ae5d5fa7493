"""Rows of GDS's and Theory's tables, which experiments.gds trains."""

from typing import Any

from reid_jax.app.table import Row, Table

NAMES = {"none": "baseline", "gds": "with GDS", "gds-h": "with GDS-H"}
RECIPES = ("street", "paper", "code")
SETS = {"M": "market", "D": "duke", "C": "cuhk03", "MSMT17": "msmt17"}

_LOST = {("gds.snr", "gds", "D", "C")}  # its figures could not be read
_KINDS = tuple(NAMES)
_BOTH = ("none", "gds-h")
_SNR = {"street": "resnet_small_snr", "paper": "resnet50_snr", "code": "resnet50_snr"}
_M_D = (("M", "D"),)
_LARGE = (("M", "MSMT17"), ("D", "MSMT17"))
_SIX = (("M", "D"), ("D", "M"), ("M", "C"), ("D", "C"), ("C", "M"), ("C", "D"))


def _data(source: str, target: str) -> dict[str, str]:
    return {"data": f"{{{SETS[source]}}}", "target": f"{{{SETS[target]}}}"}


def _rows(
    key: str, directions: tuple[tuple[str, str], ...], kinds: tuple[str, ...], **options: Any
) -> tuple[Row, ...]:
    """Rows of each direction by each kind."""
    return tuple(
        Row(
            f"{source} -> {target}, {NAMES[kind]}",
            {"gds": kind, **options},
            "" if (key, kind, source, target) in _LOST else f"{key}/{kind} {source} -> {target}",
            data=_data(source, target),
        )
        for source, target in directions
        for kind in kinds
    )


def _of_sources(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The first row of each source trains on it, for all later ones."""
    first: dict[str, int] = {}
    made = []
    for number, row in enumerate(rows):
        trains = first.setdefault(row.data["data"], number)
        options = dict(row.options)
        if trains < number:
            options["weights"] = dict.fromkeys(RECIPES, f"{{{trains}}}-source")
            if row.options == rows[0].options:  # on the street it is the first row
                options["weights"]["street"] = None
        made.append(row._replace(options=options))
    return tuple(made)


_BY_CLUSTERING = tuple(
    Row(
        f"{by}, {NAMES[kind]}",
        {"gds": kind, "clustering": by},
        f"gds.5/{by} {kind}",
        data=_data("M", "D"),
    )
    for by in ("kmeans", "dbscan", "hdbscan")
    for kind in _BOTH
)
_BY_BETA = (
    *(Row(f"beta {beta}", {"beta": beta}, data=_data("M", "D")) for beta in (0.9, 0.99, 0.999)),
    Row("beta 0.9, the gradient straight through", {"straight": True}, data=_data("M", "D")),
)
_THEORY = tuple(
    Row(
        f"{source} -> {target}, Theory",
        {"gds": "none"},
        f"gds.theory/{source} -> {target}",
        data=_data(source, target),
    )
    for source, target in (("M", "D"), ("D", "M"), ("C", "M"), ("C", "D"), *_LARGE)
)
_DIRECT = Row("M -> D, direct transfer", {"gds": "none"}, run="{0}-source", data=_data("M", "D"))


TABLES = {
    "2": Table("GDS, table 2: a large target", _of_sources(_rows("gds.2", _LARGE, _BOTH)), RECIPES),
    "3": Table(
        "GDS, table 3: from one data set to another",
        _of_sources(_rows("gds.3", _SIX, _KINDS)),
        RECIPES,
    ),
    "snr": Table(
        "GDS, table 3: on SNR",
        _of_sources(_rows("gds.snr", _SIX, _KINDS, backbone=_SNR)),
        RECIPES,
    ),
    "figures": Table(
        "GDS, figures 1 and 2: distances by method, on the target's test and training part, and "
        "how they move",
        (*_of_sources(_rows("gds.3", _M_D, _KINDS)), _DIRECT),
        RECIPES,
        draws=("distances", "trend"),
    ),
    "5": Table("GDS, table 5: the clustering", _of_sources(_BY_CLUSTERING), RECIPES),
    "beta": Table(
        "GDS-H by beta, which the paper's supplement does not tell", _of_sources(_BY_BETA), RECIPES
    ),
    "theory": Table("Theory, as its public code has it", _of_sources(_THEORY), ("code",)),
}

"""Rows of GDS's and Theory's tables, which experiments.gds trains."""

from typing import Any

from reid_jax.app.table import Row, Table

NAMES = {"none": "baseline", "gds": "with GDS", "gds-h": "with GDS-H"}
RECIPES = ("street", "paper", "code")


def _rows(
    key: str, kinds: tuple[str, ...] = tuple(NAMES), prefix: str = "", **options: Any
) -> tuple[Row, ...]:
    return tuple(
        Row(prefix + NAMES[kind], {"gds": kind, **options}, f"{key}{kind}") for kind in kinds
    )


def _one_source(table: Table) -> Table:
    """The first row trains on the source for all."""
    first, *others = table.rows
    weights = {"weights": "{0}-source"}
    others = [row._replace(options={**row.options, **weights}) for row in others]
    return table._replace(rows=(first, *others))


_SNR = {"street": "resnet_small_snr", "paper": "resnet50_snr", "code": "resnet50_snr"}
_BOTH = ("none", "gds-h")
_BY_CLUSTERING = tuple(
    row
    for by in ("kmeans", "dbscan", "hdbscan")
    for row in _rows(f"gds.5/{by} ", _BOTH, f"{by}, ", clustering=by)
)
_BY_BETA = (
    *(Row(f"beta {beta}", {"beta": beta}) for beta in (0.9, 0.99, 0.999)),
    Row("beta 0.9, the gradient straight through", {"straight": True}),
)
_THEORY = (Row("Theory", {"gds": "none"}, "gds.theory/theory"),)

_TABLES = {
    "2": Table("GDS, table 2: a large target", _rows("gds.2/", _BOTH), RECIPES),
    "3": Table("GDS, table 3: from one data set to another", _rows("gds.3/"), RECIPES),
    "snr": Table("GDS, table 3: on SNR", _rows("gds.snr/", backbone=_SNR), RECIPES),
    "5": Table("GDS, table 5: the clustering", _BY_CLUSTERING, RECIPES),
    "beta": Table("GDS-H by beta, which the paper's supplement does not tell", _BY_BETA, RECIPES),
    "theory": Table("Theory, as its public code has it", _THEORY, ("code",)),
}
TABLES = {name: _one_source(table) for name, table in _TABLES.items()}

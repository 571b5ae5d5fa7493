"""Rows of GDS's table of supervised trainings, which experiments.ide trains."""

from reid_jax.app.table import Row, Table

TABLES = {
    "gds": Table(
        "GDS, table 4: supervised",
        (
            Row("baseline", {"gds": "none"}, "ide.gds/none"),
            Row("with GDS", {"gds": "gds"}, "ide.gds/gds"),
            Row("with GDS-H", {"gds": "gds-h"}, "ide.gds/gds-h"),
        ),
    )
}

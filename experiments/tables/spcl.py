"""Rows of SpCL's table without a source."""

from reid_jax.app.table import Row, Table

TABLES = {
    "alone": Table("SpCL without a source", (Row("SpCL", {}, "spcl.alone/alone"),), ("alone",))
}

"""Rows of GDS's table of supervised trainings, which experiments.ide trains."""

from reid_jax.app.table import Row, Table

_KINDS = {"none": "baseline", "gds": "with GDS", "gds-h": "with GDS-H"}
_SETS = {"cuhk03_labelled": "CUHK03 (labelled boxes)", "msmt17": "MSMT17"}

TABLES = {
    "gds": Table(
        "GDS, table 4: supervised, and figure 3: the distances",
        tuple(
            Row(
                f"{title}, {what}",
                {"gds": kind},
                f"ide.gds/{kind} {title}",
                data={"data": f"{{{name}}}", "test": f"{{{name}}}"},
            )
            for name, title in _SETS.items()
            for kind, what in _KINDS.items()
        ),
        draws=("distances",),
    )
}

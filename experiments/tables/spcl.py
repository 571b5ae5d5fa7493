"""Rows of SpCL's table without a source, which CycAs's table 3 has."""

from reid_jax.app.table import Row, Table

_ALONE = {
    "data": {"street": "", "alone": None},
    "bn_domains": {"street": False, "alone": None},
    "bn_group": {"street": 0, "alone": None},
}

TABLES = {
    "alone": Table(
        "SpCL without a source",
        tuple(
            Row(f"SpCL, {title}", _ALONE, f"spcl.alone/{title}", data={"target": f"{{{name}}}"})
            for name, title in (("market", "Market-1501"), ("msmt17", "MSMT17"))
        ),
        ("street", "alone"),
    )
}

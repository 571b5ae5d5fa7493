"""Rows of CycAs's table of fine-tuning, which experiments.mgn trains."""

from reid_jax.app.table import Row, Table

_SELF = {"test": "", "extra": True}  # from weights that came without labels

TABLES = {
    "cycas": Table(
        "CycAs, table 4: MGN by what it starts from",
        (
            Row("ImageNet", {"test": ""}, "mgn.cycas/imagenet"),
            Row("MoCo", _SELF, "mgn.cycas/moco", start="moco"),
            Row(
                "LUPerson",
                {**_SELF, "normalise": "luperson"},
                "mgn.cycas/luperson",
                start="luperson",
            ),
            Row("CycAs", {"test": "", "backbone": "mgn_in"}, "mgn.cycas/cycas", start="cycas"),
        ),
        ("paper",),
    ),
}

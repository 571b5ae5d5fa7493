"""Rows of CycAs's tables and figures, which experiments.cycas trains."""

from reid_jax.app.table import Row, Table

_SYMMETRIC = {"intra": 1.0, "inter": 1.0}
_SIZES = ((0, 0), (1024, 16_384), (2048, 32_768), (4096, 65_536), (8192, 131_072))
_PERSONS = ("street-persons", "canonical")

TABLES = {
    "2": Table(
        "CycAs, table 2: from videos alone",
        (
            Row("CycAs", {}, "cycas.2/resnet50"),
            Row("CycAs, Swin", {"backbone": "swin_t"}, "cycas.2/swin", recipes=("paper",)),
        ),
    ),
    "3": Table(
        "CycAs, table 3: pairs simulated from a labelled set",
        (
            Row(
                "CycAs, shares 0.9 and 0.6 of the persons are found again", {}, "cycas.3/asymmetric"
            ),
            Row("CycAs, all are", _SYMMETRIC, "cycas.3/symmetric"),
            Row("the symmetric loss, all are", {**_SYMMETRIC, "loss": "symmetric"}),
            Row("the symmetric loss, shares 0.9 and 0.6", {"loss": "symmetric"}),
            Row("supervised", {"loss": "identity"}, "cycas.3/supervised"),
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
            )
            for small, large in _SIZES
        )
        + tuple(
            Row(f"k = {k}", {"hardest": k}, f"cycas.5/k {k}", run="{3}" if k == 10 else "")
            for k in (1, 5, 10, 50, 100)
        ),
    ),
    "9": Table(
        "CycAs, figure 9: the share of persons that are found again, drawn for each batch",
        tuple(
            Row(
                f"intra {tau}",
                {"intra": tau, "intra_spread": 0.1},
                f"cycas.9/intra {tau}" if tau in (0.3, 1.0) else "",
            )
            for tau in (0.3, 0.5, 0.7, 0.9, 1.0)
        )
        + tuple(
            Row(f"inter {tau}", {"inter": tau, "inter_spread": 0.1})
            for tau in (0.2, 0.4, 0.6, 0.8, 1.0)
        ),
        _PERSONS,
    ),
    "losses": Table(
        "CycAs on videos: its two losses",
        (Row("relaxed", {"loss": "relaxed"}), Row("symmetric", {"loss": "symmetric"})),
    ),
}

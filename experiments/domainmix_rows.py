"""DomainMix's tables, for experiments.tables."""

from experiments.rows import Row, Table

_ENCODERS = {
    "ResNet-50": ("resnet_small", "resnet50"),
    "OSNet-IBN": ("osnet_ibn_x0_25", "osnet_ibn_x1_0"),
    "IBN-ResNet-50": ("resnet_small_ibn_a", "resnet50_ibn_a"),
}


def _by_encoder(name: str) -> dict:
    small, large = _ENCODERS[name]
    return {"backbone": {"street": small, "paper": large, "code": large}}


_SECOND = {"street": 6, "paper": 20, "code": 30}  # epochs of the second stage, by recipe
_DIRECT = {"begin": 0, "epochs": _SECOND}
_SOURCE = {"weights": {"street": "{0}/source", "paper": None, "code": None}}
_LABELS = {"pseudo_labels": {"street": "{1}/stage1/labels.csv", "paper": "{1}/stage1/labels.csv", "code": "morning"}}
_TURNS = {**_SOURCE, **_LABELS, "begun": "{1}"}
_TRUE = {**_SOURCE, "pseudo_labels": "given"}

# MMT begins with two networks of its own, which go on from the source on the street
_MMT = {
    "street": "source_epochs=2,source_iterations=60,source_rate=5e-4,source_warmup=0,source_schedule=cosine,"
    "epochs=3,iterations=40,rate=1e-4,clusters=300,momentum=0.99,bn_group=0",
    "paper": "clusters=500",
    "code": "clusters=500",
}

# beside each row what the paper has of ResNet-50, mAP / rank-1
TABLES = {
    "1": Table(
        "DomainMix, table 1 (the paper's figures: RandPerson + MSMT17 -> Market-1501)",
        (
            Row("only the synthetic domain", {**_DIRECT, "target": ""}, "36.6 / 65.9"),
            Row("DirectMix, refined", {**_SOURCE, **_DIRECT}, "41.0 / 70.2"),
            Row("SpCL, its first stage", {}, "24.2 / 49.8", "{1}/stage1"),
            Row("DirectMix, initial", {**_SOURCE, **_LABELS, **_DIRECT, "least": 1, "most": 0}, "37.4 / 66.3"),
            Row("DomainMix, KL", {**_TURNS, "against": "kl"}, "43.1 / 72.1"),
            Row("DomainMix, domain balance", _TURNS, "42.9 / 72.0"),
            Row("only the real domain, labelled", {**_DIRECT, **_TRUE, "data": ""}, "31.3 / 62.2"),
            Row("DirectMix, labelled", {**_DIRECT, **_TRUE}, "43.1 / 70.9"),
            Row("DomainMix, labelled", {**_TRUE, "begun": "{7}"}, "45.2 / 72.2"),
            Row("DirectMix, labels anew each morning", {**_SOURCE, **_DIRECT, "pseudo_labels": "morning"}),
            Row("DomainMix, labels anew each morning", {**_SOURCE, "pseudo_labels": "morning", "begun": "{9}"}),
            Row("DirectMix, MMT's labels", {**_SOURCE, **_DIRECT, "pseudo_labels": "mmt", "stage1": _MMT}),
            Row("MMT, that first stage", {}, "22.7 / 46.5", "{11}/stage1"),
        ),
    ),
    "2": Table(
        "DomainMix, table 2: one pair of domains, tested on others (--config.target, --tests)",
        (
            Row("DirectMix", _DIRECT),
            Row("DomainMix", {**_SOURCE, "pseudo_labels": "{0}/stage1/labels.csv", "begun": "{0}"}),
        ),
    ),
    "3": Table(
        "DomainMix, table 3: the encoder (the paper's figures: RandPerson + MSMT17 -> Market-1501)",
        tuple(
            Row(f"{what}, {name}", {**options, **_by_encoder(name)}, paper)
            for name, papers in (
                ("ResNet-50", ("36.6 / 65.9", "42.9 / 72.0")),
                ("OSNet-IBN", ("39.0 / 67.0", "45.1 / 72.4")),
                ("IBN-ResNet-50", ("41.2 / 70.5", "48.9 / 76.8")),
            )
            for what, options, paper in zip(
                ("only the synthetic domain", "DomainMix"), ({**_DIRECT, "target": ""}, {}), papers, strict=True
            )
        ),
    ),
}

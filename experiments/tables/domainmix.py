"""DomainMix's tables, for experiments.tables."""

from reid_jax.app.table import Row, Table

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


def _labels_of(row: int) -> dict:
    made = f"{{{row}}}/stage1/labels.csv"
    return {"pseudo_labels": {"street": made, "paper": made, "code": "each_epoch"}}


_LABELS = _labels_of(1)
_TURNS = {**_SOURCE, **_LABELS, "begun": "{1}"}
_EACH_EPOCH = {**_SOURCE, "pseudo_labels": "each_epoch"}
_TRUE = {**_SOURCE, "pseudo_labels": "given"}

# MMT begins with two networks of its own, which go on from the source on the street
_MMT = {
    "street": "source_epochs=2,source_iterations=60,source_learning_rate=5e-4,source_warmup=0,"
    "source_schedule=cosine,source_beside=false,epochs=3,iterations=40,learning_rate=1e-4,"
    "clusters=300,momentum=0.99,bn_group=0",
    "paper": "clusters=500",
    "code": "clusters=500",
}

_RECIPES = ("street", "paper", "code")

TABLES = {
    "1": Table(
        "DomainMix, table 1",
        (
            Row("only the synthetic domain", {**_DIRECT, "target": ""}, "domainmix.1/synthetic"),
            Row("DirectMix, refined", {**_SOURCE, **_DIRECT}, "domainmix.1/refined"),
            Row(
                "SpCL, its first stage",
                {},
                "domainmix.1/spcl",
                run="{1}/stage1",
                recipes=("street", "paper"),
            ),
            Row(
                "DirectMix, initial",
                {**_SOURCE, **_LABELS, **_DIRECT, "least": 1, "most": 0},
                "domainmix.1/initial",
            ),
            Row("DomainMix, KL", {**_TURNS, "against": "kl"}, "domainmix.1/kl"),
            Row("DomainMix, domain balance", _TURNS, "domainmix.1/balance"),
            Row(
                "only the real domain, labelled",
                {**_DIRECT, **_TRUE, "data": ""},
                "domainmix.1/real",
            ),
            Row("DirectMix, labelled", {**_DIRECT, **_TRUE}, "domainmix.1/labelled"),
            Row("DomainMix, labelled", {**_TRUE, "begun": "{7}"}, "domainmix.1/labelled balance"),
            # which the recipe `code` has anyhow, above
            Row(
                "DirectMix, labels anew each epoch",
                {**_DIRECT, **_EACH_EPOCH},
                recipes=("street", "paper"),
            ),
            Row(
                "DomainMix, labels anew each epoch",
                {**_EACH_EPOCH, "begun": "{9}"},
                recipes=("street", "paper"),
            ),
            Row(
                "DirectMix, MMT's labels",
                {**_SOURCE, **_DIRECT, "pseudo_labels": "mmt", "stage1": _MMT},
            ),
            Row("MMT, that first stage", {}, "domainmix.1/mmt", run="{11}/stage1"),
        ),
        _RECIPES,
    ),
    "2": Table(
        "DomainMix, table 2: one pair of domains, tested on others (--config.target, --tests)",
        (
            Row("DirectMix", _DIRECT, "domainmix.2/direct"),
            Row(
                "DomainMix",
                {**_SOURCE, **_labels_of(0), "begun": "{0}"},
                "domainmix.2/domainmix",
            ),
        ),
        _RECIPES,
    ),
    "3": Table(
        "DomainMix, table 3: the encoder",
        tuple(
            Row(
                f"{what}, {name}",
                {**options, **_by_encoder(name)},
                f"domainmix.3/{_ENCODERS[name][1]} {key}",
            )
            for name in _ENCODERS
            for what, options, key in (
                ("only the synthetic domain", {**_DIRECT, "target": ""}, "synthetic"),
                ("DomainMix", {}, "domainmix"),
            )
        ),
        _RECIPES,
    ),
}

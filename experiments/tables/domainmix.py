"""DomainMix's tables, for experiments.tables."""

from typing import Any

from reid_jax.app.table import Row, Table

_ENCODERS = {
    "ResNet-50": ("resnet_small", "resnet50"),
    "OSNet-IBN": ("osnet_ibn_x0_25", "osnet_ibn_x1_0"),
    "IBN-ResNet-50": ("resnet_small_ibn_a", "resnet50_ibn_a"),
}
_SETS = {"market": "Market-1501", "msmt17": "MSMT17", "cuhk03_np": "CUHK03-NP"}
_FIGURES = ("mAP", "rank1", "rank5", "rank10")
_RECIPES = ("street", "paper", "code")
_LOST = "spcl CUHK03-NP"  # its figures could not be read


def _by_encoder(name: str) -> dict[str, Any]:
    small, large = _ENCODERS[name]
    return {"backbone": {"street": small, "paper": large, "code": large}}


def _data(real: str, test: str) -> dict[str, str]:
    """Trained on RandPerson and a real set, tested on another."""
    return {"data": "{randperson}", "target": f"{{{real}}}", "test": f"{{{test}}}"}


_SECOND = {"street": 6, "paper": 20, "code": 30}  # epochs of the second stage, by recipe
_DIRECT = {"begin": 0, "epochs": _SECOND}


def _labels_of(row: int) -> dict[str, Any]:
    made = f"{{{row}}}/stage1/labels.csv"
    return {"pseudo_labels": {"street": made, "paper": made, "code": "each_epoch"}}


# MMT begins with two networks of its own, which go on from the source on the street
_MMT = {
    "street": "source_epochs=2,source_iterations=60,source_learning_rate=5e-4,source_warmup=0,"
    "source_schedule=cosine,source_beside=false,epochs=3,iterations=40,learning_rate=1e-4,"
    "clusters=300,momentum=0.99,bn_group=0",
    "paper": "clusters=500",
    "code": "clusters=500",
}


def _block(first: int, real: str, name: str) -> tuple[Row, ...]:
    """Table 1 by one real set and one encoder; its rows begin with number `first`."""
    title, (_, large) = _SETS[real], _ENCODERS[name]
    encoder = {"backbone": {"street": None, "paper": large, "code": large}}
    source = {**encoder, "weights": {"street": f"{{{first}}}/source", "paper": None, "code": None}}
    labelled = _labels_of(first + 1)
    turns = {**source, **labelled, "begun": f"{{{first + 1}}}"}
    anew = {**source, "pseudo_labels": "each_epoch"}
    true = {**source, "pseudo_labels": "given"}

    def row(what: str, options: dict[str, Any], key: str = "", **more: Any) -> Row:
        key = key if key in ("", "synthetic") else f"{key} {title}"
        paper = "" if key in ("", _LOST) else f"domainmix.1/{key}"
        data = _data(real, "market")
        return Row(f"{title}, {name}: {what}", options, paper, **{"data": data, **more})

    first_stage: dict[str, Any] = {"data": _data(real, real), "recipes": ("street", "paper")}
    # which the recipe `code` has anyhow
    each_epoch: dict[str, Any] = {"recipes": ("street", "paper")}
    return (
        row("only the synthetic domain", {**encoder, **_DIRECT, "target": ""}, "synthetic"),
        row("DirectMix, refined", {**source, **_DIRECT}, "refined"),
        row("SpCL, its first stage", encoder, "spcl", run=f"{{{first + 1}}}/stage1", **first_stage),
        row(
            "DirectMix, initial",
            {**source, **labelled, **_DIRECT, "least": 1, "most": 0},
            "initial",
        ),
        row("DomainMix, KL", {**turns, "against": "kl"}, "kl"),
        row("DomainMix, domain balance", turns, "balance"),
        row("only the real domain, labelled", {**_DIRECT, **true, "data": ""}, "real"),
        row("DirectMix, labelled", {**_DIRECT, **true}, "labelled"),
        row("DomainMix, labelled", {**true, "begun": f"{{{first + 7}}}"}, "labelled balance"),
        row("DirectMix, labels anew each epoch", {**_DIRECT, **anew}, **each_epoch),
        row(
            "DomainMix, labels anew each epoch",
            {**anew, "begun": f"{{{first + 9}}}"},
            **each_epoch,
        ),
        row(
            "DirectMix, MMT's labels",
            {**source, **_DIRECT, "pseudo_labels": "mmt", "stage1": _MMT},
        ),
        row(
            "MMT, that first stage",
            encoder,
            "mmt",
            run=f"{{{first + 11}}}/stage1",
            data=_data(real, real),
        ),
    )


def _pair(first: int, real: str, name: str) -> tuple[Row, Row]:
    """Table 2 by one real set and one encoder: tested on the two others."""
    title, (_, large) = _SETS[real], _ENCODERS[name]
    encoder = {"backbone": {"street": None, "paper": large, "code": large}}
    source = {"street": f"{{{first}}}/source", "paper": None, "code": None}
    test, further = (one for one in _SETS if one != real)
    data: dict[str, Any] = {"data": _data(real, test), "tests": (f"{{{further}}}",)}
    return (
        Row(
            f"{title}, {name}: DirectMix",
            {**encoder, **_DIRECT},
            f"domainmix.2/direct {title}",
            **data,
        ),
        Row(
            f"{title}, {name}: DomainMix",
            {**encoder, **_labels_of(first), "weights": source, "begun": f"{{{first}}}"},
            f"domainmix.2/domainmix {title}",
            **data,
        ),
    )


def _encoders() -> tuple[Row, ...]:
    """Table 3: each encoder on the synthetic domain alone, and with a real one."""
    rows = []
    for name, (_, large) in _ENCODERS.items():
        encoder, three = _by_encoder(name), _data("market", "market")
        rows += [
            Row(
                f"only the synthetic domain, {name}",
                {**encoder, **_DIRECT, "target": ""},
                f"domainmix.3/{large} synthetic",
                data=three,
                tests=("{msmt17}", "{cuhk03_np}"),
            ),
            Row(
                f"DomainMix with MSMT17, {name}",
                encoder,
                f"domainmix.3/{large} domainmix MSMT17",
                data=_data("msmt17", "market"),
            ),
            Row(
                f"DomainMix with Market-1501, {name}",
                encoder,
                f"domainmix.3/{large} domainmix Market-1501",
                data=_data("market", "msmt17"),
                tests=("{cuhk03_np}",),
            ),
        ]
    return tuple(rows)


_TWO = ("ResNet-50", "IBN-ResNet-50")
_BLOCKS = [(real, name) for real in ("msmt17", "cuhk03_np") for name in _TWO]
_PAIRS = [(real, name) for real in _SETS for name in _TWO]

TABLES = {
    "1": Table(
        "DomainMix, table 1",
        tuple(row for n, block in enumerate(_BLOCKS) for row in _block(13 * n, *block)),
        _RECIPES,
        figures=_FIGURES,
    ),
    "2": Table(
        "DomainMix, table 2: one pair of domains, tested on others",
        tuple(row for n, pair in enumerate(_PAIRS) for row in _pair(2 * n, *pair)),
        _RECIPES,
        figures=_FIGURES,
    ),
    "3": Table("DomainMix, table 3: the encoder", _encoders(), _RECIPES, figures=_FIGURES),
}

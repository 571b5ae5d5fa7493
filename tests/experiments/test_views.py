"""The options of augmentation as views."""

import json

import pytest

import experiments
from experiments import domainmix, gds, ide, mgn, mmt, spcl
from reid_jax import encoders
from reid_jax.app import labels, views
from reid_jax.data.augment import Augment
from reid_jax.types import Input

TAKEN = Input((64, 32))


def _view(**options):
    return views.view(views.Views(**options), TAKEN)


def test_every_option_says_one_thing_and_none_says_nothing():
    assert _view() == Augment(flip=0.5)
    for name, value, field, given in (
        ("zoom", 0.2, "zoom", 0.2),
        ("zoom_aspect", "2,3", "aspect", (2.0, 3.0)),
        ("pad", 10, "pad", 10),
        ("jitter", 0.8, "jitter", 0.8),
        ("blur", 0.5, "blur", 0.5),
        ("gray", 0.1, "gray", 0.1),
        ("erase", 0.5, "erase", 0.5),
        ("erase_area", "0.02,0.2", "area", (0.02, 0.2)),
        ("erase_fill", "cifar", "fill", (152, 144, 129)),
        ("erase_fill", "mean", "fill", (124, 116, 104)),
        ("erase_fill", "black", "fill", (0, 0, 0)),
    ):
        assert _view(**{name: value}) == Augment(flip=0.5)._replace(**{field: given}), name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"erase_area": "0.4"}, "two numbers by comma"),
        ({"erase_area": "0.4,0.02"}, "least first"),
        ({"erase_area": "0,0.4"}, "above 0 and below 1"),
        ({"erase_area": "a,b"}, "'a,b'"),
        ({"zoom_aspect": "3,2"}, "zoom_aspect is '3,2'"),
        ({"erase_fill": "blck"}, "did you mean 'black'"),
    ],
)
def test_mistakes_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        _view(**options)


def test_a_stage_before_has_the_same_views_unless_told():
    changed = {
        "jitter": 0.3,
        "blur": 0.2,
        "gray": 0.4,
        "erase_area": "0.1,0.3",
        "erase_fill": "mean",
        "pad": 3,
    }

    def seen(config):
        return {name: getattr(config, name) for name in changed}

    adapting = spcl.Config(**changed, source="epochs=1,warmup=0")
    assert seen(spcl.source_config(adapting)) == changed
    assert spcl.source_config(adapting).erase == adapting.erase
    mixing = domainmix.Config(**changed)
    assert seen(labels.stage_config(mixing, experiments.labellers())) == changed
    assert seen(mmt.source_config(mmt.Config(**changed), 0)) == changed
    assert mmt.source_config(mmt.Config(source_erase=0.2), 0).erase == 0.2
    crop = {"pad": 7, "zoom": 0.5, "zoom_aspect": "1,2"}
    first = gds.source_config(
        gds.Config(**changed, **{f"source_{name}": value for name, value in crop.items()})
    )
    assert (
        seen(first) == changed | {"pad": 7}
        and {name: getattr(first, name) for name in crop} == crop
    )


def test_the_kind_of_resizing_is_the_encoder_s_and_an_older_run_averaged(tmp_path):
    options = {"size": "32x16", "backbone": "resnet_small"}
    assert encoders.build(encoders.Network(**options, resize="bicubic")).input.resize == "bicubic"
    with pytest.raises(ValueError, match="did you mean 'bilinear'"):
        encoders.build(encoders.Network(**options, resize="bilinea"))
    for config, kind in ((options, "area"), ({**options, "resize": "bilinear"}, "bilinear")):
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert encoders.of_run(tmp_path)[1].input.resize == kind
    small = (
        ide.Config(),
        *(script.Config(**script.RECIPES["street"]) for script in (spcl, mmt, gds, domainmix)),
    )
    assert {config.resize for config in small} == {"area"}
    family = spcl.Config(), mmt.Config(), domainmix.Config(), mgn.Config()
    assert {config.resize for config in family} == {"bicubic"}
    assert (
        gds.Config().resize
        == gds.source_config(gds.Config()).resize
        == ide.RECIPES["paper"]["resize"]
        == "bilinear"
    )


def test_what_the_codes_do():
    assert [one().erase_fill for one in (ide.Config, spcl.Config, mgn.Config)] == [
        "imagenet",
        "imagenet",
        "black",
    ]
    theory = gds.Config(**gds.RECIPES["code"])
    adapting, source = views.view(theory, TAKEN), views.view(gds.source_config(theory), TAKEN)
    assert adapting == Augment(flip=0.5, erase=0.5, area=(0.02, 0.2), fill=(152, 144, 129))
    assert source == adapting._replace(zoom=0.64, aspect=(2.0, 3.0))

"""What an experiment's encoder starts from."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

import experiments
from experiments import cycas, domainmix, gds, ide, mgn, mmt, moco, remix, spcl
from reid_jax import checkpoint, encoders, lean, parallel
from reid_jax.app import labels, paths, run, stages, standard, workdirs
from reid_jax.train import Moment, Position
from reid_jax.types import Plan, TrainState

IMAGENET = "resnet50-0676ba61.pth"
PAPERS = [
    (ide, "paper", IMAGENET),
    (remix, "paper", "resnet50_ibn_a-d9d0bb7b.pth"),
    (spcl, "adapt", IMAGENET),
    (spcl, "alone", IMAGENET),
    (mmt, "paper", IMAGENET),
    (gds, "paper", IMAGENET),
    (gds, "code", IMAGENET),
    (domainmix, "paper", IMAGENET),
    (domainmix, "code", IMAGENET),
    (cycas, "paper", rf"{IMAGENET}\) with leave='\*\.IN\.\*'"),
    (cycas, "canonical", IMAGENET),
    (mgn, "paper", "LUPerson's ResNet-50"),
]
NOWHERE = {"data": "csv:nowhere.csv", "test": "csv:nowhere.csv"}  # refused before any of it is read


@pytest.mark.parametrize(("script", "recipe", "file"), PAPERS)
def test_a_papers_recipe_needs_the_weights_that_it_starts_from(script, recipe, file, tmp_path):
    config = script.Config(**{**NOWHERE, **script.RECIPES[recipe]})
    with pytest.raises(ValueError, match=f"{file}.*weights=none"):
        run.train_all(script.EXPERIMENT, config, tmp_path / "run")
    assert not list(tmp_path.iterdir())
    random = dataclasses.replace(config, weights="none")
    assert encoders.start(random) == ""


def test_the_file_is_that_of_the_backbone():
    def told(backbone):
        with pytest.raises(ValueError, match="trained weights") as error:
            encoders.start(encoders.Network(backbone=backbone, weights="needed"))
        return str(error.value)

    assert "(osnet_ibn_x1_0_imagenet.pth)" in told("osnet_ibn_x1_0")
    assert "swin_small" in told("swin_s") and "leave='snr*'" in told("resnet50_snr")
    assert "FILE or a folder of a run" in told("resnet_small")
    with pytest.raises(FileNotFoundError, match=r"no file or folder nowhere\.pth"):
        encoders.start(encoders.Network(weights="nowhere.pth"))


def test_small_recipes_and_scripts_without_one_start_from_random_numbers():
    for script in (ide, remix, spcl, mmt, gds, domainmix, cycas, mgn):
        assert (
            encoders.start(script.Config(**script.RECIPES["street"]))
            == encoders.start(script.Config())
            == ""
        )


def test_both_stages_start_from_random_numbers_if_told():
    paper = {"weights": "none"}
    adapted = spcl.Config(**paper, source="epochs=1,warmup=0")
    mixed = domainmix.Config(**paper)
    own = [
        gds.source_config(gds.Config(**paper)),
        mmt.source_config(mmt.Config(**paper), 0),
        spcl.source_config(adapted),
    ]
    own += [
        labels.stage_config(mixed, experiments.labellers()),
        labels.stage_config(
            dataclasses.replace(mixed, pseudo_labels="mmt", stage1=""), experiments.labellers()
        ),
    ]
    assert [one.weights for one in own] == ["none"] * 5


def test_none_is_no_start_where_a_source_or_two_networks_are_asked_for(data, tmp_path, monkeypatch):
    """The source is trained, and two networks that are named need no weights."""
    trained = []
    monkeypatch.setattr(
        stages.run, "run", lambda config, build, folder: trained.append(folder) or {"mAP": 0.0}
    )
    config = spcl.Config(weights="none", source="epochs=1,warmup=0")
    begun = stages.begun(ide.EXPERIMENT, config, spcl.source_config(config), tmp_path / "source")
    assert begun.weights == str(tmp_path / "source") and trained
    sound = {"data": "", "target": f"csv:{data}/target.csv", "clusters": 4}
    for word in ("none", "needed"):
        mmt.data(mmt.Config(**sound, weights=word, first="a", second="b"))
    with pytest.raises(ValueError, match="--config.first needs none"):
        mmt.data(mmt.Config(**sound, weights="a.pth", first="a", second="b"))


def kept(folder, config):
    """A run's folder with weights and statistics drawn at random, and these by name."""
    model = encoders.build(config)
    rng = np.random.default_rng(0)

    def draw(x):
        return (
            rng.normal(0, 0.05, x.shape) if x.ndim > 1 else rng.uniform(0.5, 1.5, x.shape)
        ).astype(np.float32)

    drawn = jax.tree.map(draw, checkpoint.empty(model))
    workdirs.write(folder, config)
    state = parallel.replicate(
        TrainState(jnp.zeros((), jnp.int32), {"w": jnp.zeros(1)}, {"w": jnp.zeros(1)}, {"w": 0.0})
    )
    plan = Plan(np.zeros((1, 1), np.int32), np.zeros(1, np.int32), {})
    with checkpoint.manager(folder / "checkpoints") as checkpoints:
        checkpoint.save(checkpoints, Moment(Position(0, 1, plan), state, {}), drawn, model.input)
    return _flat(drawn)


def _flat(variables):
    return traverse_util.flatten_dict(dict(variables), sep="/")


def _found(folder, config, leave=()):
    model = encoders.build(dataclasses.replace(config, weights=""))
    return encoders._fit(str(folder), config, model, list(leave), print), _flat(
        checkpoint.empty(model)
    )


def _whence(name):
    """Without domains, and MGN's branches as parts of the trunk."""
    parts = (part for part in name.split("/") if part not in ("source", "target"))
    return "/".join("trunk" if part in ("b1", "b2", "b3") else part for part in parts)


def _cycas(backbone, **options):
    return cycas.Config(backbone=backbone, size=SIZE, **options)


SMALL = {"backbone": "resnet_small", "size": (SIZE := "32x16")}
PARTS = {"backbone": "mgn_small", "size": "96x48"}
# trained encoder, the one that starts from it, modules of it that are new, modules left out
STAGES = {
    "moco remix": (moco.Config(**SMALL), remix.Config(**SMALL), {"neck"}, set()),
    "moco mgn": (moco.Config(**SMALL), mgn.Config(**PARTS), {"neck"}, set()),
    "cycas mgn": (
        _cycas("resnet_small_ibn_a", projection=16),
        mgn.Config(backbone="mgn_small_ibn_a", size="96x48", extra=True),
        {"neck1", "neck2", "neck3", "neck"},
        {"head"},
    ),
    "ide mgn": (ide.Config(**SMALL), mgn.Config(**PARTS), {"neck"}, {"neck"}),
    "ide cycas": (
        ide.Config(**SMALL),
        _cycas("resnet_small", projection=16, neck=True),
        {"head", "neck"},
        {"neck"},
    ),
    "ide, pooled otherwise": (
        ide.Config(**SMALL),
        ide.Config(**SMALL, pooling="gem"),
        {"pool", "neck"},
        {"neck"},
    ),
    "ide gds": (ide.Config(**SMALL), gds.Config(**SMALL, neck=True), {"feat"}, set()),
    "ide spcl": (ide.Config(**SMALL), spcl.Config(**SMALL), set(), set()),
    "spcl remix": (spcl.Config(**SMALL), remix.Config(**SMALL), set(), set()),
    "remix ide": (remix.Config(**SMALL), ide.Config(**SMALL), set(), set()),
    "ide, larger": (ide.Config(**SMALL), ide.Config(**{**SMALL, "size": "64x32"}), set(), set()),
}


@pytest.mark.parametrize("stages", STAGES)
def test_a_papers_stages_hand_on_their_trunk(stages, tmp_path, capsys):
    before, after, new, left = STAGES[stages]
    theirs = kept(tmp_path / "before", before)
    found, ours = _found(tmp_path / "before", after)
    whence = {
        _whence(name): array for name, array in sorted(theirs.items())
    }  # "target" behind "source"
    for name in ours:
        if name.split("/")[1] in new:
            assert name not in found.arrays
        else:
            np.testing.assert_array_equal(found.arrays[name], whence[_whence(name)], err_msg=name)
    assert set(found.new) == new and set(found.left) == left
    said = capsys.readouterr().out
    changed = {name for name in ("size", "resize") if getattr(before, name) != getattr(after, name)}
    assert ("arrays of the trunk" in said) == bool(new or left or changed)
    assert all(
        f"; {name} {getattr(before, name)}, here {getattr(after, name)}" in said for name in changed
    )
    assert all(f"{part} " in said.split("new: ")[1].split(";")[0] for part in new)


def test_a_new_neck_starts_as_it_does_and_an_exported_encoder_is_a_start(tmp_path, capsys):
    theirs = kept(tmp_path / "before", moco.Config(**SMALL))
    checkpoint.save_tree(
        tmp_path / "exported" / "weights", traverse_util.unflatten_dict(theirs, sep="/")
    )
    about = {"config": json.loads((tmp_path / "before" / "config.json").read_text())}
    (tmp_path / "exported" / "encoder.json").write_text(json.dumps(about))
    config = ide.Config(**SMALL, weights=str(tmp_path / "exported"))
    begun = _flat(encoders.build(config, print).init(jax.random.key(0)))
    for name, array in begun.items():
        fresh = float(name.endswith(("neck/scale", "neck/var")))
        np.testing.assert_array_equal(
            array, theirs.get(name, np.full(array.shape, fresh)), err_msg=name
        )
    assert "new: neck 3; left out: nothing" in capsys.readouterr().out


def test_the_encoder_that_comes_along_is_a_start_by_its_name(capsys):
    network = encoders.Network(backbone="resnet_small_ibn_a", pooling="gem", weights="street")
    begun = encoders.build(paths.resolved(network)).init(jax.random.key(0))
    _, _, shipped = encoders.trained(lean.HOME / "street")
    jax.tree.map(np.testing.assert_array_equal, begun, shipped)
    with pytest.raises(
        ValueError, match="the weights of street, resnet_small_ibn_a, are not those"
    ):
        encoders.build(dataclasses.replace(network, backbone="resnet_small"))


def test_another_trunk_or_other_pixels_are_refused(tmp_path):
    kept(tmp_path / "in", _cycas("resnet_small_in", normalise="half"))
    plain, other = (
        moco.Config(**SMALL, normalise="half"),
        moco.Config(**{**SMALL, "backbone": "resnet_small_ibn_a"}),
    )
    with pytest.raises(ValueError, match="give normalise=half"):
        _found(tmp_path / "in", dataclasses.replace(plain, normalise="imagenet"))
    with pytest.raises(
        ValueError,
        match=r"4 that are left over: layer1.0.IN.bias, .*choose the same backbone",
    ):
        _found(tmp_path / "in", plain)
    assert _found(tmp_path / "in", plain, ["*.IN.*"])[0].left == {"trunk": 4, "head": 2}
    with pytest.raises(
        ValueError, match="48 of the trunk's arrays fit.* that it lacks: .* that are left over"
    ):
        _found(tmp_path / "in", dataclasses.replace(other, normalise="half"))
    kept(tmp_path / "out", plain)
    with pytest.raises(ValueError, match="4 that it lacks: layer1.0.IN.bias"):
        _found(tmp_path / "out", _cycas("resnet_small_in", normalise="half"))
    assert (
        _found(tmp_path / "out", _cycas("resnet_small_in", normalise="half"), ["*.IN.*"])[0].new[
            "trunk"
        ]
        == 4
    )


def test_a_pattern_that_holds_no_weight_is_refused():
    config = ide.Config(size="32x16", hold="layer1.*, layer9.*")
    model = encoders.build(config)
    with pytest.raises(ValueError, match=r"--config\.hold: .* 'layer9\.\*'; they are .*conv1\.w"):
        standard._optimiser(config, model, 0.1)
    standard._optimiser(dataclasses.replace(config, hold="layer1.*"), model, 0.1)

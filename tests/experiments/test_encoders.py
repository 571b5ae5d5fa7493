"""What an experiment's encoder starts from."""

import dataclasses

import pytest

from experiments import cycas, domainmix, encoders, gds, ide, labels, mmt, remix, source, spcl

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
    (cycas, "paper", rf"{IMAGENET}\) with --config.leave='\*\.IN\.\*'"),
    (cycas, "canonical", IMAGENET),
]
NOWHERE = {"data": "csv:nowhere.csv", "test": "csv:nowhere.csv"}  # refused before any of it is read


@pytest.mark.parametrize(("script", "recipe", "file"), PAPERS)
def test_a_papers_recipe_needs_the_weights_that_it_starts_from(script, recipe, file, tmp_path):
    config = script.Config(**{**NOWHERE, **script.RECIPES[recipe]})
    with pytest.raises(ValueError, match=f"{file}.*--config.weights=none"):
        script.stages(config, tmp_path / "run") if hasattr(script, "stages") else script.build(config)
    assert not list(tmp_path.iterdir())
    random = dataclasses.replace(config, weights="none")
    assert encoders.start(random) == ""


def test_the_file_is_that_of_the_backbone():
    def told(backbone):
        with pytest.raises(ValueError, match="trained weights") as error:
            encoders.start(encoders.Encoder(backbone=backbone, weights="needed"))
        return str(error.value)

    assert "(osnet_ibn_x1_0_imagenet.pth)" in told("osnet_ibn_x1_0")
    assert "swin_small" in told("swin_s") and "--config.leave='snr*'" in told("resnet50_snr")
    assert "FILE or a run's folder" in told("resnet_small")
    with pytest.raises(FileNotFoundError, match=r"no file or folder nowhere\.pth"):
        encoders.start(encoders.Encoder(weights="nowhere.pth"))


def test_small_recipes_and_scripts_without_one_start_from_random_numbers():
    for script in (ide, remix, spcl, mmt, gds, domainmix, cycas):
        assert encoders.start(script.Config(**script.RECIPES["street"])) == encoders.start(script.Config()) == ""


def test_both_stages_start_from_random_numbers_if_told():
    paper = {"weights": "none"}
    adapted = spcl.Config(**paper, source="epochs=1")
    mixed = domainmix.Config(**paper)
    own = [gds.first_stage(gds.Config(**paper)), mmt._source(mmt.Config(**paper), 0), source._training(adapted)]
    own += [labels._script(mixed), labels._script(dataclasses.replace(mixed, pseudo_labels="mmt", stage1=""))]
    assert [one.weights for one in own] == ["none"] * 5


def test_none_is_no_start_where_a_source_or_two_networks_are_asked_for(data, tmp_path, monkeypatch):
    """The source is trained, and two networks that are named need no weights."""
    trained = []
    monkeypatch.setattr(source.run, "run", lambda config, build, folder: trained.append(folder) or {"mAP": 0.0})
    config = spcl.Config(weights="none", source="epochs=1")
    assert source.begun(config, tmp_path / "source").weights == str(tmp_path / "source") and trained
    sound = {"data": "", "target": f"csv:{data}/target.csv", "clusters": 4}
    for word in ("none", "needed"):
        mmt.data(mmt.Config(**sound, weights=word, first="a", second="b"))
    with pytest.raises(ValueError, match="--config.first needs none"):
        mmt.data(mmt.Config(**sound, weights="a.pth", first="a", second="b"))

"""CycAs and its tables as a person calls them, on a handful of pictures."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from tests.experiments.called import QUICK, call, refused

TINY = [
    "--config.size=32x16", "--config.backbone=resnet_small_in", "--config.projection=8",
    "--config.groups=2", "--config.crops=4",
    "--config.pairs=2", "--config.times=4", "--config.interval=5", "--config.epochs=2",
    "--config.memory=32",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three data sets.

    films.csv: 4 videos of two unknown people; scenes.csv: 2 scenes by two cameras; test.csv: 6
    persons, half of them to train on.
    """
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    lines = {
        "films": ["path,person,camera,split,group,frame"],
        "test": ["path,person,camera,split"],
    }
    lines["scenes"] = lines["films"][:1]

    def draw(name, colour, line, to):
        image = np.clip(colour + rng.normal(0, 20, (32, 16, 3)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / name), image)
        lines[to].append(f"{name},{line}")

    for person in range(8):
        colour = rng.integers(0, 256, 3)
        for take in range(6):
            draw(f"f{person}_{take}.png", colour, f",,train,film {person // 2},{2 * take}", "films")
    for person in range(4):
        colour = rng.integers(0, 256, 3)
        for take in range(6):
            draw(
                f"s{person}_{take}.png",
                colour,
                f",c{take % 2},train,film {person // 2},{take // 2}",
                "scenes",
            )
    for person in range(6):
        colour = rng.integers(0, 256, 3)
        for take in range(8):
            split = "train" if person < 4 else "query" if take < 2 else "gallery"
            draw(f"t{person}_{take}.png", colour, f"{person},{take % 2},{split}", "test")
    for name, text in lines.items():
        (folder / f"{name}.csv").write_text("\n".join(text) + "\n")
    return folder


def _arguments(data, *more, films="films"):
    return (
        f"--config.data=csv:{data}/{films}.csv",
        f"--config.test=csv:{data}/test.csv",
        *TINY,
        *more,
    )


@pytest.mark.slow
def test_a_run_of_two_phases_goes_on_where_it_was_stopped(data, tmp_path):
    """Two sources with videos of the same names stay apart.

    The second is used from a later epoch on, with its rate; batch normalisation is frozen.
    """
    both = f"--config.data=csv:{data}/films.csv+csv:{data}/scenes.csv"
    more = (
        both,
        "--config.early=1",
        "--config.late_learning_rate=1e-5",
        "--config.bn_frozen=true",
        "--config.scene_share=0.5",
    )
    said = call("cycas", f"--workdir={tmp_path}/run", *_arguments(data, *more)).stdout
    assert (
        "frame pairs of 4 videos and 2 scenes of several cameras; 0 give none" in said
        and "test: mAP" in said
    )
    lines = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert [(line["videos"], line["scene_share"]) for line in lines[:2]] == [(4, 0), (6, 0.5)]
    assert [line["step"] for line in lines] == [4, 10, 10]
    assert {"associate", "negatives", "pairs", "crops"} <= set(lines[0])
    assert (tmp_path / "run" / "report" / "data.png").stat().st_size > 100
    said = call("cycas", f"--workdir={tmp_path}/run", *_arguments(data, *more), "--noreport").stdout
    assert "going on from epoch 2, step 6 of 6" in said


def test_held_norms_and_nothing_else(data):
    """Batch normalisation is not changed, not even by weight decay; instance normalisation is."""
    import jax
    from flax import traverse_util

    from experiments import cycas

    options = {
        "backbone": "resnet_small_in",
        "size": "32x16",
        "projection": 8,
        "memory": 8,
        "groups": 1,
        "weight_decay": 0.1,
    }
    for held in (True, False):
        config = cycas.Config(
            data=f"csv:{data}/films.csv", test=f"csv:{data}/test.csv", bn_frozen=held, **options
        )
        job = cycas.build(dataclasses.replace(config, queue_clean=held))
        assert [view.erase for view in job.views] == [0.5, 0.0][: 1 + held] and len(
            {view.pad for view in job.views}
        ) == 1
        shapes = jax.eval_shape(job.model.init, jax.random.key(0))["params"]
        params = {"encoder": jax.tree.map(lambda x: np.ones(x.shape, x.dtype), shapes)}
        none = jax.tree.map(np.zeros_like, params)
        change = jax.jit(lambda: job.optimiser.update(none, job.optimiser.init(none), params)[0])()
        still = {
            "/".join(path[1:-1])
            for path, by in traverse_util.flatten_dict(change).items()
            if not np.any(by)
        }
        moved = {
            "/".join(path[1:-1])
            for path, by in traverse_util.flatten_dict(change).items()
            if np.any(by)
        }
        assert ("trunk/layer1_0/bn2" in moved) != held and {
            "trunk/layer1_0/IN",
            "trunk/conv1",
            "head",
        } <= moved
        assert (
            all("bn" in name or "downsample_1" in name for name in still - moved)
            and bool(still - moved) == held
        )


@pytest.mark.slow
def test_simulated_pairs_and_the_supervised_row(data, tmp_path):
    more = (
        "--config.pairs_from=persons",
        "--config.memory=0",
        f"--config.data=csv:{data}/test.csv",
        "--noreport",
    )
    few = ("--config.crops=2", "--config.iterations=2", "--config.test=", "--config.epochs=1")
    for loss, term in (("relaxed", "associate"), ("identity", "classify")):
        call(
            "cycas",
            f"--workdir={tmp_path}/{loss}",
            *_arguments(data, *more, *few, f"--config.loss={loss}"),
        )
        first, last = map(json.loads, (tmp_path / loss / "metrics.jsonl").read_text().splitlines())
        assert term in first and "mAP" in last and len({"associate", "classify"} & set(first)) == 1


def test_mistakes_are_told_in_a_line(data, tmp_path):
    new = f"--workdir={tmp_path}/new"
    assert "columns group and frame" in refused("cycas", new, *_arguments(data, films="test"))
    assert "at most 1 apart; choose a larger `interval`" in refused(
        "cycas", new, *_arguments(data, "--config.interval=1")
    )
    assert "--config.scene_share=0, or join" in refused(
        "cycas", new, *_arguments(data, "--config.early=1")
    )
    assert "--config.pairs_from=persons" in refused(
        "cycas", new, *_arguments(data, "--config.loss=identity")
    )
    assert "did you mean 'relaxed'" in refused(
        "cycas", new, *_arguments(data, "--config.loss=relax")
    )
    labelled = (
        f"--config.data=csv:{data}/test.csv",
        "--config.pairs_from=persons",
        "--config.crops=9",
    )
    assert "pictures" in refused("cycas", new, *_arguments(data, *labelled))
    assert "unknown flag --config.source" in refused(
        "cycas", new, *_arguments(data, "--config.source=persons")
    )
    assert "--config.memory=0" in refused(
        "cycas", new, *_arguments(data, "--config.memory=0", "--config.queue_clean=true")
    )
    assert "the choices are street, paper" in refused(
        "tables", new, "--table=cycas.5", "--recipe=canonical"
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_moco_trains_on_the_same_pictures_and_its_encoder_starts_cycas(data, tmp_path):
    small = (
        "--config.size=32x16",
        "--config.hidden=16",
        "--config.out=8",
        "--config.epochs=1",
        "--config.batch=8",
        QUICK,
    )
    where = (
        f"--config.data=csv:{data}/films.csv",
        f"--config.test=csv:{data}/test.csv",
        "--config.warmup=0",
    )
    told = call("moco", f"--workdir={tmp_path}/moco", *where, *small, "--noreport").stdout
    assert "test: mAP" in told
    lines = [
        json.loads(line) for line in (tmp_path / "moco" / "metrics.jsonl").read_text().splitlines()
    ]
    assert lines[0]["step"] == 48 // 8 and lines[-1]["kind"] == "test"
    same = (
        QUICK,
        "--config.projection=0",
        "--config.neck=false",
        "--config.epochs=1",
    )
    started = (f"--config.weights={tmp_path}/moco", *same, "--config.pairs=5", "--noreport")
    told = call("cycas", f"--workdir={tmp_path}/run", *_arguments(data, *started)).stdout
    assert "so 4 do not fill its 5 pairs" in told and "test: mAP" in told
    new = f"--workdir={tmp_path}/new"
    assert "did you mean 'adamw'" in refused(
        "moco", new, *where, *small, "--config.optimiser=adamv"
    )
    assert "choose another --config.batch" in refused(
        "moco", new, *where, *small, "--config.batch=64"
    )

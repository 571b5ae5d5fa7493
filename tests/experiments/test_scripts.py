"""The scripts as a person calls them, on a handful of pictures."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

import reid_jax
from reid_jax import forms
from tests.experiments.called import QUICK, ROOT, begun, call, nobody_is_left, refused

pytestmark = pytest.mark.usefixtures("optimised")
TINY = [
    "--config.size=32x16",
    "--config.persons=4",
    "--config.per_person=2",
    "--config.epochs=2",
    "--config.warmup=0",
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """8 persons, 2 cameras, 3 pictures each: a CSV."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    lines = ["path,person,camera,split"]
    for person in range(8):
        colour = rng.integers(40, 216, 3)
        for camera in range(2):
            for take in range(3):
                image = np.clip(colour + rng.normal(0, 20, (32, 16, 3)), 0, 255).astype(np.uint8)
                name = f"p{person}_c{camera}_{take}.jpg"
                cv2.imwrite(str(folder / name), image)
                split = "train" if person < 5 else "query" if take == 0 else "gallery"
                lines.append(f"{name},{person},{camera},{split}")
    (folder / "all.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "one"
    arguments = (
        f"--workdir={workdir}",
        f"--config.data=csv:{data}/all.csv",
        "--config.test=",
        *TINY,
    )
    return workdir, arguments, call("ide", *arguments).stdout


def test_a_run_leaves_configuration_metrics_events_and_pictures(trained):
    workdir, _, said = trained
    assert "3 valid queries" not in said and "6 valid queries" in said
    assert "images/s" in said and "left" in said and "test: mAP" in said
    assert json.loads((workdir / "config.json").read_text())["size"] == "32x16"
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["train", "train", "test"]
    assert {"loss", "classify", "triplet", "accuracy"} <= set(lines[0])
    assert 0 <= lines[-1]["mAP"] <= 1
    assert list((workdir / "events").iterdir())
    for name in ("report.md", "data.png", "ranked.png", "distances.png"):
        assert (workdir / "report" / name).stat().st_size > 100


def test_the_same_command_again_trains_no_further(trained):
    workdir, arguments, _ = trained
    before = (workdir / "metrics.jsonl").read_text().splitlines()
    said = call("ide", *arguments).stdout
    assert "going on from" in said
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    kinds = [json.loads(x)["kind"] for x in lines]
    assert kinds[: len(before)] == ["train", "train", "test"]


def test_evaluate_embed_and_export(trained, data, tmp_path):
    workdir, _, said = trained
    figures = call("evaluate", f"--workdir={workdir}").stdout
    value = float(figures.split("mAP")[1].split()[0])
    assert (
        f"test: mAP {value:.1f}" in said
        or abs(value - float(said.split("test: mAP ")[1].split()[0])) < 0.06
    )
    lines = (data / "all.csv").read_text().splitlines()
    twice = [line.replace(",query", ",gallery") for line in lines if line.endswith(",query")]
    (data / "twice.csv").write_text("\n".join([*lines, *twice]))
    figures = call(
        *("evaluate", f"--workdir={workdir}", "--metric=euclidean", "--flip"),
        *(f"--test=csv:{data}/twice.csv", "--same_camera"),
    ).stdout
    assert "mAP" in figures and "6 of 6 query pictures are among the gallery pictures" in figures
    assert "matches by the query's own camera count too" in figures
    out = tmp_path / "encoder"
    arguments = [f"--workdir={workdir}", "--forms=onnx,fp16,int8", "--licence=CC0"]
    told = call("export", *arguments, f"--out={out}").stdout
    assert "agree" in told
    found = re.findall(r"(encoder\.[a-z0-9.]+): .*, mAP ([0-9.]+), rank-1 ([0-9.]+)", told)
    assert [name for name, *_ in found] == list(forms.FORMS.values())
    assert float(found[0][1]) == pytest.approx(value, abs=0.06)
    card = (out / "README.md").read_text()
    assert "licence: CC0" in card and "its last test in training: mAP " in card
    assert "did you mean 'int8'" in refused("export", *arguments[:1], "--forms=int", "--out=x")
    call("embed", f"--workdir={workdir}", f"--pictures={data}", f"--out={tmp_path}/a.npz")
    call("embed", f"--encoder={out}", f"--pictures={data}", f"--out={tmp_path}/b.npz")
    one, two = (np.load(tmp_path / name) for name in ("a.npz", "b.npz"))
    assert one["name"].tolist() == two["name"].tolist() and len(one["name"]) == 48
    np.testing.assert_allclose(one["embedding"], two["embedding"], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(one["embedding"], axis=1), 1, rtol=1e-5)
    assert "exists already" in refused("export", f"--workdir={workdir}", f"--out={out}")
    assert "exists already" in refused(
        "embed", f"--workdir={workdir}", f"--pictures={data}", f"--out={tmp_path}/a.npz"
    )


def test_evaluate_finds_the_operating_point_and_ranks_again(trained, tmp_path):
    workdir, out = trained[0], tmp_path / "figures.json"
    frames = "--frames=synthetic-videos:plaza,videos=3,people=5,frames=21"
    said = call(
        "evaluate", f"--workdir={workdir}", f"--out={out}", "--rerank", "--fmr=0.25", frames
    ).stdout
    figures = json.loads(out.read_text())
    value = 100 * figures["reranked_mAP"]
    assert f"mAP {100 * figures['mAP']:.2f} re-ranked {value:.2f}" in " ".join(said.split())
    for told in ("at a false match rate of 0.25 of", "EER", "strangers taken", "pairs in frames"):
        assert told in said
    assert figures["operating_fmr"] == 0.25
    assert figures["operating_low"] <= figures["operating_threshold"] <= figures["operating_high"]
    assert 0 <= figures["unlabelled_fmr"] <= 1
    kept = reid_jax.load(workdir).point
    assert kept.threshold == figures["operating_threshold"]
    call("export", f"--workdir={workdir}", f"--out={tmp_path}/encoder")
    assert reid_jax.load(tmp_path / "encoder").point == kept
    assert "choose between 0 and 1" in refused("evaluate", f"--workdir={workdir}", "--fmr=1.5")
    assert "with --fmr=0.001" in refused("evaluate", f"--workdir={workdir}", frames)
    assert "needs 1,000,000,000 pairs" in refused("evaluate", f"--workdir={workdir}", "--fmr=1e-8")


@pytest.mark.slow
def test_asked_to_stop_it_saves_and_the_same_command_goes_on_to_the_same_end(data, tmp_path):
    arguments = [
        f"--config.data=csv:{data}/all.csv", "--config.test=", *TINY, "--config.epochs=2",
        "--config.iterations=60", "--noreport",
    ]  # fmt: skip
    call("ide", f"--workdir={tmp_path}/straight", *arguments)
    stopped = f"--workdir={tmp_path}/stopped"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with begun("ide", stopped, *arguments, "--workers=2", **pipes) as child:
        for line in child.stdout:
            if "step 20/60" in line:
                os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to all of them
                break
        said, errors = child.communicate(timeout=120)
    assert child.returncode == 130 and "the state is saved" in said
    assert "goes on from what is saved" in errors and "Traceback" not in errors, errors
    assert nobody_is_left(child)
    assert (
        "going on from epoch 1" in call("ide", f"--workdir={tmp_path}/stopped", *arguments).stdout
    )
    ends = [
        json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[-1])
        for name in ("straight", "stopped")
    ]
    assert ends[0] == ends[1]


def test_prepare_packs_and_the_pack_trains(data, tmp_path):
    out = tmp_path / "packed"
    assert "48 pictures" in call("prepare", f"--source=csv:{data}/all.csv", f"--out={out}").stdout
    said = call(
        "ide", f"--workdir={tmp_path}/run", f"--config.data=packed:{out}", "--config.test=", *TINY,
        "--workers=2", "--noreport",
    ).stdout  # fmt: skip
    assert "test: mAP" in said
    assert "exists already" in refused("prepare", f"--source=csv:{data}/all.csv", f"--out={out}")


def test_a_mistake_ends_in_one_line(trained, data, tmp_path):
    workdir, arguments, _ = trained
    new = f"--workdir={tmp_path}/new"
    assert "did you mean '--config.epochs'" in refused("ide", new, "--config.epoch=1")
    assert "workdir" in refused("ide", "--workdri=x")
    assert "another configuration" in refused("ide", *arguments, "--config.seed=3")
    assert "there is no folder" in refused("ide", new, "--config.data=market1501:/none")
    assert "did you mean 'csv'" in refused("ide", new, "--config.data=cvs:x.csv")
    assert "choose `persons` of at most" in refused(
        "ide", new, f"--config.data=csv:{data}/all.csv", "--config.test="
    )
    assert "did you mean 'resnet50'" in refused(
        "ide", new, *arguments[1:], "--config.backbone=resnet51"
    )
    assert "not a run's folder" in refused("evaluate", f"--workdir={tmp_path}")
    assert "there is no folder" in refused(
        "embed", f"--workdir={workdir}", "--pictures=/none", f"--out={tmp_path}/x.npz"
    )


def test_a_truncated_picture_is_named_and_left_out_only_if_asked(data, tmp_path):
    lines = (data / "all.csv").read_text().splitlines()
    whole = (data / lines[1].split(",")[0]).read_bytes()
    for line in lines[1:]:
        name = line.split(",")[0]
        (tmp_path / name).write_bytes((data / name).read_bytes())
    (tmp_path / "p0_c0_0.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "all.csv").write_text("\n".join(lines) + "\n")
    arguments = (f"--config.data=csv:{tmp_path}/all.csv", "--config.test=", *TINY, "--noreport")
    for workers in (0, 1):
        said = refused(
            "ide", f"--workdir={tmp_path}/run{workers}", *arguments, f"--workers={workers}"
        )
        assert "p0_c0_0.jpg" in said and "skip_broken=true" in said
    said = call(
        "ide", f"--workdir={tmp_path}/skipped", *arguments, "--config.skip_broken=true"
    ).stdout
    assert "left out 1 broken pictures of the training data" in said and "p0_c0_0.jpg" in said


@pytest.mark.slow
def test_killed_at_once_nothing_is_lost(data, tmp_path):
    """kill -9 at any moment: the same command starts again from the last whole checkpoint."""
    arguments = [
        f"--workdir={tmp_path}/run", f"--config.data=csv:{data}/all.csv", "--config.test=", *TINY,
        "--config.iterations=100", "--noreport",
    ]  # fmt: skip
    command = [sys.executable, "-u", "-m", "experiments.ide", *arguments, "--save_minutes=0.0"]
    environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as child:
        for line in child.stdout:
            if "step 60/100" in line:
                time.sleep(0.05)
                child.kill()
                break
    assert "going on from epoch 1" in call("ide", *arguments).stdout


@pytest.mark.slow
def test_two_processes_train_as_one(data, tmp_path):
    arguments = [f"--config.data=csv:{data}/all.csv", "--config.test=", *TINY, QUICK]
    call("ide", f"--workdir={tmp_path}/one", *arguments, "--noreport")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    command = [
        sys.executable, "-m", "experiments.ide", f"--workdir={tmp_path}/run", *arguments,
        "--distributed", f"--coordinator={address}", "--processes=2",
    ]  # fmt: skip
    options = {
        "cwd": ROOT,
        "env": environment,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }
    children = [subprocess.Popen([*command, f"--process={which}"], **options) for which in (0, 1)]
    said = [child.communicate(timeout=240)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    assert "test: mAP" in said[0] and "test: mAP" not in said[1]
    assert (tmp_path / "run" / "report" / "report.md").is_file()
    lines = [
        [json.loads(line) for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()]
        for run in ("one", "run")
    ]
    assert lines[1][0]["loss"] == pytest.approx(lines[0][0]["loss"], rel=1e-3)
    assert lines[1][-1]["mAP"] == pytest.approx(lines[0][-1]["mAP"], abs=0.05)


RARELY = """
import runpy, sys
from reid_jax.app import run, stop
run.EVERY, stop.PATIENCE = int(sys.argv.pop()), 100.0
sys.argv[0] = "ide"
runpy.run_module("experiments.ide", run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number, every", [(signal.SIGTERM, 10**6), (signal.SIGINT, 20)])
def test_a_stop_of_one_process_stops_all_at_one_step(data, tmp_path, number, every):
    """A host is to be preempted; without a look at the others jax alone tells them the step."""
    arguments = [
        f"--workdir={tmp_path}/run", f"--config.data=csv:{data}/all.csv", "--config.test=", *TINY,
        "--config.iterations=3000", "--config.schedule=constant", "--noreport", QUICK,
    ]  # fmt: skip
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    command = ["env", "--default-signal=INT", sys.executable, "-u", "-c", RARELY, *arguments]
    command += ["--distributed", f"--coordinator={address}", "--processes=2"]
    options = {
        "cwd": ROOT,
        "env": {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu", "PYTHONPATH": ROOT},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    children = [
        subprocess.Popen([*command, f"--process={which}", f"{every}"], **options)
        for which in (0, 1)
    ]
    try:
        for line in children[0].stdout:
            if ("step 40/3000" if every == 20 else "epoch 1, steps") in line:
                children[1].send_signal(number)
                break
        said = [child.communicate(timeout=120) for child in children]
    finally:
        for child in children:
            child.kill()
    assert [child.returncode for child in children] == [143, 128 + number], said
    assert "the state is saved" in said[0][0] and "Traceback" not in said[0][1] + said[1][1]
    saved = max(int(one.name) for one in (tmp_path / "run" / "checkpoints").iterdir())
    assert 1 <= saved < 3000
    with begun("ide", *arguments, stdout=subprocess.PIPE) as child:
        assert any(f"going on from epoch 1, step {saved} of 3000" in one for one in child.stdout)
        child.kill()


@pytest.mark.slow
def test_cluster_labels_pictures_for_a_training(data, tmp_path):
    """Eight colours, each of twelve images in two folders; a training starts from the labels."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "crops"
    names, rows = [], []
    for person in range(8):
        (folder / f"day{person % 2}").mkdir(parents=True, exist_ok=True)
        colour = rng.normal(size=16)
        for take in range(12):
            name = f"day{person % 2}/p{person}_{take}.jpg"
            cv2.imwrite(str(folder / name), np.full((32, 16, 3), 20 + 25 * person, np.uint8))
            names.append(name)
            vector = colour + 0.1 * rng.normal(size=16)
            rows.append(vector / np.linalg.norm(vector))
    np.savez(tmp_path / "crops.npz", name=np.array(names), embedding=np.array(rows, np.float32))
    given = (f"--embeddings={tmp_path}/crops.npz", f"--pictures={folder}")
    out = tmp_path / "made" / "labels.csv"
    said = call("cluster", *given, f"--out={out}", "--k1=10", "--k2=3").stdout
    assert "labels             8" in said and "96 pictures" in said and "8 largest labels" in said
    lines = [line.split(",") for line in out.read_text().splitlines()[1:]]
    pairs = {(os.path.basename(path)[:2], person) for path, person, _, _ in lines}
    assert len(lines) == 96 and len(pairs) == 8 and len({person for _, person in pairs}) == 8
    assert out.with_suffix(".png").stat().st_size > 100
    workdir = tmp_path / "run"
    call(
        "ide",
        f"--workdir={workdir}",
        f"--config.data=csv:{out}",
        f"--config.test=csv:{data}/all.csv",
        *TINY,
        QUICK,
        "--noreport",
    )
    assert "exists already" in refused("cluster", *given, f"--out={out}")
    assert "--eps is 1.5" in refused("cluster", *given, f"--out={tmp_path}/b.csv", "--eps=1.5")
    assert "is a .csv" in refused("cluster", *given, f"--out={tmp_path}/b.txt")
    assert "`reid-jax embed` writes it" in refused(
        "cluster", "--embeddings=no.npz", given[1], f"--out={tmp_path}/b.csv"
    )
    assert "is not a file of `reid-jax embed`" in refused(
        "cluster", f"--embeddings={data}/all.csv", given[1], f"--out={tmp_path}/b.csv"
    )
    (folder / names[0]).unlink()
    assert "1 embedded pictures are not below" in refused(
        "cluster", *given, f"--out={tmp_path}/b.csv"
    )
    assert not (tmp_path / "b.csv").exists()

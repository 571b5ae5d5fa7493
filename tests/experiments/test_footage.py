import fcntl
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from reid_jax.app import footage, sources
from reid_jax.data.packed import packed
from tests.experiments.called import begun, call, nobody_is_left, refused
from tests.video import films

pytest.importorskip("scenedetect")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Videos: two of one name, a broken, an empty and a truncated one, and one of few people."""
    root = tmp_path_factory.mktemp("films")
    for number, name in enumerate(("a/clip.avi", "b/clip.avi", "c.avi", "d.avi")):
        films.film(root / name, [2] * (15 + number), seeds=number)
    films.film(root / "lonely.avi", [1] * 12)
    films.film(root / "short.avi", [2] * 60)
    data = (root / "short.avi").read_bytes()
    (root / "short.avi").write_bytes(data[: len(data) // 2])
    (root / "text.mp4").write_text("not a video")
    (root / "void.mkv").touch()
    return root


def _arguments(folder, out, *more):
    return ["videos", f"--videos={folder}", f"--detector=mot:{folder}", f"--out={out}", *more]


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    """(what the command says, what it leaves)."""
    out = tmp_path_factory.mktemp("made") / "deep" / "out"
    return call("prepare", *_arguments(folder, out, "--cores=2")), out


def test_videos_become_what_a_training_reads(made, folder):
    done, out = made
    assert "text.mp4 is no video" in done.stdout and "void.mkv is empty" in done.stdout
    assert "cut short: " + str(folder / "short.avi") + ": it ends after frame" in done.stdout
    assert "too few people: " + str(folder / "lonely.avi") in done.stdout
    assert "8 sources, 2 broken, 1 with too few" in done.stdout and f"packed:{out}" in done.stdout
    assert "8 of 8 videos" in done.stderr and "images/s" in done.stderr and "left" in done.stderr
    assert "Traceback" not in done.stderr and "WARN" not in done.stderr
    names = {path.name.split("-rows")[0] for path in out.iterdir()}
    assert names >= {"columns.npz", "boxes.npz", "manifest.json", "crops.png", "dataset_info.json"}
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert [told["views"][0]["path"] for told in manifest["sources"][:2]] == [
        str(folder / name / "clip.avi") for name in "ab"
    ]
    found = packed(out)
    assert len(found.person) == manifest["counts"]["crops"] > 20 and set(found.camera) == set(
        found.group
    ) == set(range(5))

    class Config:
        labelled, videos, skip_broken = 1.0, f"packed:{out}", True

    _, videos = sources.single_camera(Config, found)
    assert (
        (videos.group == found.group).all()
        and (videos.frame == found.frame).all()
        and (videos.domain == 1).all()
    )


def _begun(parts, *arguments, **options):
    """A run in a group of its own, once it has left its first part."""
    run = begun("prepare", *arguments, stdout=subprocess.DEVNULL, **options)
    until = time.monotonic() + 120
    while not list(parts.glob("*/about.json")) and time.monotonic() < until:
        time.sleep(0.02)
    return run


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(made, folder, tmp_path):
    out, parts = tmp_path / "out", tmp_path / "out.parts"
    run = _begun(parts, *_arguments(folder, out, "--cores=2"), stderr=subprocess.DEVNULL)
    run.kill()
    run.wait()
    assert parts.is_dir() and not out.exists() and nobody_is_left(run)
    assert "begun with other options (--every: 7 there, 5 now)" in refused(
        "prepare", *_arguments(folder, out, "--every=5")
    )
    call("prepare", *_arguments(folder, out, "--cores=1"))
    assert films.same(out, made[1]) and not parts.exists()


def test_ctrl_c_stops_at_once_and_keeps_what_is_done(folder, tmp_path):
    out, parts = tmp_path / "out", tmp_path / "out.parts"
    run = _begun(parts, *_arguments(folder, out, "--cores=2"), stderr=subprocess.PIPE)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all of them
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 130 and "Traceback" not in said, said
    assert f"stopped: what is done is kept in {parts}" in said
    assert not out.exists() and nobody_is_left(run)


def test_a_detector_means_the_same_from_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert footage.located("hog") == "hog" and footage.located("yolo:x") == "yolo:x"
    assert footage.located("onnx:~/a.onnx") == "onnx:/home/me/a.onnx"
    assert footage.located("mot:boxes/") == f"mot:{tmp_path}/boxes"


def test_two_runs_do_not_make_one_folder(folder, tmp_path):
    parts = tmp_path / "out.parts"
    parts.mkdir()
    with (parts / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "another run is making" in refused("prepare", *_arguments(folder, tmp_path / "out"))
    call("prepare", *_arguments(folder, tmp_path / "out"))
    assert not parts.exists()


def test_names_with_commas_and_no_number(folder, tmp_path):
    for name in ("a,b.avi", "c.avi"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "c.avi", tmp_path / "in" / name)
    given = _arguments(folder, tmp_path / "out", f"--videos={tmp_path}/in/a,b.avi,{folder}/d.avi")
    (tmp_path / "boxes").mkdir()
    for name, source in (("a,b", "c"), ("d", "d")):
        shutil.copy(folder / f"{source}.txt", tmp_path / "boxes" / f"{name}.txt")
    given = [one for one in given if one != f"--videos={folder}" and "mot:" not in one]
    told = refused("prepare", *given, f"--detector=mot:{tmp_path}/boxes", "--people=nan")
    assert "--people=nan is no finite number" in told
    done = call("prepare", *given, f"--detector=mot:{tmp_path}/boxes")
    assert "2 sources, 0 broken" in done.stdout


def test_mistakes_are_told_before_anything_is_made(folder, tmp_path):
    assert "did you mean '--detector'" in refused("prepare", "videos", "--detecter=hog")
    assert "the job='vidoes' is not known, did you mean 'videos'?" in refused("prepare", "vidoes")
    assert "--source=KIND:PATH" in refused("prepare", f"--out={tmp_path / 'out'}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "name videos or folders of them with --videos"),
        ({"videos": ["{root}/none"]}, "there is no file or folder .*none"),
        ({"videos": ["{root}/empty"]}, "there is no video below"),
        (
            {"videos": ["{root}"], "detector": "onnx:{root}/none.onnx"},
            "there is no file .*none.onnx",
        ),
        ({"videos": ["{root}"], "detector": "mot:{root}/none"}, "there is no folder .*none"),
        ({"videos": ["{root}"], "detector": "yolo:x"}, "the detector 'yolo:x' is not known"),
        (
            {"views": ["{root}/a.avi"]},
            "there is no file or folder|synchronised ones are two or more",
        ),
    ],
)
def test_bad_options(folder, tmp_path, given, message):
    from absl import flags
    from absl.testing import flagsaver

    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["test"])
    (folder / "empty").mkdir(exist_ok=True)
    given = {
        name: [one.format(root=folder) for one in value]
        if isinstance(value, list)
        else value.format(root=folder)
        for name, value in given.items()
    }
    with (
        flagsaver.flagsaver(**given),
        pytest.raises((ValueError, FileNotFoundError), match=message),
    ):
        footage.main(str(tmp_path / "out"))
    with flagsaver.flagsaver(**given), pytest.raises(ValueError, match="--out=FOLDER"):
        footage.main(None)
    with flagsaver.flagsaver(**given), pytest.raises(FileExistsError, match="exists already"):
        footage.main(str(tmp_path))
    assert not list(tmp_path.iterdir())

"""`reid-jax track` as a person calls it."""

import jax
import numpy as np
import pytest

from reid_jax.api.encoder import Encoder
from reid_jax.api.loading import build
from reid_jax.tracking import mot
from tests.experiments.called import call, refused
from tests.video.films import film


@pytest.fixture(scope="module")
def walkers(tmp_path_factory):
    return film(tmp_path_factory.mktemp("films") / "walkers.avi", [2] * 24)


def test_a_video_becomes_tracks_scores_and_gaps(walkers, tmp_path):
    given = [f"--videos={walkers}", f"--detector=mot:{walkers.parent}", "--motion_only"]
    out = [f"--out={tmp_path}/out", "--hertz=5,10", f"--truth={walkers.parent}"]
    done = call("track", *given, *out)
    assert "walkers at 10 Hz: 2 persons in 24 frames; MOTA 9" in done.stdout
    made = tmp_path / "out" / "walkers"
    assert {"5hz.txt", "5hz.mp4", "5hz-ids.png", "10hz.txt"} <= {one.name for one in made.iterdir()}
    assert set(mot.read(made / "10hz.txt").number) == {1, 2}
    assert "is there already" in call("track", *given, *out).stdout
    assert "begun with other options" in refused("track", *given, out[0], "--hertz=2")
    truth = f"--truth={walkers.with_suffix('.txt')}"
    done = call("track", "score", f"--tracks={made}/10hz.txt", truth)
    assert "MOTA 9" in done.stdout and "0 switches" in done.stdout
    call("track", "gaps", f"--tracks={made}/10hz.txt", truth, f"--out={tmp_path}/gaps")
    assert (tmp_path / "gaps.csv").is_file()
    told = refused(
        "track", "cameras", f"--tracks={made},{made}", "--hertz=5", f"--out={tmp_path}/p"
    )
    assert "tracked by motion only" in told


@pytest.mark.slow
def test_an_encoder_s_tracks_become_persons_of_cameras(walkers, tmp_path):
    model = build("resnet_small", size=(32, 16))
    Encoder(model, model.init(jax.random.PRNGKey(0))).save(tmp_path / "encoder", forms=[])
    film(tmp_path / "other" / "b.avi", [2] * 12)
    film(tmp_path / "other" / "a.avi", [2] * 12)
    call(
        "track", f"--videos={tmp_path}/other", f"--detector=mot:{tmp_path}/other", "--nodraw",
        f"--encoder={tmp_path}/encoder", f"--out={tmp_path}/out",
    )  # fmt: skip
    with np.load(tmp_path / "out" / "a" / "all-tracks.npz") as held:
        np.testing.assert_allclose(np.linalg.norm(held["embedding"], axis=1), 1, rtol=1e-5)
        assert held["number"].tolist() == [1, 2]
    tracks = f"--tracks={tmp_path}/out/a,{tmp_path}/out/b"
    done = call("track", "cameras", tracks, f"--out={tmp_path}/persons")
    assert "4 tracks of 2 cameras are " in done.stdout
    assert {one.name for one in (tmp_path / "persons").iterdir()} == {"a.txt", "b.txt"}
    done = call(
        "track", "table", f"--encoder={tmp_path}/encoder", f"--without={tmp_path}/encoder",
        "--seeds=1", "--films=1", "--frames=48", "--people=3", f"--out={tmp_path}/table",
    )  # fmt: skip
    assert "with videos: 2 Hz MOTA" in done.stdout
    assert "| without videos | 8 |" in (tmp_path / "table" / "table.md").read_text()


def test_what_is_wrong_is_a_line(walkers, tmp_path):
    detector = f"--detector=mot:{walkers.parent}"
    out = f"--out={tmp_path}/out"
    for words, told in (
        ((f"--videos={walkers}", "--motion_only", detector), "name --out=FOLDER"),
        (("--motion_only", detector, out), "name --videos=PATH: by comma"),
        ((f"--videos={tmp_path}/no", "--motion_only", detector, out), "no file or folder"),
        ((f"--videos={walkers}", "--motion_only", out), "name a detector for"),
        (("table", f"--without={walkers}", out), "name a run's folder with --workdir"),
        ((f"--videos={walkers}", "--hertz=0", "--motion_only", detector, out), "--hertz=0; give"),
        ((f"--videos={walkers}", "--pace=fast", "--motion_only", detector, out), "--pace"),
        (("scores",), "did you mean 'score'"),
        (("table", "--motion_only", out), "name --without=PATH"),
    ):
        said = refused("track", *words)
        assert told in said and said.startswith("error: "), said
        assert len(said.strip().splitlines()) == 1, said
    assert not (tmp_path / "out").exists()

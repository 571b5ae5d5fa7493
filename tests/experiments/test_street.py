"""Without an encoder that is named, commands take the library's own, and say so."""

import cv2
import jax
import numpy as np
import pytest

import reid_jax
from reid_jax import lean
from reid_jax.gallery.store import Store
from reid_jax.synthetic import town
from tests.experiments.called import call, refused
from tests.video.films import film

SAID = f"by {lean.SEEN}"


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crops")
    people = town.labelled(persons=2, cameras=2, per_camera=1)
    for row in range(4):
        cv2.imwrite(str(folder / f"{row}.png"), people.image[row][..., ::-1])
    return folder


def test_embed_by_street(crops, tmp_path):
    done = call("embed", f"--pictures={crops}", f"--out={tmp_path}/a.npz")
    assert SAID in done.stdout
    file = np.load(tmp_path / "a.npz")
    expected = reid_jax.load("street")(str(crops))
    np.testing.assert_allclose(file["embedding"], expected, atol=1e-5)
    assert file["encoder"] == reid_jax.load("street").fingerprint


@pytest.mark.slow
def test_a_gallery_of_street_is_searched(crops, tmp_path):
    gallery = f"--gallery={tmp_path}/people"
    assert lean.SEEN in call("gallery", gallery, f"--add={crops}").stdout
    found = call("search", gallery, f"--picture={crops}/2.png", "--top=1").stdout
    assert "1.0000" in found and "2.png" in found


@pytest.mark.slow
def test_evaluate_by_street(crops, tmp_path):
    lines = [
        f"{row}.png,{row // 2},{row % 2},{'query' if row % 2 else 'gallery'}" for row in range(4)
    ]
    (crops / "all.csv").write_text("\n".join(["path,person,camera,split", *lines]))
    done = call("evaluate", f"--test=csv:{crops}/all.csv", f"--out={tmp_path}/a.json")
    assert lean.SEEN in done.stdout and "rank1" in done.stdout
    assert (tmp_path / "a.json").is_file()


@pytest.mark.slow
def test_videos_are_watched_by_street_or_by_the_gallerys_own(tmp_path):
    """What a gallery is of goes before street; another encoder that is named is refused."""
    film(tmp_path / "films" / "gate.avi", [2] * 8)
    given = [f"--videos={tmp_path}/films", f"--detector=mot:{tmp_path}/films", "--settle=0"]
    people = f"--gallery={tmp_path}/people"
    assert f"no encoder is named: {lean.SEEN}" in call("watch", *given, people).stdout
    store = Store(tmp_path / "people")
    assert store.about.encoder == reid_jax.load("street").fingerprint
    assert store.about.name == "street" and len(store)
    model = reid_jax.build("resnet_small", size=(32, 16))
    encoder = reid_jax.Encoder(model, model.init(jax.random.key(0)))
    encoder.save(tmp_path / "encoder", forms=[])
    by = f"--encoder={tmp_path}/encoder"
    assert "their embeddings cannot be compared" in refused("watch", *given, people, by)
    other = f"--gallery={tmp_path}/other"
    assert lean.SEEN not in call("watch", *given, other, by).stdout
    film(tmp_path / "films" / "yard.avi", [1] * 8)
    count = len(Store(tmp_path / "other"))
    assert lean.SEEN not in call("watch", *given, other).stdout
    assert Store(tmp_path / "other").about.encoder == encoder.fingerprint
    assert len(Store(tmp_path / "other")) > count

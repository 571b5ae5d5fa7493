"""The gallery behind an encoder: pictures of all kinds, and those that are none."""

import io

import numpy as np
import pytest
from PIL import Image

import reid_jax
from reid_jax import lean
from reid_jax.api.gallery import encoder_of, of_records
from reid_jax.gallery import thumbnails
from reid_jax.gallery.store import make

pytestmark = pytest.mark.usefixtures("optimised")


@pytest.fixture(scope="module")
def encoder(prepared):
    return reid_jax.load(prepared / "runs" / "market")


@pytest.fixture(scope="module")
def exported(prepared, encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "encoder"
    encoder.save(folder, forms=["onnx"])
    return folder


def test_pictures_are_found_again(prepared, encoder, tmp_path):
    gallery = reid_jax.open_gallery(tmp_path / "g", encoder, create=True)
    people = reid_jax.synthetic.labelled(persons=5, cameras=3, per_camera=2, size=(64, 32))
    rows = gallery.add(people, time="2026-05-01T08:00:00Z")
    assert rows.tolist() == list(range(len(people.person))) and len(gallery) == len(rows)
    more = gallery.add(prepared / "crops", camera="gate")
    assert len(more) == 3
    embedding, camera = encoder(people), people.camera
    for number in (0, 7, len(rows) - 1):
        near = np.argsort(-(embedding @ embedding[number]), kind="stable")[:5].tolist()
        answer = gallery.search(people.image[number], cameras=[0, 1, 2], top=5)
        assert [one.row for one in answer.matches] == near
        assert [one.camera for one in answer.matches] == [str(camera[row]) for row in near]
        assert answer.matches[0].cosine == pytest.approx(1, abs=1e-5)
        assert {one.person for one in answer.matches} <= {str(one) for one in people.person}
    assert gallery.search(embedding=embedding[3], top=1).matches[0].row == 3
    assert gallery.search(row=3, top=1).matches[0].row != 3
    small = thumbnails.decoded(gallery.store.thumbnails([3])[3])
    assert small.shape == (64, 32, 3)
    assert np.abs(small.astype(int) - people.image[3].astype(int)).mean() < 12
    assert gallery.remove(persons=people.person[0]) == (people.person == people.person[0]).sum()
    assert gallery.remove(cameras="gate") == 3


def test_pictures_of_any_size_and_none(encoder, tmp_path):
    gallery = reid_jax.open_gallery(tmp_path / "g", encoder, create=True)
    wide = np.zeros((2, 30_000, 3), np.uint8)
    data = io.BytesIO()
    Image.new("L", (30_000, 30_000)).save(data, "PNG")
    gallery.add([np.zeros((1, 1, 3), np.uint8), wide, np.full((5, 5), 9, np.uint8)])
    assert len(gallery) == 3
    for pictures, error, says in (
        ([data.getvalue()], ValueError, "picture 0 cannot be read .more than 178,956,970 pixels"),
        ([wide, b"no picture"], ValueError, "picture 1 cannot be read .not a picture"),
        (tmp_path / "none.jpg", ValueError, "there is no file"),
        (tmp_path / "none", FileNotFoundError, "there is no file or folder"),
        ([np.zeros((0, 4, 3), np.uint8)], ValueError, "it has no pixel"),
        ([3], TypeError, "picture 0 is a int"),
    ):
        for action in (gallery.add, gallery.search):
            with pytest.raises((error, FileNotFoundError), match=says):
                action(pictures)
    with pytest.raises(ValueError, match="there is no picture to search for"):
        gallery.search([])
    assert gallery.add([]).tolist() == [] and len(gallery) == 3
    assert gallery.store._small.count() == 3
    with pytest.raises(ValueError, match="one of them"):
        gallery.search(wide, row=1)
    with pytest.raises(ValueError, match="one of both"):
        gallery.add(wide, embeddings=np.ones((1, 256)))


def test_only_one_encoder_and_all_its_forms(prepared, encoder, exported, tmp_path):
    a = prepared / "a.jpg"
    gallery = reid_jax.open_gallery(tmp_path / "g", str(prepared / "runs" / "market"), create=True)
    assert gallery.store.about.name == str(prepared / "runs" / "market")
    gallery.add(a)
    for form in (exported, reid_jax.load(exported, engine="onnx")):
        again = reid_jax.open_gallery(tmp_path / "g", form)
        assert again.search(a).matches[0].cosine == pytest.approx(1, abs=1e-4)
    other = reid_jax.load(prepared / "resnet.npz", backbone="resnet_small", size=(64, 32))
    assert other.fingerprint != encoder.fingerprint
    with pytest.raises(ValueError, match="their embeddings cannot be compared"):
        reid_jax.open_gallery(tmp_path / "g", other)
    bare = reid_jax.open_gallery(tmp_path / "g")
    assert bare.search(embedding=encoder(a)).matches[0].row == 0
    with pytest.raises(ValueError, match="was opened without an encoder"):
        bare.search(a)
    with pytest.raises(ValueError, match="a new gallery needs the encoder"):
        reid_jax.open_gallery(tmp_path / "new", create=True)
    with pytest.raises(FileNotFoundError, match="there is no gallery"):
        reid_jax.open_gallery(tmp_path / "new", encoder)


def test_an_export_of_an_earlier_version_has_the_same_hash(encoder, exported, tmp_path):
    """It did not keep its hash, which is taken of its weights then."""
    import json
    import shutil

    from reid_jax import export

    shutil.copytree(exported, tmp_path / "old")
    about = json.loads((tmp_path / "old" / "encoder.json").read_text())
    assert about.pop("fingerprint") == encoder.fingerprint
    (tmp_path / "old" / "encoder.json").write_text(json.dumps(about))
    assert export.fingerprint(tmp_path / "old") == encoder.fingerprint
    assert reid_jax.load(tmp_path / "old", engine="onnx").fingerprint == encoder.fingerprint


def test_galleries_are_merged(prepared, encoder, tmp_path):
    one, two = (reid_jax.open_gallery(tmp_path / name, encoder, create=True) for name in ("a", "b"))
    one.add(prepared / "a.jpg")
    two.add(prepared / "b.jpg", track="t")
    assert one.merge(tmp_path / "b") == 1 and one.merge(two) == 1 and len(one) == 3
    assert one.search(prepared / "b.jpg", tracks="t").matches[0].row == 1


def test_what_records_know():
    records = reid_jax.make_records(
        ["a.jpg", "b.jpg"], person=[0, 3], camera=[2, -1], group=[-1, 5], frame=[7, -1]
    )
    assert of_records(records) == {
        "person": [-1, 3], "camera": [2, -1], "video": [-1, 5], "frame": [7, -1],
    }  # fmt: skip


def test_what_a_gallery_is_of_goes_before_street(tmp_path):
    """What is named goes before both; a gallery that remembers no place is of street or refused."""
    of_street, said = reid_jax.load("street").fingerprint, []
    make(tmp_path / "named", "f" * 16, 4, name="/my/encoder")
    make(tmp_path / "street", of_street, 256)
    make(tmp_path / "other", "f" * 16, 4)
    found = {
        (folder, given): encoder_of(tmp_path / folder, given, said.append)
        for folder, given in (
            ("new", None), ("new", "a"), ("named", None), ("named", "b"), ("street", None)
        )
    }  # fmt: skip
    assert list(found.values()) == ["street", "a", "/my/encoder", "b", "street"]
    assert said == [f"no encoder is named: {lean.SEEN}"] * 2
    with pytest.raises(ValueError, match="does not remember where its encoder is; name"):
        encoder_of(tmp_path / "other", None, said.append)

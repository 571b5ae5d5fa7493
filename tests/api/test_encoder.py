"""Pictures in any form -> embeddings: equal to those of an evaluation, few compilations, errors."""

import io
import re

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import reid_jax
from reid_jax import distance, evaluate, parallel
from reid_jax.api import pictures
from reid_jax.data import batch, folders, packed, records
from reid_jax.data.augment import Augment
from reid_jax.types import Input, Plan
from reid_jax.video import frames
from tests import tiny
from tests.api import samples


@pytest.fixture(scope="module")
def model():
    return tiny.encoder()


@pytest.fixture(scope="module")
def encoder(model):
    return reid_jax.Encoder(model, model.init(jax.random.key(0)), batch=16)


@pytest.fixture(scope="module")
def colour():
    return np.random.default_rng(0).integers(0, 256, (20, 12, 3), np.uint8)


def _png(pixels):
    return bytes(cv2.imencode(".png", pixels[:, :, ::-1])[1])


@pytest.mark.parametrize("flip", [False, True])
def test_paths_folders_and_records_are_embedded_as_an_evaluation_does(tmp_path, flip):
    names = [f"{number:03d}.jpg" for number in range(21)]
    samples.pictures(tmp_path, names)
    for resize in ("area", "bilinear"):
        model = tiny.encoder()
        variables = model.init(jax.random.key(0))
        input = model.input._replace(resize=resize)
        model = model._replace(input=input)
        encoder = reid_jax.Encoder(model, variables, batch=16)
        whole = folders.pictures(tmp_path)
        expected = distance.unit(
            evaluate.embed_rows(
                parallel.build_embed(model, flip=flip), parallel.replicate(variables), whole,
                np.arange(21), input=input,
            )
        )  # fmt: skip
        assert expected.std() > 0.01
        for given in (tmp_path, str(tmp_path), whole, [tmp_path / name for name in names]):
            np.testing.assert_allclose(encoder(given, flip=flip), expected, atol=1e-6)


def test_all_forms_of_one_picture_are_one(encoder, colour, tmp_path):
    (tmp_path / "a.png").write_bytes(_png(colour))
    opaque = np.dstack([colour, np.full((20, 12), 255, np.uint8)])
    forms = [
        tmp_path / "a.png", str(tmp_path / "a.png"), _png(colour), bytearray(_png(colour)),
        memoryview(_png(colour)), colour, opaque, Image.fromarray(colour),
        Image.fromarray(opaque), Image.open(tmp_path / "a.png"), jnp.asarray(colour),
        records.make(records.Held(colour[None]), 1), colour[:, ::-1][:, ::-1],
    ]  # fmt: skip
    each = encoder(forms)
    assert each.shape == (len(forms), 12) and each.dtype == np.float32
    assert (each == each[0]).all()
    np.testing.assert_allclose(np.linalg.norm(each, axis=1), 1, atol=1e-6)
    for form in forms:
        alone = encoder(form)
        assert alone.shape == (1, 12)
        np.testing.assert_allclose(alone[0], each[0], atol=1e-6)
    np.testing.assert_array_equal(encoder(np.stack([colour, colour])), each[:2])
    np.testing.assert_array_equal(encoder(iter([colour, colour])), each[:2])


def test_gray_pictures(encoder, colour):
    gray = colour[:, :, 0]
    deep = Image.fromarray(gray.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    forms = [
        np.repeat(gray[:, :, None], 3, 2), gray, gray[:, :, None], Image.fromarray(gray), deep,
        _png(np.repeat(gray[:, :, None], 3, 2)), bytes(cv2.imencode(".png", gray)[1]),
    ]  # fmt: skip
    each = encoder(forms)
    assert (each == each[0]).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_every_mode_of_pillow(encoder, colour, mode):
    image = Image.fromarray(colour).convert(mode)
    shown = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(encoder([image]), encoder([shown]))


def _as_users_have_them(colour):
    """Encoded pictures and what they show, {name: (bytes, uint8 [h w 3])}."""
    rng = np.random.default_rng(1)
    alpha, deep = rng.integers(0, 256, (20, 12), np.uint8), rng.integers(0, 65536, (20, 12))
    share = alpha[:, :, None] / 255
    scaled = np.round(deep / 257).astype(np.uint8)[:, :, None].repeat(3, 2)
    turned = Image.Exif()
    turned[0x112] = 6

    def png(picture, **options):
        file = io.BytesIO()
        picture.save(file, "PNG", **options)
        return file.getvalue()

    return {
        "turned": (png(Image.fromarray(np.rot90(colour).copy()), exif=turned), colour),
        "clear": (
            png(Image.fromarray(np.dstack([colour, alpha]))),
            np.round(share * colour + (1 - share) * 128).astype(np.uint8),
        ),
        "deep": (png(Image.fromarray(deep.astype(np.uint16))), scaled),
    }


@pytest.mark.parametrize("which", ["turned", "clear", "deep"])
def test_every_door_reads_a_picture_alike(colour, tmp_path, which):
    data, shown = _as_users_have_them(colour)[which]
    path = tmp_path / "000001.png"
    path.write_bytes(data)
    packed.pack(records.make([str(path)], 1), tmp_path / "packed")
    input = Input((20, 12))
    plan = Plan(np.zeros((1, 1), np.int64), np.zeros(1, np.int64), {})
    files = records.make([str(path)], 1)
    trained = batch.batches(files, plan, views=(Augment(),), input=input, seed=0, epoch=0)
    doors = {
        "records": records.read(files, 0),
        "bytes": records.read(records.make(np.array([data], object), 1), 0),
        "packed": records.read(packed.packed(tmp_path / "packed"), 0),
        "frames": next(frames.frames(tmp_path))[1],
        "training": next(iter(trained)).image[0, 0],
        "evaluation": next(iter(batch.pictures(files, [0], input=input, batch=1)))[0],
    }
    given = [path, data, Image.open(io.BytesIO(data)), files, shown]
    api = pictures.resized(pictures.items(given), input, ahead=1)
    doors |= {f"api {number}": pixels for number, pixels in enumerate(api)}
    assert len(doors) == 11
    for door, pixels in doors.items():
        np.testing.assert_array_equal(pixels, shown, door)


def test_one_pixel_and_nothing(encoder):
    assert np.isfinite(encoder(np.zeros((1, 1, 3), np.uint8))).all()
    for nothing in ([], (), iter([]), np.zeros((0, 8, 8, 3), np.uint8)):
        assert encoder(nothing).shape == (0, 12)
    assert encoder([]).dtype == np.float32


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("absent.jpg", FileNotFoundError, "picture 0: there is no file absent.jpg"),
        (["absent"], FileNotFoundError, "picture 0: there is no file or folder absent"),
        (np.zeros((8, 8, 3), np.float32), ValueError, "picture 0 is float32 [8, 8, 3]; give uint8"),
        (np.zeros((8, 8, 2), np.uint8), ValueError, "picture 0 is uint8 [8, 8, 2]; give [h w 3]"),
        (np.zeros((3, 8, 8), np.uint8), ValueError, "picture 0 is uint8 [3, 8, 8]; give [h w 3]"),
        (np.zeros(8, np.uint8), ValueError, "give [h w 3]"),
        (np.zeros((0, 8, 3), np.uint8), ValueError, "no pixel"),
        ([b"nonsense"], ValueError, "picture 0 cannot be read (not a picture)"),
        (b"", ValueError, "picture 0 cannot be read (empty file)"),
        (None, TypeError, "picture 0 is a NoneType; give a path"),
        ([np.zeros((8, 8, 3), np.uint8), 7], TypeError, "picture 1 is a int; give a path"),
        (Image.new("F", (8, 8)), ValueError, "mode F"),
    ],
)
def test_what_is_no_picture_is_named(encoder, given, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=re.escape(message)):
        encoder(given)


def test_broken_files_are_named_by_place_and_path(encoder, tmp_path):
    samples.pictures(tmp_path, ["a.jpg", "b.jpg"])
    data = (tmp_path / "b.jpg").read_bytes()
    (tmp_path / "b.jpg").write_bytes(data[: len(data) // 2])
    message = re.escape(f"picture 1 ({tmp_path / 'b.jpg'}) cannot be read (truncated JPEG)")
    with pytest.raises(ValueError, match=message):
        encoder(tmp_path)
    with pytest.raises(ValueError, match=re.escape("picture 0 cannot be read")):
        encoder(Image.open(io.BytesIO(data[: len(data) // 2])))
    with pytest.raises(ValueError, match="no picture"):
        (tmp_path / "empty").mkdir()
        encoder(tmp_path / "empty")


def test_the_home_folder_is_found(encoder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    samples.pictures(tmp_path, ["a.jpg"])
    np.testing.assert_array_equal(encoder("~/a.jpg"), encoder(tmp_path / "a.jpg"))


def test_another_number_of_pictures_compiles_nothing(model, colour):
    traced = []

    def apply(variables, image, *rest):
        traced.append(image.shape)
        return model.apply(variables, image, *rest)

    encoder = reid_jax.Encoder(model._replace(apply=apply), model.init(jax.random.key(0)), batch=16)
    for count in (3, 1, 8, 9, 15):
        encoder([colour] * count)
    assert len(traced) == 1
    for count in (16, 17, 40, 200, 5):
        assert len(encoder([colour] * count)) == count
    assert len(traced) == 2
    with jax.log_compiles(False):  # what surrounds the model is compiled for these shapes too
        before = distance.normalise._cache_size()
        for count in (2, 7, 19, 33):
            encoder([colour] * count)
        assert distance.normalise._cache_size() == before


def test_the_order_is_kept_and_a_batch_changes_nothing(model):
    pixels = np.random.default_rng(1).integers(0, 256, (50, 8, 8, 3), np.uint8)
    variables = model.init(jax.random.key(0))
    several = [reid_jax.Encoder(model, variables, batch=batch)(pixels) for batch in (1, 7, 16, 64)]
    expected = distance.unit(model.apply(variables, pixels, False)[0].embedding)
    for one in several:
        np.testing.assert_allclose(one, expected, atol=1e-5)
    with pytest.raises(ValueError, match="batch=0"):
        reid_jax.Encoder(model, variables, batch=0)


def test_a_stream_reads_little_ahead_and_stops_when_asked(encoder):
    taken = []

    def many():
        for number in range(1_000_000):
            taken.append(number)
            yield np.full((9, 5, 3), number % 256, np.uint8)

    stream = encoder.stream(many())
    assert not taken
    for done in range(1, 100):
        embedding = next(stream)
        assert embedding.shape == (12,) and len(taken) <= done + 3 * 16
    stream.close()
    assert len(taken) < 200
    few = [np.full((9, 5, 3), number % 256, np.uint8) for number in range(19)]
    np.testing.assert_allclose(np.stack(list(encoder.stream(few))), encoder(few), atol=1e-6)


def test_an_array_that_its_owner_fills_again_is_not_confused(encoder):
    frame = np.empty((30, 20, 3), np.uint8)

    def frames():
        for number in range(40):
            frame[:] = (5 * number, 255 - 5 * number, 40)
            yield frame

    apart = [np.full((30, 20, 3), (5 * n, 255 - 5 * n, 40), np.uint8) for n in range(40)]
    expected = encoder(apart)
    assert np.abs(expected[0] - expected[-1]).max() > 1e-3
    np.testing.assert_allclose(np.stack(list(encoder.stream(frames()))), expected, atol=1e-6)


def test_progress(encoder, colour, capsys):
    told = []
    encoder([colour] * 20, progress=lambda done, total: told.append((done, total)))
    assert told == [(16, 20), (20, 20)]
    encoder([colour] * 20)
    assert capsys.readouterr().err == ""
    encoder([colour] * 20, progress=True)
    assert capsys.readouterr().err == "16 of 20 pictures\n20 of 20 pictures\n"


def test_comparing(encoder, colour, tmp_path):
    other = np.full((9, 9, 3), 200, np.uint8)
    both = encoder([colour, other])
    assert encoder.compare(colour, other) == pytest.approx(float(both[0] @ both[1]), abs=1e-6)
    assert encoder.compare(colour, colour) == pytest.approx(1, abs=1e-6)
    assert -1 <= encoder.compare(colour, colour) <= 1
    samples.pictures(tmp_path, ["a.jpg", "b.jpg"])
    with pytest.raises(ValueError, match="two pictures, not 3"):
        encoder.compare(tmp_path, colour)

"""Pictures as users have them, made here, against numpy."""

import importlib.util
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, features

from reid_jax.data import decode as decoding
from reid_jax.data.decode import decode

# what a camera that is held as EXIF's orientation says stores of an upright picture
STORED = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 3),
}
EXACT = {
    "PNG": {},
    "WEBP": {"lossless": True, "exact": True},
    "TIFF": {},
    **({"AVIF": {"quality": 100, "subsampling": "4:4:4"}} if features.check("avif") else {}),
}


def _saved(pixels, kind, **options):
    file = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(file, kind, **options)
    return file.getvalue()


def _exif(orientation, order="<"):
    """EXIF of one tag, a SHORT."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    return b"Exif\0\0" + head + struct.pack(order + "HHHIHHI", 1, 0x112, 3, 1, orientation, 0, 0)


@pytest.fixture
def upright():
    """A picture whose eight orientations all differ, in blocks as of jpeg, [48 32 3]."""
    blocks = np.random.default_rng(0).integers(0, 256, (3, 2, 3), np.uint8)
    return blocks.repeat(16, 0).repeat(16, 1)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_jpeg_is_turned_upright(upright, orientation, order):
    options = {"quality": 100, "subsampling": 0}
    stored = np.ascontiguousarray(STORED[orientation](upright))
    got = decode(_saved(stored, "JPEG", exif=_exif(orientation, order), **options))
    assert got.shape == upright.shape and got.flags.c_contiguous
    assert np.abs(got.astype(int) - upright).max() <= 3


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("orientation", STORED)
def test_other_kinds_are_turned_upright(upright, kind, orientation):
    stored = np.ascontiguousarray(STORED[orientation](upright))
    exif = Image.Exif()
    exif[0x112] = orientation
    got = decode(_saved(stored, kind, exif=exif, **EXACT[kind]))
    assert got.shape == upright.shape
    assert np.abs(got.astype(int) - upright).max() <= (3 if kind == "AVIF" else 0)


def test_the_tag_is_found_behind_others_and_nonsense_is_no_turn(upright):
    plain = _saved(upright, "JPEG")
    for exif in (b"", b"II", b"Exif\0\0II*\0\xff\xff\xff\xff", _exif(0), _exif(9), _exif(6)[:-8]):
        segment = b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif
        np.testing.assert_array_equal(decode(plain[:2] + segment + plain[2:]), decode(plain))
    exif = Image.Exif()
    exif[0x10F], exif[0x110], exif[0x112], exif[0x131] = "maker", "model", 3, "software"
    got = decode(_saved(upright, "JPEG", exif=exif))
    np.testing.assert_array_equal(got, decode(plain)[::-1, ::-1])


def _on_grey(colour, alpha):
    share = alpha[..., None] / 255
    return np.round(share * colour + (1 - share) * 128)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_what_is_transparent_lies_on_mid_grey(kind):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (9, 7, 4), np.uint8)
    pixels[0, :, 3], pixels[1, :, 3] = 0, 255
    got = decode(_saved(pixels, kind, **EXACT[kind]))
    np.testing.assert_array_equal(got, _on_grey(pixels[..., :3], pixels[..., 3]))
    assert (got[0] == 128).all() and (got[1] == pixels[1, :, :3]).all()


def test_grey_palettes_and_keys_may_be_transparent_too():
    rng = np.random.default_rng(2)
    grey, alpha = rng.integers(0, 256, (2, 6, 5), np.uint8)
    got = decode(_saved(Image.fromarray(np.dstack([grey, alpha]), "LA"), "PNG"))
    np.testing.assert_array_equal(got, _on_grey(grey[..., None].repeat(3, 2), alpha))
    place = rng.integers(0, 4, (6, 5), np.uint8)
    colours = rng.integers(0, 256, (4, 3), np.uint8)
    palette = Image.fromarray(place, "P")
    palette.putpalette(colours.tobytes())
    np.testing.assert_array_equal(decode(_saved(palette, "PNG")), colours[place])
    for kind in ("PNG", "GIF"):
        got = decode(_saved(palette, kind, transparency=2))
        np.testing.assert_array_equal(got, _on_grey(colours[place], 255 * (place != 2)))
    shares = np.array([0, 60, 200, 255])
    got = decode(_saved(palette, "PNG", transparency=bytes(shares.tolist())))
    np.testing.assert_array_equal(got, _on_grey(colours[place], shares[place]))
    got = decode(_saved(colours[place], "PNG", transparency=tuple(colours[1].tolist())))
    np.testing.assert_array_equal(got, _on_grey(colours[place], 255 * (place != 1)))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_is_scaled_by_its_range(kind):
    value = np.random.default_rng(3).integers(0, 65536, (8, 6)).astype(np.uint16)
    value[0, :2] = 0, 65535
    got = decode(_saved(value, kind))
    expected = np.round(value / 257)[..., None].repeat(3, 2)
    np.testing.assert_array_equal(got, expected)
    if kind == "PNG":
        expected[value == 65535] = 128
        np.testing.assert_array_equal(decode(_saved(value, kind, transparency=65535)), expected)


def _tiff(data, width, height, bits, sample=1, swapped=False):
    """A TIFF of grey without compression: its tags, then `data`."""
    order = ">" if swapped else "<"
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 277: 1, 278: height, 339: sample}
    tags |= {273: 8 + 2 + 12 * 10 + 4, 279: len(data)}
    entries = (struct.pack(order + "HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    head = (b"MM" if swapped else b"II") + struct.pack(order + "HIH", 42, 8, len(tags))
    return head + b"".join(entries) + bytes(4) + data


def test_grey_of_12_bits_is_scaled_by_its_range():
    value = np.random.default_rng(4).integers(0, 4096, (4, 6))
    value[0, :2] = 0, 4095
    bits = (value[..., None] >> np.arange(11, -1, -1) & 1).astype(np.uint8)
    data = np.packbits(bits.reshape(4, -1), axis=1).tobytes()
    got = decode(_tiff(data, 6, 4, 12))
    np.testing.assert_array_equal(got, np.round(value / 4095 * 255)[..., None].repeat(3, 2))


def test_grey_of_16_bits_in_the_other_order_of_bytes():
    value = np.random.default_rng(5).integers(0, 65536, (4, 6))
    got = decode(_tiff(value.astype(">u2").tobytes(), 6, 4, 16, swapped=True))
    np.testing.assert_array_equal(got, np.round(value / 257)[..., None].repeat(3, 2))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_saved(np.zeros((4, 6), np.float32), "TIFF"), "mode F has no range"),
        (_saved(np.full((4, 6), -1, np.int32), "TIFF"), "32 bits has no known range"),
        (_saved(np.full((4, 6), 70_000, np.int32), "TIFF"), "32 bits has no known range"),
    ],
)
def test_numbers_without_a_range_are_refused(data, reason):
    with pytest.raises(ValueError, match=reason):
        decode(data)


def test_one_bit_ink_and_the_first_of_several_frames():
    dots = np.random.default_rng(6).integers(0, 2, (8, 5)).astype(bool)
    got = decode(_saved(Image.fromarray(dots), "PNG"))
    np.testing.assert_array_equal(got, 255 * dots[..., None].repeat(3, 2))
    ink = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255]]], np.uint8)
    ink = ink.repeat(16, 0).repeat(16, 1)
    shown = (255 - ink[..., :3].astype(int)) * (255 - ink[..., 3:].astype(int)) // 255
    for kind in ("TIFF", "JPEG"):
        options = {"quality": 100} if kind == "JPEG" else {}
        got = decode(_saved(Image.fromarray(ink, "CMYK"), kind, **options))
        assert np.abs(got.astype(int) - shown).max() <= 3
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "WEBP", "TIFF", "PNG"):
        options = {"lossless": True} if kind == "WEBP" else {}
        got = decode(_saved(frames[0], kind, save_all=True, append_images=frames[1:], **options))
        assert got.shape == (4, 6, 3) and (got == (255, 0, 0)).all(), kind


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_one_pixel(kind):
    assert decode(_saved(np.full((1, 1, 3), 200, np.uint8), kind)).shape == (1, 1, 3)


def _large_png(side):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _large_jpeg(side):
    small = _saved(np.zeros((8, 8, 3), np.uint8), "JPEG")
    at = small.index(b"\xff\xc0")
    return small[: at + 5] + struct.pack(">HH", side, side) + small[at + 9 :]


@pytest.mark.parametrize(
    "data", [_large_png(30_000), _large_png(30_000)[:-4], _large_jpeg(30_000)], ids=len
)
def test_a_picture_that_would_fill_the_memory_is_refused(data):
    with pytest.raises(ValueError, match="more than 178,956,970 pixels"):
        decode(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_the_limit_is_of_every_kind(upright, kind, monkeypatch):
    data = _saved(upright, kind)
    monkeypatch.setattr(decoding, "PIXELS", 48 * 32)
    assert decode(data).shape == upright.shape
    monkeypatch.setattr(decoding, "PIXELS", 48 * 32 - 1)
    with pytest.raises(ValueError, match="more than"):
        decode(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # what Pillow says of a broken TIFF
def test_broken_pictures_have_a_reason_in_one_line(upright, kind, capfd):
    whole = _saved(upright, kind)
    for data in (whole[: len(whole) // 2], whole[:30], b"PK", b"some text\n", b""):
        with pytest.raises(ValueError) as caught:
            decode(data)
        reason = str(caught.value)
        assert reason and "\n" not in reason
        if data == whole[: len(whole) // 2] and kind != "TIFF":
            assert "truncated" in reason
    lost = bytearray(whole)
    lost[len(whole) // 2 : len(whole) // 2 + 8] = bytes(8)
    if kind == "PNG":
        with pytest.raises(ValueError):
            decode(bytes(lost))
    if kind != "TIFF":  # libtiff prints
        assert not capfd.readouterr().err


def test_a_picture_of_another_kind_says_what_it_needs(monkeypatch):
    heic = b"\0\0\0\x18ftypheic" + bytes(64)
    monkeypatch.setattr(decoding, "FORMATS", ["PNG"])
    monkeypatch.setattr(decoding, "NEEDS", {".heic": "pip install 'reid_jax[heic]'"})
    with pytest.raises(ValueError, match=r"a \.heic picture needs pip install"):
        decode(heic)


@pytest.mark.skipif(not importlib.util.find_spec("pillow_heif"), reason="needs pillow_heif")
def test_heic_is_read(upright):
    got = decode(_saved(upright, "HEIF", quality=-1))
    assert got.shape == upright.shape and np.abs(got.astype(int) - upright).max() <= 8

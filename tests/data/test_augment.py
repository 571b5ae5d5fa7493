import numpy as np
import pytest
from PIL import Image

from reid_jax.data.augment import RESIZES, Augment, pixels, resize, view
from reid_jax.synthetic import labelled
from reid_jax.types import Input

IMAGE = labelled(persons=2, cameras=2, per_camera=1).image[0]
SIZE = (64, 32)


def _view(augment, seed=0, image=IMAGE, size=SIZE):
    return view(image, Input(size), augment, np.random.default_rng(seed))


SIZES = [(64, 32), (50, 30), (256, 128), (64, 128), (128, 64)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("kind", "pillow"), [("bilinear", 2), ("bicubic", 3)]
)  # the numbers that torchvision passes on
def test_resizing_as_pillow_does_it_is_pillow_s_to_the_bit(kind, pillow, size):
    got = resize(IMAGE, size, kind)
    assert got.shape == (*size, 3) and got.dtype == np.uint8 and got.flags.writeable
    np.testing.assert_array_equal(
        got, np.asarray(Image.fromarray(IMAGE).resize(size[::-1], Image.Resampling(pillow)))
    )
    part = IMAGE[3:60, 5:40]  # a crop is not contiguous
    np.testing.assert_array_equal(resize(part, size, kind), resize(part.copy(), size, kind))


@pytest.mark.parametrize("size", SIZES)
def test_area_is_the_mean_of_what_a_pixel_covers_and_bicubic_where_it_grows(size):
    got = resize(IMAGE, size)
    assert got.shape == (*size, 3) and got.dtype == np.uint8
    want = IMAGE
    for axis in (0, 1):  # first what shrinks
        want = _areas(want, min(size[axis], IMAGE.shape[axis]), axis)
    for axis in (0, 1):
        want = _grown(want, size[axis], axis)
    np.testing.assert_allclose(got, np.clip(want, 0, 255), atol=2)


def _grown(image, length, axis):
    """OpenCV's cubic: Keys' kernel with a = -3/4, the edge repeated."""
    image, old_length = np.moveaxis(image, axis, 0), image.shape[axis]
    out = np.zeros((length, *image.shape[1:]))
    for new in range(length):
        at = (new + 0.5) * old_length / length - 0.5
        for old in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
            out[new] += image[min(max(old, 0), old_length - 1)] * _cubic(at - old, -0.75)
    return np.moveaxis(out, 0, axis)


def _areas(image, length, axis):
    """The mean of the old pixels that each new one covers, weighted by the covered part."""
    image, old_length = np.moveaxis(image.astype(float), axis, 0), image.shape[axis]
    out = np.zeros((length, *image.shape[1:]))
    for new in range(length):
        low, high = new * old_length / length, (new + 1) * old_length / length
        for old in range(old_length):
            covered = max(0, min(high, old + 1) - max(low, old))
            out[new] += image[old] * covered * length / old_length
    return np.moveaxis(out, 0, axis)


def test_the_kinds_of_resizing_are_different_pictures():
    """One white line, halved: a mean of two pixels, a triangle over four, a cubic over eight."""
    line = np.zeros((16, 16, 3), np.uint8)
    line[8] = 255
    area, bilinear, bicubic = (resize(line, (8, 8), kind)[:, 0, 0].astype(int) for kind in RESIZES)
    assert area.tolist() == [0, 0, 0, 0, 128, 0, 0, 0]  # 127.5
    assert bilinear.tolist() == [0, 0, 0, 32, 96, 0, 0, 0]  # an eighth and three of 255
    cubic = np.array([_cubic((8.5 - 2 * (new + 0.5)) / 2) for new in range(8)])
    np.testing.assert_allclose(bicubic, np.clip(255 * cubic / 2, 0, 255), atol=1)


def _cubic(x, a=-0.5):
    """Keys' kernel."""
    x = abs(x)
    return (
        ((a + 2) * x - a - 3) * x * x + 1
        if x < 1
        else (((x - 5) * x + 8) * x - 4) * a
        if x < 2
        else 0.0
    )


def test_a_chessboard_shrinks_to_gray():
    board = np.repeat((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[:, :, None], 3, 2)
    for kind in RESIZES:
        assert np.abs(resize(board, (16, 16), kind).astype(int)[1:-1, 1:-1] - 127).max() <= 2
    with pytest.raises(
        ValueError, match="no way 'lanczos' to resize; choose one of area, bilinear, bicubic"
    ):
        resize(board, (16, 16), "lanczos")


def test_nothing_asked_nothing_done_and_the_same_seed_the_same_view():
    np.testing.assert_array_equal(_view(Augment()), resize(IMAGE, SIZE))
    everything = Augment(flip=0.5, pad=4, erase=0.5, blur=0.5, gray=0.5)
    views = [_view(everything, seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(views[0], views[1])
    assert (views[0] != views[2]).any()
    assert all(
        one.shape == (*SIZE, 3) and one.dtype == np.uint8 and one.flags.c_contiguous
        for one in views
    )


def test_each_does_what_it_is_called():
    plain = resize(IMAGE, SIZE)
    np.testing.assert_array_equal(_view(Augment(flip=1.0)), plain[:, ::-1])
    gray = _view(Augment(gray=1.0))
    assert (gray[..., 0] == gray[..., 1]).all() and (gray[..., 0] == gray[..., 2]).all()
    assert (
        np.abs(np.diff(_view(Augment(blur=1.0), 3).astype(int), axis=0)).mean()
        < np.abs(np.diff(plain.astype(int), axis=0)).mean()
    )
    shifted = [_view(Augment(pad=4), seed) for seed in range(20)]
    assert any((one[0] == 0).all() for one in shifted) and any(
        (one[-1] == 0).all() for one in shifted
    )
    erased = [_view(Augment(erase=1.0), seed) for seed in range(50)]
    share = [(one != plain).any(-1).mean() for one in erased]
    assert min(share) > 0.01 and max(share) < 0.5 and len(set(share)) > 20
    changed = (erased[0] != plain).any(-1)
    assert (erased[0][changed] == Augment().fill).all()


def test_probabilities_are_kept():
    for name in ("flip", "gray", "erase"):
        hits = sum(
            (_view(Augment(**{name: 0.3}), seed) != resize(IMAGE, SIZE)).any()
            for seed in range(400)
        )
        assert 85 < hits < 155, name


def test_jitter_moves_colours_as_they_are_defined():
    import colorsys

    from reid_jax.data.augment import _jitter

    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    np.testing.assert_allclose(_jitter(image, 0, 0, 0, 0), image, atol=1)
    darker = _jitter(image, -1.0, 0, 0, 0)
    np.testing.assert_allclose(darker, 0.6 * image, atol=1)
    gray = image @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(
        _jitter(image, 0, 0.5, 0, 0),
        np.clip(gray.mean() + 1.2 * (image - gray.mean()), 0, 255),
        atol=1,
    )
    turned = _jitter(image, 0, 0, -1.0, 0.5)
    for pixel, got in zip(image.reshape(-1, 3) / 255, turned.reshape(-1, 3), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        want = colorsys.hsv_to_rgb((hue + 0.05) % 1, 0.8 * saturation, value)
        np.testing.assert_allclose(got, 255 * np.array(want), atol=1.01)


def test_zoom_and_solarise():
    """A ramp shows where the rectangle was: its share and aspect do not depend on the size."""
    ramp = np.zeros((100, 50, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(100)[:, None], np.arange(50)
    shares, aspects = [], []
    for seed in range(200):
        got = _view(Augment(zoom=0.3), seed, ramp, (200, 100)).astype(float)
        tall, wide = got[-1, 50, 0] - got[0, 50, 0] + 1, got[100, -1, 1] - got[100, 0, 1] + 1
        shares.append(tall * wide / 5000)
        aspects.append(wide / tall * 2)
    assert (
        0.27 < min(shares) < 0.4 and max(shares) > 0.9 and 0.7 < min(aspects) < max(aspects) < 1.4
    )
    plain = resize(IMAGE, SIZE)
    turned = _view(Augment(solarise=1.0))
    np.testing.assert_array_equal(turned, np.where(plain < 128, plain, 255 - plain))


def _first(rng, height, width, area, aspect, below):
    """The first of ten random rectangles that fits, by the loop of the official codes."""
    areas, aspects = rng.uniform(*area, 10), rng.uniform(*aspect, 10)
    top, left = rng.random(2)
    for share, ratio in zip(areas.tolist(), aspects.tolist(), strict=True):
        h = round((share * height * width * ratio) ** 0.5)
        w = round((share * height * width / ratio) ** 0.5)
        if (h < height and w < width) if below else (h <= height and w <= width):
            return slice(y := int(top * (height - h + 1)), y + h), slice(
                x := int(left * (width - w + 1)), x + w
            )
    return None


@pytest.mark.parametrize("area", [(0.02, 0.2), (0.02, 0.4), (0.5, 0.9)])
def test_erasing_agrees_with_a_loop(area):
    plain, shares = resize(IMAGE, SIZE), []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        want, rng_chance = plain.copy(), rng.random()
        box = _first(rng, *SIZE, area, (0.3, 1 / 0.3), below=True)
        if rng_chance < 0.7 and box:
            for row in range(box[0].start, box[0].stop):
                for column in range(box[1].start, box[1].stop):
                    want[row, column] = 1, 2, 3
            shares.append((want == (1, 2, 3)).all(-1).mean())
        np.testing.assert_array_equal(
            _view(Augment(erase=0.7, area=area, fill=(1, 2, 3)), seed), want
        )
    assert area[0] - 0.01 < min(shares) < max(shares) < area[1] + 0.01


@pytest.mark.parametrize("shape", [(128, 64), (128, 43), (60, 50)])
def test_a_crop_of_given_aspect_agrees_with_a_loop(shape):
    """Theory's crop. A picture of 60 x 50 is too wide for all rectangles and is taken whole."""
    image, whole = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8), 0
    for seed in range(60):
        box = _first(np.random.default_rng(seed), *shape, (0.64, 1), (2, 3), below=False)
        whole += box is None
        want = resize(image[box] if box else image, SIZE)
        np.testing.assert_array_equal(_view(Augment(zoom=0.64, aspect=(2, 3)), seed, image), want)
    assert whole == 60 if shape == (60, 50) else whole < 20


def test_a_fill_after_normalising_as_pixels():
    imagenet = Input(SIZE)
    assert pixels((0.485, 0.456, 0.406), imagenet) == Augment().fill == (152, 142, 127)
    assert pixels((0.0, 0.0, 0.0), imagenet) == (124, 116, 104)
    for given in (imagenet, Input(SIZE, (0.5,) * 3, (0.25,) * 3)):
        colour = np.array(pixels((0.4914, 0.4822, 0.4465), given))
        np.testing.assert_allclose(
            (colour / 255 - given.mean) / given.std, (0.4914, 0.4822, 0.4465), atol=0.5 / 255 / 0.22
        )
    assert pixels((-9.0, 0.0, 9.0), imagenet) == (0, 116, 255)
    assert pixels((-9.0, 0.0, 9.0), imagenet._replace(channels="BGR")) == (255, 116, 0)

"""Colour histograms of stripes, for images whose histograms are known."""

import colorsys

import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from reid_jax.retrieval import histogram

PICTURE = np.random.default_rng(0).integers(0, 256, (25, 9, 3), np.uint8)


def test_length_and_shape():
    feature = jaxtyped(typechecker=beartype)(histogram.stripes)(PICTURE)
    assert feature.shape == (6 * 8**3,) and feature.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(feature), 1.0, rtol=1e-6)
    assert histogram.stripes(PICTURE, stripes=25, bins=2).shape == (25 * 8,)


@pytest.mark.parametrize(
    "colour", [(255, 0, 0), (0, 255, 0), (20, 40, 200), (128, 128, 128), (0, 0, 0)]
)
def test_one_colour_fills_one_bin_of_each_stripe(colour):
    feature = histogram.stripes(np.full((12, 4, 3), colour, np.uint8), stripes=3, bins=4).reshape(
        3, 4, 4, 4
    )
    hue, saturation, value = colorsys.rgb_to_hsv(*(np.array(colour) / 255))
    place = tuple(min(int(4 * level), 3) for level in (hue, saturation, value))
    expected = np.zeros((3, 4, 4, 4))
    expected[(slice(None), *place)] = 3**-0.5
    np.testing.assert_allclose(feature, expected, atol=1e-6)


def test_the_order_of_stripes_matters_and_places_within_a_stripe_do_not():
    picture = np.zeros((12, 4, 3), np.uint8)
    picture[:6, :, 0] = 255
    feature = histogram.stripes(picture, stripes=2)
    assert feature @ histogram.stripes(picture[::-1], stripes=2) == 0.0
    np.testing.assert_array_equal(histogram.stripes(picture[:, ::-1], stripes=2), feature)
    np.testing.assert_allclose(
        feature @ histogram.stripes(np.full_like(picture, (255, 0, 0)), stripes=2), 0.5
    )


@pytest.mark.parametrize("image, options, message", [
    (PICTURE[..., 0], {}, "expected uint8"),
    (PICTURE[..., :2], {}, "expected uint8"),
    (PICTURE.astype(np.float32), {}, "expected uint8"),
    (PICTURE[:5], {}, "cannot be cut into 6 stripes"),
    (PICTURE, {"stripes": 0}, "cannot be cut into 0 stripes"),
    (PICTURE, {"bins": 1}, "bins is 1"),
])  # fmt: skip
def test_refusals(image, options, message):
    with pytest.raises(ValueError, match=message):
        histogram.stripes(image, **options)

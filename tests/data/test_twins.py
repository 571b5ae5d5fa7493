"""Twins of pictures."""

import cv2
import numpy as np

from reid_jax.data import twins


def test_twins_are_what_they_are_called():
    picture = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    assert (twins.bgr(picture)[2, 3] == picture[2, 3][[2, 1, 0]]).all()
    assert (twins.mirrored(picture)[4, 1] == picture[4, 3]).all()
    assert (twins.shifted(picture)[:, 1:] == picture[:, :-1]).all()
    assert (twins.shifted(picture)[:, 0] == picture[:, 0]).all()
    grey = twins.grey(picture)
    luma = picture @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert np.abs(grey[..., 0] - luma).max() <= 1 and (grey[..., :1] == grey).all()
    for name, change in twins.TWINS.items():
        twin = change(picture)
        assert twin.shape == picture.shape and twin.dtype == np.uint8, name


def test_what_is_lost_is_small_on_smooth_pictures():
    y, x = np.mgrid[:64, :32]
    smooth = np.stack([2 * y, 3 * x, y + x], -1).astype(np.uint8)
    for change in (twins.half, twins.jpeg):
        assert np.abs(change(smooth).astype(int) - smooth)[2:-2, 2:-2].mean() < 3
    noise = np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8)
    assert np.abs(twins.half(noise).astype(int) - noise).mean() > 20
    red = np.full((16, 8, 3), (200, 30, 60), np.uint8)
    assert np.abs(twins.jpeg(red).astype(int) - red).max() <= 3  # its channels stay in order
    assert cv2.__version__

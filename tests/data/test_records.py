import pickle

import cv2
import numpy as np
import pytest

from reid_jax.data import records


def _pixels(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 6, 4, 3), np.uint8)


def test_columns_are_filled_cast_and_checked():
    made = records.make(records.Held(_pixels(3)), [1, 2, 0], camera=5)
    assert made.person.dtype == made.camera.dtype == np.int32
    assert (
        made.camera.tolist() == [5, 5, 5]
        and made.group.tolist() == [-1] * 3
        and made.split.tolist() == ["train"] * 3
    )
    with pytest.raises(ValueError, match=r"'person' has shape \(2,\) and there are 3 pictures"):
        records.make(records.Held(_pixels(3)), [1, 2])
    with pytest.raises(ValueError, match="'valid' is not one of"):
        records.make(["a", "b"], [1, 2], split=np.array(["train", "valid"]))


def test_taking_choosing_and_joining_keep_rows_together():
    pixels = _pixels(6)
    one = records.make(
        records.Held(pixels[:4]),
        [1, 2, 3, 4],
        split=np.array(["train", "query", "train", "gallery"]),
    )
    two = records.make(records.Held(pixels[4:]), [5, 6], split="query")
    both = pickle.loads(pickle.dumps(records.concat([one, two])))
    for row in range(6):
        np.testing.assert_array_equal(records.read(both, row), pixels[row])
    part = records.where(both, "query")
    assert part.person.tolist() == [2, 5, 6]
    np.testing.assert_array_equal(records.read(records.take(part, [2, 0]), 0), pixels[5])
    np.testing.assert_array_equal(records.read(records.take(part, part.person == 5), 0), pixels[4])
    with pytest.raises(ValueError, match="nothing to join"):
        records.concat([])


def test_labels_leave_out_distractors_and_unknown():
    assert records.relabel(np.array([7, 0, -1, 3, 7])).tolist() == [1, -1, -1, 0, 1]


@pytest.mark.parametrize("ending", [".jpg", ".png", ".bmp", ".webp"])
def test_pictures_of_every_kind_are_rgb(tmp_path, ending):
    image = np.zeros((16, 8, 3), np.uint8)
    image[:] = (200, 100, 30)
    path = tmp_path / f"a{ending}"
    cv2.imwrite(str(path), image[:, :, ::-1])
    got = records.read(records.make([str(path)], [1]), 0)
    assert got.shape == (16, 8, 3) and np.abs(got.astype(int) - image).max() < 12
    gray = tmp_path / f"g{ending}"
    cv2.imwrite(str(gray), image[:, :, 0])
    assert records.read(records.make([str(gray)], [1]), 0).shape == (16, 8, 3)


def test_a_broken_picture_is_named(tmp_path):
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), _pixels(1)[0].repeat(8, 0).repeat(8, 1))
    whole = path.read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_bytes(b"no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    names = ["a.jpg", "cut.jpg", "text.png", "empty.jpg", "missing.jpg"]
    made = records.make([str(tmp_path / name) for name in names], -1)
    assert records.readable(made).tolist() == [True, False, False, False, False]
    for row, name in enumerate(names[1:], 1):
        with pytest.raises(ValueError, match=rf"{name} cannot be read .*skip_broken"):
            records.read(made, row)


def test_held_pictures_are_the_same():
    made = records.make(records.Held(_pixels(5)), [1, 2, 3, 4, 5])
    held = records.hold(records.take(made, [4, 1]))
    np.testing.assert_array_equal(records.read(held, 1), records.read(made, 1))


@pytest.mark.parametrize(
    "options", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 4]]
)
def test_a_jpeg_cut_anywhere_is_truncated_and_one_with_a_tail_is_whole(options):
    image = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8), (0, 0), 2
    )
    whole = cv2.imencode(".jpg", image, options)[1].tobytes()
    for end in range(0, len(whole) - 2, 7):
        with pytest.raises(ValueError):
            records.decode(whole[:end])
    np.testing.assert_array_equal(records.decode(whole + bytes(500)), records.decode(whole))


def test_a_jpeg_whose_inside_is_lost_is_broken_though_it_ends_well():
    image = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8), (0, 0), 2
    )
    whole = cv2.imencode(".jpg", image)[1].tobytes()
    half = len(whole) * 3 // 4
    for data in (
        whole[:half] + b"\xff\xd9",
        whole[:half] + bytes(len(whole) - half - 2) + b"\xff\xd9",
    ):
        with pytest.raises(ValueError, match="truncated"):
            records.decode(data)


def test_joined_pictures_count_from_the_end_and_end_somewhere():
    joined = records.Joined([records.Held(_pixels(2)), records.Held(_pixels(3, 1))])
    np.testing.assert_array_equal(joined[-1], _pixels(3, 1)[2])
    assert len(list(joined)) == 5
    with pytest.raises(IndexError):
        joined[5]

import cv2
import numpy as np
import pytest

from reid_jax.video import frames
from tests.video import films


def test_chosen_frames_equal_those_of_a_whole_reading(tmp_path):
    path = films.film(tmp_path / "a.avi", [2] * 12)
    whole = dict(frames.frames(path))
    assert list(whole) == list(range(1, 13)) == frames.numbers(path).tolist()
    assert frames.claims(path) == (12, 10.0)
    for number, picture in whole.items():  # the right frame, in RGB: people move
        away = [
            np.abs(picture.astype(int) - films.picture(phase, 2)[0]).mean() for phase in range(5)
        ]
        assert np.argmin(away) == 4 - abs(4 - (number - 1) % 8) and min(away) < 8, number
    for wanted in ([1], [3, 4, 12], [12], [], [5, 40], np.array([2, 9])):
        got = dict(frames.frames(path, wanted))
        assert list(got) == [number for number in wanted if number <= 12]
        for number in got:
            np.testing.assert_array_equal(got[number], whole[number])


def test_a_folder_keeps_the_numbers_of_its_names(tmp_path):
    path = films.folder(tmp_path / "C1", [3, 5, 20])
    assert frames.numbers(path).tolist() == [3, 5, 20] and frames.claims(path) == (3, 0.0)
    got = dict(frames.frames(path, [4, 5, 20, 21]))
    assert list(got) == [5, 20]
    np.testing.assert_array_equal(got[20], films.picture(20, 2)[0])
    (path / "000005.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"000005.png cannot be read \(empty file\)"):
        list(frames.frames(path))
    cv2.imwrite(str(path / "3.png"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="two pictures of one number"):
        frames.numbers(path)
    cv2.imwrite(str(path / "cover.png"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="holds the picture cover.png"):
        frames.numbers(path)


def test_what_is_no_video_is_named(tmp_path, capfd):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video")
    for read in (frames.numbers, frames.claims, lambda path: list(frames.frames(path))):
        with pytest.raises(ValueError, match="empty.mp4 is empty"):
            read(tmp_path / "empty.mp4")
        with pytest.raises(ValueError, match="text.mp4 is no video that OpenCV can open"):
            read(tmp_path / "text.mp4")
        with pytest.raises(ValueError, match="gone.mp4 is no video"):
            read(tmp_path / "gone.mp4")
    assert not capfd.readouterr().err  # the decoder prints nothing


def test_a_truncated_video_gives_the_frames_that_are_left(tmp_path):
    path = films.film(tmp_path / "a.avi", [2] * 30)
    whole = dict(frames.frames(path))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    present = frames.numbers(path).tolist()
    assert 8 < len(present) < 20 and present == list(dict(frames.frames(path)))
    for number, picture in frames.frames(path, present[:-1]):
        np.testing.assert_array_equal(picture, whole[number])

import cv2
import numpy as np
import pytest

from reid_jax.video import detect
from tests.video import films


def test_boxes_of_a_file_by_the_videos_name(tmp_path):
    films.film(tmp_path / "deep" / "a.avi", [2, 0, 1])
    detector = detect.detector(f"mot:{tmp_path}")
    find = detector("deep/a")
    assert [len(find(None, number).box) for number in (1, 2, 3, 4)] == [2, 0, 1, 0]
    with pytest.raises(FileNotFoundError, match=r"there is no file .*b.txt"):
        detector("b")


@pytest.mark.parametrize("text", ["hog:x", "", "onnx", "nanonet:x", "mot"])
def test_an_unknown_detector(text):
    with pytest.raises(
        ValueError, match=f"the detector '{text}' is not known; it is hog, mot:FOLDER"
    ):
        detect.detector(text)


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        detect.detector(f"mot:{tmp_path / 'none'}")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        detect.detector(f"onnx:{tmp_path / 'none.onnx'}")


@pytest.mark.skipif(hasattr(cv2, "HOGDescriptor"), reason="this OpenCV has hog")
def test_an_opencv_without_hog_names_the_alternatives():
    with pytest.raises(
        ValueError, match="has no people detector of its own .* as the detector: onnx:FILE"
    ):
        detect.detector("hog")


class _Finder:
    """OpenCV's interface; it finds two windows that overlap almost entirely."""

    def setSVMDetector(self, weights):
        assert weights == "people"

    @staticmethod
    def getDefaultPeopleDetector():
        return "people"

    def detectMultiScale(self, picture, winStride, scale):
        assert picture[0, 0].tolist() == [0, 0, 9]
        return np.array([[10, 20, 100, 200], [12, 22, 100, 200]]), np.array([0.5, 1.5])


def test_hogs_windows_become_boxes(monkeypatch):
    monkeypatch.setattr(cv2, "HOGDescriptor", _Finder, raising=False)
    picture = np.zeros((720, 400, 3), np.uint8)
    picture[:, :, 0] = 9
    got = detect.hog()(picture)
    assert got.box.tolist() == [pytest.approx([22, 36, 102, 196])] and got.score.tolist() == [1.5]
    # enlarged to twice the size
    assert detect.hog()(picture[:360]).box.tolist() == [pytest.approx([11, 18, 51, 98])]
    assert len(detect.hog()(picture[:, :40]).box) == 0  # narrower than a window
    assert len(detect.hog(overlap=1.0)(picture).box) == 2

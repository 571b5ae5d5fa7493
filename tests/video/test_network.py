import os
import sys
from pathlib import Path

import numpy as np
import pytest

from reid_jax.video import boxes, detect, frames, network

SIZE = (64, 96)  # height, width of a network's input
CELLS = [8 * 12, 4 * 6, 2 * 3, 1 * 2]


def _points(strides, from_corner):
    """x, y, stride of every cell, by loops."""
    points = []
    for stride in strides:
        for row in range(-(-SIZE[0] // stride)):
            for column in range(-(-SIZE[1] // stride)):
                shift = 0 if from_corner else 0.5
                points.append(((column + shift) * stride, (row + shift) * stride, stride))
    return points


@pytest.mark.parametrize("strides, from_corner", [((8, 16, 32), False), ((8, 16, 32, 64), True)])
def test_nanodet_is_decoded_as_with_loops(strides, from_corner):
    rng, points = np.random.default_rng(0), _points(strides, from_corner)
    probability = rng.random((len(points), 3)).astype(np.float32)
    distance = rng.normal(0, 3, (len(points), 32)).astype(np.float32)
    distance[5] += 300  # large logits of one cell do not affect another
    distance[6] -= 300
    cells = network.grid(SIZE, strides)
    box, score = network.nanodet(probability, distance, cells, from_corner=from_corner)
    for number, (x, y, stride) in enumerate(points):
        away = []
        for side in range(4):
            logits = [float(one) for one in distance[number, 8 * side : 8 * side + 8]]
            weights = [np.exp(one - max(logits)) for one in logits]
            away.append(
                stride * sum(place * weight for place, weight in enumerate(weights)) / sum(weights)
            )
        want = [x - away[0], y - away[1], x + away[2], y + away[3]]
        np.testing.assert_allclose(box[number], want, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(score, probability[:, 0])


def test_yolox_is_decoded_as_with_loops():
    rng, points = np.random.default_rng(1), _points((8, 16, 32), from_corner=True)
    answer = rng.normal(0, 1, (len(points), 8)).astype(np.float32)
    box, score = network.yolox(answer, network.grid(SIZE, (8, 16, 32)))
    for number, (x, y, stride) in enumerate(points):
        a = answer[number].astype(float)
        middle = x + a[0] * stride, y + a[1] * stride
        w, h = np.exp(a[2]) * stride, np.exp(a[3]) * stride
        want = [middle[0] - w / 2, middle[1] - h / 2, middle[0] + w / 2, middle[1] + h / 2]
        np.testing.assert_allclose(box[number], want, rtol=1e-5, atol=1e-4)
        assert score[number] == pytest.approx(a[4] * a[5], rel=1e-5)


def test_grids_that_do_not_divide_the_input():
    cells = network.grid((40, 72), (8, 16, 32))
    assert [int((cells.stride == step).sum()) for step in (8, 16, 32)] == [45, 15, 6]
    assert cells.corner[46].tolist() == [16, 0] and cells.corner[-1].tolist() == [64, 32]


@pytest.mark.parametrize("shape", [(100, 40), (20, 90), (64, 96), (3, 400)])
@pytest.mark.parametrize("stretch, middle", [(True, True), (False, True), (False, False)])
def test_a_picture_is_found_again_where_fit_says(shape, stretch, middle):
    rng = np.random.default_rng(0)
    picture = np.zeros((*shape, 3), np.uint8)
    picture[:] = rng.integers(50, 200, 3)
    canvas, place, scale = network.fit(picture, SIZE, stretch=stretch, middle=middle, fill=0)
    y, x = np.nonzero(canvas.any(2))
    sides = np.array([x.max() + 1 - x.min(), y.max() + 1 - y.min()])
    assert place.tolist() == [x.min(), y.min()]
    np.testing.assert_allclose(scale * shape[::-1], sides, rtol=1e-6)
    assert canvas[y[0], x[0]].tolist() == picture[0, 0, ::-1].tolist()  # blue green red
    if stretch:
        assert sides.tolist() == [96, 64]
    else:
        assert (sides == [96, 64]).any() and abs(scale[0] - scale[1]) <= 1 / min(shape)
        assert (place == ((np.array([96, 64]) - sides) // 2 if middle else 0)).all()


def _file(path, answers, size=SIZE):
    """An ONNX network that gives the same answers to any picture (plus 0 times a pixel of it)."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, outputs = [], [numpy_helper.from_array(np.zeros(1, np.float32), "zero")], []
    nodes.append(helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0))
    nodes.append(helper.make_node("Mul", ["mean", "zero"], ["nothing"]))
    for number, answer in enumerate(answers):
        constants.append(numpy_helper.from_array(np.asarray(answer, np.float32), f"c{number}"))
        nodes.append(helper.make_node("Add", [f"c{number}", "nothing"], [f"o{number}"]))
        outputs.append(
            helper.make_tensor_value_info(f"o{number}", TensorProto.FLOAT, np.shape(answer))
        )
    input = helper.make_tensor_value_info("picture", TensorProto.FLOAT, (1, 3, *size))
    graph = helper.make_graph(nodes, "fixed", [input], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def _yolox_answer(classes=80):
    """A person of 40 x 32 pixels around (60, 28), and three boxes that are dropped.

    They are a weaker copy, one of another class, and one of a low score.
    """
    answer = np.zeros((1, sum(CELLS[:3]), 5 + classes), np.float32)
    row = 3 * 12 + 7  # the cell of 8 pixels at (56, 24)
    for number, (score, person) in enumerate([(0.9, 1), (0.8, 1), (0.9, 0), (0.3, 1)]):
        place = [0.5, 0.5 - number, np.log(5), np.log(4)]
        answer[0, row + 12 * number, :6] = [*place, 0.95, score * person]
        answer[0, row + 12 * number, 6:] = 1 - person
    return answer


def test_a_yolox_file_finds_its_person_in_the_pictures_pixels(tmp_path):
    find = network.detector(_file(tmp_path / "y.onnx", [_yolox_answer()]))
    got = find(np.zeros((128, 192, 3), np.uint8))  # twice as large
    assert got.box.tolist() == [pytest.approx([80, 24, 160, 88], abs=1e-3)]
    assert got.score.tolist() == [pytest.approx(0.95 * 0.9)]
    got = find(np.zeros((128, 96, 3), np.uint8))  # fitted at the upper left, half size
    assert got.box.tolist() == [pytest.approx([80, 24, 160, 88], abs=1e-3)]
    find = network.detector(tmp_path / "y.onnx", score=0.2, overlap=1.0)
    assert len(find(np.zeros((*SIZE, 3), np.uint8)).box) == 3


@pytest.mark.parametrize("apart", [True, False])
def test_a_nanodet_file_finds_its_person_in_the_pictures_pixels(tmp_path, apart):
    probability, distance = np.zeros((sum(CELLS[:3]), 80)), np.zeros((sum(CELLS[:3]), 32))
    row = CELLS[0] + 1 * 6 + 2  # the cell of 16 pixels whose middle is (40, 24)
    probability[row, 0] = 0.7
    for side, bins in enumerate((1, 1, 1, 2)):
        distance[row, 8 * side + bins] = 50
    if apart:
        cuts = np.cumsum(CELLS[:2])
        answers = [
            part[None] for whole in (probability, distance) for part in np.split(whole, cuts)
        ]
    else:
        answers = [np.concatenate([probability, distance], 1)[None]]
    find = network.detector(_file(tmp_path / "n.onnx", answers))
    got = find(np.zeros((64, 48, 3), np.uint8))  # in the middle: 24 pixels to its left
    assert got.box.tolist() == [pytest.approx([0, 8, 32, 56], abs=1e-3)]
    assert got.score.tolist() == [pytest.approx(0.7)]


def test_a_nanodet_plus_file(tmp_path):
    answer = np.zeros((1, sum(CELLS), 112))
    row = 2 * 12 + 5  # the cell of 8 pixels at (40, 16)
    answer[0, row, 0] = 0.6
    answer[0, row, 80 + 8 * np.arange(4) + (1, 1, 2, 3)] = 50
    find = network.detector(_file(tmp_path / "p.onnx", [answer]))
    got = find(np.zeros((32, 192, 3), np.uint8))  # stretched
    assert got.box.tolist() == [pytest.approx([64, 4, 112, 20], abs=1e-3)]


def test_other_files_are_refused_and_a_layout_may_be_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        network.detector(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ValueError, match="text.onnx cannot be read as an ONNX network"):
        network.detector(tmp_path / "text.onnx")
    path = _file(tmp_path / "one.onnx", [_yolox_answer(classes=1)])
    with pytest.raises(ValueError, match="6 numbers a cell.* say which it is: yolox:"):
        network.detector(path)
    assert len(network.detector(path, layout="yolox")(np.zeros((*SIZE, 3), np.uint8)).box) == 1
    path = _file(tmp_path / "other.onnx", [np.zeros((1, 1000))])
    with pytest.raises(ValueError, match=r"answers with \[1, 1000\] to a picture of 64 x 96"):
        network.detector(path)
    path = _file(tmp_path / "free.onnx", [_yolox_answer()], size=("h", "w"))
    with pytest.raises(ValueError, match="of a fixed size"):
        network.detector(path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"needs onnxruntime: pip install 'reid_jax\[video\]'"):
        network.detector(path)


def matched(proposed, truth, least=0.5):
    """How many boxes of `proposed`, best first, match one of `truth`, each at most once."""
    free, right = list(range(len(truth))), 0
    for box in proposed:
        overlap = boxes.overlaps(box, truth)
        best = max(free, key=lambda one: overlap[one], default=None)
        if best is not None and overlap[best] >= least:
            free.remove(best)
            right += 1
    return right


@pytest.mark.skipif("REID_DATA" not in os.environ, reason="REID_DATA names no folder of real data")
def test_real_people_are_found():
    root = Path(os.environ["REID_DATA"])
    public = boxes.read_mot(root / "mot" / "PETS09-S2L1" / "det.txt")
    find = detect.detector(f"onnx:{root / 'weights' / 'nanodet_m.onnx'}")("vtest")
    right = proposed = present = 0
    for number, picture in frames.frames(root / "video" / "vtest.avi", range(1, 796, 50)):
        got, truth = find(picture, number), public[number].box / 1.6
        right += matched(got.box, truth)
        proposed, present = proposed + len(got.box), present + len(truth)
    assert present > 70
    assert right / proposed > 0.75 and right / present > 0.75, (right, proposed, present)

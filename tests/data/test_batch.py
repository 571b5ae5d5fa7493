import subprocess
import sys

import cv2
import numpy as np
import pytest

from reid_jax.data import batch, records
from reid_jax.data.augment import RESIZES, Augment, resize
from reid_jax.types import Input, Plan

TAKEN = Input((16, 8))
VIEWS = (Augment(flip=0.5, pad=2, erase=0.5), Augment())


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    out = []
    for row in range(12):
        out.append(str(folder / f"{row}.jpg"))
        cv2.imwrite(out[-1], np.random.default_rng(row).integers(0, 256, (20, 10, 3), np.uint8))
    return out


def _stream(paths, start=0, share=(0, 1), workers=0, epoch=3):
    made = records.make(paths, np.arange(1, 13), np.arange(12) % 3, group=np.arange(12) // 4)
    rows = np.random.default_rng(0).integers(0, 12, (7, 4)).astype(np.int32)
    plan = Plan(rows, np.arange(100, 112, dtype=np.int32), {})
    return rows, list(
        batch.batches(
            made,
            plan,
            views=VIEWS,
            input=TAKEN,
            seed=1,
            epoch=epoch,
            start=start,
            share=share,
            workers=workers,
        )
    )


def test_tags_and_views(paths):
    rows, got = _stream(paths)
    assert len(got) == 7
    for step, one in enumerate(got):
        assert one.image.shape == (4, 2, 16, 8, 3) and one.image.dtype == np.uint8
        assert one.tags.index.tolist() == rows[step].tolist()
        assert one.tags.label.tolist() == (rows[step] + 100).tolist()
        assert one.tags.camera.tolist() == (rows[step] % 3).tolist()
        assert one.tags.group.tolist() == (rows[step] // 4).tolist()
        assert {column.dtype for column in one.tags} == {np.dtype(np.int32)}


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_batches_whatever_the_workers(paths, workers):
    for one, other in zip(_stream(paths)[1], _stream(paths, workers=workers)[1], strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_going_on_in_the_middle_and_sharing(paths):
    whole = _stream(paths)[1]
    for one, other in zip(whole[3:], _stream(paths, start=3)[1], strict=True):
        np.testing.assert_array_equal(one.image, other.image)
    assert _stream(paths, start=7)[1] == []
    halves = [_stream(paths, share=(which, 2))[1] for which in (0, 1)]
    for one, left, right in zip(whole, *halves, strict=True):
        np.testing.assert_array_equal(one.image, np.concatenate([left.image, right.image]))
    with pytest.raises(ValueError, match="cannot be shared by 3 processes"):
        _stream(paths, share=(0, 3))


def test_another_epoch_has_other_views_of_the_augmented_kind_only(paths):
    one, other = _stream(paths)[1], _stream(paths, epoch=4)[1]
    assert any((a.image[:, 0] != b.image[:, 0]).any() for a, b in zip(one, other, strict=True))
    assert all((a.image[:, 1] == b.image[:, 1]).all() for a, b in zip(one, other, strict=True))


def test_a_row_that_comes_again_is_seen_in_another_way(paths):
    made = records.make(paths, np.arange(1, 13))
    plan = Plan(np.full((3, 4), 5, np.int32), np.arange(12, dtype=np.int32), {})
    options = {
        "views": (Augment(flip=0.5, pad=3, erase=1.0),) * 2,
        "input": TAKEN,
        "seed": 1,
        "epoch": 0,
    }
    seen = np.concatenate([one.image for one in batch.batches(made, plan, **options)]).reshape(
        24, -1
    )
    assert len(np.unique(seen, axis=0)) == 24  # three steps, four places, two views


def test_pictures_in_order_padded_and_shared(paths):
    made = records.make(paths, -1)
    got = list(batch.pictures(made, np.arange(10), input=TAKEN, batch=4))
    assert [len(one) for one in got] == [4, 4, 4]
    parts = [
        list(batch.pictures(made, np.arange(10), input=TAKEN, batch=2, share=(which, 2)))
        for which in (0, 1)
    ]
    joined = [np.concatenate(pair) for pair in zip(*parts, strict=True)]
    np.testing.assert_array_equal(np.concatenate(joined)[:10], np.concatenate(got)[:10])


@pytest.mark.parametrize("kind", ["area", "bilinear", "bicubic"])
def test_pictures_are_resized_as_the_encoder_takes_them_in_training_and_embedding(paths, kind):
    made, input = records.make(paths, np.arange(1, 13)), Input((10, 6), resize=kind)
    want = np.stack([resize(records.read(made, row), (10, 6), kind) for row in range(4)])
    others = [resize(records.read(made, 0), (10, 6), other) for other in RESIZES if other != kind]
    assert all((want[0] != other).any() for other in others)
    plan = Plan(np.arange(4, dtype=np.int32)[None], np.arange(12, dtype=np.int32), {})
    [one] = batch.batches(made, plan, views=(Augment(),), input=input, seed=1, epoch=0)
    np.testing.assert_array_equal(one.image[:, 0], want)
    [one] = batch.pictures(made, np.arange(4), input=input, batch=4)
    np.testing.assert_array_equal(one, want)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_picture_is_named_from_wherever_it_is_read(paths, tmp_path, workers):
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ValueError, match=r"cut\.jpg cannot be read"):
        _stream([*paths[:11], str(tmp_path / "cut.jpg")], workers=workers)


def test_workers_need_no_script_that_parsed_its_flags(paths):
    code = (
        "import sys, numpy as np; from reid_jax.data import batch, records;"
        "from reid_jax.types import Input;"
        "made = records.make(sys.argv[1:], -1); options = dict(input=Input((8, 4)), batch=2);"
        "print(len(list(batch.pictures(made, np.arange(4), **options, workers=1))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "2", done.stderr


def test_a_place_may_be_left_empty(paths):
    made = records.make(paths, np.arange(1, 13), np.arange(12) % 3, group=np.arange(12) // 4)
    plan = Plan(np.array([[3, -1, 0, -1]], np.int32), np.arange(12, dtype=np.int32), {})
    [one] = batch.batches(made, plan, views=VIEWS, input=TAKEN, seed=1, epoch=0)
    full = plan._replace(rows=np.array([[3, 5, 0, 11]], np.int32))
    [other] = batch.batches(made, full, views=VIEWS, input=TAKEN, seed=1, epoch=0)
    np.testing.assert_array_equal(one.image[[0, 2]], other.image[[0, 2]])
    assert not one.image[[1, 3]].any()
    for column, whole in zip(one.tags, other.tags, strict=True):
        assert column.tolist() == [whole[0], -1, whole[2], -1] and column.dtype == np.int32

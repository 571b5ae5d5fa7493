import pickle
import subprocess
import sys
import zlib

import numpy as np
import pytest

from reid_jax import synthetic
from reid_jax.synthetic.camera import draw_camera
from reid_jax.synthetic.person import draw_person


@pytest.fixture(scope="module")
def train():
    return synthetic.labelled(persons=12, cameras=4, per_camera=2)


@pytest.fixture(scope="module")
def film():
    return synthetic.videos(videos=2, frames=30, people=6, size=(180, 240))[1]


def test_columns_and_pixels(train):
    n = len(train.image)
    assert n == len(train.person) == len(train.split) and set(train.split) == {"train"}
    assert set(train.person) == set(range(1, 13)) and set(train.camera) <= set(range(4))
    for column in (train.person, train.camera, train.domain, train.group):
        assert column.dtype == np.int32 and column.shape == (n,)
    image = train.image[n - 1]
    assert image.shape == (128, 64, 3) and image.dtype == np.uint8 and image.std() > 10
    assert synthetic.labelled(persons=1, size=(256, 128)).image[0].shape == (256, 128, 3)


def test_each_person_is_seen_by_two_cameras_but_not_all_by_all():
    many = synthetic.labelled(persons=100, cameras=6, per_camera=1)
    seen = np.bincount(many.person)[1:]
    assert seen.min() >= 2 and seen.max() <= 6 and 3.5 < seen.mean() < 5
    assert len(synthetic.labelled(persons=3, cameras=1, per_camera=2).image) == 6


def test_any_row_alone_in_any_order(train):
    backwards = [train.image[row] for row in (5, 3, 0)]
    fresh = synthetic.labelled(persons=12, cameras=4, per_camera=2)
    for row, image in zip((0, 3, 5), backwards[::-1], strict=True):
        np.testing.assert_array_equal(fresh.image[row], image)
    np.testing.assert_array_equal(fresh.image.take(np.array([7, 5]))[1], backwards[0])


def test_a_picture_is_not_changed_by_how_many_there_are(train):
    more = synthetic.labelled(persons=40, cameras=4, per_camera=2)
    np.testing.assert_array_equal(train.image[3], more.image[3])


def test_the_same_in_another_process_and_after_pickling(train):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(train)).image[4], train.image[4])
    code = (
        "import zlib; from reid_jax import synthetic;"
        "image = synthetic.labelled(persons=12, cameras=4, per_camera=2).image[4];"
        "print(zlib.crc32(image.tobytes()))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert int(printed) == zlib.crc32(train.image[4].tobytes())


def test_train_and_test_share_cameras_but_no_people():
    looks = {split: synthetic.labelled(persons=20, split=split) for split in ("train", "gallery")}
    assert not set(looks["train"].person) & set(looks["gallery"].person)
    assert set(looks["train"].camera) == set(looks["gallery"].camera)
    pools = (0, "train"), (0, "test"), (1, "train")
    people = [draw_person("plaza", *pool, number) for pool in pools for number in range(50)]
    assert len(set(people)) == 150
    assert draw_camera("plaza", "fixed", 0) != draw_camera("harbour", "fixed", 0)


def test_query_gallery():
    test = synthetic.query_gallery(persons=8, cameras=3, per_camera=3, distractors=6)
    query, gallery = test.split == "query", test.split == "gallery"
    pairs = list(zip(test.person[query], test.camera[query], strict=True))
    assert len(set(pairs)) == len(pairs) and (query | gallery).all()
    assert (test.person[query] > 0).all() and (test.person[gallery] == 0).sum() == 6
    known = gallery & (test.person > 0)
    assert known.sum() == 2 * query.sum()
    assert all(
        test.image[row].shape == (128, 64, 3) for row in range(len(test.image) - 6, len(test.image))
    )


def test_two_takes_differ_and_two_people_differ(train):
    assert not np.array_equal(train.image[0], train.image[1])
    assert len({train.image[row].tobytes() for row in range(len(train.image))}) == len(train.image)


def test_truth_agrees_with_the_pixels(film):
    truth = film.truth
    assert len(truth) > 30
    np.testing.assert_array_equal(film.truth_every(4), truth[truth["frame"] % 4 == 0])
    assert (
        (truth["x"] >= 0).all()
        and (truth["x"] + truth["w"] <= 240).all()
        and (truth["w"] > 0).all()
    )
    assert (
        (truth["y"] >= 0).all()
        and (truth["y"] + truth["h"] <= 180).all()
        and (truth["h"] > 0).all()
    )
    assert (truth["visible"] >= 0).all() and (truth["visible"] <= 1).all()
    for frame in (0, 11, 22):
        changed = np.abs(film[frame].astype(int) - film.empty(frame)).max(2) > 30
        allowed = np.zeros_like(changed)
        for row in truth[truth["frame"] == frame]:
            # The shadow at the feet and the blur reach a little further than the figure.
            tall = int(0.15 * row["h"]) + 3
            x, y = max(row["x"] - tall, 0), max(row["y"] - 3, 0)
            allowed[y : row["y"] + row["h"] + tall, x : row["x"] + row["w"] + tall] = True
            inside = changed[row["y"] : row["y"] + row["h"], row["x"] : row["x"] + row["w"]]
            assert inside.mean() > 0.2 or row["visible"] < 0.5
        assert not (changed & ~allowed).any()


def test_people_enter_leave_and_hide_each_other():
    enter = leave = hidden = 0
    for film in synthetic.videos(videos=3, frames=40, size=(120, 160)):
        truth = film.truth
        for person in set(truth["person"]):
            frames = truth["frame"][truth["person"] == person]
            enter, leave = enter + (frames.min() > 0), leave + (frames.max() < 39)
        whole = (truth["x"] > 0) & (truth["x"] + truth["w"] < 160) & (truth["y"] + truth["h"] < 120)
        hidden += (truth["visible"][whole] < 0.6).sum()
    assert enter and leave and hidden


def test_people_of_two_videos_differ():
    films = synthetic.videos(videos=2, frames=20, people=4, size=(120, 160))
    assert not set(films[0].truth["person"]) & set(films[1].truth["person"])
    assert films[0].station.camera != films[1].station.camera
    assert len(films) == 2 and len(films[-1]) == 20
    assert films[1:] == [films[1]] and films[::-1] == [films[1], films[0]]


def test_a_region_has_the_pixels_of_the_frame(film):
    np.testing.assert_array_equal(film.region(7, (60, 40, 140, 150)), film[7][40:150, 60:140])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(film))[7], film[7])
    with pytest.raises(IndexError, match="frame 30 of a video of 30"):
        film[30]


def test_video_crops():
    films = synthetic.videos(videos=2, frames=20, people=4, size=(120, 160))
    crops = synthetic.video_crops(films, stride=5, visible=0.5)
    assert set(crops.domain) == {1} and set(crops.group) == {0, 1} == set(crops.camera)
    assert crops.image[len(crops.image) - 1].shape == (128, 64, 3)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(crops)).image[0], crops.image.take(np.array([0]))[0]
    )
    with pytest.raises(ValueError, match="visible >= 2"):
        synthetic.video_crops(films, visible=2)


def test_crops_are_the_same_by_all_cores(monkeypatch):
    films = synthetic.videos(videos=3, people=2, frames=6, size=(60, 80))
    one = synthetic.video_crops(films, stride=2)
    monkeypatch.setattr(synthetic, "_MANY", 1)
    monkeypatch.setattr(synthetic.worker, "cores", lambda: 2)
    many = synthetic.video_crops(films, stride=2)
    for name in set(one._fields) - {"image"}:
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))
    np.testing.assert_array_equal(one.image[0], many.image[0])


def test_a_pair_shows_the_same_people_at_the_same_time():
    shared = alone = 0
    for pair in range(2):
        one, other = synthetic.camera_pair(frames=25, pair=pair, size=(120, 160))
        assert (
            one.camera != other.camera
            and one.group == other.group == pair
            and len(one) == len(other)
        )
        assert one.walkers == other.walkers and one.station != other.station
        seen = [
            {(int(row["frame"]), int(row["person"])) for row in film.truth} for film in (one, other)
        ]
        shared, alone = shared + len(seen[0] & seen[1]), alone + len(seen[0] ^ seen[1])
    assert shared > 50 and alone > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: synthetic.labelled(domain="plazza"), "did you mean 'plaza'"),
        (lambda: synthetic.labelled(persons=0), "persons=0"),
        (lambda: synthetic.labelled(cameras=0), "cameras=0"),
        (lambda: synthetic.labelled(split="tests"), "split='tests'"),
        (lambda: synthetic.labelled(seed=-1), "seed=-1"),
        (lambda: synthetic.query_gallery(per_camera=1), "per_camera=1"),
        (lambda: synthetic.query_gallery(distractors=-1), "distractors=-1"),
        (lambda: synthetic.videos(people=0), "people=0"),
        (lambda: synthetic.camera_pair(pair=-1), "pair=-1"),
    ],
)
def test_wrong_options_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

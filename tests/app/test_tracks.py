"""From films to tracks: any rate, stops, bad films, pictures, cameras, ReMix's table 14."""

import json

import cv2
import numpy as np
import pytest

from experiments.tables import tracking
from reid_jax.app.tracks import draw, films, jobs, looks, table14, told
from reid_jax.app.tracks.follow import follow, kept, noise, stride
from reid_jax.app.tracks.track import Options, track
from reid_jax.tracking import across, mot, tracks
from reid_jax.video import detect, frames
from tests.video.films import film


def colour(pictures):
    """An encoder: mean colours of the upper and the lower half."""
    rows = [np.concatenate([half.mean((0, 1)) for half in np.array_split(one, 2)])
            for one in pictures]  # fmt: skip
    rows = np.array(rows, np.float32) - 120
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def walkers(tmp_path_factory):
    """A film of 30 frames, 10 a second, of three persons, with their boxes."""
    return film(tmp_path_factory.mktemp("films") / "walkers.avi", [3] * 30)


def found(path, **options):
    return films.found([str(path)], detect.detector(f"mot:{path.parent}"), **options)


def test_rates_that_do_not_divide_become_those_that_do():
    assert [stride(10, hertz) for hertz in (0, 2, 3, 4, 8, 30)] == [1, 5, 3, 2, 1, 1]
    assert stride(0, 2) == 1 and stride(25, 8) == 3  # 3.125: a step of 3 is nearest
    assert kept(np.array([3, 4, 6, 7, 9]), 3).tolist() == [3, 6, 9]
    assert kept(np.zeros(0, np.int64), 3).tolist() == []
    assert (noise("stride", 5), noise("published", 5)) == (5, 1)


def test_a_film_is_tracked_at_each_rate_and_pictures_show_it(walkers, tmp_path, capsys):
    options = Options(hertz=(10.0, 5.0))
    lines = track(found(walkers, truth=walkers.parent), colour, tmp_path / "out", options, {})
    assert [(line["rate"], line["frames"], line["persons"]) for line in lines] == [
        ("10hz", 30, 3), ("5hz", 15, 3),
    ]  # fmt: skip
    assert lines[0]["score"]["switches"] == 0 and lines[0]["score"]["mota"] > 0.9
    folder = tmp_path / "out" / "walkers"
    rows = mot.read(folder / "10hz.txt")
    assert set(rows.number) == {1, 2, 3} and rows.frame.min() == 3
    assert len(frames.numbers(folder / "10hz.mp4")) == 30
    assert frames.claims(folder / "5hz.mp4")[1] == 5
    sheet = cv2.imread(str(folder / "10hz-ids.png"))
    assert sheet.shape[0] > 3 * 130
    assert "walkers at 10 Hz: 3 persons in 30 frames; MOTA" in capsys.readouterr().out
    text = (tmp_path / "out" / "tracks.md").read_text()
    assert "| walkers | 10hz | 30 | 0 | 3 |" in text and "tracker" in text
    assert not (folder / "looks").exists()


def test_a_stopped_run_goes_on_and_gives_the_same(walkers, tmp_path, monkeypatch):
    monkeypatch.setattr(looks, "PART", 7)
    given, options = found(walkers)[0], Options(hertz=(5.0,), draw=False)
    seen = []

    def stopping(pictures):
        seen.append(len(pictures))
        if len(seen) == 9:
            raise KeyboardInterrupt
        return colour(pictures)

    with pytest.raises(KeyboardInterrupt):
        track([given], stopping, tmp_path / "a", options, {})
    track([given], stopping, tmp_path / "a", options, {})
    assert len(seen) == 15 + 2  # of the first part nothing is embedded again
    track([given], colour, tmp_path / "b", options, {})
    for name in ("5hz.txt", "5hz-tracks.npz"):
        one, other = ((tmp_path / out / "walkers" / name).read_bytes() for out in "ab")
        assert name.endswith("npz") or one == other
    track([given], None, tmp_path / "a", options, {})  # all is there: nothing is looked at
    with pytest.raises(ValueError, match=r"begun with other options \(hertz\)"):
        track([given], colour, tmp_path / "a", Options(hertz=(2.0,), draw=False), {})


def test_a_film_by_parts_is_a_film_at_once(walkers, tmp_path, monkeypatch):
    given = found(walkers)[0]
    results = []
    for part in (4, 100):
        monkeypatch.setattr(looks, "PART", part)
        seen, cost = looks.look(
            given, given.numbers, colour, tmp_path / str(part), confidence=0.3,
            camera_motion=True, watch=lambda done, total: None,
        )  # fmt: skip
        assert cost.frames == 30 and {*cost.seconds} == {*looks.PARTS}
        results.append(follow(seen, 2, tracks.How(), 1))
    np.testing.assert_array_equal(results[0].rows.box, results[1].rows.box)
    np.testing.assert_array_equal(results[0].embedding, results[1].embedding)


def test_films_with_holes_bad_boxes_and_without_anybody(tmp_path):
    folder = tmp_path / "walk"
    folder.mkdir()
    picture = np.full((60, 80, 3), 90, np.uint8)
    for number in (1, 2, 3, 4, 7, 8, 9):  # 5 and 6 are missing
        cv2.imwrite(str(folder / f"{number:06}.png"), picture)
    lines = [f"{number},-1,10,10,12,30,0.9" for number in range(1, 10)]
    lines += ["1,-1,200,10,12,30,0.9", "2,-1,5,5,0,9,0.9", "3,-1,5,5,9,9,0.1"]
    (tmp_path / "walk.txt").write_text("\n".join(lines))
    [line] = track(found(folder), colour, tmp_path / "a", Options(draw=False), {})
    assert (line["frames"], line["missing"], line["persons"], line["hertz"]) == (7, 2, 1, None)
    (tmp_path / "walk.txt").write_text("")
    [line] = track(found(folder), colour, tmp_path / "b", Options(), {})
    assert (line["persons"], line["boxes"]) == (0, 0)
    with pytest.raises(ValueError, match="how many frames a second"):
        track(found(folder), None, tmp_path / "c", Options(hertz=(2.0,)), {})
    with pytest.raises(FileNotFoundError, match=r"no file .*walk\.txt"):
        found(folder, truth=tmp_path / "walk")
    with pytest.raises(ValueError, match="two films are called walk"):
        films.found([str(folder)] * 2, None)
    with pytest.raises(ValueError, match="name a detector for"):
        films.found([str(folder)], None)


def test_a_sequence_of_mot_brings_boxes_rate_and_truth(tmp_path):
    place = tmp_path / "MOT17-99-DPM"
    for part in ("img1", "det", "gt"):
        (place / part).mkdir(parents=True)
    for number in range(1, 5):
        cv2.imwrite(str(place / "img1" / f"{number:06}.jpg"), np.zeros((60, 80, 3), np.uint8))
    (place / "det" / "det.txt").write_text("1,-1,10,10,20,40,0.9,-1,-1,-1\n")
    (place / "gt" / "gt.txt").write_text("1,1,10,10,20,40,1,1,1\n1,2,9,9,9,9,0,1,1\n")
    (place / "seqinfo.ini").write_text("[Sequence]\nframeRate=14\n")
    [given] = films.found([str(place)], None)
    assert [one.name for one in films.found([str(tmp_path)], None)] == ["MOT17-99-DPM"]
    assert given.rate == 14 and given.truth.number.tolist() == [1]
    assert given.detect(None, 1).box.tolist() == [[10, 10, 30, 50]]
    assert not len(given.detect(None, 2).box)
    assert films.by_truth(given).detect(None, 1).box.tolist() == [[10, 10, 30, 50]]
    (place / "seqinfo.ini").write_text("frameRate=14\n")
    with pytest.raises(ValueError, match="seqinfo.ini cannot be read"):
        films.found([str(place)], None)


def test_colours_stay_and_the_lost_and_found_are_marked():
    assert len({draw.colour(number) for number in range(1, 60)}) == 59
    assert draw.colour(7) == draw.colour(7)
    box = np.array([[20.0, 20, 40, 60]])
    picture = np.zeros((240, 320, 3), np.uint8)

    def moments(*missed):
        return [draw.Moment(at, np.array([1]), box, np.array([one]))
                for at, one in enumerate(missed)]  # fmt: skip

    def has(drawn, ink):
        return (drawn == ink).all(2).sum()

    seen, lost, back = (
        draw.annotated(picture, moments(*missed), 4.0) for missed in ((0, 0), (0, 1), (1, 0))
    )
    assert seen.shape == (720, 960, 3)
    assert has(seen, draw.colour(1)) and has(seen, (170, 170, 170)) < 20
    assert has(lost, (170, 170, 170)) > 200
    assert has(back, (255, 255, 255)) > has(seen, (255, 255, 255)) + 100


def test_gaps_are_written_as_table_and_plot(tmp_path, capsys):
    box = [10, 10, 30, 60]
    truth = mot.make(range(1, 21), [1] * 20, [box] * 20)
    told_rows = mot.make([1, 2, 3, 8, 9, 20], [4, 4, 4, 4, 4, 5], [box] * 6)
    mot.write(tmp_path / "truth.txt", truth)
    mot.write(tmp_path / "told.txt", told_rows)
    paths = [str(tmp_path / "told.txt")], [str(tmp_path / "truth.txt")]
    bins = jobs.told_gaps(*paths, 2.0, tmp_path / "gaps.csv")
    assert [(one.least, one.found, one.new) for one in bins] == [(4, 1, 0), (8, 0, 1)]
    assert "| 4 to 7 | 2.0 to 3.5 | 1 | 100% | 0% | 0% |" in capsys.readouterr().out
    assert (tmp_path / "gaps.csv").read_text().splitlines()[1] == "4,7,1,1,0,0"
    assert cv2.imread(str(tmp_path / "gaps.png")) is not None
    jobs.scored(*paths)
    assert "told.txt: MOTA" in capsys.readouterr().out
    with pytest.raises(ValueError, match="--tracks names 1 and --truth 0"):
        jobs.scored(paths[0], [])


def test_the_tracks_of_a_scene_s_cameras_become_persons(tmp_path):
    pair = films.scene(domain="plaza", frames=50, people=4, seed=1, noisy=False)
    track(pair, colour, tmp_path / "out", Options(draw=False, confidence=0.0), {})
    folders, truths = [], []
    for one in pair:
        truths.append(str(tmp_path / f"{one.name}-truth.txt"))
        mot.write(truths[-1], one.truth)
        folders.append(str(tmp_path / "out" / one.name))
    how = across.How(eps=0.9)
    idf1 = jobs.cameras(folders, "all", tmp_path / "persons", how, truths)
    assert 0 < idf1 <= 1
    for one in pair:
        rows = mot.read(tmp_path / "persons" / f"{one.name}.txt")
        own = mot.read(tmp_path / "out" / one.name / "all.txt")
        assert (rows.frame == own.frame).all() or len(rows.frame) == len(own.frame)
    with pytest.raises(ValueError, match="two cameras or more"):
        jobs.cameras(folders[:1], "all", tmp_path / "x", how, [])


@pytest.mark.slow
def test_scenes_of_the_street_are_tracked_and_joined(tmp_path, capsys):
    options = Options(draw=False)
    for _ in range(2):  # the second time all tracks are there
        found = jobs.scenes(2, colour, tmp_path / "out", options, across.How(eps=0.9), {})
        assert len(found) == 2 and all(0 < one <= 1 for one in found)
    assert "IDF1 over the cameras of 2 scenes" in capsys.readouterr().out


def test_table_14_has_a_row_for_each_encoder_and_rate(tmp_path):
    """The miniature of its rows: two streets of a few seconds, an encoder of colours."""
    groups = {
        f"street {seed}": films.street(films=1, frames=72, people=5, seed=seed) for seed in (0, 1)
    }
    embeds = {table14.FLOOR: None, table14.WITHOUT: colour, table14.WITH: colour}
    options = Options(hertz=(2.0, 4.0, 8.0))
    lines = table14.make(groups, embeds, tmp_path, options, tracking.read())
    assert [(line["row"], line["hertz"]) for line in lines] == [
        (row, hertz) for row in embeds for hertz in (2.0, 4.0, 8.0)
    ]
    assert all(len(line["mota"]) == 2 and max(line["mota"]) <= 1 for line in lines)
    assert [line["mota"] for line in lines[3:6]] == [line["mota"] for line in lines[6:]]
    text = (tmp_path / "table.md").read_text()
    assert "| with videos | 8 |" in text and "93.2 / 99" in text and "±" in text
    again = table14.make(groups, dict.fromkeys(embeds), tmp_path, options)  # all is kept
    assert again == lines
    no_truth = groups["street 0"][0]._replace(truth=None)
    with pytest.raises(ValueError, match="does not say where persons are"):
        table14.make({"a": [no_truth]}, embeds, tmp_path, options)


def test_the_paper_s_figures_are_those_of_its_supplement():
    figures = {(one.row, one.set, one.hertz): (one.mota, one.switches) for one in tracking.read()}
    assert len(figures) == 12
    assert figures["without videos", "MOT15", 2] == (83.8, 70)
    assert figures["with videos", "MOT15", 2] == (84.6, 66)
    assert figures["with videos", "MOT17", 8] == (90.6, 308)
    assert {one.row for one in tracking.read()} == {table14.WITHOUT, table14.WITH}


def test_what_became_of_a_film_in_words():
    line = json.loads('{"film": "a", "hertz": 2, "persons": 1, "frames": 3, "missing": 1}')
    assert told.sentence(line) == "a at 2 Hz: 1 person in 3 frames (missing: 1)"

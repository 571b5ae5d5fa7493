"""ReMix and its tables as a person calls them, on a handful of pictures."""

import json

import cv2
import numpy as np
import pytest

from tests.experiments.called import QUICK, call, refused

TINY = [
    "--config.size=32x16", QUICK, "--config.persons=2",
    "--config.per_person=2", "--config.labels=2", "--config.per_label=2", "--config.epochs=2",
    "--config.iterations=3", "--config.warmup=0", "--config.eps=0.9",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two data sets.

    labelled.csv: 4 persons in two cameras to train on, 3 to test with; videos.csv: 3 videos of two
    unknown people.
    """
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    lines, videos = ["path,person,camera,split"], ["path,person,camera,split,group"]

    def draw(name, colour):
        image = np.clip(colour + rng.normal(0, 20, (32, 16, 3)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / name), image)

    for person in range(7):
        colour = rng.integers(0, 256, 3)
        for camera in range(2):
            for take in range(3):
                draw(f"p{person}_c{camera}_{take}.png", colour)
                split = "train" if person < 4 else "query" if take == 0 else "gallery"
                lines.append(f"p{person}_c{camera}_{take}.png,{person},{camera},{split}")
    for video in range(3):
        for person in range(2):
            colour = rng.integers(0, 256, 3)
            for frame in range(8):
                draw(f"v{video}_{person}_{frame}.png", colour)
                videos.append(f"v{video}_{person}_{frame}.png,,,train,film {video}")
    (folder / "labelled.csv").write_text("\n".join(lines) + "\n")
    (folder / "videos.csv").write_text("\n".join(videos) + "\n")
    return folder


def _arguments(data, *more):
    return (
        f"--config.data=csv:{data}/labelled.csv",
        f"--config.videos=csv:{data}/videos.csv",
        "--config.test=",
        *TINY,
        *more,
    )


def test_a_run_tells_its_labels_and_draws_them(data, tmp_path):
    said = call(
        "remix", f"--workdir={tmp_path}/run", *_arguments(data, "--config.second_view=true")
    ).stdout
    assert "test: mAP" in said and "purity" not in said  # nobody knows the people of these videos
    lines = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert {
        "instance",
        "augmentation",
        "centroid",
        "camera_centroid",
        "labels",
        "videos",
        "outlier_part",
    } <= set(lines[0])
    for name in ("clusters.png", "activation.png", "ranked.png"):
        assert (tmp_path / "run" / "report" / name).stat().st_size > 100
    # its encoder starts another run, and is what `evaluate` tests
    more = (
        f"--config.weights={tmp_path}/run",
        "--config.labels=0",
        "--config.jitter=1",
        "--noreport",
    )
    assert (
        "test: mAP" in call("remix", f"--workdir={tmp_path}/next", *_arguments(data, *more)).stdout
    )
    call("evaluate", f"--workdir={tmp_path}/run", f"--out={tmp_path}/figures.json")
    assert json.loads((tmp_path / "figures.json").read_text())["mAP"] == pytest.approx(
        lines[-1]["mAP"], abs=1e-6
    )


@pytest.mark.slow
def test_a_table_is_written_and_not_trained_twice(data, tmp_path):
    said = call("tables").stdout
    assert "remix.8" in said and "needs market1501, dukemtmc, msmt17" in said
    said = call("tables", "--table=remix.13").stdout
    assert "   5  MSMT17, with videos" in said and "100 epochs of 400 batches of 64" in said
    given = ("--table=remix.13", f"--workdir={tmp_path}/table", *_arguments(data))
    said = call("tables", *given).stdout
    told = (tmp_path / "table" / "table.md").read_text()
    assert told in said and "89.8 / 96.2 (Market-1501)" in told
    log = tmp_path / "table/row1-seed0/metrics.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (row,) = (line for line in told.splitlines() if line.startswith("| Market-1501, with videos"))
    assert "labels" in lines[0] and row.split("|")[3].strip() == f"{100 * lines[-1]['mAP']:.1f}"
    assert "labels" not in (tmp_path / "table/row0-seed0/metrics.jsonl").read_text()
    assert {path.name for path in (tmp_path / "table").iterdir()} == {
        "table.md", "table.json", "row0-seed0", "row0-seed0.json", "row1-seed0", "row1-seed0.json",
    }  # fmt: skip
    test = f"csv:{data}/labelled.csv"
    said = call("tables", *given, "--rows=with videos", f"--tests={test},{test},shared=yes").stdout
    assert "epoch" not in said and "without videos" not in said
    told = (tmp_path / "table" / "table.md").read_text()
    rows = [line.split("|")[3:5] for line in told.splitlines() if "with videos" in line]
    assert len(rows) == 2 and rows[0] == rows[1]
    said = call("tables", "--show", *given[:2]).stdout  # without the options that it was made with
    assert said.count("Market-1501, with videos") == 2 and "not trained" not in said
    assert "holds remix.13, and not remix.8" in refused(
        "tables", "--table=remix.8", "--show", given[1]
    )
    other = ("--table=remix.11", f"--workdir={tmp_path}/table", *_arguments(data))
    told = "is the row 'remix.13: Market-1501, without videos', and not 'remix.11: as in"
    assert told in refused("tables", *other)


def test_mistakes_are_told_in_a_line(data, tmp_path):
    new = f"--workdir={tmp_path}/new"
    assert "four numbers above 0" in refused(
        "remix", new, *_arguments(data, "--config.temperatures=1,2")
    )
    assert "--config.labels=0" in refused("remix", new, *_arguments(data, "--config.videos="))
    csv = f"--config.videos=csv:{data}/labelled.csv"
    assert "no picture of a known video" in refused("remix", new, *_arguments(data, csv))
    assert "did you mean 'euclidean'" in refused(
        "remix", new, *_arguments(data, "--config.metric=euclid")
    )
    assert "remix.8" in refused("tables", new, "--table=remix.7")
    assert "are 0, 1, 2, 3" in refused("tables", new, "--table=remix.8", "--rows=4")
    assert "did you mean 'remix.8'" in refused("tables", new, "--table=remx.8")
    told = refused("tables", new, "--table=remix.8", "--recipe=paper", "--weights=none")
    assert "Name --at=market1501:FOLDER (rows 0, 1, 2, 3); --at=dukemtmc:FOLDER" in told
    told = refused("tables", new, "--table=remix.8", "--at=markt1501=csv:a.csv")
    assert "did you mean 'market1501'" in told
    assert "street, paper" in refused("tables", new, "--table=remix.8", "--recipe=papr")
    assert "is not a run's folder" in refused(
        "remix", new, *_arguments(data, f"--config.weights={data}")
    )
    assert not (tmp_path / "new").exists()

import os
import signal
import threading
import time

import pytest

from reid_jax.video import find, gather, workers
from reid_jax.video.cut import How
from tests.video import films

pytest.importorskip("scenedetect")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(sources, how, root) of four small films, one of them broken.

    root/one is the data set that one process makes of them.
    """
    root = tmp_path_factory.mktemp("films")
    for number in range(3):
        films.film(root / f"{number}.avi", [2] * (9 + number), seeds=number)
    (root / "3.avi").write_text("text")
    sources, how = find.videos([str(root)]), How(detector=f"mot:{root}")
    workers.cut_all(sources, root / "one.parts", how, workers=1)
    gather.gather(sources, root / "one.parts", root / "one", how)
    return sources, how, root


def test_the_number_of_workers_does_not_change_the_result(made, tmp_path):
    sources, how, root = made
    seen = []
    workers.cut_all(
        sources,
        tmp_path / "parts",
        how,
        workers=3,
        watch=lambda progress, about: seen.append((progress, about)),
    )
    assert films.same(tmp_path / "parts", root / "one.parts")
    assert [about["crops"] for _, about in seen if about and "broken" not in about] == [4, 4, 4]
    last = seen[-1][0]
    assert last == workers.Progress(4, 4, 1.0, 12)
    shares = [progress.share for progress, _ in seen]
    assert shares == sorted(shares)
    gather.gather(sources, tmp_path / "parts", tmp_path / "out", how)
    assert films.same(tmp_path / "out", root / "one")


def test_a_stopped_run_continues_and_gives_the_same(made, tmp_path):
    sources, how, root = made

    def stop(progress, about):
        if progress.done == 1 and progress.crops > 4:  # in the middle of the second
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workers.cut_all(sources, tmp_path / "parts", how, workers=1, watch=stop)
    assert [path.name for path in (tmp_path / "parts").iterdir()] == [sources[0].key]
    seen = []
    workers.cut_all(
        sources, tmp_path / "parts", how, workers=1, watch=lambda *report: seen.append(report)
    )
    assert films.same(tmp_path / "parts", root / "one.parts")
    assert sum(about is not None for _, about in seen) == 3
    workers.cut_all(
        sources, tmp_path / "parts", How(detector="mot:/nowhere")
    )  # nothing is left to do


def test_an_error_of_the_options_is_raised_by_a_worker(made, tmp_path):
    sources, _, _ = made
    with pytest.raises(FileNotFoundError, match="no folder /nowhere"):
        workers.cut_all(sources, tmp_path / "parts", How(detector="mot:/nowhere"), workers=2)


def test_a_killed_worker_is_reported_with_its_video(made, tmp_path):
    sources, how, root = made
    long = films.film(root / "long.avi", [2] * 3000)
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "long.txt").write_text((root / "long.txt").read_text())
    parts = tmp_path / "parts"

    def kill():
        while not (begun := list(parts.glob("long*.unfinished-*"))):
            time.sleep(0.02)
        os.kill(int(begun[0].name.rpartition("-")[2]), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    with pytest.raises(ChildProcessError, match=r"was killed .*long.avi.*; what is done is kept"):
        workers.cut_all([*sources, *find.videos([str(long)])], parts, how, workers=2)

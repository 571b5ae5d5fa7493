import importlib.util
import sys

import pytest

from reid_jax.video import beam, find, workers
from reid_jax.video.cut import How
from tests.video import films


def test_without_beam(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ImportError, match=r"pip install 'reid_jax\[beam\]'"):
        beam.cut_all([], tmp_path, How())


@pytest.mark.skipif(
    not importlib.util.find_spec("apache_beam"), reason="Apache Beam is not installed"
)
@pytest.mark.filterwarnings("ignore")
def test_beam_makes_the_same_parts_as_the_workers(tmp_path):
    for number in range(3):
        films.film(tmp_path / "v" / f"{number}.avi", [2] * 9, seeds=number)
    (tmp_path / "v" / "3.avi").write_text("text")
    sources, how = find.videos([str(tmp_path / "v")]), How(detector=f"mot:{tmp_path / 'v'}")
    workers.cut_all(sources, tmp_path / "parts", how, workers=1)
    beam.cut_all(sources, tmp_path / "beam", how, options=["--runner=DirectRunner"])
    assert films.same(tmp_path / "parts", tmp_path / "beam")
    # Nothing is left to do.
    beam.cut_all(sources, tmp_path / "beam", how, options=["--runner=DirectRunner"])
    assert films.same(tmp_path / "parts", tmp_path / "beam")

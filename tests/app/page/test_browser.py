"""The page of a run in a real browser: every section, wide and narrow, light and dark."""

import re

import numpy as np
import pytest

from reid_jax.app.page import html
from reid_jax.data.decode import decode
from tests.app.page import made
from tests.app.page.browser import needed, seen
from tests.app.page.test_html import Read

pytestmark = needed
GONE = "http://127.0.0.1:59999/a.png"  # of no server
SECTIONS = [
    "What was trained", "Figures", "Training by epoch", "Pseudo labels of the last epoch",
    "Ranked lists", "Worst queries", "Distances", "Map of the embeddings",
    "What the network looks at", "Data", "Configuration", "Command, machine and hashes",
    "What to do next",
]  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return made.written(tmp_path_factory.mktemp("runs") / "a <b>run</b>")[0]


def _light(colour):
    """The relative luminance of a colour of CSS (WCAG 2.2)."""
    share = np.array(re.findall(r"[0-9.]+", colour)[:3], float) / 255
    share = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(share @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_every_section_is_there_and_readable(page, width, dark):
    told = seen(page, width=width, dark=dark)
    assert told["sections"] == SECTIONS
    assert told["console"] == [] and told["loaded"] == []
    assert told["images"] > 100 and told["broken"] == 0
    assert told["wide"] == width and told["scroll"] <= width  # nothing is wider than the window
    assert told["dark"] == dark
    text, back = _light(told["text"]), _light(told["back"])
    assert (max(text, back) + 0.05) / (min(text, back) + 0.05) > 7  # WCAG's AAA
    assert text > back if dark else back > text
    assert len(told["charts"]) > 6 and all(200 < one <= width for one in told["charts"])
    for ink in told["inks"]:  # a curve is seen on either page: WCAG's 3 for pictures, and amber's 2
        line = _light(ink)
        assert (max(line, back) + 0.05) / (min(line, back) + 0.05) > (3 if dark else 1.9), ink


def test_names_of_strangers_do_nothing_in_a_browser():
    page = html.page(made.EVIL, made.sections(), opening=made.EVIL, foot=made.EVIL)
    told = seen(page)
    assert told["sections"] == ["Words", "Tables", "Charts", "Pictures"]
    assert told["console"] == [] and told["loaded"] == [] and told["broken"] == 0


def test_a_fault_would_be_seen(page):
    """The same look finds an error of a script, a file that is loaded, and what is too wide."""
    extra = "console.error('a fault');"
    more = f'<img src="{GONE}"><div style="width:9999px">-</div><footer>'
    wide = page.replace("<footer>", more)
    told = seen(wide, extra=extra)
    assert any("a fault" in line for line in told["console"])
    assert told["broken"] == 1 and told["scroll"] > 9000
    assert told["loaded"] == [GONE]


def test_the_picture_of_it_is_not_blank(page, tmp_path):
    assert seen(page, picture=tmp_path / "page.png") == {"console": []}
    pixels = decode((tmp_path / "page.png").read_bytes())
    assert pixels.shape == (1600, 1280, 3)
    assert 0.5 < (pixels > 250).all(-1).mean() < 0.99  # white, and something on it


def test_a_script_that_got_in_would_not_run(page, tmp_path):
    script = "<script>document.body.remove()</script></body>"
    told = seen(page.replace("</body>", script), picture=tmp_path / "page.png")
    assert any("Content Security Policy" in line for line in told["console"])
    pixels = decode((tmp_path / "page.png").read_bytes())
    assert (pixels > 250).all(-1).mean() < 0.99


def test_without_a_test_or_labels_or_curves(tmp_path):
    page, text = made.written(tmp_path / "run", test=False, labels=False, lines=False)
    Read(page)
    assert "There is no test set" in text and "there are no curves" in text
    told = seen(page)
    missing = {"Pseudo labels of the last epoch", "Ranked lists", "Worst queries"}
    kept = [one for one in SECTIONS if one not in missing]
    kept.insert(kept.index("Distances"), "Nearest neighbours")
    assert told["sections"] == kept and told["console"] == [] and told["broken"] == 0

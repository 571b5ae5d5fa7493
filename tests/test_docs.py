"""The site and what stands beside it: links, a page for each method, the contents; it builds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import experiments
import reid_jax

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "benchmarks" / "README.md", *sorted(DOCS.rglob("*.md"))]


def _text(page):
    """A page without its code."""
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.M | re.S)


def _anchors(page):
    """What GitHub and the site name a page's headings; an included file's are its own."""
    text = page.read_text()
    for included in re.findall(r"^```{include} (\S+)$", text, re.M):
        text += (page.parent / included).read_text()
    heads = re.findall(r"^#{1,3} (.+)$", text, re.M)
    plain = [re.sub(r"[^\w\- ]", "", head.lower()).strip() for head in heads]
    return {head.replace(" ", "-") for head in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", _text(page)):
        if "://" in target:
            assert target.startswith("https://")
            continue
        place = page.parent / target if target else page
        assert place.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in _anchors(place), f"{page.name}: {target}#{anchor}"


def test_every_page_is_in_the_contents():
    named = set()
    for page in DOCS.rglob("*.md"):
        for block in re.findall(r"^```{toctree}\n(.*?)^```", page.read_text(), re.M | re.S):
            lines = [line for line in block.splitlines() if line and not line.startswith(":")]
            named |= {(page.parent / f"{line}.md").resolve() for line in lines}
    assert named | {DOCS / "index.md"} == set(DOCS.rglob("*.md"))


def test_every_method_has_its_page():
    pages = {page.stem: page.read_text() for page in (DOCS / "methods").glob("*.md")}
    assert set(pages) == {*experiments.find(), "index"}
    for name, text in pages.items():
        if name != "index":
            for part in (f"pictures/{name}.svg", "```text", "| option |", f"reid-jax {name} ",
                         "**Reproduced:**", "**Not:**", "Source: "):  # fmt: skip
                assert part in text, f"{name}: {part}"


def test_what_works_is_proved_by_tests_that_there_are():
    for line in (DOCS / "works.md").read_text().splitlines()[4:]:
        paths = re.findall(r"`(tests/[\w/.]+)`", line)
        assert all((ROOT / path).exists() for path in paths), line
        assert paths or not line.startswith("|") or "---" in line or "proved by" in line, line


def test_every_public_name_is_in_the_reference():
    text = "".join(page.read_text() for page in (DOCS / "api").glob("*.md"))
    methods = {home for home in reid_jax._HOMES.values() if home.startswith("methods.")}
    for name, home in reid_jax._HOMES.items():
        assert f":: {name}\n" in text or home in methods, name
    for home in methods | {f"losses.{one.stem}" for one in (ROOT / "reid_jax/losses").glob("*.py")}:
        assert f":: reid_jax.{home}\n" in text or home.endswith("__init__"), home


def test_the_drawings_are_those_of_the_script(tmp_path):
    script = (
        (DOCS / "drawings.py")
        .read_text()
        .replace('HERE = Path(__file__).parent / "pictures"', f"HERE = Path({str(tmp_path)!r})")
    )
    exec(compile(script, "drawings.py", "exec"), {"__name__": "__main__"})
    for drawn in sorted(tmp_path.glob("*.svg")):
        assert drawn.read_text() == (DOCS / "pictures" / drawn.name).read_text(), drawn.name
    assert {one.stem for one in tmp_path.glob("*.svg")} == set(experiments.find())


def test_pictures_are_small():
    for picture in (DOCS / "pictures").iterdir():
        assert picture.stat().st_size <= 60_000, picture.name


@pytest.mark.slow
def test_the_site_builds(tmp_path):
    pytest.importorskip("furo")
    pytest.importorskip("myst_parser")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "-b", "html", "docs", tmp_path]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "index.html").read_text()
    assert 'href="methods/remix.html"' in page and 'href="results.html"' in page
    for name in ("associate.relaxed", "triplet.batch_hard"):
        assert f'id="reid_jax.losses.{name}"' in (tmp_path / "api" / "losses.html").read_text()

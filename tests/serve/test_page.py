"""The page in a browser: clicks, keys, what a screen reader has, and what it loads."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reid_jax
from reid_jax.gallery import feedback
from reid_jax.gallery.store import Store
from tests.app.page.browser import needed
from tests.serve import made
from tests.serve.driven import Page

pytestmark = needed


@pytest.fixture(scope="module")
def seer():
    return made.encoder()


@pytest.fixture
def served(tmp_path, seer):
    folder = tmp_path / "people"
    made.gallery(folder, seer)
    one = made.Served(folder, seer)
    one.folder = folder
    yield one
    one.close()


SEEN = "document.querySelectorAll('#seen li').length > 5"
FOUND = "document.querySelectorAll('#ranked li').length > 5"
STATUS = "document.getElementById('status').textContent"
ACTIVE = "document.activeElement"
FOCUS = "document.activeElement.id || document.activeElement.tagName"


def test_a_person_is_found_corrected_and_removed(served, tmp_path):
    picture = tmp_path / "a.png"
    Image.fromarray(np.asarray(made.people().image[17])).save(picture)
    with Page(served.address) as page:
        page.until(SEEN)
        assert "92 pictures by 3 cameras" in page.value("document.body.innerText")
        page.click("#seen li:nth-child(3) button")
        page.until(FOUND)
        assert page.value("location.hash").startswith("#person-")
        assert page.value(FOCUS) == "answer-h"
        assert page.value("document.querySelectorAll('#timeline svg .stay').length") == page.value(
            "document.querySelectorAll('#steps li').length"
        )
        page.give("#file", picture)
        page.until(f"location.hash.startsWith('#picture-') && {STATUS}.includes('most alike')")
        first = "document.querySelector('#ranked .look').dataset.row"
        assert page.value(first) == "17"
        marks = page.value("[...document.querySelectorAll('#ranked li')].map(li => li.className)")
        place = marks.index("threshold")
        assert {*marks[:place]} == {"above"} and {*marks[place + 1 :]} == {"below"}
        page.click("#ranked li:nth-child(1) [data-same=true]")
        page.until("document.querySelector('#ranked li [data-same=true][aria-pressed=true]')")
        page.click(f"#ranked li:nth-child({place + 2}) [data-same=false]")
        page.until("document.querySelector('#ranked li [data-same=false][aria-pressed=true]')")
        assert [one.same for one in feedback.read(served.folder)] == [True, False]
        page.click("#cameras label:nth-of-type(1) input")
        page.until(
            "![...document.querySelectorAll('#seen li')].some(li => /gate/.test(li.innerText))"
        )
        page.click("#filter button[type=reset]")
        page.until(
            "[...document.querySelectorAll('#seen li')].some(li => /gate/.test(li.innerText))"
        )
        page.until("document.querySelector('#ranked .look').dataset.row === '17'")
        page.click("#remove")
        page.until("!document.getElementById('confirm').disabled")
        assert "2 pictures would be removed" in page.value(
            "document.getElementById('count').textContent"
        )
        page.picture(tmp_path / "removing.png", all_of_it=False)
        page.click("#confirm")
        page.until(f"{STATUS}.includes('2 pictures removed')")
        assert len(Store(served.folder)) == 90 and feedback.read(served.folder) == []
        page.until(SEEN)
        assert page.console == [], page.console


def test_by_keys_and_by_ear(served):
    with Page(served.address) as page:
        page.until(SEEN)
        page.press("Tab")
        assert page.value("document.activeElement.className") == "skip"
        outline = "getComputedStyle(document.activeElement)"
        seen = []
        for _ in range(40):
            page.press("Tab")
            seen.append(page.value(f"{ACTIVE}.dataset.row || {ACTIVE}.id || {ACTIVE}.type"))
            assert page.value(f"{outline}.outlineStyle") != "none", seen
            if page.value("Boolean(document.activeElement.dataset.row)"):
                break
        assert seen[0] == "file" and "since" in seen and "by" in seen
        row = page.value("document.activeElement.dataset.row")
        page.press("Enter")
        page.until(FOUND)
        assert page.value("location.hash") == f"#person-{row}" and page.value(FOCUS) == "answer-h"
        tree = page.read()
        roles = [role for role, _ in tree]
        for role in ("banner", "main", "contentinfo", "status", "alert"):
            assert role in roles, role
        named = {name for role, name in tree if role == "button"}
        assert any(name.startswith("Look for this person: 1: camera ") for name in named)
        assert "The same person, number 1" in named and "Remove this person…" in named
        assert not [
            one
            for one in tree
            if one[0] in ("button", "checkbox", "textbox", "combobox", "image", "link")
            and not one[1]
        ]
        regions = {name for role, name in tree if role == "region"}
        assert {"Whom do you look for?", "Who is like this person?", "Seen last"} <= regions
        assert any(
            role in ("image", "graphics-document") and name.startswith("Seen ")
            for role, name in tree
        )
        page.value("document.getElementById('remove').focus()")
        page.press("Enter")
        page.until("document.getElementById('dialog').open")
        page.press("Escape")
        page.until("!document.getElementById('dialog').open")
        assert page.value(FOCUS) == "remove"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_it_fits_and_loads_nothing_from_elsewhere(served, tmp_path, width, dark):
    with Page(served.address, width=width, height=1600, dark=dark) as page:
        page.until(SEEN)
        page.click("#seen li:nth-child(1) button")
        page.until(FOUND)
        assert page.value("document.documentElement.scrollWidth") <= width
        assert page.value("matchMedia('(prefers-color-scheme: dark)').matches") is dark
        back = page.value("getComputedStyle(document.body).backgroundColor")
        assert back == ("rgb(22, 22, 22)" if dark else "rgb(255, 255, 255)")
        loaded = page.value(
            "performance.getEntriesByType('resource').map(one => one.name)"
            ".filter(name => !name.startsWith('data:'))"
        )
        assert loaded and all(name.startswith(f"{served.address}/") for name in loaded)
        broken = "[...document.images].filter(one => one.src && one.complete && !one.naturalWidth)"
        assert page.value(f"{broken}.length") == 0 and page.console == []
        page.picture(tmp_path / "page.png", all_of_it=False)


def test_mistakes_are_told_on_the_page(served, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with Page(served.address) as page:
        page.until(SEEN)
        page.give("#file", tmp_path / "a.png")
        page.until("document.getElementById('error').textContent.includes('not a picture')")
        page.value("location.hash = '#picture-none'")
        page.until("document.getElementById('error').textContent.includes('give it once more')")
        page.value("location.hash = '#person-1'")
        page.until(FOUND)
        assert page.value("document.getElementById('error').textContent") == ""


def test_a_token_is_asked_for(tmp_path, seer):
    made.gallery(tmp_path / "people", seer)
    served = made.Served(tmp_path / "people", seer, token="a token of sixteen or more")
    with Page(served.address) as page:
        page.until("document.title === 'Sign in'")
        for token, then in (("wrong", "/This is not/.test(document.body?.innerText)"),
                            ("a token of sixteen or more", SEEN)):  # fmt: skip
            page.value(f"document.querySelector('input').value = {token!r}")
            page.click("button")
            page.until(then)
    served.close()


@pytest.mark.slow
@pytest.mark.skipif("REID_DATA" not in os.environ, reason="REID_DATA names no folder of real data")
def test_strangers_of_multiviewx_are_found_by_street(tmp_path):
    """Crops are named PERSON_cCAMERA..., and the encoder has seen none of them."""
    crops = sorted((Path(os.environ["REID_DATA"]) / "multiviewx" / "crops").glob("*.jpg"))
    first = {crop.name[:4]: crop for crop in reversed(crops)}
    asked = [*first.values()][::-1][:8]
    kept = [crop for crop in crops if crop not in asked]
    by = reid_jax.load("street")
    gallery = reid_jax.open_gallery(tmp_path / "people", by, create=True)
    gallery.add(kept, camera=[crop.name[5:7] for crop in kept])
    one = made.Served(tmp_path / "people", by)
    right = 0
    try:
        with Page(one.address) as page:
            page.until(SEEN)
            for crop in asked:
                page.value("location.hash = ''")
                page.give("#file", crop)
                page.until(f"location.hash.startsWith('#picture-') && {STATUS}.includes('alike')")
                row = page.value("document.querySelector('#ranked .look').dataset.row")
                right += kept[int(row)].name[:4] == crop.name[:4]
            page.picture(tmp_path / "found.png")
            assert page.console == [], page.console
    finally:
        one.close()
    assert right >= 6

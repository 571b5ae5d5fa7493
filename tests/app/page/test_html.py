"""The page is one sound file that loads nothing, runs nothing and shows names as they are."""

import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from reid_jax.app.page import html, picture, text
from reid_jax.app.page.blocks import Row, Section, Sheet, Text, Tile
from tests.app.page import made

VOID = {"meta", "link", "img", "br", "hr", "input"}
LOADING = {"src", "href", "srcset", "data", "action", "poster", "xlink:href"}


class Read(HTMLParser):
    """Reads a page; every tag is closed by its own."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page():
    return html.page(made.EVIL, made.sections(), opening=made.EVIL, foot=made.EVIL)


def test_names_of_files_are_shown_and_never_obeyed(page):
    read = Read(page)
    assert not read.of("script") and "<script" not in page
    assert not [attrs for _, attrs in read.tags if any(name.startswith("on") for name in attrs)]
    shown = "".join(read.words)
    assert shown.count("a/<script>alert(1)</script>\"'&") > 20
    assert {image["alt"] for image in read.of("img")} == {made.EVIL, html.plain(made.EVIL)}


def test_nothing_is_loaded(page):
    for tag, attributes in Read(page).tags:
        for name in LOADING & attributes.keys():
            assert attributes[name].startswith(("data:", "#")), (tag, attributes[name])
    assert "url(" not in page and "@import" not in page
    assert not re.search(r"https?://", page)


def test_it_can_be_read_by_ear_and_by_keys(page):
    read = Read(page)
    for tag in ("header", "nav", "main", "footer", "h1"):
        assert len(read.of(tag)) == 1, tag
    assert read.of("html")[0]["lang"] == "en"
    names = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(names) == len(set(names))
    for attributes in read.of("section") + read.of("svg"):
        for name in attributes.get("aria-labelledby", "").split():
            assert name in names
    links = [attributes["href"] for attributes in read.of("a")]
    assert {link.removeprefix("#") for link in links} <= {*names}
    assert [link for link in links if link != "#main"] == [
        "#words",
        "#tables",
        "#charts",
        "#pictures",
    ]
    assert all(attributes["scope"] in ("col", "row") for attributes in read.of("th"))
    charts = [one for one in read.of("svg") if "aria-hidden" not in one]
    assert charts and all(one["role"] == "img" for one in charts)
    assert all(one["alt"] for one in read.of("img"))
    assert all(one["tabindex"] == "0" for one in read.of("div") if one["class"] == "scroll")


def test_a_section_is_added_once_and_replaced(page):
    new = Section("The two domains", [Text("first")])
    once = html.added(page, new)
    twice = html.added(once, new._replace(blocks=[Text("second")]))
    assert "first" in once and "first" not in twice and "second" in twice
    read = Read(twice)
    assert len(read.of("section")) == 5 and twice.count('href="#the-two-domains"') == 1
    assert html.added(twice, new) == once
    written = text.text("t", made.sections(), foot="the end")
    once = text.added(written, new)
    twice = text.added(once, new._replace(blocks=[Text("second")]))
    assert once.replace("first", "second") == twice and twice.endswith("the end\n")
    assert text.added(text.text("t", []), new).count("## The two domains") == 1


@pytest.mark.parametrize("size", [(128, 64), (2000, 3000)])
def test_a_picture_keeps_its_bound_and_can_be_read(size):
    """Of noise, which compresses worst; and a plain one stays what it is."""
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    for most in (picture.TILE, picture.LARGE):
        head, _, data = picture.embedded(noise, most).partition(",")
        decoded = picture.base64.b64decode(data)
        assert head == "data:image/jpeg;base64" and len(decoded) <= most
        assert cv2.imdecode(np.frombuffer(decoded, np.uint8), 1) is not None
    blue = np.full((*size, 3), (10, 20, 200), np.uint8)
    decoded = picture.base64.b64decode(picture.embedded(blue, picture.LARGE).partition(",")[2])
    back = cv2.cvtColor(cv2.imdecode(np.frombuffer(decoded, np.uint8), 1), cv2.COLOR_BGR2RGB)
    assert np.abs(back.astype(int) - blue).max() < 6 and back.shape == blue.shape


def test_the_largest_report_is_below_the_limit():
    """As many tiles as a run's sheets can have, all of noise, beside ten large charts' worth."""
    rng = np.random.default_rng(0)
    tile = Tile(
        rng.integers(0, 256, (128, 64, 3), dtype=np.uint8), None, ("0.55", "camera 4"), "a" * 200
    )
    tiles = 8 * 10 + 2 * 8 * 11 + 24 * 4 + 24 * 2  # data, ranked and worst, clusters, activation
    sheet = Sheet("t", "w", [Row("name", [tile] * tiles)])
    assert len(html.page("t", [Section("a", [sheet])]).encode()) < 0.75 * html.LIMIT


def test_the_text_says_what_the_page_says(page):
    written = text.text(made.EVIL, made.sections(), opening=made.EVIL, foot=made.EVIL)
    for heading in ("## Words", "## Tables", "## Charts", "## Pictures"):
        assert heading in written
    assert "<" not in re.sub("^    .*", "", written, flags=re.M)  # commands are as they are

    def bare(words):
        return re.sub(r"[`*\s\\\[\]]", "", words.replace("&lt;", "<"))

    known = bare(written)
    for words in Read(page).words:
        if len(words) > 20:
            assert bare(words) in known, words

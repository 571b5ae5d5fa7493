"""The site: `python -m sphinx -W -n -b html docs docs/_build`."""

import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(DOCS), str(ROOT)]

import docstrings  # noqa: E402

import reid_jax  # noqa: E402

project = "reid_jax"
release = version = reid_jax.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"reid_jax {release}"
html_show_copyright = html_show_sphinx = html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["wide.css"]
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]  # a shell's line with three dots

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have shapes, which types of arrays do not
autodoc_default_options = {"members": True, "show-inheritance": False}
add_module_names = False
# types of other projects, shapes, and what has no page here
nitpick_ignore_regex = [
    ("py:.*", r"(numpy|collections|jaxtyping|enum|jax|typing)\..*|ndarray|'.*'"),
    ("py:.*", r"reid_jax\.(tracking\.kalman|retrieval\.tally|synthetic\.walk)\..*"),
]

# where a file of the repository stands on the site
PAGES = {
    "README.md": "index.md",
    "RESULTS.md": "results.md",
    "CHANGELOG.md": "changelog.md",
    "ARCHITECTURE.md": "design.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
}


def moved(text: str, file: Path, page: str) -> str:
    """A file's text whose links lead to pages of the site, seen from `page`; others lose theirs."""

    def link(match: re.Match) -> str:
        mark, words, target, anchor = match.groups()
        if "://" in target or not target:
            return match[0]
        path = os.path.relpath(file.parent / target, ROOT)
        place = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else "")
        if not place:
            return f"{words} (`{path}`)" if mark == "" and words.strip("/") != path else f"`{path}`"
        return (
            f"{mark}[{words}]({os.path.relpath(place, os.path.dirname(page) or '.')}{anchor or ''})"
        )

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)", link, text)


def _included(app: object, path: Path, page: str, content: list[str]) -> None:
    """README and the others, which the site includes."""
    content[0] = moved(content[0], (DOCS / path).resolve(), page)


def _read(app: object, page: str, content: list[str]) -> None:
    """The site's own pages, whose links lead to files as they lie in the repository."""
    content[0] = moved(content[0], DOCS / f"{page}.md", page)


def _skipped(app: object, what: str, name: str, thing: object, skip: bool, options: object) -> bool:
    """Fields of named tuples: the class's docstring has them."""
    return skip or type(thing).__name__ in ("_tuplegetter", "member_descriptor")


def setup(app: object) -> None:
    """Called by Sphinx."""
    app.connect("include-read", _included)
    app.connect("source-read", _read)
    app.connect("autodoc-skip-member", _skipped)
    app.connect("autodoc-process-docstring", docstrings.process, priority=100)
